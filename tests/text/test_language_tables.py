"""How numbers are written in each language."""

import pytest
from num2words import num2words

from hf_bigru_asr.text.language_tables import LANGUAGES

RULES = LANGUAGES["de"]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", "0"),
        ("12", "12"),
        ("1.234", "1234"),
        ("1.234,50", "1234.50"),
        ("0,5", "0.5"),
        ("007", None),
        ("1.23", None),
        ("1,", None),
        ("-1", None),
        ("", None),
    ],
)
def test_a_number_as_germans_write_it(written: str, number: str | None) -> None:
    assert RULES.number(written) == number


def test_narrow_spaces_group_digits_and_keep_positions() -> None:
    assert RULES.join_groups("a 1\u202f234\u202f567 1\u00a023") == "a 1.234.567 1\u00a023"


@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_are_capitals_that_occur_once(language: str) -> None:
    rules = LANGUAGES[language]
    assert len(set(rules.letters)) == len(rules.letters)
    assert rules.letters.upper() == rules.letters
    assert num2words(7, lang=rules.code)
    assert set("".join(rules.words.values())) <= {*rules.letters, " "}
