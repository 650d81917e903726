import itertools
import math
import re

import pytest

from hf_bigru_asr.model.hotwords_bigru_ctc import HotwordPhrases, PhraseState


def earned(phrases: HotwordPhrases, words: tuple[str, ...]) -> float:
    total, state = 0.0, phrases.start
    for word in words:
        state, gain = phrases.advance(state, word)
        total += gain
    return total + phrases.finish(state)


def complete_phrases(hotwords: dict[str, float], words: tuple[str, ...]) -> float:
    """What the phrases are worth that stand in `words`, the longest one first at every place, from left to right."""
    total, position = 0.0, 0
    while position < len(words):
        lengths = [len(p.split()) for p in hotwords if words[position : position + len(p.split())] == tuple(p.split())]
        length = max(lengths, default=0)
        total += length and length * hotwords[" ".join(words[position : position + length])]
        position += max(length, 1)
    return total


@pytest.mark.parametrize(
    "hotwords",
    [
        {"A": 2.0},
        {"A B": 1.0, "B": 0.5},
        {"A B C": 1.5, "B": 2.0, "B D": 3.0},
        {"A B": 1.0, "A B C D": 4.0, "C": 0.25},
        {"A A": 1.0, "A B A": 2.0},
        {"B C": -2.0, "A": 1.0},
        {},
    ],
    ids=str,
)
def test_a_hypothesis_earns_what_the_complete_phrases_in_it_are_worth(hotwords: dict[str, float]) -> None:
    phrases = HotwordPhrases(hotwords)
    for length in range(6):
        for words in itertools.product("ABCD", repeat=length):
            assert earned(phrases, words) == pytest.approx(complete_phrases(hotwords, words)), words


def test_a_phrase_earns_with_its_first_word() -> None:
    phrases = HotwordPhrases({"MOBY DICK": 3.0})
    state, gain = phrases.advance(phrases.start, "MOBY")
    assert gain == 3.0
    assert state == PhraseState(matched=("MOBY",), provisional=("MOBY",))
    assert phrases.advance(state, "SAID") == (phrases.start, -3.0)
    assert phrases.advance(state, "DICK") == (PhraseState(matched=("MOBY", "DICK")), 3.0)


def test_hotwords_are_written_in_any_case() -> None:
    assert HotwordPhrases({"Moby Dick o'clock": 1.0}).words == {"MOBY", "DICK", "O'CLOCK"}


@pytest.mark.parametrize("phrase", ["", "  ", "'", "A ' B", "Apollo 11", "Да", "end."])
def test_what_is_no_word_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match=f"A hotword is {re.escape(repr(phrase))}; give words of the letters A to Z"):
        HotwordPhrases({phrase: 1.0})


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_a_weight_that_is_no_number_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight of the hotword 'A' is"):
        HotwordPhrases({"A": weight})
