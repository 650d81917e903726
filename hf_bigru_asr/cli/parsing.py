"""Argument parsing of the commands: whatever a user got wrong is one line on the error output."""

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NoReturn

import yaml
from transformers import HfArgumentParser

__all__ = ["CommandParser", "describe_error"]

REFUSALS = (OSError, ValueError, ImportError)
"""What functions of this package raise for wrong input."""


class CommandParser(HfArgumentParser):
    """`HfArgumentParser` whose errors are one line, `PROG: error: ...`, with the exit status 2.

    Args:
        dataclass_types: Dataclasses with the arguments.
        kwargs: Arguments of `HfArgumentParser`.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Arguments:
        ...     '''What to do.'''
        ...     beam_size: int = 50
        >>> CommandParser(Arguments).parse(["--beam_size", "20"])
        (Arguments(beam_size=20),)
    """

    _words: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        """Print the message with a hint to `--help`, and end with the exit status 2."""
        if message.startswith("the following arguments are required"):
            message += self._who_took_them()
        line = " ".join(message.split())
        end = "" if line.endswith((".", "?", "!")) else "."
        self.exit(2, f"{self.prog}: error: {line}{end} See {self.prog} --help.\n")

    def add_flags(self, *names: str) -> None:
        """Let `--name` alone mean true and `--no_name` false, as `HfArgumentParser` does only for fields with a value.

        Args:
            names: Fields of the type `bool | None`.
        """
        for name in names:
            (action,) = (each for each in self._actions if each.dest == name)
            action.nargs, action.const = "?", True
            self.add_argument(
                f"--no_{name}", f"--no-{name.replace('_', '-')}", action="store_false", dest=name, help="Its opposite."
            )

    def parse(self, arguments: Sequence[str] | None = None) -> tuple[Any, ...]:
        """Read a command line.

        Args:
            arguments: Its words; those that the process was started with if not given.

        Returns:
            The dataclasses, and a namespace with the arguments that no dataclass has, if there are any. The process
            ends here if the words are not the arguments of this command.
        """
        self._words = list(sys.argv[1:] if arguments is None else arguments)
        with self.refusals():
            *parsed, unknown = self.parse_args_into_dataclasses(self._words, return_remaining_strings=True)
        if unknown:
            options = [option for action in self._actions for option in action.option_strings]
            self.error(f"unknown argument {' '.join(unknown)}{_nearest(unknown[0].partition('=')[0], options)}")
        return tuple(parsed)

    def parse_file(self, path: str) -> tuple[Any, ...]:
        """Read the arguments from a JSON or YAML file, as `parse` does from the command line.

        Args:
            path: The file; its suffix is `.json` for JSON.
        """
        with self.refusals():
            text = Path(path).read_text(encoding="utf-8")
        try:
            values = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError) as error:
            self.error(f"{path}: {error}")
        if not isinstance(values, dict):
            self.error(f"{path} holds a {type(values).__name__}; give a mapping from arguments to values")
        known = {each.name: each for kind in self.dataclass_types for each in fields(kind) if each.init}
        if unknown := [name for name in values if name not in known]:
            self.error(f"{path}: unknown argument {' '.join(map(str, unknown))}{_nearest(unknown[0], known)}")
        required = [name for name, each in known.items() if each.default is each.default_factory is MISSING]
        if missing := [name for name in required if name not in values]:
            self.error(f"{path}: the following arguments are required: {', '.join(missing)}")
        with self.refusals():
            return tuple(self.parse_dict(values))

    def _who_took_them(self) -> str:
        """What to do if an option with any number of values was given before the positional arguments."""
        positional = [str(action.metavar or action.dest) for action in self._actions if not action.option_strings]
        greedy = [option for each in self._actions if each.nargs == "+" for option in each.option_strings]
        taken = [option for option in greedy if option in self._words]
        if not (positional and taken):
            return ""
        return f"; {taken[0]} takes every word up to the next option: give {' '.join(positional)} before it"

    @contextmanager
    def refusals(self, *others: type[Exception]) -> Iterator[None]:
        """End the process with one line if the body refuses what the user gave.

        Args:
            others: Exceptions that are refusals beside `OSError`, `ValueError` and `ImportError`.
        """
        refusals: tuple[type[Exception], ...] = (*REFUSALS, *others)
        try:
            yield
        except refusals as error:
            self.error(describe_error(error))


def _nearest(unknown: object, known: Iterable[str]) -> str:
    """A question with the known name that is most like the unknown one, if one is."""
    near = difflib.get_close_matches(str(unknown), list(known), n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else ""


def describe_error(error: BaseException) -> str:
    """The message of an error, without the number and with the path of one of the operating system."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{Path(str(error.filename))}: {error.strerror}"
    return str(error) or type(error).__name__
