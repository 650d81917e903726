"""Expected word errors of what the network writes, with their gradient: what a recogniser is judged by, trained for.

The CTC loss asks for the probability of the whole transcript, and spends as much on an utterance that is hopeless as
on one that lacks a single letter. Here a path (a class for every frame) is drawn from the network's probabilities, and
for every frame and every other class that it could have had there the word errors are counted anew: so every frame
learns what it is to blame for.
"""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import torch

try:
    from rapidfuzz.distance import Levenshtein
except ImportError:  # This file travels with models to where only recognition is needed.
    Levenshtein = None  # type: ignore[assignment]

__all__ = ["count_word_errors", "expected_word_errors", "split_words", "word_error_changes"]

# Classes less likely than this in a frame are not tried there: they would move the gradient by less.
MIN_PROBABILITY = 1e-3


def expected_word_errors(
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    labels: torch.Tensor,
    blank_token_id: int,
    word_delimiter_token_id: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Word errors of one path of every utterance, drawn from the network's probabilities.

    Their expectation is the expected number of word errors, and that of their gradient its gradient, but for what
    classes of a probability below `MIN_PROBABILITY` would add.

    Args:
        log_probs: `(batch, frames, classes)`.
        lengths: `(batch,)` valid frames.
        labels: `(batch, labels)` token ids, padded with negative ones or the blank.
        blank_token_id: Class of the blank.
        word_delimiter_token_id: Class that stands between words.
        temperature: What the log-probabilities are divided by; the lower, the nearer are paths to the likeliest one.
        generator: Draws the paths; the global one if `None`.

    Returns:
        The errors, and the words of the transcripts: both `(batch,)`.

    Raises:
        ImportError: Without the package rapidfuzz.

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
    blame = (probabilities * torch.from_numpy(changes).to(log_probs.device)).sum((1, 2))
    drawn = torch.from_numpy(errors).to(log_probs.device) + blame - blame.detach()
    return drawn, torch.from_numpy(num_words).to(log_probs.device)


def word_error_changes(
    path: np.ndarray,
    is_tried: np.ndarray,
    reference: list[int],
    blank_token_id: int,
    word_delimiter_token_id: int,
) -> tuple[int, np.ndarray]:
    """Word errors of a path, and what they change by if one of its frames has another class.

    Args:
        path: `(frames,)` classes.
        is_tried: `(frames, classes)` bool: which other classes to try.
        reference: Token ids of the transcript.
        blank_token_id: Class of the blank.
        word_delimiter_token_id: Class that stands between words.

    Returns:
        The errors of the path, and `(frames, classes)` differences to them, 0 where nothing was tried.
    """
    classes = path.tolist()
    spoken = split_words(reference, word_delimiter_token_id)
    padded = [blank_token_id, *classes, blank_token_id]
    written = [
        chr(label) if label not in (blank_token_id, before) else ""
        for before, label in zip(padded, classes, strict=False)
    ]
    text = "".join(written)
    # How much text there is before each frame, before the end, and before what follows the end.
    starts = [*itertools.accumulate(map(len, written), initial=0), len(text)]
    errors = count_word_errors(_words(text, word_delimiter_token_id), spoken)
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
            counted[changed] = count_word_errors(_words(changed, word_delimiter_token_id), spoken) - errors
        changes[frame, label] = counted[changed]
    return errors, changes


def split_words(ids: Iterable[int], word_delimiter_token_id: int) -> list[str]:
    """The words of token ids without blanks, each token one character, whatever the vocabulary is."""
    return _words("".join(map(chr, ids)), word_delimiter_token_id)


def count_word_errors(written: Sequence[str], spoken: Sequence[str]) -> int:
    """Fewest substitutions, deletions and insertions between two texts, given as [`split_words`] does.

    Raises:
        ImportError: Without the package rapidfuzz.
    """
    if Levenshtein is None:
        raise ImportError("Training for fewer word errors needs the package rapidfuzz: pip install rapidfuzz")
    return Levenshtein.distance(written, spoken)


def _words(text: str, word_delimiter_token_id: int) -> list[str]:
    return [word for word in text.split(chr(word_delimiter_token_id)) if word]
