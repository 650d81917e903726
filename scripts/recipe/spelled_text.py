"""Sentences of spelled letters, numbers, dates, times and addresses, which books hardly have."""

from collections.abc import Sequence

import numpy as np

from hf_bigru_asr.text.normalization import normalize_transcript

__all__ = ["spelled_sentences"]

MONTHS = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
]
STREETS = ["STREET", "AVENUE", "ROAD", "DRIVE", "LANE", "COURT", "PLACE", "BOULEVARD", "WAY"]


def spelled_sentences(names: Sequence[str], num_sentences: int, seed: int = 0) -> list[str]:
    """Normalised sentences in random order, one in four of them a word that is spelled.

    Args:
        names: Words that are spelled, or stand in addresses.
        num_sentences: How many.
        seed: Seed of all draws.

    Raises:
        ValueError: If there are no names.
    """
    if not names:
        raise ValueError("There is no word to spell; give at least one.")
    rng = np.random.default_rng(seed)
    return [normalize_transcript(_sentence(names, rng)) for _ in range(num_sentences)]


def _sentence(names: Sequence[str], rng: np.random.Generator) -> str:
    name = str(names[int(rng.integers(len(names)))]).upper()
    spelled = " ".join(letter for letter in name if letter.isalpha())
    month, day = MONTHS[rng.integers(12)], int(rng.integers(1, 32))
    year = int(rng.integers(1900, 2030))
    digits = " ".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(2, 11))))
    number = int(np.exp(rng.uniform(0, np.log(2e6))))
    street = f"{number % 10000} {name} {STREETS[rng.integers(len(STREETS))]}"
    zip_code = " ".join(str(digit) for digit in rng.integers(0, 10, 5))
    letters = " ".join(chr(65 + letter) for letter in rng.integers(0, 26, int(rng.integers(2, 9))))
    choices = (
        spelled,
        spelled,
        letters,
        digits,
        f"{letters} {digits}",
        f"{name} {spelled}",
        f"{number}",
        f"{month} {_ordinal(day)} {year}",
        f"{month} {day}",
        street,
        f"{street} {zip_code}",
        f"{int(rng.integers(1, 13))}:{int(rng.integers(10, 60))}",
        f"{number} AND {int(rng.integers(0, 100))}",
    )
    return choices[rng.integers(len(choices))]


def _ordinal(number: int) -> str:
    suffix = "TH" if 10 < number % 100 < 14 else {1: "ST", 2: "ND", 3: "RD"}.get(number % 10, "TH")
    return f"{number}{suffix}"
