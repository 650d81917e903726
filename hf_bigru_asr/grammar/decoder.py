"""Decoding within a grammar, and rejection of what is not in it.

A recording is cut at its pauses. `kaldi-decoder` finds the best path of each utterance in the graph of the grammar.
The probability that the network gives the words of this path decides whether they are accepted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .grammars import Grammar
from .graph import build_graph
from .kaldi import import_kaldi_decoder, import_kaldifst
from .rejection import MIN_CONFIDENCE, confidence

__all__ = ["GrammarDecoder", "GrammarResult"]

FloatArray = npt.NDArray[np.float32]

PAUSE_S = 0.6
"""Seconds without a letter between two utterances."""
MAX_UTTERANCE_S = 30.0
"""Longer utterances are cut at their longest pause, which bounds memory and time."""
MARGIN_S = 0.3
"""Seconds on both sides of an utterance that are decoded with it, at the most."""
BEAMS = ((24.0, 3000), (1000.0, 2000))
"""Beams, in nats, and numbers of states that they keep. The second is tried where no phrase ends in the first."""


@dataclass(frozen=True)
class GrammarResult:
    """An utterance of a recording.

    Args:
        text: The most likely phrase of the grammar, in capitals; empty if none is near.
        start_s: Where its first letter begins.
        end_s: Where its last letter ends.
        confidence: Probability that the network gives the text, per letter, between 0 and 1.
        is_accepted: Whether the confidence suffices. If not, something else was spoken, as far as can be told.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float
    is_accepted: bool


