"""The argument parsers of the scripts, without running what the scripts do."""

import argparse
import runpy
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from unittest import mock

from repository import SCRIPTS


class _ParserFound(BaseException):
    """Carries the parser out of a script, past what the script catches."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def _stop(parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
    raise _ParserFound(parser)


@cache
def script_parser(script: Path) -> argparse.ArgumentParser:
    """The parser with which a script reads its command line."""
    return _parser_of(str(script), lambda: runpy.run_path(str(script), run_name="__main__"))


@cache
def module_parser(module: str) -> argparse.ArgumentParser:
    """The parser of what `python -m MODULE` runs."""
    return _parser_of(module, lambda: runpy.run_module(module, run_name="__main__"))


def all_scripts() -> list[Path]:
    """Every script that can be started, by name."""
    return sorted(SCRIPTS.glob("*.py"))


def _parser_of(name: str, run: Callable[[], object]) -> argparse.ArgumentParser:
    stopped = mock.patch.object(argparse.ArgumentParser, "parse_known_args", _stop)
    with stopped, mock.patch.object(sys, "argv", [name]):
        try:
            run()
        except _ParserFound as found:
            return found.parser
    raise AssertionError(f"{name} parses no arguments")
