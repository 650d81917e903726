import pytest

from hf_bigru_asr.text.normalization import normalize_transcript


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3-1 2-2 50-50", "THREE ONE TWO TWO FIFTY FIFTY"),
        ("ages 3-5", "AGES THREE TO FIVE"),
        ("lost 1-2, a 1-2 defeat", "LOST ONE TWO A ONE TWO DEFEAT"),
        ("4-6, 6-3, 6-7", "FOUR SIX SIX THREE SIX SEVEN"),
        ("pages 3-4, 7-9", "PAGES THREE TO FOUR SEVEN TO NINE"),
        ("4-4-2", "FOUR FOUR TWO"),
        ("1939-45, 2007-08", "NINETEEN THIRTY NINE TO FORTY FIVE TWO THOUSAND AND SEVEN TO OH EIGHT"),
        ("1999-2000", "NINETEEN NINETY NINE TO TWO THOUSAND"),
        (
            "10%-15%, 3rd-5th, 1980s-90s",
            "TEN PER CENT TO FIFTEEN PER CENT THIRD TO FIFTH NINETEEN EIGHTIES TO NINETIES",
        ),
        ("5-10 km and -5 - -10", "FIVE TO TEN KILOMETERS AND MINUS FIVE TO MINUS TEN"),
        ("F-16 covid-19 9-to-5", "F SIXTEEN COVID NINETEEN NINE TO FIVE"),
    ],
)
def test_ranges(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected
