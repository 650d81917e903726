"""Posteriors of words among found paths."""

import numpy as np
import pytest

from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.model.found_path_bigru_ctc import FoundPath, FoundWords

SYMBOLS = CTCSymbols(("", "|", *"ACHT"), blank=0, delimiter=1)


def path(text: str) -> FoundPath:
    """A path of which every character is a frame; a dot is a blank."""
    classes = [0 if char == "." else SYMBOLS.symbols.index(char) for char in text]
    return FoundPath([], 0.0, np.array(classes, dtype=np.int64))


def test_words_of_a_path() -> None:
    found = FoundWords.of([path(".CC.A.T|||HATT|"), path("C.AAT.|.A.A....")], SYMBOLS)
    assert found.paths.tolist() == [0, 0, 1, 1]
    assert found.firsts.tolist() == [1, 10, 0, 8]
    assert found.lasts.tolist() == [6, 12, 4, 10]
    assert found.codes[0] == found.codes[2]
    assert len(set(found.codes.tolist())) == 3


def test_letters_and_their_order_make_a_word() -> None:
    texts = ["AT", "TA", "A.A", "AA", "CAT", "ACT", "TAC", "A", "HAT", "THAT"]
    found = FoundWords.of([path(text.ljust(6, ".")) for text in texts], SYMBOLS)
    assert len(set(found.codes.tolist())) == len(texts) - 1  # AA is A on two frames


def test_posteriors() -> None:
    paths = [path("C.A.T|.|.H.A.T|"), path(".......|.HAT|CAT"[:15]), path("CAT|CAT|......."[:15])]
    alternatives = FoundWords.of(paths, SYMBOLS)
    # The second path has CAT at another time; the third has it twice and counts once.
    (first, *rest) = (FoundWords.of([each], SYMBOLS).posteriors(alternatives, [0.5, 0.3, 0.2]) for each in paths)
    assert first == pytest.approx([0.7, 0.8])
    assert rest[1] == pytest.approx([0.7, 0.7])
    # The last of very many hypotheses may have a word that none of those considered has.
    other = FoundWords.of([path("THAT|..........")], SYMBOLS)
    assert other.posteriors(alternatives, [0.5, 0.3, 0.2]) == [0.0]


def test_a_path_without_words_has_no_posteriors() -> None:
    silent = FoundWords.of([path("..|.")], SYMBOLS)
    assert silent.posteriors(FoundWords.of([path("CAT|")], SYMBOLS), [1.0]) == []
    assert FoundWords.of([path("CAT|")], SYMBOLS).posteriors(silent, [1.0]) == [0.0]
