"""Options of a dataclass against those that `HfArgumentParser` makes of it."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from transformers import HfArgumentParser

from hf_bigru_asr.cli.dataclass_arguments import add_dataclass_arguments, dataclass_of
from hf_bigru_asr.cli.one_line import LightParser
from hf_bigru_asr.cli.prepare import PreparationArguments
from hf_bigru_asr.cli.push import PushArguments


@dataclass
class Arguments:
    """Each kind of field."""

    output_dir: str = field(metadata={"help": "Text, 100 % of it."})
    folder: Path = field(default=Path("a"), metadata={"help": "Path."})
    limit: int | None = field(default=None, metadata={"help": "Number or nothing."})
    rates: list[float] = field(default_factory=list, metadata={"help": "Numbers."})
    is_quick: bool = field(default=False, metadata={"help": "Flag."})
    is_kept: bool = field(default=True, metadata={"help": "Flag that is set."})


LINES = [
    "--output_dir x",
    "--output-dir x --limit 3 --rates 0.9 1.1 --is_quick",
    "--output_dir x --folder b --is-quick true --no_is_kept",
    "--output_dir x --is_kept no --is_quick yes",
]


def light(kind: type) -> LightParser:
    parser = LightParser(prog="try", allow_abbrev=False)
    add_dataclass_arguments(parser, kind)
    return parser


@pytest.mark.parametrize("line", LINES)
def test_the_values_are_those_of_the_library(line: str) -> None:
    (expected,) = HfArgumentParser(Arguments).parse_args_into_dataclasses(line.split())
    assert dataclass_of(Arguments, light(Arguments).parse(line.split())) == expected


@pytest.mark.parametrize("kind", [Arguments, PreparationArguments, PushArguments], ids=lambda kind: kind.__name__)
def test_every_option_of_a_script_is_one_of_the_command(kind: type) -> None:
    scripts = {name for action in HfArgumentParser(kind)._actions for name in action.option_strings}
    assert scripts <= set(light(kind)._option_string_actions)
    required = {action.dest for action in HfArgumentParser(kind)._actions if action.required}
    assert {action.dest for action in light(kind)._actions if action.required} == required


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "the following arguments are required: --output-dir"),
        ("--output-dir x --limit many", "argument --limit: invalid int value: 'many'"),
        (
            "--output-dir x --is-quick perhaps",
            "argument --is-quick/--is_quick: invalid truth value: 'perhaps' (choose",
        ),
    ],
)
def test_a_wrong_value_is_named(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        light(Arguments).parse(line.split())
    assert message in capsys.readouterr().err


def test_nothing_is_required_where_a_file_can_hold_it() -> None:
    parser = LightParser(prog="try")
    add_dataclass_arguments(parser, Arguments, are_required=False)
    assert parser.parse([]).output_dir is None
