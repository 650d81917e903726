"""The option `--format` of the commands that write transcripts."""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from .one_line import CommandError

__all__ = ["FORMAT_NAMES", "add_format_option", "format_of_file", "formats_of"]

FORMAT_NAMES = ("txt", "json", "jsonl", "srt", "vtt", "tsv", "ctm", "textgrid", "stm", "rttm")
"""The keys of `formats.FORMATS`, which the parser does not import."""

ALL_OF_WHISPER = ("txt", "vtt", "srt", "tsv", "json")


def add_format_option(parser: argparse._ActionsContainer, default: str) -> None:
    """Add `--format NAME[,NAME...]`, which can be given several times, also by the names that Whisper has for it.

    Args:
        parser: A parser, or a group of one.
        default: The format if there is none.
    """
    parser.add_argument(
        "--format",
        "-f",
        "--output-format",
        type=lambda names: names.split(","),
        action="extend",
        metavar="FORMAT",
        help=f"One of {', '.join(FORMAT_NAMES)}, several with commas, or the five of Whisper: all; {default} if left "
        "out.",
    )
    parser.set_defaults(default_format=default)


def formats_of(given: Iterable[str] | None, others: Iterable[str], default: str) -> list[str]:
    """Names of formats, each once.

    Args:
        given: What was given, if anything.
        others: The words of the command line that are no options.
        default: The format if there is none.

    Raises:
        CommandError: If there is no such format, or one stands among the other words.
    """
    names = list(dict.fromkeys(name.strip().lower() for name in given or [default]))
    if "all" in names:
        names = list(dict.fromkeys([*(name for name in names if name != "all"), *ALL_OF_WHISPER]))
    if unknown := [name for name in names if name not in FORMAT_NAMES]:
        file = "; recordings are given without an option" if any(map(os.path.exists, unknown)) else ""
        raise CommandError(f"--format has {', '.join(unknown)}; choose from {', '.join(FORMAT_NAMES)}{file}")
    for word in others:
        if given is not None and word in FORMAT_NAMES and not os.path.exists(word):
            raise CommandError(f"{word} is a format; give several as --format {','.join([*names, word])}")
    return names


def format_of_file(path: Path) -> str | None:
    """The format whose files have the ending of this one."""
    name = path.suffix.lower().removeprefix(".")
    return name if name in FORMAT_NAMES else None
