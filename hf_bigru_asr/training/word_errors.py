"""Minimum word error training: the expected word errors of a sampled CTC path, with their gradient.

A path (one class per frame) is sampled from the network's probabilities. For every frame and every other likely class,
the word errors of the path with that class instead are counted. Their differences give the gradient.
"""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein

__all__ = ["count_word_errors", "expected_word_errors", "split_words", "word_error_changes"]

MIN_PROBABILITY = 1e-3
"""Classes less likely than this in a frame are not tried there; they would change the gradient by less."""


def expected_word_errors(
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    labels: torch.Tensor,
    blank_token_id: int,
    word_delimiter_token_id: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One-sample unbiased estimate of the expected word errors of every utterance and of its gradient.

    Classes below `MIN_PROBABILITY` are ignored in the gradient.

    Args:
        log_probs: `(batch, frames, classes)`.
        lengths: `(batch,)` valid frames.
        labels: `(batch, labels)` token ids, padded with negative ones or the blank.
        blank_token_id: Class of the blank.
        word_delimiter_token_id: Class that stands between words.
        temperature: Divides the log-probabilities. The lower it is, the nearer the sampled paths are to the best one.
        generator: Of the sampling; the global one if `None`.

    Returns:
        Word errors, with the gradient, and the number of words of the references; both `(batch,)`.

    Source: A. Graves and N. Jaitly, "Towards end-to-end speech recognition with recurrent neural networks", ICML 2014,
        section 4.
    """
    probabilities = (log_probs / temperature).softmax(-1)
    paths = torch.multinomial(probabilities.detach().flatten(0, 1), 1, generator=generator)[:, 0].cpu().numpy()
    paths = paths.reshape(log_probs.shape[:2])
    given = probabilities.detach().cpu().numpy()
    changes = np.zeros(given.shape, dtype=np.float32)
    errors, num_words = np.zeros((2, len(paths)), dtype=np.float32)
    for row, (length, ids) in enumerate(zip(lengths.tolist(), labels.tolist(), strict=True)):
        reference = [label for label in ids if label >= 0 and label != blank_token_id]
        num_words[row] = len(split_words(reference, word_delimiter_token_id))
        errors[row], changes[row, :length] = word_error_changes(
            paths[row, :length],
            given[row, :length] >= MIN_PROBABILITY,
            reference,
            blank_token_id,
            word_delimiter_token_id,
        )
    surrogate = (probabilities * torch.from_numpy(changes).to(log_probs.device)).sum((1, 2))
    sampled = torch.from_numpy(errors).to(log_probs.device) + surrogate - surrogate.detach()
    return sampled, torch.from_numpy(num_words).to(log_probs.device)


def word_error_changes(
    path: np.ndarray,
    is_tried: np.ndarray,
    reference: list[int],
    blank_token_id: int,
    word_delimiter_token_id: int,
) -> tuple[int, np.ndarray]:
    """Word errors of a path, and their change when one frame has another class.

    Args:
        path: `(frames,)` classes.
        is_tried: `(frames, classes)` bool: which other classes to try.
        reference: Token ids of the reference.
        blank_token_id: Class of the blank.
        word_delimiter_token_id: Class that stands between words.

    Returns:
        Word errors of the path, and `(frames, classes)` differences to them, 0 where no class was tried.
    """
    classes = path.tolist()
    reference_words = split_words(reference, word_delimiter_token_id)
    padded = [blank_token_id, *classes, blank_token_id]
    written = [
        chr(label) if label not in (blank_token_id, before) else ""
        for before, label in zip(padded, classes, strict=False)
    ]
    text = "".join(written)
    # Characters of the text before each frame, at the end, and once more for the padding after the end.
    starts = [*itertools.accumulate(map(len, written), initial=0), len(text)]
    errors = count_word_errors(_words(text, word_delimiter_token_id), reference_words)
    changes = np.zeros(is_tried.shape, dtype=np.float32)
    counted = {text: 0}
    for frame, label in zip(*(indices.tolist() for indices in np.nonzero(is_tried)), strict=True):
        if label == classes[frame]:
            continue
        before, after = padded[frame], padded[frame + 2]
        middle = chr(label) if label not in (blank_token_id, before) else ""
        if after not in (blank_token_id, label):
            middle += chr(after)
        changed = text[: starts[frame]] + middle + text[starts[frame + 2] :]
        if changed not in counted:
            counted[changed] = count_word_errors(_words(changed, word_delimiter_token_id), reference_words) - errors
        changes[frame, label] = counted[changed]
    return errors, changes


def split_words(ids: Iterable[int], word_delimiter_token_id: int) -> list[str]:
    """The words of token ids without blanks; every token is written as one character of its id."""
    return _words("".join(map(chr, ids)), word_delimiter_token_id)


def count_word_errors(hypothesis: Sequence[str], reference: Sequence[str]) -> int:
    """Fewest substitutions, deletions and insertions between two texts, each split into words."""
    return Levenshtein.distance(hypothesis, reference)


def _words(text: str, word_delimiter_token_id: int) -> list[str]:
    return [word for word in text.split(chr(word_delimiter_token_id)) if word]
