"""Where a recording has speech that its text lacks."""

import numpy as np

from ..model.ctc_output_bigru_ctc import CTCSymbols, FrameArray, IntArray
from ..model.speech_evidence_bigru_ctc import without_weak_letters

__all__ = ["MIN_LETTERS", "unwritten_speech"]

MIN_LETTERS = 8
"""Letters that the network recognises between two letters of a text, which are hardly chance.

With their own text, 146 utterances of LibriSpeech's validation split have at most 4; the same with noise, on the
telephone or in a room, and 310 of other speech have no more. Where eight words are missing, 96 % have at least 8.
"""
JOINED_S = 1.0
"""Stretches that are nearer are one."""
MIN_EVIDENCE = 10.0
"""Nats per second by which these letters are likelier than the blank: music has letters, too."""


def unwritten_speech(
    log_probs: FrameArray, path: IntArray, symbols: CTCSymbols, frame_s: float
) -> tuple[tuple[float, float], ...]:
    """Stretches in which at least `MIN_LETTERS` letters are recognised, and the text has none.

    Args:
        log_probs: `(frames, classes)`.
        path: Class of every frame on the path of the text `(frames,)`.
        symbols: The symbols of the classes.
        frame_s: Seconds per frame.

    Returns:
        Beginnings and ends in seconds.
    """
    best = without_weak_letters(log_probs, symbols, frame_s, MIN_EVIDENCE).argmax(-1)
    # A letter of the text can be drawn out over others that are heard, so where it begins is what counts.
    heard, written = _begin(best, symbols), _begin(path, symbols)
    heard = heard[path[heard] != best[heard]]
    gaps = np.searchsorted(written, heard, side="right")
    spans: list[tuple[float, float]] = []
    for group in np.split(heard, np.flatnonzero(np.diff(gaps)) + 1):
        if len(group) < MIN_LETTERS:
            continue
        start_s, end_s = round(float(group[0] * frame_s), 3), round(float((group[-1] + 1) * frame_s), 3)
        # Letters of words beside a stretch can lie within it.
        if spans and start_s - spans[-1][1] < JOINED_S:
            start_s = spans.pop()[0]
        spans.append((start_s, end_s))
    return tuple(spans)


def _begin(classes: IntArray, symbols: CTCSymbols) -> IntArray:
    """Frames in which letters begin."""
    is_letter = (classes != symbols.blank) & (classes != symbols.delimiter)
    begin: IntArray = np.flatnonzero(is_letter & (np.diff(classes, prepend=symbols.blank) != 0))
    return begin
