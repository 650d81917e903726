"""The parser of the commands: any order of words, and one line for what it cannot read."""

import argparse
import json
from pathlib import Path

import pytest

from hf_bigru_asr.cli.one_line import CommandHelp, LightParser, describe_error, nearest


@pytest.fixture
def parser() -> LightParser:
    parser = LightParser(prog="try", allow_abbrev=False, formatter_class=CommandHelp)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Recordings.")
    parser.add_argument("--beam-size", "--beam_size", type=int, default=50, metavar="N", help="Hypotheses.")
    parser.add_argument("--hotwords", nargs="*", default=[], help="Words.")
    return parser


@pytest.mark.parametrize(
    "words", ["a.wav b.wav --beam-size 3", "--beam_size=3 a.wav b.wav", "a.wav --beam-size 3 b.wav"]
)
def test_options_and_files_come_in_any_order(words: str, parser: LightParser) -> None:
    parsed = parser.parse(words.split())
    assert (parsed.files, parsed.beam_size) == ([Path("a.wav"), Path("b.wav")], 3)


def test_a_name_that_begins_with_a_dash_follows_two(parser: LightParser) -> None:
    assert parser.parse(["--beam-size", "3", "--", "-a.wav", "b.wav"]).files == [Path("-a.wav"), Path("b.wav")]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("a.wav --beam-sise 3", "unknown argument --beam-sise 3; did you mean --beam-size?"),
        ("a.wav --beam 3", "unknown argument --beam 3."),
        ("a.wav --beam-size x", "argument --beam-size/--beam_size: invalid int value: 'x'."),
        (
            "--hotwords Moby a.wav",
            "the following arguments are required: FILE; --hotwords takes every word up to the next option: give FILE "
            "before it.",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line(
    words: str, line: str, parser: LightParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parser.parse(words.split())
    assert end.value.code == 2
    assert capsys.readouterr().err == f"try: error: {line} See try --help.\n"


def test_help_shows_one_name_of_an_option(parser: LightParser) -> None:
    shown = parser.format_help()
    assert "--beam-size N" in shown
    assert "beam_size" not in shown
    (action,) = (each for each in parser._actions if each.dest == "beam_size")
    assert isinstance(action, argparse.Action)
    assert action.option_strings == ["--beam-size", "--beam_size"]


def test_an_error_of_the_operating_system_has_no_number() -> None:
    assert describe_error(OSError(28, "No space left on device")) == "No space left on device"
    assert describe_error(OSError(2, "No such file or directory", "a.wav")) == "a.wav: No such file or directory"


def test_a_package_that_is_not_installed_comes_with_what_to_do() -> None:
    error = ModuleNotFoundError("No module named 'jiwer'", name="jiwer")
    assert describe_error(error).startswith("No module named 'jiwer'; `hf-bigru-asr info` shows the command")
    assert describe_error(ImportError("A picture needs the extra")) == "A picture needs the extra"


def test_only_what_is_near_is_proposed() -> None:
    assert nearest("transcibe", ["train", "transcribe"]) == "; did you mean transcribe?"
    assert nearest("bogus", ["train", "transcribe"]) == ""


def test_torchrun_learns_the_line(parser: LightParser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = pytest.importorskip("torch.distributed.elastic.multiprocessing.errors")
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    with pytest.raises(SystemExit):
        parser.parse(["a.wav", "--beam-size", "x"])
    line = "try: error: argument --beam-size/--beam_size: invalid int value: 'x'. See try --help."
    failure = failures.ProcessFailure(local_rank=0, pid=1, exitcode=2, error_file=str(tmp_path / "error.json"))
    shown = str(failures.ChildFailedError("train.py", {0: failure}))
    assert shown.count(f"traceback : {line}\n") == 1
    assert json.loads((tmp_path / "error.json").read_text())["message"]["message"] == line


def test_a_line_that_torchrun_cannot_be_told_is_printed(
    parser: LightParser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "gone" / "error.json"))
    with pytest.raises(SystemExit):
        parser.parse(["a.wav", "--frobnicate"])
    assert capsys.readouterr().err == "try: error: unknown argument --frobnicate. See try --help.\n"
