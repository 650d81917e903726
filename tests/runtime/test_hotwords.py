"""Hotwords as people write them."""

import pytest

from hf_bigru_asr.model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from hf_bigru_asr.runtime.hotwords import parse_hotwords


@pytest.mark.parametrize(
    ("entry", "phrase", "weight"),
    [
        ("Apollo 11", "APOLLO ELEVEN", DEFAULT_HOTWORD_WEIGHT),
        ("Queequeg:9.5", "QUEEQUEG", 9.5),
        ("uh:-2.5", "UH", -2.5),
        ("Apollo 11:8", "APOLLO ELEVEN", 8.0),
        ("Boeing 747:10", "BOEING SEVEN HUNDRED AND FORTY SEVEN", 10.0),
        # A clock time, and what comes after a colon and a space, belongs to the phrase.
        ("10:30", "TEN THIRTY", DEFAULT_HOTWORD_WEIGHT),
        ("the 3:30", "THE THREE THIRTY", DEFAULT_HOTWORD_WEIGHT),
        ("3:30:8", "THREE THIRTY", 8.0),
        ("3:30:45", "THREE THIRTY", 45.0),
        ("10:75", "TEN", 75.0),
        ("Mission: Impossible", "MISSION IMPOSSIBLE", DEFAULT_HOTWORD_WEIGHT),
        ("Star Trek: Picard", "STAR TREK PICARD", DEFAULT_HOTWORD_WEIGHT),
        ("Star Trek: Picard:7", "STAR TREK PICARD", 7.0),
        ("Blade Runner: 2049 cut", "BLADE RUNNER TWENTY FORTY NINE CUT", DEFAULT_HOTWORD_WEIGHT),
        ("Space: 1999", "SPACE NINETEEN NINETY NINE", DEFAULT_HOTWORD_WEIGHT),
        ("at 10:30 sharp", "AT TEN THIRTY SHARP", DEFAULT_HOTWORD_WEIGHT),
        ("John 3:16 says", "JOHN THREE SIXTEEN SAYS", DEFAULT_HOTWORD_WEIGHT),
        ("Pequod:", "PEQUOD", DEFAULT_HOTWORD_WEIGHT),
    ],
)
def test_a_hotword_and_its_weight(entry: str, phrase: str, weight: float) -> None:
    assert parse_hotwords(["Ahab:3", entry]) == {"AHAB": 3.0, phrase: weight}


def test_hotwords_that_cannot_be_used_are_named() -> None:
    with pytest.raises(
        ValueError,
        match=r"The hotword 'C#:8' cannot be spelled: '#' \(U\+0023 NUMBER SIGN\) at position 1; write it as words",
    ):
        parse_hotwords(["C#:8"])
    for entry in ("", ":8", "..."):
        with pytest.raises(ValueError, match=f"The hotword '{entry}' has no words; give a phrase"):
            parse_hotwords([entry])


@pytest.mark.parametrize("weight", ["abc", "nan", "9,5", "9 5", "1e3", "8x", "8.5.5"])
def test_a_weight_that_is_no_number_is_no_part_of_the_phrase(weight: str) -> None:
    message = rf"The weight of the hotword 'Queequeg' is '{weight}', which is no number; write Queequeg:8 for example"
    with pytest.raises(ValueError, match=message):
        parse_hotwords([f"Queequeg:{weight}"])


def test_a_title_without_a_space_after_its_colon_learns_how_to_be_written() -> None:
    with pytest.raises(ValueError, match="or a space after the colon if 'Picard' is spoken"):
        parse_hotwords(["Star Trek:Picard"])
