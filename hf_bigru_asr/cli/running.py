"""How a command ends: by itself, by Ctrl-C, by SIGTERM, or because nobody reads its output on."""

import codecs
import os
import sys
from collections.abc import Callable

from ..processes.interrupts import Interrupts, Terminated
from .one_line import OneLineParser, quiet_end

__all__ = ["Terminated", "run_guarded"]

PRINTABLE = "hf_bigru_asr.printable"
"""Name of the error handler for characters that the output cannot encode."""


def run_guarded(parser: OneLineParser, run: Callable[[], int]) -> int:
    """Run a command; whatever ends it is one line at most, unless it is a fault of this package.

    Args:
        parser: Knows the name of the command.
        run: The command; returns its exit status.

    Returns:
        The status of the command, 130 after Ctrl-C, 143 after SIGTERM, 141 if nobody reads its output on. What the
        command refuses ends the process with the status 2, a full disk with 1.
    """
    make_everything_printable()
    with Interrupts() as interrupts:
        try:
            with parser.refusals():
                try:
                    status = run()
                finally:
                    sys.stdout.flush()
                interrupts.raise_received()  # where something swallowed the exception
            return status
        except (KeyboardInterrupt, Terminated):
            interrupts.end()
        try:
            sys.stdout.flush()
        except OSError:
            quiet_end()
        return interrupts.last_line(parser.prog)


def make_everything_printable() -> None:
    """Let the standard output take every name and every text.

    Bytes of a file name that are no text are written as they are, and characters that the encoding of the output lacks
    as escapes. A closed output swallows everything.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    codecs.register_error(PRINTABLE, _encode_anyway)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors=PRINTABLE)


def _encode_anyway(error: UnicodeError) -> tuple[str | bytes, int]:
    """What is written instead of characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    is_byte = "\udc80" <= error.object[error.start] <= "\udcff"
    return codecs.lookup_error("surrogateescape" if is_byte else "backslashreplace")(
        UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    )
