"""`hf-bigru-asr evaluate --report`: the page, its recordings, and what it is compared with."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hf_bigru_asr.cli.evaluation_report import find_recordings
from hf_bigru_asr.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "r.trn").write_text("The cat sat (Ann-1)\nyes (bob-1)\n")
    (tmp_path / "h.trn").write_text("the bat sat (ann-1)\nno (bob-1)\n")
    (tmp_path / "other.trn").write_text("the cat (ann-1)\nyes (bob-1)\n")
    (tmp_path / "sounds" / "deep").mkdir(parents=True)
    tone = 0.1 * np.sin(np.arange(16000) / 4)
    soundfile.write(tmp_path / "sounds" / "deep" / "Ann-1.wav", tone, 8000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_page_with_recordings_and_another_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--report", "page", "--audio", "sounds", "--compare", "other.trn", "--json"]
    assert main(["evaluate", "r.trn", "h.trn", *options]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["wer"] == 2 / 4
    assert printed.err == "Written to page: index.html, utterances.json\n"
    page = (folder / "page" / "index.html").read_text()
    assert page.count("<audio") == 1
    assert "Words that only one run gets right" in page
    first, second = json.loads((folder / "page" / "utterances.json").read_text())["utterances"]
    assert (first["id"], first["speaker"], first["duration_s"]) == ("ann-1", "ann", 2.0)
    assert first["level_db"] == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.1)
    assert second["duration_s"] is None

    assert main(["evaluate", "r.trn", "other.trn", "--report", "second", "--compare", "page"]) == 0
    assert "compared with <bdi>h.trn</bdi>" in (folder / "second" / "index.html").read_text()


def test_a_broken_recording_is_named_and_the_page_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = folder / "sounds" / "deep" / "Ann-1.wav"
    (folder / "sounds" / "bob-1.wav").write_bytes(recording.read_bytes()[:5000])
    assert main(["evaluate", "r.trn", "h.trn", "--report", "page", "--audio", "sounds"]) == 1
    error = capsys.readouterr().err
    assert "bob-1: without sound: " in error
    assert "; record or download it again\n" in error
    assert (folder / "page" / "index.html").read_text().count("<audio") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--audio", "sounds"], "--audio belongs to --report; give the folder for the page too"),
        (["--compare", "other.trn"], "--compare belongs to --report"),
        (["--report", "page", "--compare", "sounds"], "sounds has no utterances.json; give the folder of a report"),
        (["--report", "page", "--compare", "nowhere"], "nowhere: No such file or directory"),
        (["--report", "page", "--audio", "r.trn"], "r.trn is no folder; give the one with the recordings"),
    ],
)
def test_what_cannot_be_is_refused(
    options: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "r.trn", "h.trn", *options])
    assert end.value.code == 2
    assert message in capsys.readouterr().err
    assert not (folder / "page").exists()


def test_recordings_are_found_by_their_names(folder: Path) -> None:
    assert find_recordings(folder, ["ann-1", "bob-1"]) == {"ann-1": folder / "sounds" / "deep" / "Ann-1.wav"}
    with pytest.raises(ValueError, match=r"no recording below .* has the name of an utterance, 'x'"):
        find_recordings(folder, ["x"])
    (folder / "ann-1.flac").touch()
    with pytest.raises(ValueError, match="are both of the utterance ann-1; leave one of them"):
        find_recordings(folder, ["ann-1"])
