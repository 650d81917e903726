import itertools
import math
import re
import string

import pytest

from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.model.hotwords_bigru_ctc import HotwordPhrases, PhraseState, check_hotwords

ENGLISH = CTCSymbols(("<pad>", "|", "'", *string.ascii_uppercase), 0, 1)
GERMAN = CTCSymbols((*ENGLISH.symbols, *"ÄÖÜẞ"), 0, 1, language="de")
LOWER = CTCSymbols(("<pad>", "|", *"абвгд-7"), 0, 1, do_upper_case=False, language="none")


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
    phrases = HotwordPhrases(hotwords, ENGLISH)
    for length in range(6):
        for words in itertools.product("ABCD", repeat=length):
            assert earned(phrases, words) == pytest.approx(complete_phrases(hotwords, words)), words


def test_a_phrase_earns_with_its_first_word() -> None:
    phrases = HotwordPhrases({"MOBY DICK": 3.0}, ENGLISH)
    state, gain = phrases.advance(phrases.start, "MOBY")
    assert gain == 3.0
    assert state == PhraseState(matched=("MOBY",), provisional=("MOBY",))
    assert phrases.advance(state, "SAID") == (phrases.start, -3.0)
    assert phrases.advance(state, "DICK") == (PhraseState(matched=("MOBY", "DICK")), 3.0)


@pytest.mark.parametrize(
    ("symbols", "phrase", "words"),
    [
        (ENGLISH, "Moby Dick o'clock", {"MOBY", "DICK", "O'CLOCK"}),
        (GERMAN, "Straße über", {"STRAẞE", "ÜBER"}),
        (LOWER, "два-7 баг", {"два-7", "баг"}),  # noqa: RUF001 - Cyrillic, as it should be
    ],
    ids=lambda value: value.language if isinstance(value, CTCSymbols) else "",
)
def test_hotwords_are_words_of_the_model(symbols: CTCSymbols, phrase: str, words: set[str]) -> None:
    assert HotwordPhrases({phrase: 1.0}, symbols).words == words


@pytest.mark.parametrize(
    ("symbols", "phrase"),
    [(ENGLISH, "Apollo 11"), (ENGLISH, "Да"), (ENGLISH, "end."), (GERMAN, "café"), (LOWER, "Да")],
)
def test_other_characters_are_refused(symbols: CTCSymbols, phrase: str) -> None:
    characters = re.escape("".join(char for char in symbols.characters if char.strip()))
    message = f"A hotword is {re.escape(repr(phrase))}; give words of the characters of the model, {characters} "
    with pytest.raises(ValueError, match=message):
        HotwordPhrases({phrase: 1.0}, symbols)


@pytest.mark.parametrize("phrase", ["", "  ", "'", "A ' B"])
def test_what_is_no_word_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match=f"A hotword is {re.escape(repr(phrase))}; give words."):
        check_hotwords({phrase: 1.0})


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_a_weight_that_is_no_number_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight of the hotword 'A' is"):
        check_hotwords({"A": weight})
