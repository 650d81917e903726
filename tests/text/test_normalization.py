# ruff: noqa: RUF001 - characters that look alike are what is tested here
import os
import random
from pathlib import Path

import pytest
from num2words import num2words
from repository import REPOSITORY

from hf_bigru_asr.text.normalization import ALPHABET, UnknownCharacterError, normalize_transcript

CASES = [
    # letters
    ("", ""),
    ("  hello \t\n World\u00a0again ", "HELLO WORLD AGAIN"),
    ("HELLO", "HELLO"),
    ("café naïve Łódź Straße Æsop Øre İstanbul", "CAFE NAIVE LODZ STRASSE AESOP ORE ISTANBUL"),
    ("cafe\u0301", "CAFE"),
    ("\ufb01ne \uff28\uff29\uff11", "FINE HI ONE"),
    ("\ufeffco\u00adop\u200b", "COOP"),
    # punctuation
    ("Well-known – so to speak — facts", "WELL KNOWN SO TO SPEAK FACTS"),
    ("Yes, no; (maybe): [sure]! Really?! {…} a/b _c_", "YES NO MAYBE SURE REALLY A B C"),
    ('"Stop," „halt“, «arrêt»', "STOP HALT ARRET"),
    ("“Don’t—stop”", "DON'T STOP"),
    ("A & B @ home = 5 + 5, 12°", "A AND B AT HOME EQUALS FIVE PLUS FIVE TWELVE DEGREES"),
    ("the U.S.A. at 7 p.m.", "THE U S A AT SEVEN P M"),
    # apostrophes
    ("don't don’t don‘t donʼt don`t don´t o’clock", "DON'T DON'T DON'T DON'T DON'T DON'T O'CLOCK"),
    ("'Tis the boys' fault, nothin' doin'", "'TIS THE BOYS' FAULT NOTHIN' DOIN'"),
    ("’tis ‘tis give 'em", "'TIS 'TIS GIVE 'EM"),
    ("'hello'", "HELLO"),
    ("he said 'hello there' twice", "HE SAID HELLO THERE TWICE"),
    ("'Hello,' he said, 'it's me.'", "HELLO HE SAID IT'S ME"),
    ("‘Hello,’ he said, ‘it’s me.’", "HELLO HE SAID IT'S ME"),
    ("‘Hello, she began", "HELLO SHE BEGAN"),
    ("''quoted'' ''unfinished, a''b ‘‘c’’", "QUOTED UNFINISHED A B C"),
    ("rock 'n' roll, he said 'rock 'n' roll rules'", "ROCK 'N' ROLL HE SAID ROCK 'N' ROLL RULES"),
    ("' alone ' and ',' too", "ALONE AND TOO"),
    ("'the boys' fault,' he said", "THE BOYS FAULT HE SAID"),  # the limit that the documentation names
    # numbers
    ("0 7 12 40 100 101", "ZERO SEVEN TWELVE FORTY ONE HUNDRED ONE HUNDRED AND ONE"),
    ("1,234", "ONE THOUSAND TWO HUNDRED AND THIRTY FOUR"),
    ("1,000, and 2,000,000.", "ONE THOUSAND AND TWO MILLION"),
    ("007 00", "ZERO ZERO SEVEN ZERO ZERO"),
    ("1234567890123456", "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE ZERO ONE TWO THREE FOUR FIVE SIX"),
    ("1905 2019 2000 2005", "NINETEEN OH FIVE TWENTY NINETEEN TWO THOUSAND TWO THOUSAND AND FIVE"),
    ("1099 2100", "ONE THOUSAND AND NINETY NINE TWO THOUSAND ONE HUNDRED"),
    ("1990s '90s 5s 6s, the '80s' best", "NINETEEN NINETIES NINETIES FIVES SIXES THE EIGHTIES BEST"),
    ("in '98", "IN NINETY EIGHT"),
    ("1990's 90's '90's 1984's", "NINETEEN NINETIES NINETIES NINETIES NINETEEN EIGHTY FOUR'S"),
    ("3.14, .5 and 1,200.05.", "THREE POINT ONE FOUR POINT FIVE AND ONE THOUSAND TWO HUNDRED POINT ZERO FIVE"),
    ("see vol.5", "SEE VOLUME FIVE"),
    ("-5 \u22122.5 pages 3-4 a -b", "MINUS FIVE MINUS TWO POINT FIVE PAGES THREE TO FOUR A B"),
    ("1st 2ND 3rd 20th 21st 112th 2005th", "FIRST SECOND THIRD TWENTIETH TWENTY FIRST ONE HUNDRED AND TWELFTH "
     "TWO THOUSAND AND FIFTH"),
    ("mp3 b2b 10am covid-19", "MP THREE B TWO B TEN AM COVID NINETEEN"),
    ("5'10\" at 10:30", "FIVE TEN AT TEN THIRTY"),
    # percent and currency
    ("5% 99.5 % 1900%", "FIVE PER CENT NINETY NINE POINT FIVE PER CENT ONE THOUSAND NINE HUNDRED PER CENT"),
    ("$1 $2 £1 £3 €1 €2 ¥500 1€ 20 €",
     "ONE DOLLAR TWO DOLLARS ONE POUND THREE POUNDS ONE EURO TWO EUROS FIVE HUNDRED YEN ONE EURO TWENTY EUROS"),
    ("$5.50 $0.99 $1.01 $5.00 £2.01 £.02",
     "FIVE DOLLARS AND FIFTY CENTS NINETY NINE CENTS ONE DOLLAR AND ONE CENT FIVE DOLLARS TWO POUNDS AND ONE PENNY "
     "TWO PENCE"),
    ("1¢ 50¢ $1.5 -$5 $1905",
     "ONE CENT FIFTY CENTS ONE POINT FIVE DOLLARS MINUS FIVE DOLLARS ONE THOUSAND NINE HUNDRED AND FIVE DOLLARS"),
    ("1\u202f000\u202f000 12\u00a0500 2\u2009000, 10 000 or 1 500 000",
     "ONE MILLION TWELVE THOUSAND FIVE HUNDRED TWO THOUSAND TEN THOUSAND OR ONE MILLION FIVE HUNDRED THOUSAND"),
    ("\ufeffMr. \u200eS\u200bmith\u2069, co\u00adop", "MISTER SMITH COOP"),
    ("$2 million, £1.5 billion, 3 million", "TWO MILLION DOLLARS ONE POINT FIVE BILLION POUNDS THREE MILLION"),
]  # fmt: skip
REFUSED = [
    ("a#b", "'#' (U+0023 NUMBER SIGN) at position 1"),
    ("so 😀 so", "'😀' (U+1F600 GRINNING FACE) at position 3"),
    ("Æπ", "'π' (U+03C0 GREEK SMALL LETTER PI) at position 1"),
    ("Привет", "'П' (U+041F CYRILLIC CAPITAL LETTER PE) at position 0"),
    ("null\x00", "'\\x00' (U+0000 without a name) at position 4"),
    ("10²", "'²' (U+00B2 SUPERSCRIPT TWO) at position 2"),
    ("½ cup", "'½' (U+00BD VULGAR FRACTION ONE HALF) at position 0"),
    ("٣", "'٣' (U+0663 ARABIC-INDIC DIGIT THREE) at position 0"),
    ("5 ≠ 6", "'≠' (U+2260 NOT EQUAL TO) at position 2"),
    ("5 =\u0338 6", "'\u0338' (U+0338 COMBINING LONG SOLIDUS OVERLAY) at position 3"),
    ("many $", "'$' (U+0024 DOLLAR SIGN) at position 5"),
    ("$5 is 5% of % %", "'%' (U+0025 PERCENT SIGN) at position 12, '%' (U+0025 PERCENT SIGN) at position 14"),
    ("$5%", "'%' (U+0025 PERCENT SIGN) at position 2"),
    ("on 1/2", "'1/2' (a fraction, a date or a choice?) at position 3"),
    ("\u00ad\ufb03 *", "'*' (U+002A ASTERISK) at position 3"),
    ("#" * 13, "at position 9 and 3 more"),
]


