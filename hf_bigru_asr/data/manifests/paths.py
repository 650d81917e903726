"""Where the recordings of a manifest are."""

import hashlib
import os
import subprocess
from pathlib import Path

__all__ = ["Locator", "run_pipe"]


class Locator:
    """Finds the files that a manifest names.

    A relative path is one from the folder of the manifest. Where nothing is there, folders above it are tried, and
    the working directory at last: recipes of Kaldi, ESPnet and Lhotse write paths from the folder they were run in.

    Args:
        folder: Folder of the manifest.
        below: Folders in it that hold the recordings, `"clips"` for example.
        above: Whether folders above it are tried.
    """

    def __init__(self, folder: Path, below: tuple[str, ...] = (), *, above: bool = False) -> None:
        self.folder = folder.absolute()
        others = [*self.folder.parents, Path.cwd()] if above else []
        self._bases = [self.folder, *(self.folder / name for name in below), *others]

    def __call__(self, name: str) -> str:
        """The path of a file; that from the folder of the manifest if it is nowhere."""
        if os.path.isabs(name := os.path.expanduser(name)):
            return name
        for base in self._bases:
            if os.path.exists(found := os.path.join(base, name)):
                self._bases.remove(base)
                self._bases.insert(0, base)  # the next one most likely lies there too
                return os.path.normpath(found)
        return os.path.normpath(os.path.join(self.folder, name))


def run_pipe(command: str, folder: Path, target_dir: Path) -> Path:
    """Run the command of a recording and keep what it writes in a file.

    Args:
        command: A shell command, with or without `|` at its end.
        folder: Where it runs.
        target_dir: Folder for the file, made if need be.

    Returns:
        The file, named after command and folder; it is written anew at every call.

    Raises:
        ValueError: If the command fails or writes nothing.
    """
    line = command.strip().removesuffix("|").strip()
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise ValueError(
            f"the command {line!r} ended with status {done.returncode} and {len(done.stdout)} bytes: {said}"
        )
    target_dir.mkdir(parents=True, exist_ok=True)
    target = target_dir / hashlib.blake2b(f"{folder}\0{line}".encode(), digest_size=16).hexdigest()
    target.write_bytes(done.stdout)
    return target
