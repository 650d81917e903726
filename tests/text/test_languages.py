"""Transcripts of other languages: every character is written, or refused by name."""

import pickle

import pytest
from num2words import num2words

from hf_bigru_asr.text.languages import (
    Normalizer,
    UncoveredTextError,
    language_names,
    normalize_text,
    standard_letters,
)
from hf_bigru_asr.text.normalization import ALPHABET, normalize_transcript

CASES = {
    "German": ("de", "„Größe“ \u2013 geht's um 3,5 %?", "GRÖẞE GEHT'S UM DREI KOMMA FÜNF PROZENT"),
    "decomposed": ("de", "A\u0308pfel", "ÄPFEL"),
    "quoted": ("de", "'Hallo', sagte er.", "HALLO SAGTE ER"),
    "at the end": ("de", "Es waren 3.", "ES WAREN DREI"),
    "soft hyphen": ("de", "Stra\u00adße", "STRAẞE"),
    "French": ("fr", "L\u2019été : 71 œufs !", "L'ÉTÉ SOIXANTE ET ONZE ŒUFS"),
    "Russian": ("ru", "Ещё 21 слово.", "ЕЩЁ ДВАДЦАТЬ ОДИН СЛОВО"),
    "Spanish": ("es", "¿16 años?", "DIECISÉIS AÑOS"),
    "as it is": ("none", " Hallo\n 1\u00a0Welt! ", "Hallo 1 Welt!"),
}


@pytest.mark.parametrize(("language", "text", "expected"), CASES.values(), ids=CASES)
def test_a_text_is_written_by_the_rules_of_its_language(language: str, text: str, expected: str) -> None:
    assert normalize_text(text, language) == expected
    assert normalize_text(expected, language) == expected


@pytest.mark.parametrize("written", ["1.234.567", "1\u202f234\u202f567", "1234567"])
def test_digits_in_groups_are_one_number(written: str) -> None:
    expected = num2words(1234567, lang="de").upper().replace("SS", "ẞ")
    assert normalize_text(f"{written} Euro", "de") == f"{expected} EURO"


REFUSED = {
    "plain spaces": ("fr", "1 234 567 mots", "'1 234 567' (one number, or several) at position 0"),
    "ordinal": ("de", "am 3. Mai", "'3.' (an ordinal, or a number at the end of a sentence) at position 3"),
    "clock": ("de", "um 10:30 Uhr", "'10:30' (digits that are spoken in more than one way) at position 3"),
    "in a word": ("fr", "le 2e", "'2e' (digits that are spoken in more than one way) at position 3"),
    "long": ("de", "1" * 16, "more than 15 digits"),
    "other group": ("de", "1,234.5", "'1,234.5'"),
    "symbol": ("de", "so ☃", "'☃' (U+2603 SNOWMAN) at position 3"),
    "loose accent": ("ru", "Щу\u0301к", "(U+0301 COMBINING ACUTE ACCENT) at position 2"),
    "invisible": ("none", "a\u200bb", "(U+200B ZERO WIDTH SPACE) at position 1"),
}


@pytest.mark.parametrize(("language", "text", "named"), REFUSED.values(), ids=REFUSED)
def test_what_no_rule_covers_is_named(language: str, text: str, named: str) -> None:
    with pytest.raises(UncoveredTextError) as refused:
        normalize_text(text, language)
    assert named in str(refused.value)
    assert named in str(pickle.loads(pickle.dumps(refused.value)))


def test_letters_outside_the_alphabet_never_fall_away() -> None:
    normalize = Normalizer("de", frozenset(standard_letters("de")))
    assert normalize("süß") == "SÜẞ"
    with pytest.raises(UncoveredTextError, match=r"'é' \(U\+00E9"):
        normalize("Café")
    assert normalize("Café Müller", on_unknown="remove") == "CAF MÜLLER"
    assert normalize_text("12 Äpfel", "de", [*standard_letters("de"), *"0123456789"]) == "12 ÄPFEL"


def test_english_rules_leave_added_letters_alone() -> None:
    assert normalize_text("Café, 5", "en", set(ALPHABET)) == normalize_transcript("Café, 5") == "CAFE FIVE"
    assert normalize_text("Café äpfel, 5 + 1", "en", {*ALPHABET, "É", "Ä", "1"}) == "CAFÉ ÄPFEL FIVE PLUS 1"


@pytest.mark.parametrize("language", [name for name in language_names() if name not in ("en", "none")])
def test_the_letters_of_a_language_have_all_its_numbers(language: str) -> None:
    alphabet = frozenset(standard_letters(language))
    for number in (*range(0, 130, 3), 200, 1000, 2_000_001):
        assert normalize_text(f"{number} %", language, alphabet)


def test_unknown_names_and_values_are_refused() -> None:
    with pytest.raises(ValueError, match="language is 'xx'; there are rules for en, de"):
        Normalizer("xx")
    with pytest.raises(ValueError, match="on_unknown is 'drop'"):
        normalize_text("a", "de", on_unknown="drop")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="text is a int"):
        normalize_text(3, "de")  # type: ignore[arg-type]