def _table(name: str) -> list[list[str]]:
    lines = (REPOSITORY / "tests" / "data" / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_normalized(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected
    assert set(expected) <= set(ALPHABET)


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[ascii(text) for text, _ in REFUSED])
def test_unknown_character_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="no rule covers") as caught:
        normalize_transcript(text)
    assert message in str(caught.value)
    assert "write them as words, or pass on_unknown='remove'" in str(caught.value)


@pytest.mark.parametrize(("text", "expected"), _table("newspaper.tsv"))
def test_newspaper_english(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected


@pytest.mark.parametrize(("text", "piece"), _table("newspaper_refused.tsv"))
def test_what_is_spoken_in_several_ways_is_refused_by_name(text: str, piece: str) -> None:
    with pytest.raises(UnknownCharacterError) as caught:
        normalize_transcript(text)
    assert ascii(piece)[1:-1] in caught.value.listed.encode("ascii", "backslashreplace").decode()
    removed = normalize_transcript(text, on_unknown="remove")
    assert set(removed) <= set(ALPHABET)


def test_position_of_a_refused_piece_is_that_in_the_text() -> None:
    with pytest.raises(UnknownCharacterError, match=r"'12/2\\xad5/2023' \(a date in digits: .*\) at position 3, '#'"):
        normalize_transcript("\ufb03, 12/2\u00ad5/2023 #")


def test_unknown_character_becomes_a_space_on_request() -> None:
    assert normalize_transcript("a#b 😀 c½", on_unknown="remove") == "A B C"
    assert normalize_transcript("don't", on_unknown="remove") == "DON'T"


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="text is a bytes; it must be a string"):
        normalize_transcript(b"hello")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on_unknown is 'skip'; it must be 'error' or 'remove'"):
        normalize_transcript("hello", on_unknown="skip")  # type: ignore[arg-type]


