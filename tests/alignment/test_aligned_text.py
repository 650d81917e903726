"""Texts aligned without torch."""

from collections.abc import Callable

import numpy as np
import pytest

from hf_bigru_asr.alignment.aligned_text import SpokenText
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols

SYMBOLS = CTCSymbols(("<pad>", "|", *"GOWEL2"), 0, 1)


def log_probs_of(text: str) -> np.ndarray:
    """A frame for every character, `.` being a blank, with a probability of 0.9."""
    ids = [0 if char == "." else SYMBOLS.characters.index(char) for char in text]
    probabilities = np.full((len(ids), len(SYMBOLS)), 0.1 / (len(SYMBOLS) - 1), dtype=np.float32)
    probabilities[range(len(ids)), ids] = 0.9
    return np.log(probabilities)


def test_words_have_their_times_and_spelling() -> None:
    alignment = SpokenText.of("Go, well!").align(log_probs_of("..GO.. .WEL.L.."), SYMBOLS, 0.1)
    assert [(word.text, word.normalized) for word in alignment.words] == [("Go,", "GO"), ("well!", "WELL")]
    assert [round(word.end_s, 2) for word in alignment.words] == [0.65, 1.38]
    assert (round(alignment.duration_s, 2), alignment.score) == (1.5, pytest.approx(1.0))
    assert alignment.is_as_written


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ("GO WEL.L", []),
        ("GO..2.2.2.2.2.2.2.2 WEL.L", [(0.4, 1.9)]),
        ("GO..2.2.2.2.2.2.2 WEL.L", []),
        ("2.2 2.2.2 2.2.2.2 GO WEL.L", [(0.0, 1.7)]),
        ("GO WEL.L..2.22.22.2..2.2.2.2", [(1.0, 2.8)]),
        ("2.2.2.2.2.2.2.2.2.2 GO 2.2.2.2.2.2.2.2.2.2 WEL.L", [(0.0, 4.2)]),
        ("2.2.2.2.2 GO WEL.L.2.2.2.2.2", []),
        ("2.2.2.2.2.2.2.2.2 GO WEL.L 2.2.2.2.2.2.2.2", [(0.0, 1.7), (2.7, 4.2)]),
    ],
    ids=["none", "between", "too short", "before", "after", "near each other", "too short each", "both"],
)
def test_speech_that_is_not_in_the_text(frames: str, expected: list[tuple[float, float]]) -> None:
    alignment = SpokenText.of("Go well!").align(log_probs_of(frames), SYMBOLS, 0.1)
    assert len(alignment.unwritten) == len(expected)
    for found, span in zip(alignment.unwritten, expected, strict=True):
        # The first letter of the text may be drawn out over one that is spoken before it.
        assert found == pytest.approx(span, abs=0.21)


def test_letters_that_are_hardly_likelier_than_the_blank_are_no_speech() -> None:
    frames = log_probs_of("GO WEL.L" + 11 * "." + "GOGOGOGOGO")
    assert len(SpokenText.of("Go well").align(frames, SYMBOLS, 0.1).unwritten) == 1
    frames[-10:, SYMBOLS.blank] = frames[-10:].max(-1) - 0.1
    assert SpokenText.of("Go well").align(frames, SYMBOLS, 0.1).unwritten == ()


def test_a_part_of_a_text() -> None:
    text = SpokenText.of("Go well, go!")
    assert [word.text for word in text.part(1, 3).words] == ["well,", "go!"]
    assert text.part(0, 3) == text


def test_a_text_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="in which nothing is said"):
        SpokenText.of("...")


def test_neither_torch_nor_transformers_is_imported(run_in_child: Callable[..., str]) -> None:
    code = """
import sys
for name in ("torch", "torchaudio", "transformers"):
    sys.modules[name] = None
from hf_bigru_asr.alignment import matching
from hf_bigru_asr.alignment.formats import as_transcript
from hf_bigru_asr.cli import align, light_recognition
print(matching.SpokenText.of("it's").words[0].normalized)
"""
    assert run_in_child(code) == "IT'S\n"


def test_words_of_another_language_keep_their_letters() -> None:
    symbols = CTCSymbols(("<pad>", "|", *"ADEFNRSTÜẞ"), 0, 1, language="de")
    text = SpokenText.of("\u201eSüß\u201c \u2013 Füße, 5 1.", "remove", symbols)
    assert [(word.text, word.normalized) for word in text.words][:2] == [("\u201eSüß\u201c", "SÜẞ"), ("Füße,", "FÜẞE")]
    with pytest.raises(ValueError, match=r"'ä' \(U\+00E4"):
        SpokenText.of("Bär", tokenizer=CTCSymbols(("<pad>", "|", *"BR"), 0, 1, language="de"))
