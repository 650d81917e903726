"""A character n-gram for the denominator of LF-MMI training (`mmi_weight`)."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from hf_bigru_asr.storage.writing import whole_file
from hf_bigru_asr.training.mmi import TRANSITIONS_NAME

if TYPE_CHECKING:
    from hf_bigru_asr.model.tokenization_bigru_ctc import BiGRUCTCTokenizer

__all__ = ["bits_per_character", "estimate_character_lm", "save_character_lm"]

Transitions = npt.NDArray[np.float32]
"""`(labels ** (order - 1), labels)`: the probability of a label after the last `order - 1` labels. They are the digits
of the row's number in base `labels`, the latest last. Labels are the tokenizer's ids in order without the blank."""

# Pseudo-count of the distribution after the context that is one character shorter.
_PRIOR_COUNT = 5.0
_SENTENCES_AT_ONCE = 10_000


def estimate_character_lm(sentences: Iterable[str], tokenizer: "BiGRUCTCTokenizer", order: int = 3) -> Transitions:
    """Estimate the probability of every label of a tokenizer after every context.

    A sentence begins after word delimiters and ends with one. The counts after a context are smoothed with the
    distribution after the context without its oldest label, as 5 pseudo-counts.

    Args:
        sentences: Text in the characters of the tokenizer.
        tokenizer: Tokenizer of the model.
        order: Length of the n-grams, 3 or 4.

    Returns:
        `(labels ** (order - 1), labels)`; every row sums to 1.

    Raises:
        ValueError: If the order is another, there is no text, or a character is not one of the tokenizer's.
    """
    if order not in (3, 4):
        raise ValueError(f"order is {order}; it must be 3 or 4.")
    labels = tokenizer.vocab_size - 1
    counts = [np.zeros(labels**length, dtype=np.int64) for length in range(1, order + 1)]
    for known, is_counted in _label_stream(sentences, tokenizer, order):
        ends = np.flatnonzero(is_counted)
        number = np.zeros(len(ends), dtype=np.int64)
        for length, found in enumerate(counts, start=1):
            number += known[ends - length + 1] * labels ** (length - 1)
            found += np.bincount(number, minlength=labels**length)
    if not counts[0].any():
        raise ValueError("There is no text; give at least one sentence.")
    smoothed = np.full((1, labels), 1 / labels)
    for found in counts:
        rows = found.reshape(-1, labels)
        shorter = np.tile(smoothed, (len(rows) // len(smoothed), 1))
        smoothed = (rows + _PRIOR_COUNT * shorter) / (rows.sum(-1, keepdims=True) + _PRIOR_COUNT)
    return smoothed.astype(np.float32)


def bits_per_character(transitions: Transitions, sentences: Iterable[str], tokenizer: "BiGRUCTCTokenizer") -> float:
    """Return the cross entropy of an n-gram on text.

    Args:
        transitions: `(labels ** (order - 1), labels)` from [`estimate_character_lm`].
        sentences: At least one, in the characters of the tokenizer.
        tokenizer: Tokenizer with which the n-gram was estimated.

    Returns:
        Bits per character; the delimiter after each sentence counts as one.

    Raises:
        ValueError: If a character is not one of the tokenizer's.
    """
    states, labels = transitions.shape
    order = 1 + round(np.log(states) / np.log(labels))
    bits, num_characters = 0.0, 0
    for known, is_counted in _label_stream(sentences, tokenizer, order):
        ends = np.flatnonzero(is_counted)
        context = sum(known[ends - age] * labels ** (age - 1) for age in range(1, order))
        bits -= float(np.log2(transitions[context, known[ends]]).sum())
        num_characters += len(ends)
    return bits / num_characters


def save_character_lm(transitions: Transitions, path: str | Path) -> None:
    """Write `(labels ** (order - 1), labels)` probabilities to a safetensors file."""
    with whole_file(path) as staging:
        save_file({TRANSITIONS_NAME: np.ascontiguousarray(transitions)}, staging)


def _label_stream(
    sentences: Iterable[str], tokenizer: "BiGRUCTCTokenizer", order: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Yield the labels of many sentences at once. `False` marks the `order - 1` delimiters of context before each."""
    blank = tokenizer.pad_token_id
    # A character that has no id yet gets it from the tokenizer, which refuses what it does not know.
    label_of: dict[str, int] = {}
    padding = " " * (order - 1)
    remaining = iter(sentences)
    while group := list(islice(remaining, _SENTENCES_AT_ONCE)):
        text = "".join(f"{padding}{sentence} " for sentence in group)
        for character in sorted(set(text) - label_of.keys()):
            (token_id,) = tokenizer(character).input_ids
            label_of[character] = token_id - (token_id > blank)
        is_counted = np.concatenate([np.arange(len(s) + order) >= order - 1 for s in group])
        yield np.fromiter(map(label_of.__getitem__, text), dtype=np.int64, count=len(text)), is_counted
