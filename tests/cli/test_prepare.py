"""`hf-bigru-asr prepare`; tests/scripts/test_prepare_librispeech.py tests the steps, by the script."""

from pathlib import Path

import pytest
from openslr_corpus import corpus, write_archive
from speech_rows import flac, make_waveform

from hf_bigru_asr.cli.main import main


def test_it_prepares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = write_archive(tmp_path / "good.tar.gz", corpus())
    assert main(["prepare", "--source", str(archive), "--output-dir", str(tmp_path / "out"), "--split", "mini"]) == 0
    assert "clean/mini from train-clean-100: 6 utterances" in capsys.readouterr().out
    assert (tmp_path / "out/clean/mini-00000-of-00001.parquet").exists()


def test_a_rejected_recording_has_no_advice_that_the_command_does_not_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "whole.flac").write_bytes(flac(make_waveform(0)))
    (tmp_path / "cut.flac").write_bytes(flac(make_waveform(1))[:5000])
    (tmp_path / "r.csv").write_text("audio,text\nwhole.flac,A B\ncut.flac,C D\n")
    assert main(["prepare", str(tmp_path / "r.csv"), "--output-dir", str(tmp_path / "out")]) == 3
    printed = "".join(capsys.readouterr())
    assert "rejected cut: with unusable audio: " in printed
    assert "; record or download it again\n" in printed
    assert "on_damage" not in printed + (tmp_path / "out/default/train-report.json").read_text()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "give either --source PATH or --download SUBSET."),
        ("--source nowhere", "There is no nowhere. Give a LibriSpeech .tar.gz archive or the folder it extracts to."),
        ("--download nothing", "There is no LibriSpeech subset 'nothing'. Choose one of train-clean-100,"),
    ],
)
def test_what_cannot_be_prepared_is_one_line(
    words: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["prepare", "--output-dir", str(tmp_path), *words.split()])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"hf-bigru-asr prepare: error: {line}")
