import pytest

from hf_bigru_asr.text.normalization import normalize_transcript


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Henry VIII, Elizabeth II's", "HENRY THE EIGHTH ELIZABETH THE SECOND'S"),
        ("King Charles I was", "KING CHARLES THE FIRST WAS"),
        ("Elizabeth I.", "ELIZABETH THE FIRST"),
        ("he told Mary I would", "HE TOLD MARY I WOULD"),
        ("World War I was, World War II", "WORLD WAR ONE WAS WORLD WAR TWO"),
        ("Super Bowl LVIII, Chapter XIV, Part I.", "SUPER BOWL FIFTY EIGHT CHAPTER FOURTEEN PART ONE"),
        ("Malcolm X, Vitamin C, I", "MALCOLM X VITAMIN C I"),
        ("an IV drip", "AN IV DRIP"),
        ("Type II", "TYPE TWO"),
        ("Grade II-listed, Vol. II", "GRADE TWO LISTED VOLUME TWO"),
        ("Type I diabetes, Part I like, Mark I said", "TYPE ONE DIABETES PART I LIKE MARK I SAID"),
    ],
)
def test_roman(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected
