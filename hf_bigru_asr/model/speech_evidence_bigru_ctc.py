"""Letters that the network hardly prefers to the blank are no speech, and a language model must make no words of them.

In music or noise the network now and then marks a letter that is little likelier than the blank. In speech every
letter is far likelier, and there are many of them in a second.
"""

import numpy as np

from .ctc_output_bigru_ctc import CTCSymbols, FrameArray

__all__ = ["without_weak_letters"]

GROUP_PAUSE_S = 1.0
"""Letters further apart belong to different groups."""
MARGIN_S = 0.5
"""Added to the duration of a group, so that a single letter has little evidence; and kept on its both sides."""
_IMPOSSIBLE = np.float32(-1e4)


def without_weak_letters(
    log_probs: FrameArray, symbols: CTCSymbols, frame_s: float, min_evidence: float
) -> FrameArray:
    """Log-probabilities with nothing but blanks around groups of letters that are speech.

    The evidence of a group is the sum over its frames of the logarithm by which the best letter is likelier than the
    blank, for every second of the group and its margin.

    Args:
        log_probs: `(frames, classes)`.
        symbols: The symbols of the classes.
        frame_s: Seconds per frame.
        min_evidence: Lowest evidence of speech in nats per second; 0 keeps everything.

    Returns:
        `(frames, classes)`; `log_probs` itself if nothing is taken out.
    """
    if min_evidence <= 0:
        return log_probs
    best = log_probs.argmax(-1)
    letters = np.flatnonzero((best != symbols.blank) & (best != symbols.delimiter))
    margin = round(MARGIN_S / frame_s)
    keeps = np.zeros(len(log_probs), dtype=bool)
    for group in np.split(letters, np.flatnonzero(np.diff(letters) * frame_s > GROUP_PAUSE_S) + 1):
        if len(group) == 0:
            continue
        evidence = float((log_probs[group, best[group]] - log_probs[group, symbols.blank]).sum())
        first, last = int(group[0]), int(group[-1])
        if evidence >= min_evidence * ((last + 1 - first) * frame_s + MARGIN_S):
            keeps[max(first - margin, 0) : last + 1 + margin] = True
    if keeps.all():
        return log_probs
    kept = log_probs.copy()
    kept[~keeps] = _IMPOSSIBLE
    kept[~keeps, symbols.blank] = 0.0
    return kept
