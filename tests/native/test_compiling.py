"""Compiling the library, and what packages are built with it."""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import REPOSITORY

from hf_bigru_asr.native import compiling
from hf_bigru_asr.native.compiling import TARGETS, CompileError, compile_library, this_target

SOURCES = REPOSITORY / "hf_bigru_asr" / "native" / "sources"
FUNCTION = '#include "platform.h"\nBIGRU_API int bigru_{0}(void) {{ return 1; }}\n'
OTHER = "macos-arm64" if sys.platform == "linux" else "linux-aarch64"

pytest.importorskip("ziglang")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of zig, for all tests here: its part of the C library is compiled once for each platform."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path_factory.mktemp("zig")))
        for name in ("HF_BIGRU_ASR_NATIVE", "HF_BIGRU_ASR_TARGET"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a function in each kind of file."""
    folder = tmp_path / "native" / "sources"
    folder.mkdir(parents=True)
    shutil.copy(SOURCES / "platform.h", folder)
    for name in ("one", "two_avx2", "three_avx512vnni", "four_dotprod"):
        (folder / f"{name}.c").write_text(FUNCTION.format(name))
    monkeypatch.setattr(compiling, "FOLDER", folder.parent)
    return folder


@pytest.mark.parametrize(
    ("system", "machine", "target"),
    [
        ("linux", "x86_64", "linux-x86_64"),
        ("linux", "aarch64", "linux-aarch64"),
        ("darwin", "x86_64", "macos-x86_64"),
        ("darwin", "arm64", "macos-arm64"),
        ("win32", "AMD64", "windows-amd64"),
    ],
)
def test_this_platform_has_a_target(system: str, machine: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36") if system == "linux" else ("", ""))
    assert this_target() == target


@pytest.mark.parametrize(
    ("machine", "libc", "bits", "message"),
    [
        ("riscv64", "glibc", 64, "there is no target for linux-riscv64 glibc"),
        ("x86_64", "", 64, "there is no target for linux-x86_64"),  # musl
        ("x86_64", "glibc", 32, "there is no target for a Python of 32 bits"),
    ],
)
def test_other_platforms_have_none(
    machine: str, libc: str, bits: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "maxsize", 2 ** (bits - 1) - 1)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, ""))
    with pytest.raises(CompileError, match=message):
        this_target()


@pytest.mark.parametrize(
    ("target", "special"),
    [("linux-x86_64", ["two_avx2", "three_avx512vnni"]), ("macos-arm64", ["four_dotprod"])],
)
def test_files_are_compiled_for_their_processors(
    sources: Path, target: str, special: list[str], tmp_path: Path
) -> None:
    compile_library(target, tmp_path / "library")
    found = (tmp_path / "library").read_bytes()
    names = [path.stem for path in sources.glob("*.c")]
    assert sorted(name for name in names if f"bigru_{name}\0".encode() in found) == sorted(["one", *special])


@pytest.mark.parametrize("target", ["linux-x86_64", "macos-arm64"])
def test_equal_sources_give_equal_bytes(sources: Path, target: str, tmp_path: Path) -> None:
    for name in ("first", "second"):
        compile_library(target, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_what_is_wrong_in_a_source_is_said(sources: Path, tmp_path: Path) -> None:
    (sources / "one.c").write_text("int one(void) { return missing; }\n")
    (tmp_path / "library").write_bytes(b"as before")
    with pytest.raises(CompileError, match="'missing'"):
        compile_library("linux-x86_64", tmp_path / "library")
    assert (tmp_path / "library").read_bytes() == b"as before"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """This project with one C source, and without most of its code."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "model_card.md", ".gitignore"):
        shutil.copy(REPOSITORY / name, tmp_path)
    package = tmp_path / "hf_bigru_asr"
    package.mkdir()
    shutil.copy(REPOSITORY / "hf_bigru_asr" / "__init__.py", package)
    shutil.copytree(SOURCES.parent, package / "native", ignore=shutil.ignore_patterns("_native.*", "__pycache__"))
    for source in (package / "native" / "sources").glob("*.c"):
        if source.name != "version.c":
            source.unlink()
    return tmp_path


def build(project: Path, kind: str, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[Path]]:
    """Call the hook as installers do: `kind` is `wheel`, `editable` or `sdist`."""
    code = f"from hatchling.build import *; build_{kind}('dist')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=os.environ | variables, capture_output=True, text=True
    )
    return done, sorted((project / "dist").glob("*.*"))


