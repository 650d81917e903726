"""Compile the C sources of the package for this platform or another one, or build the wheels of all platforms.

    python scripts/build_native.py
    python scripts/build_native.py --wheels dist

`ziglang` compiles, and wheels need `build` too. Installing the package compiles as well; where it is not installed,
`PYTHONPATH` names the clone.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from hf_bigru_asr.cli.one_line import CommandHelp, LightParser
from hf_bigru_asr.native.compiling import FOLDER, TARGETS, CompileError, compile_library, this_target

REPOSITORY = Path(__file__).parents[1]
NEWEST_GLIBC = 17
"""Of the wheels for Linux: 2.17."""
HEADS = {
    "linux-x86_64": rb"\x7fELF\x02\x01.{12}\x3e\x00",
    "linux-aarch64": rb"\x7fELF\x02\x01.{12}\xb7\x00",
    "macos-x86_64": rb"\xcf\xfa\xed\xfe\x07\x00\x00\x01",
    "macos-arm64": rb"\xcf\xfa\xed\xfe\x0c\x00\x00\x01",
    "windows-amd64": rb"MZ.*?PE\x00\x00\x64\x86",
}
"""How a library of each platform begins: format and architecture, from the specifications of ELF, Mach-O and PE."""


def library_faults(library: bytes, target: str) -> list[str]:
    """What is wrong with a library: its format, functions that it lacks, a C library that is too new."""
    found = []
    if not re.match(HEADS[target], library, re.DOTALL):
        found.append("it is of another format or architecture")
    headers = "".join(path.read_text(encoding="utf-8") for path in sorted((FOLDER / "sources").glob("*.[ch]")))
    names = set(re.findall(r"^BIGRU_API [^;{]*?\b(bigru_\w+)\(", headers, re.MULTILINE))
    found += [f"it does not export {name}" for name in sorted(names) if f"{name}\0".encode() not in library]
    versions = {int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", library)}
    found += [f"it needs glibc 2.{max(versions)}"] if versions and max(versions) > NEWEST_GLIBC else []
    return found


def wheel_faults(wheel: Path, target: str) -> list[str]:
    """What is wrong with a wheel: its tag, its library, files that are not for users. No target means no library."""
    tag = f"py3-none-{TARGETS[target].tag}" if target else "py3-none-any"
    found = [] if wheel.stem.endswith(f"-{tag}") else [f"its tag is not {tag}"]
    with zipfile.ZipFile(wheel) as archive:
        inside = {Path(name).name: name for name in archive.namelist() if name.startswith("hf_bigru_asr/native/")}
        libraries = [name for name in inside if name.startswith("_native.")]
        if libraries != ([TARGETS[target].file_name] if target else []):
            found.append(f"its libraries are {libraries}")
        elif target:
            found += library_faults(archive.read(inside[libraries[0]]), target)
    found += [f"it has {name}" for name in inside if name.endswith((".c", ".h")) or name == "compiling.py"]
    return found


def build_wheels(folder: Path) -> None:
    """The source distribution, a wheel for every target and one for everybody else, without the library."""
    command = [sys.executable, "-m", "build", "--outdir", str(folder.absolute())]
    subprocess.run([*command, "--sdist"], cwd=REPOSITORY, check=True)
    for target in [*TARGETS, ""]:
        chosen = {"HF_BIGRU_ASR_NATIVE": "1" if target else "0", "HF_BIGRU_ASR_TARGET": target}
        subprocess.run([*command, "--wheel"], cwd=REPOSITORY, check=True, env=os.environ | chosen)
        tag = TARGETS[target].tag if target else "any"
        (wheel,) = folder.glob(f"*-{tag}.whl")
        if faults := wheel_faults(wheel, target):
            raise CompileError(f"{wheel}: {'; '.join(faults)}")


def main() -> int:
    """Compile, or build everything, and return the exit status."""
    parser = LightParser(description=(__doc__ or "").partition("\n")[0], formatter_class=CommandHelp)
    parser.add_argument("--target", choices=TARGETS, help="Platform; this one by default.")
    parser.add_argument("--output", type=Path, help="The library; in the package by default.")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="Build all wheels there instead.")
    args = parser.parse()
    try:
        with parser.refusals():
            if args.wheels is not None:
                build_wheels(args.wheels)
                return 0
            target = args.target or this_target()
            output = args.output or FOLDER / TARGETS[target].file_name
            compile_library(target, output, keep_cache=True)
    except (CompileError, subprocess.CalledProcessError) as error:
        parser.end(1, f"error: {error}")
    print(f"The library for {target} is written to {output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
