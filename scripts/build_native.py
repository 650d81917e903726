"""Compile the C sources of the package, in a clone; or build its wheels for all platforms on one machine.

    python scripts/build_native.py
    python scripts/build_native.py --wheels dist

Both need `ziglang`, the second `build` too. Installing the package compiles them as well.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from hf_bigru_asr.native.compiling import FOLDER, TARGETS, CompileError, compile_library, this_target


def build_wheels(folder: Path) -> None:
    """A wheel for every target, one for everybody else without the compiled part, and the source distribution."""
    command = [sys.executable, "-m", "build", "--outdir", str(folder.absolute())]
    subprocess.run([*command, "--sdist"], cwd=REPOSITORY, check=True)
    for target in [*TARGETS, ""]:
        chosen = {"HF_BIGRU_ASR_NATIVE": "1" if target else "0", "HF_BIGRU_ASR_TARGET": target}
        subprocess.run([*command, "--wheel"], cwd=REPOSITORY, check=True, env=os.environ | chosen)


def main() -> int:
    """Compile."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", choices=TARGETS, help="Platform; this one by default.")
    parser.add_argument("--output", type=Path, help="The library; beside the package's code by default.")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="Build all wheels there instead.")
    args = parser.parse_args()
    try:
        if args.wheels is None or args.target is not None:
            target = args.target or this_target()
            compile_library(target, args.output or FOLDER / TARGETS[target].file_name)
        if args.wheels is not None:
            build_wheels(args.wheels)
    except (CompileError, subprocess.CalledProcessError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
