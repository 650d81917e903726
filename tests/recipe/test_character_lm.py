"""The n-gram of characters against counts by hand."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.training.mmi import load_character_lm
from recipe.character_lm import bits_per_character, estimate_character_lm, save_character_lm

SENTENCES = ["ABBA BAA", "BAB'A", "A", "ZOO BAA BAA"]
SYMBOLS = " 'ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def probability(character: str, context: str) -> float:
    """By its definition: relative frequencies, averaged with those after a shorter context as of 5 occurrences."""
    counts: Counter[str] = Counter()
    for sentence in SENTENCES:
        padded = f"   {sentence} "
        counts.update(padded[end - len(context) : end + 1] for end in range(3, len(padded)))
    shorter = probability(character, context[1:]) if context else 1 / 28
    total = sum(counts[context + other] for other in SYMBOLS)
    return (counts[context + character] + 5 * shorter) / (total + 5)


@pytest.mark.parametrize("order", [3, 4])
def test_probabilities_are_smoothed_frequencies(order: int) -> None:
    transitions = estimate_character_lm(SENTENCES, BiGRUCTCTokenizer(), order)
    assert transitions.shape == (28 ** (order - 1), 28)
    np.testing.assert_allclose(transitions.sum(-1), 1, atol=1e-6)
    for context in ("   ", "  A", " BA", "BAA", "BB'", "QQQ"):
        row = sum(SYMBOLS.index(symbol) * 28**age for age, symbol in enumerate(reversed(context[4 - order :])))
        expected = [probability(symbol, context[4 - order :]) for symbol in SYMBOLS]
        np.testing.assert_allclose(transitions[row], expected, rtol=1e-5)


def test_bits_are_those_of_the_probabilities() -> None:
    transitions = estimate_character_lm(SENTENCES, BiGRUCTCTokenizer(), 4)
    padded = "   BOA "
    expected = -np.mean([np.log2(probability(padded[end], padded[end - 3 : end])) for end in range(3, 7)])
    assert bits_per_character(transitions, ["BOA"], BiGRUCTCTokenizer()) == pytest.approx(expected, rel=1e-5)


def test_labels_are_the_ids_without_the_blank(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"A": 0, "<pad>": 1, "_": 2, "B": 3}')
    tokenizer = BiGRUCTCTokenizer(str(tmp_path / "vocab.json"), word_delimiter_token="_")
    transitions = estimate_character_lm(["AB"], tokenizer, 3)
    # A, delimiter, B; after two delimiters comes A, after those B, then the delimiter.
    assert transitions.reshape(3, 3, 3)[[1, 1, 0], [1, 0, 2]].argmax(-1).tolist() == [0, 2, 1]


def test_many_sentences_are_counted_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    together = estimate_character_lm(SENTENCES, BiGRUCTCTokenizer(), 3)
    monkeypatch.setattr("recipe.character_lm._SENTENCES_AT_ONCE", 3)
    np.testing.assert_array_equal(estimate_character_lm(iter(SENTENCES), BiGRUCTCTokenizer(), 3), together)


def test_a_file_gives_it_back(tmp_path: Path) -> None:
    transitions = estimate_character_lm(SENTENCES, BiGRUCTCTokenizer(), 3)
    save_character_lm(transitions, tmp_path / "lm.safetensors")
    np.testing.assert_array_equal(load_character_lm(tmp_path / "lm.safetensors", 28), transitions)
    with pytest.raises(ValueError, match=r"is of 28 labels; the model has 31 beside the blank"):
        load_character_lm(tmp_path / "lm.safetensors", 31)
    save_file({"other": transitions}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"build_character_lm\.py writes one"):
        load_character_lm(tmp_path / "other.safetensors", 28)


@pytest.mark.parametrize(
    ("sentences", "order", "message"),
    [([], 4, "There is no text"), (["A"], 5, "order is 5; it must be 3 or 4"), (["A?"], 3, r"'\?' \(U\+003F\)")],
)
def test_bad_input_is_named(sentences: list[str], order: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate_character_lm(sentences, BiGRUCTCTokenizer(), order)
