import pytest

from hf_bigru_asr.text.normalization import normalize_transcript


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$5M $1.2m £3bn", "FIVE MILLION DOLLARS ONE POINT TWO MILLION DOLLARS THREE BILLION POUNDS"),
        ("$100k £2tn $5 mn", "ONE HUNDRED THOUSAND DOLLARS TWO TRILLION POUNDS FIVE MILLION DOLLARS"),
        (
            "$2-3 million £10-15 £1m-2m",
            "TWO TO THREE MILLION DOLLARS TEN TO FIFTEEN POUNDS ONE MILLION TO TWO MILLION POUNDS",
        ),
        ("£5-£10m", "FIVE TO TEN MILLION POUNDS"),
        ("$10-$15", "TEN DOLLARS TO FIFTEEN DOLLARS"),
        ("$5million", "FIVE MILLION DOLLARS"),
        ("a $5.50 lunch", "A FIVE DOLLAR AND FIFTY CENT LUNCH"),
        ("a $2-3 million loss", "A TWO TO THREE MILLION DOLLAR LOSS"),
        ("5k 5bn 5M", "FIVE THOUSAND FIVE BILLION FIVE MILLION"),
        ("a 5k run in 4K video", "A FIVE K RUN IN FOUR K VIDEO"),
        ("in 1066 and 1066 men", "IN TEN SIXTY SIX AND ONE THOUSAND AND SIXTY SIX MEN"),
        ("3.5pc", "THREE POINT FIVE PER CENT"),
        ("dial 999", "DIAL NINE NINE NINE"),
        ("call 99", "CALL NINETY NINE"),
        ("the '90's and '80s", "THE NINETIES AND EIGHTIES"),
        ("-0.4", "MINUS ZERO POINT FOUR"),
        ("5G 3D", "FIVE G THREE D"),
        ("the '08 crash, No. 10's, 20's", "THE OH EIGHT CRASH NUMBER TEN'S TWENTIES"),
    ],
)
def test_amounts(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected
