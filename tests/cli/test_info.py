"""`hf-bigru-asr info`: what is there, what is missing and how to get it."""

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from hf_bigru_asr import __version__, bundled_checkpoint
from hf_bigru_asr.cli import info
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.native.library import is_available


def facts(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert main(["info", "--json"]) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def test_the_facts_are_those_of_this_environment(capsys: pytest.CaptureFixture[str]) -> None:
    found = facts(capsys)
    assert found["version"] == __version__
    assert found["python"]["executable"] == sys.executable
    assert found["packages"]["torch"] == version("torch")
    assert found["packages"]["numpy"] == version("numpy")
    assert found["model"]["path"] == str(bundled_checkpoint())
    assert found["model"]["files"]["model.safetensors"] == (bundled_checkpoint() / "model.safetensors").stat().st_size  # type: ignore[index]
    assert found["packages"].keys() >= {"soundfile", "onnxruntime", "accelerate", *info.OTHERS}
    assert found["compiled"] == is_available()


REQUIREMENTS = [
    "torch<2.15,>=2.11",
    "numpy>=2",
    "old-thing; python_version < '3'",
    "matplotlib>=3.9; extra == 'plot'",
    "shtab>=1.13; extra == 'completion'",
    "later-thing; python_version < '3' and extra == 'completion'",
    "pytest>=8.4; extra == 'test'",
]


def test_what_is_missing_comes_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(info.platform, "system", lambda: "Linux")
    monkeypatch.setattr(info, "requires", lambda _: REQUIREMENTS)
    monkeypatch.setattr(info, "_installed_version", {"torch": "2.15.0", "numpy": "2.1", "shtab": "1.13.0"}.get)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = facts(capsys)
    pip = f"{sys.executable} -m pip install"
    assert found["missing"] == {
        "base": {"requirements": ["torch<2.15,>=2.11"], "command": f"{pip} 'torch<2.15,>=2.11'"},
        "plot": {"requirements": ["matplotlib>=3.9"], "command": f"{pip} 'matplotlib>=3.9'"},
    }
    assert found["ffmpeg"] == {"path": None, "version": None, "command": "apt-get install ffmpeg"}
    assert (found["providers"], found["gpus"]) == ([], [])
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert f"plot             {pip} 'matplotlib>=3.9'\n" in text
    assert "ffmpeg: not found (M4A, AAC, WMA and films need it): apt-get install ffmpeg\n" in text
    assert "ONNX Runtime runs on: nothing, it is not installed\n" in text


def test_a_clone_that_is_not_installed_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(info, "requires", none)
    assert main(["info"]) == 0
    assert "hf-bigru-asr is not installed here, so what is missing is not known" in capsys.readouterr().out


def test_programs_are_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, answer in {"ffmpeg": "ffmpeg version 9.9-x Copyright", "nvidia-smi": "NVIDIA H200, 143771 MiB"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = facts(capsys)
    assert found["ffmpeg"] == {"path": str(tmp_path / "ffmpeg"), "version": "9.9-x", "command": None}
    assert found["gpus"] == ["NVIDIA H200, 143771 MiB"]
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    assert facts(capsys)["gpus"] == []
