"""`scripts/build_native.py`: one library, and what it finds wrong in wheels."""

import runpy
import zipfile
from pathlib import Path
from typing import Any

import pytest
from repository import SCRIPTS
from script_runs import run_script

from hf_bigru_asr.native.compiling import TARGETS


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPTS / "build_native.py"))


def test_it_compiles_for_another_platform(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ziglang")
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path / "cache"))
    library = tmp_path / "library"
    done = run_script("build_native.py", "--target", "linux-aarch64", "--output", library)
    assert (done.returncode, done.stdout) == (0, f"The library for linux-aarch64 is written to {library}.\n")
    assert script["library_faults"](library.read_bytes(), "linux-aarch64") == []
    assert "it is of another format or architecture" in script["library_faults"](library.read_bytes(), "macos-arm64")


def test_a_library_is_checked(script: dict[str, Any]) -> None:
    faults = script["library_faults"](b"\0GLIBC_2.17\0GLIBC_2.34\0", "linux-x86_64")
    assert faults[0] == "it is of another format or architecture"
    assert "it does not export bigru_version" in faults
    assert faults[-1] == "it needs glibc 2.34"


@pytest.mark.parametrize(
    ("name", "target", "files", "faults"),
    [
        ("any", "", {"library.py"}, []),
        ("any", "macos-arm64", {"_native.so"}, ["its tag is not", "its libraries are"]),
        ("any", "", {"_native.so", "trie.c"}, ["its libraries are", "it has trie.c"]),
        (TARGETS["macos-arm64"].tag, "macos-arm64", {"compiling.py"}, ["its libraries are", "it has compiling.py"]),
    ],
)
def test_a_wheel_is_checked(
    script: dict[str, Any], name: str, target: str, files: set[str], faults: list[str], tmp_path: Path
) -> None:
    wheel = tmp_path / f"hf_bigru_asr-1-py3-none-{name}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in files:
            archive.writestr(f"hf_bigru_asr/native/{file}", "")
    found = script["wheel_faults"](wheel, target)
    assert len(found) == len(faults)
    assert all(each.startswith(begin) for each, begin in zip(found, faults, strict=True))
