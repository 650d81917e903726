import random

import pytest
from repository import REPOSITORY

from hf_bigru_asr.text.normalization import normalize_transcript
from hf_bigru_asr.text.written_words import written_words

FRAGMENTS = """
'tis 'hello there' $5 2 million 20 € % - — well-known don't boys' 'n' (a) 1905 1990s '98 3.14 & Mr. "so he" -5 21st 007
10:00 March VIII Henry km St. 3-1 1-2 lost a No. etc. \u202f000 1/2 am p.m. $2-3 1980's ° ''x'' '' `a\u00b4 a' 's
""".split()  # noqa: SIM905 - a list of forty strings would hide them


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith, I", [("Dr.", "DOCTOR"), ("Smith,", "SMITH"), ("I", "I")]),
        ("paid $5 well-known", [("paid", "PAID"), ("$5", "FIVE DOLLARS"), ("well-known", "WELL KNOWN")]),
        ("over $2 million now", [("over", "OVER"), ("$2 million", "TWO MILLION DOLLARS"), ("now", "NOW")]),
        ("20 € and 5 %.", [("20 €", "TWENTY EUROS"), ("and", "AND"), ("5 %.", "FIVE PER CENT")]),
        ("said 'hello there' twice", [("said", "SAID"), ("'hello", "HELLO"), ("there'", "THERE"), ("twice", "TWICE")]),
        ("'tis the boys' fault", [("'tis", "'TIS"), ("the", "THE"), ("boys'", "BOYS'"), ("fault", "FAULT")]),
        ("— well — yes -", [("— well —", "WELL"), ("yes -", "YES")]),
        ("a $2-3 million loss", [("a $2-3 million", "A TWO TO THREE MILLION DOLLAR"), ("loss", "LOSS")]),
        ("some $2-3 million", [("some", "SOME"), ("$2-3 million", "TWO TO THREE MILLION DOLLARS")]),
        (
            "1\u202f000\u202f000 or 1 000 000",
            [("1\u202f000\u202f000", "ONE MILLION"), ("or", "OR"), ("1 000 000", "ONE MILLION")],
        ),
        ("\ufeff3 March 2024,", [("\ufeff3 March", "THE THIRD OF MARCH"), ("2024,", "TWENTY TWENTY FOUR")]),
        ("at 10:00 St. Ann", [("at", "AT"), ("10:00", "TEN O'CLOCK"), ("St. Ann", "SAINT ANN")]),
        ("Elm St. is", [("Elm St.", "ELM STREET"), ("is", "IS")]),
        ("lost 1-2 there", [("lost 1-2", "LOST ONE TWO"), ("there", "THERE")]),
        ("Henry VIII of", [("Henry VIII", "HENRY THE EIGHTH"), ("of", "OF")]),
        ("20 $5", [("20", "TWENTY"), ("$5", "FIVE DOLLARS")]),
        ("a\n\tb\u00a0c", [("a", "A"), ("b", "B"), ("c", "C")]),
        ("", []),
        ("...", []),
    ],
)
def test_words(text: str, expected: list[tuple[str, str]]) -> None:
    words = written_words(text)

    assert words is not None
    assert [(word.text, word.normalized) for word in words] == expected


def test_nothing_is_lost_and_nothing_is_added() -> None:
    generator = random.Random(0)
    num_texts = 0
    for _ in range(1000):
        text = " ".join(generator.choices(FRAGMENTS, k=generator.randint(1, 9)))
        try:
            normalized = normalize_transcript(text)
        except ValueError:  # such as "%" after a word
            continue
        num_texts += bool(normalized)
        words = written_words(text)
        assert words is not None, text
        assert " ".join(word.normalized for word in words) == normalized
        assert not normalized or " ".join(word.text for word in words) == text
    assert num_texts > 500


def test_unknown_characters() -> None:
    with pytest.raises(ValueError, match=r"CYRILLIC SMALL LETTER A"):
        written_words("hello \u0430")
    removed = written_words("so # hello", on_unknown="remove")
    assert removed is not None
    assert [word.text for word in removed] == ["so #", "hello"]


def test_text_that_cannot_be_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_bigru_asr.text.written_words._MAX_TOGETHER", 1)
    assert written_words("over $2 million now") is None


def test_every_word_of_newspaper_english_keeps_its_spelling() -> None:
    lines = (REPOSITORY / "tests" / "data" / "newspaper.tsv").read_text(encoding="utf-8").splitlines()
    for text, expected in (line.split("\t") for line in lines):
        words = written_words(text)
        assert words is not None, text
        assert " ".join(word.normalized for word in words) == expected
        assert "".join("".join(word.text for word in words).split()) == "".join(text.split())
        assert max(len(word.text.split()) for word in words) <= 4, words
