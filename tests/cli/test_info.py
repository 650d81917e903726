"""`hf-bigru-asr info`: what is there, what is missing and how to get it."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from hf_bigru_asr import __version__, bundled_checkpoint
from hf_bigru_asr.cli import info
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.extras import EXTRAS


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
    assert found["extras"].keys() == EXTRAS.keys()


def test_what_is_missing_comes_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(info.platform, "system", lambda: "Linux")
    monkeypatch.setattr(info, "_installed_version", lambda name: None if name == "matplotlib" else "1.0")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = facts(capsys)
    command = f"{sys.executable} -m pip install matplotlib"
    assert found["extras"]["plot"] == {"packages": ["matplotlib"], "missing": ["matplotlib"], "command": command}
    assert found["ffmpeg"] == {"path": None, "version": None, "command": "apt-get install ffmpeg"}
    assert (found["providers"], found["gpus"]) == ([], [])
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert f"plot             {command}\n" in text
    assert "ffmpeg: not found (M4A, AAC, WMA and films need it): apt-get install ffmpeg\n" in text
    assert "ONNX Runtime runs on: nothing, it is not installed\n" in text


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
