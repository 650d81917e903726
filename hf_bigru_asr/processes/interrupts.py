"""Ctrl-C and SIGTERM: exceptions that nothing swallows, and the one line that a program then ends with."""

import atexit
import os
import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Interrupts", "Terminated", "begin_script", "raise_pending"]

RETRY_S = 0.002
"""Time after which a signal is raised again that came where exceptions are swallowed."""
SWALLOWING = {("datasets.fingerprint", "update_fingerprint"), ("fsspec.spec", "exists")}
"""Module and function of what holds a bare `except:` around work that takes time: datasets 5.2, fsspec 2026.9."""
REPEAT_S = 1.0
"""Signals within this time after the first one are the same one: a terminal and a launcher both send it."""


class Terminated(BaseException):
    """SIGTERM has come. Like `KeyboardInterrupt` it passes `except Exception`, and `finally` clauses are run."""


class Interrupts:
    """Raises `KeyboardInterrupt` for SIGINT and [`Terminated`] for SIGTERM; use it in a `with` block.

    Exceptions in callbacks of C libraries, in finalizers and under a bare `except:` ([`SWALLOWING`]) are swallowed, so
    that the program would run on. A signal that comes there is raised again once they have returned. Only the main
    thread can be told of signals; elsewhere nothing changes.

    Attributes:
        received: The first signal, or `None`.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._first_s = 0.0
        self._is_waiting = False
        self._is_over = False
        self._pid = os.getpid()
        self._handlers: dict[signal.Signals, object] = {}
        self._outer: Interrupts | None = None

    def __enter__(self) -> Self:
        global _current
        if threading.current_thread() is threading.main_thread():
            self._outer, _current = _current, self
            self._report = sys.unraisablehook
            sys.unraisablehook = self._unraisable
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        global _current
        if self._handlers:
            sys.unraisablehook, _current = self._report, self._outer
        if self.received is not None:
            return  # the process ends; until then a repeated signal must print nothing
        for number, handler in self._handlers.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)  # type: ignore[arg-type] # as it gave it

    def raise_received(self) -> None:
        """Raise what the signal that came should have raised; nothing if none came."""
        if self.received is not None:
            raise KeyboardInterrupt if self.received == signal.SIGINT else Terminated

    def end(self) -> None:
        """Raise nothing from here on: the program is about to end, and a signal after a while ends it at once."""
        self._is_over = True

    def last_line(self, prog: str) -> int:
        """Print the one line that says what ended the program `prog`, and return its exit status."""
        self.end()
        number = self.received or signal.SIGINT
        what = "interrupted" if number == signal.SIGINT else "terminated"
        sys.stderr.write(f"{prog}: {what}.\n")
        return 128 + number

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a fork, which has no line to print
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        is_repeated = self.received is not None and time.monotonic() - self._first_s < REPEAT_S
        if self._is_over:
            if not is_repeated:
                os._exit(128 + number)  # who asks twice does not want to wait
            return
        if self.received is None:
            self.received, self._first_s = signal.Signals(number), time.monotonic()
        elif is_repeated and not self._is_waiting:
            return
        self._is_waiting = _is_swallowed_in(frame)
        if self._is_waiting:
            self._raise_again()
        else:
            self.raise_received()

    def _unraisable(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Where `Interrupts` could not see beforehand that the exception would be swallowed."""
        if isinstance(unraisable.exc_value, KeyboardInterrupt | Terminated) and self.received is not None:
            self._is_waiting = True
            self._raise_again()
        else:
            self._report(unraisable)

    def _raise_again(self) -> None:
        timer = threading.Timer(RETRY_S, self._send)
        timer.daemon = True
        timer.start()

    def _send(self) -> None:
        if self._is_over or self.received is None:
            return
        main = threading.main_thread().ident
        if hasattr(signal, "pthread_kill") and main is not None:
            signal.pthread_kill(main, self.received)
        else:
            signal.raise_signal(self.received)


_current: Interrupts | None = None
"""Those that are in force."""


def raise_pending() -> None:
    """Raise what a signal should have raised; nothing if none came, or nobody uses [`Interrupts`].

    For those who handle exceptions: what a signal broke is no fault of the input.
    """
    if _current is not None:
        _current.raise_received()


def begin_script(name: str, prog: str | None = None) -> None:
    """Let Ctrl-C and SIGTERM end this program with one line and the status 130 or 143, its imports included.

    Args:
        name: `__name__` of the script. Nothing changes where it is imported.
        prog: What it is called in the line; the name of its file if `None`.
    """
    if name != "__main__" or threading.current_thread() is not threading.main_thread():
        return
    interrupts = Interrupts().__enter__()
    called = prog or os.path.basename(sys.argv[0])
    report = sys.excepthook

    def end(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if interrupts.received is None and not isinstance(error, KeyboardInterrupt):
            report(kind, error, traceback)
        else:
            sys.exit(interrupts.last_line(called))

    def end_late() -> None:
        """Where the exception was swallowed after all."""
        if interrupts.received is not None and not interrupts._is_over:
            status = interrupts.last_line(called)
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(status)

    sys.excepthook = end
    atexit.register(end_late)


def _is_swallowed_in(frame: FrameType | None) -> bool:
    """Whether an exception in this frame ends in a callback of the sound library, a finalizer or a bare `except:`."""
    while frame is not None:
        name, module = frame.f_code.co_name, frame.f_globals.get("__name__")
        if name == "__del__" or (name.startswith("vio_") and module == "soundfile") or (module, name) in SWALLOWING:
            return True
        frame = frame.f_back
    return False
