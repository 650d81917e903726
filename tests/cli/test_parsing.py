"""Command lines that cannot be used: one line says why."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hf_bigru_asr.cli.parsing import CommandParser, describe_error


@dataclass
class Arguments:
    """What to do."""

    model: str = field(metadata={"help": "Model."})
    hotwords: list[str] = field(default_factory=list, metadata={"help": "Words."})
    beam_size: int = field(default=50, metadata={"help": "Hypotheses."})
    is_quick: bool | None = field(default=None, metadata={"help": "Whether to hurry."})

    def __post_init__(self) -> None:
        if self.beam_size < 1:
            raise ValueError(f"beam_size is {self.beam_size};\n it must be at least 1.")


@pytest.fixture
def parser() -> CommandParser:
    parser = CommandParser(Arguments, prog="try.py")
    parser.add_flags("is_quick")
    return parser


def refusal(capsys: pytest.CaptureFixture[str], end: pytest.ExceptionInfo[SystemExit]) -> str:
    assert end.value.code == 2
    out, line = capsys.readouterr()
    assert out == ""
    assert line.count("\n") == 1
    assert line.startswith("try.py: error: ")
    return line.removeprefix("try.py: error: ").removesuffix(" See try.py --help.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--model m --beam_sise 3", "unknown argument --beam_sise 3; did you mean --beam_size?"),
        ("--model m --bogus=1", "unknown argument --bogus=1."),
        ("--model m stray", "unknown argument stray."),
        ("--model m --beam_size many", "argument --beam_size/--beam-size: invalid int value: 'many'."),
        ("--model m --beam_size 0", "beam_size is 0; it must be at least 1."),
        ("", "the following arguments are required: --model."),
    ],
)
def test_a_wrong_command_line_is_one_line(
    parser: CommandParser, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    with pytest.raises(SystemExit) as end:
        parser.parse(words.split())
    assert refusal(capsys, end) == message


def test_what_took_the_files_is_named(parser: CommandParser, capsys: pytest.CaptureFixture[str]) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE")
    with pytest.raises(SystemExit) as end:
        parser.parse(["--model", "m", "--hotwords", "Moby Dick", "a.wav"])
    assert refusal(capsys, end) == (
        "the following arguments are required: FILE; --hotwords takes every word up to the next option: give FILE "
        "before it."
    )
    arguments, rest = parser.parse(["a.wav", "--model", "m", "--hotwords", "Moby Dick"])
    assert (arguments.hotwords, rest.files) == (["Moby Dick"], ["a.wav"])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.json", None, "none.json: No such file or directory."),
        ("a.json", "{", "a.json: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."),
        ("a.yaml", "a: [", "a.yaml: while parsing a flow node expected the node content, but found '<stream end>' in"),
        ("a.json", "[1]", "a.json holds a list; give a mapping from arguments to values."),
        ("a.json", '{"modl": "m"}', "a.json: unknown argument modl; did you mean model?"),
        ("a.yaml", "beam_size: 2", "a.yaml: the following arguments are required: model."),
        ("a.yaml", "{model: m, beam_size: 0}", "a.yaml: beam_size is 0; it must be at least 1."),
    ],
)
def test_a_wrong_file_of_arguments_is_one_line(
    parser: CommandParser,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str | None,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name).write_text(text)
    with pytest.raises(SystemExit) as end:
        parser.parse_file(name)
    assert refusal(capsys, end).startswith(message)


def test_a_file_and_a_command_line_give_the_same(parser: CommandParser, tmp_path: Path) -> None:
    values = {"model": "m", "hotwords": ["A", "B"], "is_quick": False}
    (tmp_path / "a.json").write_text(json.dumps(values))
    (tmp_path / "a.yaml").write_text("model: m\nhotwords: [A, B]\nis_quick: false\n")
    parsed = parser.parse(["--model", "m", "--hotwords", "A", "B", "--no_is_quick"])
    assert parsed == (Arguments(**values),)
    assert parser.parse_file(str(tmp_path / "a.json")) == parsed
    assert parser.parse_file(str(tmp_path / "a.yaml")) == parsed


@pytest.mark.parametrize("error", [ValueError("bad\n data"), ImportError("bad data"), PermissionError(13, "bad data")])
def test_a_refusal_is_one_line(parser: CommandParser, capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    with pytest.raises(SystemExit) as end, parser.refusals():
        raise error
    assert "bad data" in refusal(capsys, end)


def test_an_unexpected_exception_keeps_its_traceback(parser: CommandParser) -> None:
    with pytest.raises(KeyError), parser.refusals():
        raise KeyError("text")
    with pytest.raises(SystemExit), parser.refusals(KeyError):
        raise KeyError("text")


def test_an_error_of_the_operating_system_names_the_path() -> None:
    assert describe_error(IsADirectoryError(21, "Is a directory", "wav")) == "wav: Is a directory"
    assert describe_error(OSError("no network")) == "no network"
    assert describe_error(ValueError()) == "ValueError"
