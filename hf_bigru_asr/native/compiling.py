"""Compiles the library with zig, which is a package on PyPI: for this machine or for another one, and in every build.

It is the build hook of hatchling, so it imports nothing of the package. Wheels have neither it nor the sources.

Environment variables of a build:

- `HF_BIGRU_ASR_NATIVE`: `0` leaves the library out, `1` lets the build fail where it cannot be compiled. Otherwise
  what cannot be compiled is left out with a warning.
- `HF_BIGRU_ASR_TARGET`: one of `TARGETS`, if not for this machine.
"""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["TARGETS", "CompileError", "Target", "compile_library", "this_target"]

FOLDER = Path(__file__).parent
OPTIONS = ("-std=c11", "-O3", "-g0", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-Wall", "-Wextra")
SPECIAL = {
    "_avx2": ("x86_64", "-mcpu=x86_64_v3"),
    "_avx512vnni": ("x86_64", "-mcpu=x86_64_v4+avx512vnni"),
    "_dotprod": ("aarch64", "-mcpu=generic+dotprod"),
}
"""Endings of files for some processors, with the architecture and the option that they are compiled with."""


@dataclass(frozen=True)
class Target:
    """A platform.

    Args:
        zig: Its name for zig.
        tag: Its tag in the names of wheels.
        file_name: Name of the library.
    """

    zig: str
    tag: str
    file_name: str


TARGETS = {
    "linux-x86_64": Target("x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64", "_native.so"),
    "linux-aarch64": Target("aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64", "_native.so"),
    "macos-x86_64": Target("x86_64-macos.11.0", "macosx_11_0_x86_64", "_native.dylib"),
    "macos-arm64": Target("aarch64-macos.11.0", "macosx_11_0_arm64", "_native.dylib"),
    "windows-amd64": Target("x86_64-windows-gnu", "win_amd64", "_native.dll"),
}
"""Platforms with a wheel, by their names."""


class CompileError(RuntimeError):
    """The library cannot be compiled."""


def this_target() -> str:
    """Name of the platform that this runs on.

    Raises:
        CompileError: If there is none.
    """
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    if system == "linux":
        machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(machine, machine)
    name = f"{system}-{machine}"
    if sys.maxsize < 2**32:
        raise CompileError("there is no target for a Python of 32 bits")
    if name not in TARGETS or (system == "linux" and platform.libc_ver()[0] != "glibc"):
        raise CompileError(f"there is no target for {name} {platform.libc_ver()[0]}".rstrip())
    return name


def compile_library(target: str, output: Path, *, keep_cache: bool = False) -> None:
    """Compile all sources into one library.

    Args:
        target: Name of one of `TARGETS`.
        output: The library.
        keep_cache: Whether zig writes its own part of the C library into the user's cache, and finds it there the next
            time: 2 s instead of 6, and instead of 60 for Windows. Without it nothing is left behind.

    Raises:
        CompileError: If zig is not installed, or fails.
        OSError: If the library cannot be written.
    """
    architecture = TARGETS[target].zig.partition("-")[0]
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[target].zig]
    with tempfile.TemporaryDirectory() as temporary:
        names = ["ZIG_LOCAL_CACHE_DIR"] if keep_cache else ["ZIG_LOCAL_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR"]
        environment = {name: str(Path(temporary, name)) for name in names} | dict(
            os.environ
        )  # one that is named is used

        def compiled(source: Path) -> str:
            options = list(OPTIONS)
            for ending, (of_architecture, option) in SPECIAL.items():
                if source.stem.endswith(ending):
                    if of_architecture != architecture:
                        return ""
                    options.append(option)
            made = str(Path(temporary, f"{source.stem}.o"))
            _run([*zig, *options, "-c", str(source), "-o", made], environment)
            return made

        sources = sorted((FOLDER / "sources").glob("*.c"))
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            objects = [each for each in threads.map(compiled, sources) if each]
        linked = Path(temporary, TARGETS[target].file_name)
        _run([*zig, "-shared", "-s", *_link_options(target), *objects, "-o", str(linked)], environment)
        output.parent.mkdir(parents=True, exist_ok=True)
        made = output.with_name(f".{output.name}.{os.getpid()}")
        made.write_bytes(linked.read_bytes())
        made.replace(output)  # a library in use stays as it is for those who use it


def _link_options(target: str) -> list[str]:
    """What keeps temporary names out of the library, so that equal sources give equal bytes."""
    return [f"-Wl,-install_name,@rpath/{TARGETS[target].file_name}"] if target.startswith("macos") else []


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"{' '.join(command[1:4])} failed: {done.stderr.strip()[-2000:]}")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # when no package is built
    pass
else:

    class NativeBuildHook(BuildHookInterface):  # type: ignore[type-arg]
        """Adds the library to wheels, and to the clone for editable installs."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Compile, and tell hatchling what kind of wheel it is."""
            self.temporary = tempfile.TemporaryDirectory()
            is_editable = version == "editable"
            wanted = os.environ.get("HF_BIGRU_ASR_NATIVE", "")
            if wanted == "0":
                for each in TARGETS.values() if is_editable else ():
                    (FOLDER / each.file_name).unlink(missing_ok=True)
                return
            try:
                name = os.environ.get("HF_BIGRU_ASR_TARGET") or this_target()
                if name not in TARGETS:
                    raise ValueError(f"HF_BIGRU_ASR_TARGET is {name}; choose of {', '.join(TARGETS)}")
                # A wheel for another machine does not touch the library that this clone uses.
                library = Path(FOLDER if is_editable else self.temporary.name, TARGETS[name].file_name)
                compile_library(name, library)
            except (CompileError, OSError) as error:
                if wanted == "1":
                    raise
                self.app.display_warning(f"The library is not compiled, and decoding is slower without it: {error}")
                return
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{TARGETS[name].tag}"
            if not is_editable:
                build_data["force_include"][str(library)] = f"hf_bigru_asr/native/{library.name}"

        def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
            """Remove the library, which is in the wheel now."""
            self.temporary.cleanup()
