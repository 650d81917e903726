"""Argument parsing of the scripts: whatever a user got wrong is one line on the error output."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml
from transformers import HfArgumentParser

from .argument_values import checked_values, not_finite
from .one_line import REFUSALS, OneLineParser, describe_error, nearest

__all__ = ["CommandParser", "describe_error"]


class CommandParser(OneLineParser, HfArgumentParser):
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
        self.refuse_unknown(unknown)
        self._refuse_not_finite(parsed)
        return tuple(parsed)

    def parse_file(self, path: str) -> tuple[Any, ...]:
        """Read the arguments from a JSON or YAML file, as `parse` does from the command line.

        Args:
            path: The file; its suffix is `.json` for JSON.
        """
        try:
            with self.refusals():
                content = Path(path).read_bytes()
            text = content.decode("utf-8")
            values = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
        except RecursionError:
            self.error(f"{path} is nested too deeply")
        except (ValueError, yaml.YAMLError) as error:
            self.error(f"{path}: {error}")
        if not isinstance(values, dict):
            self.error(f"{path} holds a {type(values).__name__}; give a mapping from arguments to values")
        known = {each.name: each for kind in self.dataclass_types for each in fields(kind) if each.init}
        if unknown := [name for name in values if name not in known]:
            self.error(f"{path}: unknown argument {' '.join(map(str, unknown))}{nearest(unknown[0], known)}")
        required = [name for name, each in known.items() if each.default is each.default_factory is MISSING]
        if missing := [name for name in required if name not in values]:
            self.error(f"{path}: the following arguments are required: {', '.join(missing)}")
        try:
            parsed = tuple(self.parse_dict(checked_values(iter(self.dataclass_types), values)))
        except REFUSALS as error:
            self.error(f"{path}: {describe_error(error)}")
        self._refuse_not_finite(parsed)
        return parsed

    def _refuse_not_finite(self, parsed: Iterable[Any]) -> None:
        for arguments in parsed:
            if not is_dataclass(arguments) or isinstance(arguments, type):
                continue
            for name, number in not_finite(arguments):
                self.error(f"--{name} is {number}; give a finite number")
