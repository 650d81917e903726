"""The command `export`."""

from argparse import ArgumentParser
from pathlib import Path

import pytest
from runtime_support import needs_onnx

from hf_bigru_asr.cli import export as command


def run(*words: object) -> int:
    parser = ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(word) for word in words]))


@needs_onnx
def test_it_writes_either_kind_and_says_what(
    model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for_sherpa = ("--format", "sherpa-onnx")

    assert run("--model", model_dir, "--output-dir", tmp_path / "a", "--waveform") == 0
    assert run("--model", model_dir, "--output_dir", tmp_path / "b", *for_sherpa) == 0

    assert capsys.readouterr().out.splitlines() == [
        f"Written to {tmp_path / 'a'}: model.onnx, model_waveform.onnx",
        f"Written to {tmp_path / 'b'}: model.onnx, tokens.txt",
    ]


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--format is tflite; choose onnx or sherpa-onnx"):
        run("--output-dir", tmp_path / "a", "--format", "tflite")
    with pytest.raises(ValueError, match="--waveform is for --format onnx; sherpa-onnx takes samples anyway"):
        run("--output-dir", tmp_path / "a", "--format", "sherpa-onnx", "--waveform")
    assert not (tmp_path / "a").exists()
