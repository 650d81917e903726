"""Letters without evidence, against evidence that is added up by hand."""

import numpy as np
import pytest

from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.model.speech_evidence_bigru_ctc import without_weak_letters

FRAME_S = 0.1
SYMBOLS = CTCSymbols(("<pad>", "|", "A", "B"), 0, 1)
BLANK, LETTER = [0.7, 0.1, 0.1, 0.1], [0.04, 0.02, 0.9, 0.04]
GAIN = np.log(0.9 / 0.04)
"""Nats by which the letter is likelier than the blank."""


def frames(pattern: str) -> np.ndarray:
    """A frame for every character: `A` marks the letter, a dot the blank."""
    return np.log([LETTER if char == "A" else BLANK for char in pattern]).astype(np.float32)


def kept(pattern: str, min_evidence: float) -> str:
    """The pattern with a hash for every frame that has become a sure blank."""
    found = without_weak_letters(frames(pattern), SYMBOLS, FRAME_S, min_evidence)
    sure = np.exp(found[:, 0]) == 1.0
    assert (np.exp(found[sure, 1:]) == 0.0).all()
    np.testing.assert_array_equal(found[~sure], frames(pattern)[~sure])
    return "".join("#" if is_sure else char for is_sure, char in zip(sure, pattern, strict=True))


@pytest.mark.parametrize(
    ("pattern", "size_s", "letters"),
    [("AAA.AAA", 0.7 + 0.5, 6), ("A", 0.1 + 0.5, 1), ("A.........A", 1.1 + 0.5, 2)],
    ids=["dense", "one", "a second apart"],
)
def test_evidence_is_that_of_a_second(pattern: str, size_s: float, letters: int) -> None:
    evidence = letters * GAIN / size_s
    assert kept(pattern, evidence * 0.99) == pattern
    assert set(kept(pattern, evidence * 1.01)) == {"#"}


def test_groups_are_judged_alone_and_keep_half_a_second() -> None:
    pattern = "..........AAAAAAAA.....................A........"
    assert kept(pattern, 8.0) == "#####.....AAAAAAAA.....#########################"


def test_a_pause_of_more_than_a_second_parts_groups() -> None:
    one, two = "AAAAA.........A", "AAAAA..........A"  # letters 1.0 and 1.1 s apart
    limit = 6 * GAIN / (1.5 + 0.5)
    assert kept(one, limit * 0.99) == one
    assert kept(two, limit * 0.99) == "AAAAA.....######"


@pytest.mark.parametrize("pattern", ["", "....", "AA.A"])
def test_nothing_is_taken_out_by_default(pattern: str) -> None:
    given = frames(pattern) if pattern else np.empty((0, 4), dtype=np.float32)
    assert without_weak_letters(given, SYMBOLS, FRAME_S, 0.0) is given


def test_without_letters_all_is_blank() -> None:
    assert kept("....", 5.0) == "####"
