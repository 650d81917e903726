"""Abbreviated units of measurement in words, with the American spelling that LibriSpeech prefers."""

import re
from collections.abc import Iterator

from .spans import Span

__all__ = ["ATTRIBUTIVE", "UNITS", "find_units", "unit_words"]

# One and several.
_UNITS = {
    **{"km/h": ("kilometer per hour", "kilometers per hour"), "kph": ("kilometer per hour", "kilometers per hour")},
    **{"mph": ("mile per hour", "miles per hour"), "m/s": ("meter per second", "meters per second")},
    **{"km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters")},
    **{"mi": ("mile", "miles"), "yd": ("yard", "yards"), "ft": ("foot", "feet"), "in": ("inch", "inches")},
    **{"sq ft": ("square foot", "square feet"), "sq km": ("square kilometer", "square kilometers")},
    **{"sq. ft": ("square foot", "square feet"), "sq. km": ("square kilometer", "square kilometers")},
    **{"sq. mi": ("square mile", "square miles"), "h": ("hour", "hours")},
    **{"sq mi": ("square mile", "square miles"), "sq m": ("square meter", "square meters")},
    **{"kg": ("kilogram", "kilograms"), "mg": ("milligram", "milligrams"), "g": ("gram", "grams")},
    **{"lbs": ("pound", "pounds"), "lb": ("pound", "pounds"), "oz": ("ounce", "ounces")},
    **{"ml": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"), "l": ("liter", "liters")},
    **{"hrs": ("hour", "hours"), "hr": ("hour", "hours"), "min": ("minute", "minutes"), "mins": ("minute", "minutes")},
    **{"sec": ("second", "seconds"), "secs": ("second", "seconds"), "ms": ("millisecond", "milliseconds")},
    **{"yrs": ("year", "years"), "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes")},
    **{"MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes")},
    **{"Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second")},
    **{"Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz")},
    **{"GHz": ("gigahertz", "gigahertz"), "dB": ("decibel", "decibels"), "hp": ("horsepower", "horsepower")},
    **{"kWh": ("kilowatt hour", "kilowatt hours"), "MWh": ("megawatt hour", "megawatt hours")},
    **{"kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"), "GW": ("gigawatt", "gigawatts")},
    **{
        "W": ("watt", "watts"),
        "kcal": ("kilocalorie", "kilocalories"),
        "ppm": ("part per million", "parts per million"),
    },
    **{"\u00b0C": ("degree Celsius", "degrees Celsius"), "\u00b0F": ("degree Fahrenheit", "degrees Fahrenheit")},
    **{"\u00b0 C": ("degree Celsius", "degrees Celsius"), "\u00b0 F": ("degree Fahrenheit", "degrees Fahrenheit")},
    "\u00b0": ("degree", "degrees"),
}
# "5 in" is more often a preposition: inches and hours need to touch their number.
UNITS = "|".join(
    rf"(?<=\d){re.escape(unit)}" if unit in ("in", "h") else re.escape(unit)
    for unit in sorted(_UNITS, key=len, reverse=True)
)
ATTRIBUTIVE = re.compile(r"(?:^|[^A-Za-z0-9'])an? $", re.IGNORECASE)
_PART_BEFORE = re.compile(r"(?<![0-9] )(?<![0-9/])[0-9]{1,2}/[0-9]{1,2} $")
_ALONE = re.compile(r"(?<![A-Za-z0-9/.&])(?P<per>per )?(?P<unit>km/h|kph|mph|km|cm|kg|lbs|kWh|MHz|GHz|Mbps)(?![\w/&])")


def unit_words(unit: str, is_one: bool) -> str:
    """Return the name of an abbreviated unit, in the singular if `is_one`."""
    return _UNITS[unit][0 if is_one else 1]


def find_units(text: str) -> Iterator[Span]:
    """Find units without a number of their own: `a price per kg`, `in km`."""
    for match in _ALONE.finditer(text):
        if _PART_BEFORE.search(text, 0, match.start()):
            yield Span(match.start(), match.end(), reason="half of a unit: write the unit as a word")
            continue
        per = match["per"] or ""
        yield Span(match.start(), match.end(), per + unit_words(match["unit"], bool(per)))
