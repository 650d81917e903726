"""Compiles the library with zig, which is a package on PyPI: for this machine or for another one, and in every build.

It is the build hook of hatchling, so it imports nothing of the package.

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
    if name not in TARGETS or (system == "linux" and platform.libc_ver()[0] != "glibc"):
        raise CompileError(f"there is no target for {name} {platform.libc_ver()[0]}")
    return name


def compile_library(target: str, output: Path) -> None:
    """Compile all sources into one library.

    Args:
        target: Name of one of `TARGETS`.
        output: The library.

    Raises:
        CompileError: If zig is not installed, or fails.
        OSError: If the library cannot be written.
    """
    architecture = TARGETS[target].zig.partition("-")[0]
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[target].zig]
    with tempfile.TemporaryDirectory() as temporary:
        caches = {name: str(Path(temporary, name)) for name in ("ZIG_LOCAL_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR")}
        environment = caches | dict(os.environ)  # a cache that is named is used

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
        _run([*zig, "-shared", "-s", *objects, "-o", str(linked)], environment)
        output.parent.mkdir(parents=True, exist_ok=True)
        made = output.with_name(f".{output.name}.{os.getpid()}")
        made.write_bytes(linked.read_bytes())
        made.replace(output)  # a library in use stays as it is for those who use it


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
        """Adds the library to wheels and to editable installs."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Compile, and tell hatchling what kind of wheel it is."""
            if self.target_name != "wheel":
                return
            wanted = os.environ.get("HF_BIGRU_ASR_NATIVE", "")
            folder = Path(self.root, "hf_bigru_asr", "native")
            for each in TARGETS.values():  # of an earlier build
                (folder / each.file_name).unlink(missing_ok=True)
            if wanted == "0":
                return
            try:
                name = os.environ.get("HF_BIGRU_ASR_TARGET") or this_target()
                if name not in TARGETS:
                    raise CompileError(f"HF_BIGRU_ASR_TARGET is {name}; choose of {', '.join(TARGETS)}")
                target = TARGETS[name]
                compile_library(name, folder / target.file_name)
            except (CompileError, OSError) as error:
                if wanted == "1":
                    raise
                self.app.display_warning(f"The wheel has no compiled part, and decodes more slowly: {error}")
                return
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{target.tag}"
            build_data["artifacts"].append(f"hf_bigru_asr/native/{target.file_name}")
