"""Command lines whose errors are one line. What every command needs before it knows what to do: nothing heavy."""

import argparse
import difflib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import NoReturn

from ..processes.interrupts import raise_pending
from ..storage.disk_errors import DISK_ERRNOS

__all__ = [
    "CommandError",
    "CommandHelp",
    "LightParser",
    "OneLineParser",
    "describe_error",
    "in_one_line",
    "nearest",
    "quiet_end",
]

REFUSALS = (OSError, ValueError, ImportError)
"""What functions of this package raise for wrong input."""

LAUNCHER_FILE = "TORCHELASTIC_ERROR_FILE"
"""Variable with the file in which torchrun looks for the reason if a process has failed."""

BROKEN_PIPE = 141
"""Exit status where nobody reads the output on: 128 and the number of SIGPIPE, as a shell gives it."""


class CommandError(Exception):
    """Ends a command with one line on the error output.

    Args:
        message: What came, what is allowed and what to do.
        status: Exit status: 2 for what the user gave, 1 for what happened meanwhile.
        hint: Whether the line points to `--help`, which tells of options and not of what files hold; where the status
            is 2 if not given.
    """

    def __init__(self, message: str, status: int = 2, *, hint: bool | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.hint = status == 2 if hint is None else hint


class CommandHelp(argparse.RawDescriptionHelpFormatter):
    """Help that shows an option by one name: `--beam_size` is taken too, for those who know it from a script."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        shown = copy(action)
        names = [name.replace("_", "-") for name in action.option_strings]
        shown.option_strings = list(dict.fromkeys(names))
        return super()._format_action_invocation(shown)


class OneLineParser(argparse.ArgumentParser):
    """`ArgumentParser` whose errors are one line, `PROG: error: ...`, with the exit status 2."""

    unknown_hint: str = ""
    """What an error about an unknown option says besides."""

    hints_for: Callable[[Sequence[str]], list[str]] | None = None
    """Gives what to do in place of options of other programs."""

    _words: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        """Print the message with a hint to `--help`, and end with the exit status 2."""
        if message.startswith("the following arguments are required"):
            message += self._who_took_them()
        self.end(2, f"error: {message}", hint=True)

    def end(self, status: int, message: str, *, hint: bool = False) -> NoReturn:
        """End the process with one line, `PROG: message.`, and with a hint to `--help` if it is asked for."""
        line = " ".join(message.split())
        stop = "" if line.endswith((".", "?", "!")) else "."
        see = f" See {self.prog} --help." if hint else ""
        line = f"{self.prog}: {line}{stop}{see}"
        _tell_launcher(line)
        self.exit(status, f"{line}\n")

    def refuse_unknown(self, unknown: Sequence[str]) -> None:
        """End the process if words were left over, with the option that was probably meant."""
        if unknown:
            options = [option for action in self._actions for option in action.option_strings]
            what = f"unknown argument {' '.join(unknown)}{self.unknown_hint}"
            if self.hints_for is not None and (hints := self.hints_for(unknown)):
                self.error(f"{what}; {'; '.join(hints)}")
            question = _a_file(unknown) or nearest(unknown[0].partition("=")[0], options)
            self.error(f"{what}{question}")

    @contextmanager
    def refusals(self, *others: type[Exception]) -> Iterator[None]:
        """End the process with one line if the body refuses what the user gave, or the disk what the body writes.

        Args:
            others: Exceptions that are refusals beside `OSError`, `ValueError` and `ImportError`.
        """
        refusals: tuple[type[Exception], ...] = (*REFUSALS, *others)
        try:
            try:
                yield
            except Exception:
                raise_pending()
                raise
        except BrokenPipeError:
            self.exit(quiet_end())
        except CommandError as error:
            self.end(error.status, f"error: {error}", hint=error.hint)
        except refusals as error:
            if isinstance(error, OSError) and error.errno in DISK_ERRNOS:
                self.end(1, f"error: {describe_error(error)}")
            self.error(describe_error(error))

    def _who_took_them(self) -> str:
        """What to do if an option with any number of values was given before the positional arguments."""
        positional = [str(action.metavar or action.dest) for action in self._actions if not action.option_strings]
        if positional and (file := _a_file(self._words)):
            return file
        greedy = [option for each in self._actions if each.nargs in ("+", "*") for option in each.option_strings]
        taken = [option for option in greedy if option in self._words]
        if not (positional and taken):
            return ""
        return f"; {taken[0]} takes every word up to the next option: give {' '.join(positional)} before it"


class LightParser(OneLineParser):
    """The parser of a command: a `OneLineParser` for options that no dataclass declares.

    Example:
        >>> parser = LightParser(prog="try")
        >>> _ = parser.add_argument("--beam-size", type=int, default=50, help="Hypotheses.")
        >>> parser.parse(["--beam-size", "20"]).beam_size
        20
    """

    def parse(self, arguments: Sequence[str] | None = None) -> argparse.Namespace:
        """Read a command line; options and positional arguments can come in any order.

        Args:
            arguments: Its words; those that the process was started with if not given.

        Returns:
            The arguments. The process ends here if the words are not the arguments of this command.
        """
        self._words = self._in_our_spelling(sys.argv[1:] if arguments is None else arguments)
        # Python 3.11 reads the words in two passes to allow any order, and the second one does not see `--`.
        read = self.parse_known_args if "--" in self._words else self.parse_known_intermixed_args
        with self.refusals():
            parsed, unknown = read(self._words)
        self.refuse_unknown(unknown)
        return parsed

    def _in_our_spelling(self, words: Sequence[str]) -> list[str]:
        """Words in which options have hyphens for underscores, as other programs write them."""
        num_options = list(words).index("--") if "--" in words else len(words)
        spelt = []
        for word in words[:num_options]:
            option, equals, value = word.partition("=")
            if option not in self._option_string_actions and option.replace("_", "-") in self._option_string_actions:
                option = option.replace("_", "-")
            spelt.append(option + equals + value)
        return [*spelt, *words[num_options:]]


def _tell_launcher(line: str) -> None:
    """Let torchrun, whose own traceback comes after the line, repeat it at its end.

    Source: `ErrorHandler.record_exception` of torch.distributed.elastic.multiprocessing.errors, torch 2.14.
    """
    if path := os.environ.get(LAUNCHER_FILE):
        error = {"message": line, "extraInfo": {"timestamp": str(int(time.time()))}}
        with suppress(OSError):
            Path(path).write_text(json.dumps({"message": error}), encoding="utf-8")


def _a_file(words: Iterable[str]) -> str:
    """How to give a file whose name looks like an option, if there is one."""
    found = next((word for word in words if word.startswith("-") and os.path.isfile(word)), None)
    return "" if found is None else f"; {found} begins like an option: give ./{found}"


def quiet_end() -> int:
    """What remains to be done when nobody reads the output on: the interpreter must not try to write the rest of it.

    Returns:
        The exit status.
    """
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return BROKEN_PIPE


def in_one_line(name: str) -> str:
    r"""A name whose line feeds and other controls are escapes such as `\n`, so that it never ends a line."""
    return "".join(char if char.isprintable() or "\udc80" <= char <= "\udcff" else _escaped(char) for char in name)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def nearest(unknown: object, known: Iterable[str]) -> str:
    """A question with the known name that is most like the unknown one, if one is."""
    near = difflib.get_close_matches(str(unknown), list(known), n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else ""


def describe_error(error: BaseException) -> str:
    """The message of an error, without the number and with the path of one of the operating system."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error}; `hf-bigru-asr info` shows the command that installs what is missing"
    if isinstance(error, OSError) and error.strerror:
        return f"{Path(str(error.filename))}: {error.strerror}" if error.filename is not None else error.strerror
    return str(error) or type(error).__name__
