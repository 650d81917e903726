import pytest

from hf_bigru_asr.text.normalization import UnknownCharacterError, normalize_transcript


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/2 1/4 3/4 2/3 5/8", "ONE HALF ONE QUARTER THREE QUARTERS TWO THIRDS FIVE EIGHTHS"),
        ("2 1/2, 1 1/3, 5 1/4, 2-1/2", "TWO AND A HALF ONE AND A THIRD FIVE AND A QUARTER TWO AND A HALF"),
        ("6 1/8", "SIX AND ONE EIGHTH"),
        ("24/7 9/11 50/50", "TWENTY FOUR SEVEN NINE ELEVEN FIFTY FIFTY"),
        ("and/or", "AND OR"),
    ],
)
def test_refusals(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("a@b.org", "'a@b.org' (an e-mail address) at position 0"),
        ("see www.b.example/x.", "'www.b.example/x' (a web address) at position 4"),
        ("on 12/25/2023", "'12/25/2023' (a date in digits: write the month as a word) at position 3"),
        ("10:61 and 5m", "'10:61' (not a time of day) at position 0, '5m' (METERS or MILLION?) at position 10"),
        ("in 2/3 km", "'km' (half of a unit: write the unit as a word) at position 7"),
        ("3-0", "'3-0' (a score: NIL, ZERO or NOTHING?) at position 0"),
        ("3 - 5", "'3 - 5' (a range or a dash?) at position 0"),
        ("Rocky IV", "'Rocky IV' (TWO or THE SECOND? A Roman numeral after a word that no rule knows) at position 0"),
        ("Main St. Peter", "'St.' (SAINT or STREET?) at position 5"),
    ],
)
def test_refused_piece_is_named(text: str, listed: str) -> None:
    with pytest.raises(UnknownCharacterError) as caught:
        normalize_transcript(text)
    assert caught.value.listed == listed
