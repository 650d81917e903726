import random

import pytest

from hf_bigru_asr.text.normalization import normalize_transcript
from hf_bigru_asr.text.written_words import written_words

FRAGMENTS = """
'tis 'hello there' $5 2 million 20 € % - — well-known don't boys' 'n' (a) 1905 1990s '98 3.14 & Mr. "so he" -5 21st 007
° ''x'' '' `a\u00b4 a' 's
""".split()  # noqa: SIM905 - a list of forty strings would hide them


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith, I", [("Dr.", "DR"), ("Smith,", "SMITH"), ("I", "I")]),
        ("paid $5 well-known", [("paid", "PAID"), ("$5", "FIVE DOLLARS"), ("well-known", "WELL KNOWN")]),
        ("over $2 million now", [("over", "OVER"), ("$2 million", "TWO MILLION DOLLARS"), ("now", "NOW")]),
        ("20 € and 5 %.", [("20 €", "TWENTY EUROS"), ("and", "AND"), ("5 %.", "FIVE PER CENT")]),
        ("said 'hello there' twice", [("said", "SAID"), ("'hello", "HELLO"), ("there'", "THERE"), ("twice", "TWICE")]),
        ("'tis the boys' fault", [("'tis", "'TIS"), ("the", "THE"), ("boys'", "BOYS'"), ("fault", "FAULT")]),
        ("— well — yes -", [("— well —", "WELL"), ("yes -", "YES")]),
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