def test_alphabet_is_that_of_the_model() -> None:
    assert sorted(ALPHABET) == sorted(" 'ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_ordinals_are_those_of_num2words() -> None:
    for number in [*range(1, 130), 1_000, 1_001, 1_000_000]:
        suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number // 10 % 10 != 1 else 0, "th")
        expected = num2words(number, to="ordinal").replace(",", "").replace("-", " ").upper()
        assert normalize_transcript(f"{number}{suffix}") == expected


def test_any_text_is_normalized_in_one_step_into_the_alphabet() -> None:
    pieces = [*"abcsntNEM'''‘’\"\" .,--$%€£¢05129/+&=#é\u0301ﬁß½:(\t", " '", " 'n' ", "'em", "tis", "1990", "1st"]
    pieces += [
        "million",
        " $1.50",
        "1,000",
        "'90s",
        "''",
        " -",
        "Mr. ",
        "dr",
        "St. ",
        "No. ",
        "etc",
        "mr",
        "10:00",
        " am",
    ]
    pieces += [
        "3 March",
        "2 1/2",
        "Henry VIII",
        " 5 km",
        "\u202f000",
        "\u200b",
        "@a.b",
        "1990's",
        "m",
        "bn",
        " a ",
        "wwi",
    ]
    source = random.Random(0)
    for _ in range(5_000):
        text = "".join(source.choices(pieces, k=source.randint(1, 14)))
        result = normalize_transcript(text, on_unknown="remove")
        assert set(result) <= set(ALPHABET), text
        assert result == " ".join(result.split()), text
        assert normalize_transcript(result) == result, text


def test_shortcut_for_plain_text_gives_what_the_rules_give() -> None:
    source = random.Random(0)
    for _ in range(500):
        text = "".join(source.choices("abN' ", k=12))
        assert normalize_transcript(text.upper()) == normalize_transcript(text + ".")


def test_identity_on_librispeech() -> None:
    if "HF_BIGRU_ASR_DATA" not in os.environ:
        pytest.skip("needs LibriSpeech: the environment variable HF_BIGRU_ASR_DATA names its folder")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = Path(os.environ["HF_BIGRU_ASR_DATA"], "librispeech_asr", "clean")
    texts = [
        text
        for path in sorted(folder.glob("*.parquet"))
        for text in parquet.read_table(path, columns=["text"])["text"]
    ]
    assert len(texts) == 5_202
    assert [str(text) for text in texts if normalize_transcript(str(text)) != str(text)] == []
    assert all(normalize_transcript(f"{text}.".lower()) == str(text) for text in texts[:200])
