"""Kill the command that transcribes a folder at random moments, and check what it leaves behind.

    python scripts/benchmarks/kills.py --folder recordings --kills 10

The folder is transcribed once without disturbance. Then the same command is started and killed (SIGKILL), again and
again, and at last runs to its end. After each kill every file must be whole, equal to that of the undisturbed run, and
untouched by later runs. The exit status is 1 if one is not.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Run directly, the path begins with this folder. At the end, so that no script hides a package of its name.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from hf_bigru_asr.cli.parsing import CommandParser

__all__ = ["check_kills"]


@dataclass
class Arguments:
    """What is transcribed, and how often it is killed."""

    folder: Path = field(metadata={"help": "Folder with recordings."})
    kills: int = field(default=10, metadata={"help": "How often the command is killed."})
    longest_s: float = field(default=10.0, metadata={"help": "It is killed after a time of up to this."})
    lm: str | None = field(
        default=None, metadata={"help": "Language model, as `transcribe` takes it; none is faster."}
    )
    seed: int = field(default=0, metadata={"help": "Seed of the times."})


def check_kills(command: Sequence[str], reference: Path, output: Path, waits_s: Sequence[float]) -> list[int]:
    """Kill a command again and again, let it end, and compare what it writes.

    Args:
        command: What is run; the folder for its results follows.
        reference: Where the results of an undisturbed run are written.
        output: Where those of the killed runs are.
        waits_s: Seconds after which it is killed, one for each time.

    Returns:
        Files that were finished at each kill.

    Raises:
        RuntimeError: If a file is half, lost or written twice, or the command fails.
    """
    subprocess.run([*command, str(reference)], check=True)
    expected = _contents(reference)
    counts: list[int] = []
    before: dict[str, int] = {}
    for wait_s in waits_s:
        with subprocess.Popen([*command, str(output)]) as process:
            time.sleep(wait_s)
            process.kill()
        found = _contents(output)
        if any(content != expected.get(name) for name, content in found.items()):
            raise RuntimeError("a file is not the one of the undisturbed run")
        times = {name: (output / name).stat().st_mtime_ns for name in found}
        if any(times.get(name) != moment for name, moment in before.items()):
            raise RuntimeError("a file that was finished is lost, or was written twice")
        before = times
        counts.append(len(found))
    subprocess.run([*command, str(output)], check=True)
    if _contents(output) != expected or any(path.name.endswith(".partial") for path in output.rglob("*")):
        raise RuntimeError("the results are not those of the undisturbed run")
    return counts


def _contents(folder: Path) -> dict[str, bytes]:
    """Files by their names, but for those that nobody takes for results."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def main() -> int:
    """Transcribe, kill and compare; return the exit status."""
    parser = CommandParser(Arguments, description=(__doc__ or "").splitlines()[0])  # type: ignore[arg-type] # NewType of Any
    (args,) = parser.parse()
    generator = random.Random(args.seed)
    waits_s = [generator.uniform(0, args.longest_s) for _ in range(args.kills)]
    command = [sys.executable, "-m", "hf_bigru_asr", "transcribe", str(args.folder), "--format", "txt,json"]
    command += [] if args.lm is None else ["--lm", args.lm]
    with tempfile.TemporaryDirectory() as folder:
        try:
            counts = check_kills([*command, "--output-dir"], Path(folder) / "a", Path(folder) / "b", waits_s)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"kills: {error}", file=sys.stderr)
            return 1
    print(f"files at each kill: {counts}; nothing lost, half or twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
