"""A progress bar on the error output: recordings, hours, times real time, time left; nothing where nobody looks."""

import sys
import time
from collections.abc import Callable
from typing import Any, Self

__all__ = ["Progress"]


class Progress:
    """Shows how far a command is, and prints between its lines.

    Args:
        count: Gives the number of recordings; called if the bar is shown.
        is_shown: Whether there is a bar; if the error output is a terminal if `None`.
    """

    def __init__(self, count: Callable[[], int], *, is_shown: bool | None = None) -> None:
        self._bar: Any = None
        self._audio_s, self._start_s = 0.0, time.monotonic()
        if sys.stderr.isatty() if is_shown is None else is_shown:
            from tqdm import tqdm

            self._bar = tqdm(total=count(), unit="file", file=sys.stderr, dynamic_ncols=True, leave=False)

    def __enter__(self) -> Self:
        """The bar is on the screen."""
        return self

    def __exit__(self, *_: object) -> None:
        """It is removed."""
        if self._bar is not None:
            self._bar.close()

    def done(self, duration_s: float | None) -> None:
        """Count a recording.

        Args:
            duration_s: Its length in seconds; `None` if it was done before.
        """
        self._audio_s += duration_s or 0.0
        if self._bar is None:
            return
        if duration_s is None:  # it says nothing of the speed
            self._bar.initial += 1
        speed = self._audio_s / max(time.monotonic() - self._start_s, 1e-9)
        self._bar.set_postfix_str(f"{self._audio_s / 3600:.2f} h, {speed:.0f} times real time", refresh=False)
        self._bar.update()

    def say(self, line: str) -> None:
        """Print a line on the error output."""
        self.around(lambda: print(line, file=sys.stderr, flush=True))

    def around(self, show: Callable[[], None]) -> None:
        """Call a function that prints, with the bar out of its way."""
        if self._bar is None:
            show()
            return
        self._bar.clear()
        show()
        self._bar.refresh()
