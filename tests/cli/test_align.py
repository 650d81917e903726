"""The command that aligns: its texts, its formats, and how it says that a text is another one's."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from repository import SAMPLE

from hf_bigru_asr.cli.main import main

TEXT = SAMPLE.with_suffix(".txt").read_text(encoding="utf-8").strip()
AUDIO = str(SAMPLE)


def test_the_words_of_the_file_beside_the_recording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["align", AUDIO]) == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert err == ""
    assert " ".join(line[4] for line in lines) == TEXT.upper().translate({ord(char): None for char in ",."})
    assert sum(float(line[5]) > 0.1 for line in lines) > 0.8 * len(lines)
    starts_s = [float(line[2]) for line in lines]
    assert starts_s == sorted(starts_s)
    assert 3.8 < starts_s[8] < 4.1, "AND, after the pause from 3.4 to 3.9 s"


def test_files_of_several_formats_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["align", AUDIO, "--format", "json,textgrid", "--output-dir", str(tmp_path)]
    assert main(words) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"easy.json", "easy.TextGrid"}
    found = json.loads((tmp_path / "easy.json").read_text())
    assert " ".join(word["text"] for word in found["words"]) == TEXT
    assert found["recognizer"]["language_model"] is None
    capsys.readouterr()
    assert main(words) == 0
    assert "has results already" in capsys.readouterr().err


def test_another_text_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    other = "Good morning to everybody in this large and noisy room today"
    assert main(["align", AUDIO, "--text-is", other, "--format", "jsonl"]) == 3
    out, err = capsys.readouterr()
    assert err.startswith(f"warning: {AUDIO}: this is not its text")
    assert err.count("\n") == 1
    assert json.loads(out)["warnings"] == [err.removeprefix("warning: ").rstrip("\n")]


def test_the_text_of_a_part_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The second half is spoken from 3.9 s on."""
    half = TEXT.partition(" AND ")[0]
    assert main(["align", AUDIO, "--text-is", half, "--format", "jsonl"]) == 3
    assert capsys.readouterr().err.startswith(f"warning: {AUDIO}: this is not its text, or not the whole of it")


def test_speech_that_the_text_lacks_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hard = SAMPLE.with_name("hard.flac")
    (samples, rate), (inserted, _) = (soundfile.read(path, dtype="float32") for path in (SAMPLE, hard))
    path = tmp_path / "seven.wav"
    soundfile.write(path, np.concatenate([*[samples] * 3, inserted, *[samples] * 3]), rate)
    start_s, end_s = 3 * len(samples) / rate, (3 * len(samples) + len(inserted)) / rate
    text = f"{TEXT} "
    middle = hard.with_suffix(".txt").read_text(encoding="utf-8")

    assert main(["align", str(path), "--text-is", f"{3 * text} {middle} {3 * text}"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["align", str(path), "--text-is", 6 * text]) == 3

    err = capsys.readouterr().err
    found = re.search(r"what is spoken from (\d+\.\d+) to (\d+\.\d+) s is not in the text", err)
    assert found, err
    assert start_s - 0.5 < float(found[1]) < float(found[2]) < end_s + 0.5


def test_noise_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "noise.wav"
    noise = 0.03 * np.random.default_rng(0).standard_normal(8 * 16_000, dtype=np.float32)
    soundfile.write(path, noise, 16_000)
    assert main(["align", str(path), "--text-is", TEXT]) == 3
    assert "this is not its text" in capsys.readouterr().err


def test_a_preface_and_an_end_that_are_not_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"This is a preface that nobody reads aloud. {TEXT} The end."
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["align", AUDIO, "-", "--skip-unmatched", "--format", "txt"]) == 0
    out, err = capsys.readouterr()
    assert " ".join(out.split()) == TEXT
    assert err.splitlines() == [
        "8 words at the beginning of the text are not read: This is a preface that nobody ...",
        "2 words at the end of the text are not read: The end.",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.wav", "a.txt"], "missing.wav does not exist"),
        ([AUDIO, "missing.txt"], "missing.txt does not exist; give a file with what is said"),
        ([AUDIO, AUDIO], "is no UTF-8 text"),
        ([AUDIO, "a.txt", "--text-is", "hello"], "TEXT and --text-is are two texts"),
        (["-", "-"], "- is standard input, which can be read once"),
        ([str(SAMPLE.parent), "a.txt"], "is a folder or a pattern; give one recording"),
        ([AUDIO, "--format", "doc"], "--format has doc"),
        ([AUDIO, "--format", "srt", "--format", "vtt"], "several formats are several files"),
        (["-", "a.txt", "--beside"], "- has no folder for --beside"),
        ([AUDIO, "--text-is", "..."], "in which nothing is said"),
    ],
)
def test_what_is_wrong_is_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("hello")
    with pytest.raises(SystemExit) as end:
        main(["align", *words])
    assert end.value.code == 2
    out, line = capsys.readouterr()
    assert (out, line.count("\n")) == ("", 1)
    assert message in line


def test_the_text_beside_the_recording_is_not_taken_for_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "a.wav"
    recording.write_bytes(b"RIFF")
    recording.with_suffix(".txt").write_text("hello")
    with pytest.raises(SystemExit) as end:
        main(["align", str(recording), "--format", "txt", "--beside"])
    assert end.value.code == 1
    assert "a.txt was not written by this command and is left as it is" in capsys.readouterr().err


def test_a_recording_that_cannot_be_used_is_a_failure_and_names_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut one.flac"
    cut.write_bytes(SAMPLE.read_bytes()[:60_000])
    words = ["align", str(cut), "--text-is", "THEREFORE HER MAJESTY PAID NO ATTENTION"]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 1
    out, line = capsys.readouterr()
    assert (out, line.count("\n")) == ("", 1)
    assert f"{cut}: not aligned: " in line
    assert "--on-damage warn" in line
    main([*words, "--on-damage", "warn"])
    out, lines = capsys.readouterr()
    assert " ".join(line.split()[4] for line in out.splitlines()) == words[-1]
    assert lines.startswith("warning: ")


def test_a_text_that_cannot_be_said_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["align", AUDIO, "--text-is", "on 12/25/2023"])
    assert capsys.readouterr().err.endswith("or give --on-unknown remove to put spaces in their place.\n")


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        (["missing.txt"], "give a file with what is said, or --text-is WORDS.\n"),
        ([AUDIO], "give a text file.\n"),
        (["empty.txt"], "empty.txt: text is '', in which nothing is said; give the words of the recording.\n"),
        (["--text-is", "hello " * 100], "Check that text and audio belong together.\n"),
    ],
    ids=["missing", "bytes", "empty", "long"],
)
def test_what_is_wrong_with_a_text_is_not_in_the_help(
    words: list[str], ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").touch()
    with pytest.raises(SystemExit) as end:
        main(["align", AUDIO, *words])
    assert end.value.code == 2
    assert capsys.readouterr().err.endswith(ending)
