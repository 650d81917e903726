import pytest

from hf_bigru_asr.text.numbers import cardinal, fraction, ordinal, plural, two_digits, year


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (cardinal("101"), "one hundred and one"),
        (cardinal("007"), "zero zero seven"),
        (cardinal("2.50"), "two point five zero"),
        (year(1905), "nineteen oh five"),
        (year(1900), "nineteen hundred"),
        (ordinal("twenty two"), "twenty second"),
        (plural("nineteen ninety"), "nineteen nineties"),
        (two_digits("05"), "oh five"),
        (two_digits("30"), "thirty"),
        (fraction(1, 2), "one half"),
        (fraction(3, 4), "three quarters"),
        (fraction(5, 8), "five eighths"),
    ],
)
def test_words(got: str, expected: str) -> None:
    assert got == expected
