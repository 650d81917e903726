import pytest

from hf_bigru_asr.text.normalization import normalize_transcript


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 km, 2 km, 2km", "ONE KILOMETER TWO KILOMETERS TWO KILOMETERS"),
        ("a 5 km walk, a 7-kg bag", "A FIVE KILOMETER WALK A SEVEN KILOGRAM BAG"),
        (
            "1 mph 30 mph 5 km/h 3 m/s",
            "ONE MILE PER HOUR THIRTY MILES PER HOUR FIVE KILOMETERS PER HOUR THREE METERS PER SECOND",
        ),
        ("-5°C 1 °F 12°", "MINUS FIVE DEGREES CELSIUS ONE DEGREE FAHRENHEIT TWELVE DEGREES"),
        ("per kg, in km", "PER KILOGRAM IN KILOMETERS"),
        ("8 GB, 8 gb", "EIGHT GIGABYTES EIGHT GB"),
        ("6ft 2in, 5 in all", "SIX FEET TWO INCHES FIVE IN ALL"),
        ("5 million km", "FIVE MILLION KILOMETERS"),
        ("250g of 5 g", "TWO HUNDRED AND FIFTY GRAMS OF FIVE GRAMS"),
        ("5 sq. ft. in 24h", "FIVE SQUARE FEET IN TWENTY FOUR HOURS"),
    ],
)
def test_units(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected
