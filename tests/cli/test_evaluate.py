"""`hf-bigru-asr evaluate`: what it prints of a score, and which files it refuses before anything is imported."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hf_bigru_asr.cli import evaluate
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.formats.options import FormatOptions
from hf_bigru_asr.formats.structured import as_json, as_jsonl
from hf_bigru_asr.formats.transcript import TimedTranscript
from hf_bigru_asr.metrics.score_files import FORMATS

REFERENCE = "The cat sat (ann-1)\nit was 2 o'clock (bob-1)\nyes (ann-2)\n"
HYPOTHESIS = "the bat sat (ann-1)\nit was two (bob-1)\nyes (ann-2)\n"

TEXT = """\
WER 37.50%: 3 errors in 8 words (2 substitutions, 1 deletions, 0 insertions)
CER 30.00%
Utterances with errors 66.67%: 2 of 3

Speakers (utterances, words, errors, WER)
  ann      2       4       1    25.00%
  bob      1       4       2    50.00%

Most errors
bob-1: 2 errors in 4 words
  REF it was 2 O'CLOCK
  HYP it was * TWO

Most frequent errors (reference -> hypothesis)
     1  2 -> (nothing)
     1  cat -> bat
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    for name, text in (("r.trn", REFERENCE), ("h.trn", HYPOTHESIS)):
        (tmp_path / name).write_text(text)
    return str(tmp_path / "r.trn"), str(tmp_path / "h.trn")


def test_a_person_reads_it(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--cer", "--by-speaker", "--worst", "1", "--confusions", "2"]
    assert main(["evaluate", *files, *options]) == 0
    assert capsys.readouterr().out == TEXT


def test_a_program_reads_it(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *files, "--json", "--worst", "1", "--confusions", "1"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["wer"], found["num_words"], found["fewest_errors"]) == (3 / 8, 8, 3)
    assert found["sentence_error_rate"] == 2 / 3
    assert found["speakers"]["ann"] == {"num_utterances": 2, "num_words": 4, "num_errors": 1, "wer": 0.25}
    assert [each["id"] for each in found["worst"]] == ["bob-1"]
    assert found["worst"][0]["hypothesis"] == "it was two"
    assert found["confusions"] == [{"reference": "2", "hypothesis": None, "count": 1}]


def test_numbers_are_words_after_normalisation(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *files, "--normalize"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("WER 25.00%: 2 errors in 8 words")
    assert "REF it was two O'CLOCK\n" in shown


def test_numbers_are_words_of_the_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.txt").write_text("3 große Äpfel\n", encoding="utf-8")
    (tmp_path / "h.txt").write_text("DREI GROẞE APFEL\n", encoding="utf-8")
    files = [str(tmp_path / "r.txt"), str(tmp_path / "h.txt")]
    assert main(["evaluate", *files, "--normalize", "--language", "de"]) == 0
    assert capsys.readouterr().out.startswith("WER 33.33%: 1 errors in 3 words")


def test_case_can_matter(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *files, "--case-sensitive", "--worst", "0", "--confusions", "9"]) == 0
    assert "     1  The -> the\n" in capsys.readouterr().out


def test_more_errors_than_needed_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.txt").write_text("a b c d e x y z\n")
    (tmp_path / "h.txt").write_text("x y z p q r s t\n")
    assert main(["evaluate", str(tmp_path / "r.txt"), str(tmp_path / "h.txt")]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("WER 125.00%: 10 errors in 8 words")
    assert second == "Fewest possible errors (Levenshtein, as jiwer counts): 8, 100.00%"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["r.trn", "nowhere"], "nowhere: No such file or directory."),
        (["r.trn", "."], ".: Is a directory."),
        (["r.trn", "h.trn", "--worst", "-1"], "worst is -1; it must be at least 0."),
        (["r.trn", "h.trn", "--normalize", "--case-sensitive"], "give --case-sensitive or --normalize: the alphabet"),
        (["r.trn", "h.trn", "--language", "de"], "--language de belongs to --normalize; give that too."),
        (["r.trn", "h.trn", "--format", "srt"], "argument --format: invalid choice: 'srt' (choose from 'text',"),
        (["r.trn"], "the following arguments are required: HYP."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_read_is_refused_before_anything_is_imported(
    words: list[str],
    line: str,
    files: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(Path(files[0]).parent)
    monkeypatch.setitem(sys.modules, "hf_bigru_asr.metrics.scoring", None)
    with pytest.raises(SystemExit) as end:
        main(["evaluate", *words])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"hf-bigru-asr evaluate: error: {line}")


def test_one_file_can_have_another_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("1 a b\n")
    (tmp_path / "h.trn").write_text("a c (1)\n")
    assert main(["evaluate", str(tmp_path / "text"), str(tmp_path / "h.trn"), "--reference-format", "kaldi"]) == 0
    assert capsys.readouterr().out.startswith("WER 50.00%")


def test_lines_that_begin_with_the_same_ids_are_utterances(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.txt").write_text("u-1 a b\nu-2 c\n")
    Path("h.txt").write_text("u-1 a x\nu-2 c\n")
    assert main(["evaluate", "r.txt", "h.txt"]) == 0
    shown, note = capsys.readouterr()
    assert shown.startswith("WER 33.33%: 1 errors in 3 words")
    assert note == (
        "r.txt and h.txt are read as Kaldi's text, ID WORDS, for their lines begin with the same ids; with --format "
        "text these are words\n"
    )
    assert main(["evaluate", "r.txt", "h.txt", "--format", "text"]) == 0
    assert capsys.readouterr().out.startswith("WER 20.00%: 1 errors in 5 words")


def test_transcripts_are_hypotheses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = FormatOptions()
    (tmp_path / "r.txt").write_text("easy A B\nhard C\n")
    transcripts = [TimedTranscript("x/hard.flac", 1.0, text="C"), TimedTranscript("x/easy.flac", 1.0, text="A C")]
    (tmp_path / "h.jsonl").write_text("".join(as_jsonl(each, options) for each in transcripts))
    (tmp_path / "one.json").write_text(as_json(transcripts[1], options))
    (tmp_path / "easy.txt").write_text("a\nb\n")

    assert main(["evaluate", str(tmp_path / "r.txt"), str(tmp_path / "h.jsonl")]) == 0
    assert capsys.readouterr().out.startswith("WER 33.33%: 1 errors in 3 words")
    assert main(["evaluate", str(tmp_path / "easy.txt"), str(tmp_path / "one.json")]) == 0
    assert capsys.readouterr().out.startswith("WER 50.00%: 1 errors in 2 words")


def test_the_formats_are_those_that_are_read() -> None:
    assert evaluate.FORMATS == FORMATS


def test_it_needs_neither_torch_nor_transformers(files: tuple[str, str], run_in_child: Callable[..., str]) -> None:
    code = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
from hf_bigru_asr.cli.main import main
sys.exit(main(["evaluate", *sys.argv[1:], "--normalize"]))
"""
    assert run_in_child(code, *files).startswith("WER 25.00%")