def native_files(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name for name in archive.namelist() if "/_native." in name or "/sources/" in name)


def test_a_wheel_has_the_library_of_its_platform(project: Path) -> None:
    done, (wheel,) = build(project, "wheel", HF_BIGRU_ASR_TARGET=OTHER, HF_BIGRU_ASR_NATIVE="1")
    assert done.returncode == 0, done.stderr
    assert wheel.name.endswith(f"-py3-none-{TARGETS[OTHER].tag}.whl")
    assert native_files(wheel) == [f"hf_bigru_asr/native/{TARGETS[OTHER].file_name}"]
    assert list(project.rglob("_native.*")) == []  # what the clone uses is its own


def test_a_wheel_without_the_library_is_for_everybody(project: Path) -> None:
    (project / "hf_bigru_asr" / "native" / "_native.so").write_bytes(b"of the clone")
    done, (wheel,) = build(project, "wheel", HF_BIGRU_ASR_NATIVE="0")
    assert done.returncode == 0, done.stderr
    assert wheel.name.endswith("-py3-none-any.whl")
    assert native_files(wheel) == []


def test_what_cannot_be_compiled_is_left_out_unless_it_is_demanded(project: Path) -> None:
    (project / "hf_bigru_asr" / "native" / "sources" / "broken.c").write_text("#error broken\n")
    done, wheels = build(project, "wheel", HF_BIGRU_ASR_NATIVE="1")
    assert done.returncode != 0
    assert wheels == []
    assert "CompileError" in done.stderr
    done, (wheel,) = build(project, "wheel")
    assert done.returncode == 0, done.stderr
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "The library is not compiled" in done.stdout + done.stderr


def test_a_mistyped_platform_ends_the_build(project: Path) -> None:
    done, wheels = build(project, "wheel", HF_BIGRU_ASR_TARGET="linux")
    assert done.returncode != 0
    assert wheels == []
    assert "HF_BIGRU_ASR_TARGET is linux; choose of linux-x86_64, " in done.stderr


def test_an_editable_installation_has_the_library_in_the_clone(project: Path) -> None:
    settings = (project / "pyproject.toml").read_text(encoding="utf-8")
    packages = 'packages = ["hf_bigru_asr"]\n'
    assert packages in settings  # what names the folder needs no package `editables`
    (project / "pyproject.toml").write_text(settings.replace(packages, f'{packages}dev-mode-dirs = ["."]\n'))
    target = TARGETS[this_target()]
    done, (wheel,) = build(project, "editable", HF_BIGRU_ASR_NATIVE="1")
    assert done.returncode == 0, done.stderr
    assert native_files(wheel) == []
    assert [path.name for path in project.rglob("_native.*")] == [target.file_name]
    done, _ = build(project, "editable", HF_BIGRU_ASR_NATIVE="0")
    assert done.returncode == 0, done.stderr
    assert list(project.rglob("_native.*")) == []


def test_the_source_distribution_can_be_compiled(project: Path) -> None:
    (project / "hf_bigru_asr" / "native" / "_native.so").write_bytes(b"of the clone")
    done, (archive,) = build(project, "sdist")
    assert done.returncode == 0, done.stderr
    with tarfile.open(archive) as files:
        names = {Path(name).name for name in files.getnames()}
    assert {"compiling.py", "version.c", "platform.h"} <= names
    assert "_native.so" not in names