class GrammarDecoder:
    """Finds phrases of a grammar in the log-probabilities of a network. Threads can share it.

    Args:
        grammar: What may be spoken.
        symbols: Text of every class, such as `OnnxRecognizer.symbols`.
        blank_id: Class of the blank.
        frame_s: Seconds from one frame to the next.
        min_confidence: Utterances with less confidence are rejected. The default was fitted to the shipped model.
        pause_s: Seconds without a letter that end an utterance.

    Raises:
        ValueError: If the grammar cannot be used, as [`build_graph`], or a number is out of range.
        ImportError: If the extra `grammar` is not installed.

    Example:
        >>> import numpy as np
        >>> decoder = GrammarDecoder(Grammar.from_phrases(["go", "stop"]), ["", " ", *"GOPST"], frame_s=0.02)
        >>> log_probs = np.full((4, 7), -9.0, dtype=np.float32)
        >>> log_probs[range(4), [0, 2, 3, 0]] = -0.01  # blank, G, O, blank
        >>> [(result.text, result.start_s, result.end_s) for result in decoder(log_probs)]
        [('GO', 0.02, 0.06)]
    """

    def __init__(
        self,
        grammar: Grammar,
        symbols: Sequence[str],
        *,
        blank_id: int = 0,
        frame_s: float,
        min_confidence: float = MIN_CONFIDENCE,
        pause_s: float = PAUSE_S,
    ) -> None:
        if not 0 <= min_confidence <= 1:
            raise ValueError(f"min_confidence is {min_confidence}; it must be between 0 and 1.")
        for name, value in (("frame_s", frame_s), ("pause_s", pause_s)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}; it must be a positive number of seconds.")
        self._kaldi_decoder, self._kaldifst = import_kaldi_decoder(), import_kaldifst()
        self._graph = build_graph(grammar, symbols, blank_id)
        self._class_ids = {symbol: class_id for class_id, symbol in enumerate(symbols) if class_id != blank_id}
        self._blank_id, self._frame_s, self._min_confidence = blank_id, frame_s, min_confidence
        self._is_letter = np.array([bool(symbol.strip()) for symbol in symbols])
        self._is_letter[blank_id] = False
        self._pause_frames, self._margin_frames = round(pause_s / frame_s), round(MARGIN_S / frame_s)
        self._max_frames = round(MAX_UTTERANCE_S / frame_s)

    def __call__(self, log_probs: FloatArray, check: Callable[[], None] = lambda: None) -> list[GrammarResult]:
        """Utterances of a recording, in order, accepted or not; none where the network writes no letter.

        Args:
            log_probs: `(frames, classes)`.
            check: Called before every utterance; what it raises ends the work.

        Raises:
            ValueError: If the array has another shape.
        """
        num_classes = len(self._is_letter)
        if log_probs.ndim != 2 or log_probs.shape[1] != num_classes:
            raise ValueError(
                f"log_probs has the shape {log_probs.shape}; it must be (frames, {num_classes}), a column for a class."
            )
        results = []
        for start, end in self._utterances(log_probs):
            check()
            results.append(self._decode(log_probs, start, end))
        return results

    def _utterances(self, log_probs: FloatArray) -> list[tuple[int, int]]:
        """First frames and ends of what lies between pauses, with margins that do not overlap."""
        letters = np.flatnonzero(self._is_letter[log_probs.argmax(axis=-1)])
        if not len(letters):
            return []
        last = self._last_letters(letters)
        starts, ends = letters[[0, *(each + 1 for each in last)]], letters[[*last, -1]] + 1
        middles = (ends[:-1] + starts[1:]) // 2
        starts = np.maximum(starts - self._margin_frames, [0, *middles])
        ends = np.minimum(ends + self._margin_frames, [*middles, len(log_probs)])
        return list(zip(starts.tolist(), ends.tolist(), strict=True))

    def _last_letters(self, letters: npt.NDArray[np.int64]) -> list[int]:
        """Positions of the last letters of all utterances but the last one, from the frames of all letters."""
        gaps = np.diff(letters)
        last = np.flatnonzero(gaps > self._pause_frames).tolist()
        waiting = list(pairwise([-1, *last, len(letters) - 1]))
        while waiting:
            before, end = waiting.pop()
            length = letters[end] - letters[before + 1]
            if length > self._max_frames:
                # Not near the ends, so that few cuts suffice.
                quarters = letters[before + 1] + length * np.array([1, 3]) / 4
                first, stop = before + 1 + np.searchsorted(letters[before + 1 : end], quarters)
                first = max(first - 1, before + 1)  # the pause that the first quarter ends in
                cut = int(first + gaps[first : max(stop, first + 1)].argmax())
                last.append(cut)
                waiting += [(before, cut), (cut, end)]
        return sorted(last)

    def _decode(self, log_probs: FloatArray, start: int, end: int) -> GrammarResult:
        frames = np.ascontiguousarray(log_probs[start:end], dtype=np.float32)
        classes, text = self._best_path(frames)
        class_ids = [self._class_ids[char] for char in text]
        probability = confidence(frames, class_ids, blank_id=self._blank_id, space_id=self._class_ids[" "])
        letters = start + np.flatnonzero(self._is_letter[classes])
        return GrammarResult(
            text=text,
            start_s=round(float(letters[0]) * self._frame_s, 3),
            end_s=round(float(letters[-1] + 1) * self._frame_s, 3),
            confidence=probability if text else 0.0,
            is_accepted=bool(text) and probability >= self._min_confidence,
        )

    def _best_path(self, frames: FloatArray) -> tuple[npt.NDArray[np.int64], str]:
        """Class of every frame and text of the best phrase; the network's classes and no text if none is near."""
        for beam, max_active in BEAMS:
            options = self._kaldi_decoder.FasterDecoderOptions(beam=beam, max_active=max_active)
            decoder = self._kaldi_decoder.FasterDecoder(self._graph.fst, options)
            decoder.decode(self._kaldi_decoder.DecodableCtc(frames))
            if decoder.reached_final():
                _, lattice = decoder.get_best_path()
                _, labels, outputs, _ = self._kaldifst.get_linear_symbol_sequence(lattice)
                text = "".join(self._graph.outputs[output] for output in outputs).strip()
                return np.array(labels) - 1, text
        return frames.argmax(axis=-1), ""
