"""The option that names formats."""

import pytest

from hf_bigru_asr.cli.format_option import FORMAT_NAMES, add_format_option, formats_of
from hf_bigru_asr.cli.one_line import CommandError, LightParser
from hf_bigru_asr.formats.table import FORMATS


def test_the_formats_are_known() -> None:
    assert list(FORMAT_NAMES) == list(FORMATS)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["txt"]),
        (["--format", "srt"], ["srt"]),
        (["--format", "srt,JSON"], ["srt", "json"]),
        (["--format", "srt", "--format=vtt,srt"], ["srt", "vtt"]),
    ],
)
def test_one_or_several(words: list[str], names: list[str]) -> None:
    parser = LightParser(prog="try")
    add_format_option(parser, "txt")
    args = parser.parse(words)
    assert formats_of(args.format, [], args.default_format) == names


def test_what_is_no_format_or_in_the_wrong_place() -> None:
    with pytest.raises(CommandError, match="--format has doc, ; choose from txt, json"):
        formats_of(["txt", "doc", ""], [], "txt")
    with pytest.raises(CommandError, match="srt is a format; give several as --format vtt,srt"):
        formats_of(["vtt"], ["a.wav", "srt"], "txt")
    assert formats_of(None, ["srt"], "txt") == ["txt"]
