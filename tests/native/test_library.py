"""The compiled library: when it is used, and that nothing breaks without it."""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPOSITORY, SAMPLE

from hf_bigru_asr.native import library

load = library.load.__wrapped__
"""Without the cache."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the library is looked for; there is none."""
    monkeypatch.delenv(library.SWITCH, raising=False)
    monkeypatch.setattr(library, "__file__", str(tmp_path / "library.py"))
    return tmp_path / library.FILE_NAME


def test_it_is_loaded_once() -> None:
    assert library.load() is library.load()
    assert library.is_available() == (library.load() is not None)


def test_the_switch_leaves_it_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("it is loaded"))
    monkeypatch.setenv(library.SWITCH, "0")
    file.touch()
    assert load() is None


def test_a_missing_library_is_none(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load() is None
    assert caplog.messages == []


def test_a_broken_library_is_none(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_bytes(b"no library")
    assert load() is None
    (message,) = caplog.messages
    assert message.startswith(f"{file} cannot be loaded and is not used: ")
    assert message.endswith(". Install the package again.")
    assert sys.platform != "linux" or message.count(str(file)) == 1


def test_another_library_is_none(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.touch()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert load() is None
    assert f"{file} cannot be loaded and is not used" in caplog.text


def test_a_stale_library_is_none(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stale:
        def bigru_version(self) -> int:
            return library.VERSION - 1

    file.touch()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Stale())
    assert load() is None
    assert "is not used. Run python scripts/build_native.py." in caplog.text


def test_what_needs_it_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "load", lambda: None)
    monkeypatch.delenv(library.SWITCH, raising=False)
    with pytest.raises(ImportError, match=r"python scripts/build_native\.py makes it in a clone"):
        library.required()
    monkeypatch.setenv(library.SWITCH, "0")
    with pytest.raises(ImportError, match=r"which HF_BIGRU_ASR_NATIVE=0 switches off"):
        library.required()


def test_both_sides_name_the_same_version() -> None:
    source = (REPOSITORY / "hf_bigru_asr" / "native" / "sources" / "version.c").read_text(encoding="utf-8")
    assert re.findall(r"return (\d+);", source) == [str(library.VERSION)]


def test_speech_is_recognised_without_it() -> None:
    command = [sys.executable, "-m", "hf_bigru_asr", "transcribe", str(SAMPLE), "--quiet"]
    with_it, without_it = (
        subprocess.run(command, env=os.environ | {library.SWITCH: switch}, capture_output=True, text=True)
        for switch in ("1", "0")
    )
    assert (with_it.returncode, without_it.returncode) == (0, 0), without_it.stderr
    assert with_it.stdout == without_it.stdout != ""
