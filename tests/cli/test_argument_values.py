"""Files with arguments hold what the arguments take."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from hf_bigru_asr.cli.argument_values import checked_values, not_finite


@dataclass
class Arguments:
    rate: float = 0.1
    steps: int | None = None
    folder: Path | None = None
    factors: list[float] = field(default_factory=list)
    is_fast: bool = False
    mode: Literal["a", "b"] = "a"
    options: dict[str, Any] | str | None = None
    report_to: str | None = None
    limit: float = math.inf


@pytest.mark.parametrize(
    "values",
    [
        {"rate": 1, "steps": None, "folder": "x", "factors": [0.9, 1], "is_fast": True, "mode": "b"},
        {"options": {"a": 1}, "report_to": ["a", "b"], "unknown": object},
        {"options": "a=1", "report_to": "none", "steps": 3, "factors": []},
    ],
)
def test_values_of_the_right_type_stay(values: dict[str, Any]) -> None:
    assert checked_values(iter([Arguments]), values) == values


def test_numbers_that_yaml_takes_for_text_are_numbers() -> None:
    found = checked_values(iter([Arguments]), {"rate": "1e-3", "factors": ["1e0"], "options": "1e-3"})

    assert found == {"rate": 0.001, "factors": [1.0], "options": "1e-3"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rate", [1], r"rate is \[1\]; it must be a number\."),
        ("rate", "fast", r"rate is 'fast'; it must be a number\."),
        ("rate", math.nan, r"rate is nan; it must be a number\."),
        ("rate", True, r"rate is True; it must be a number\."),
        ("steps", 1.5, r"steps is 1\.5; it must be a whole number or null\."),
        ("folder", {}, r"folder is \{\}; it must be a path or null\."),
        ("factors", [1, None], r"factors is \[1, None\]; it must be a list, each of it a number\."),
        ("factors", [math.inf], r"factors is \[inf\]"),
        ("is_fast", "yes", r"is_fast is 'yes'; it must be true or false\."),
        ("mode", "c", r"mode is 'c'; it must be 'a' or 'b'\."),
        ("mode", [], r"mode is \[\]; it must be 'a' or 'b'\."),
        ("options", 1, r"options is 1; it must be a mapping or a text or null\."),
        ("report_to", [1], r"report_to is \[1\]; it must be a text or null\."),
    ],
)
def test_values_of_another_type_are_named(name: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_values(iter([Arguments]), {name: value})


def test_numbers_that_are_none_are_found_but_for_defaults() -> None:
    assert list(not_finite(Arguments())) == []
    assert [name for name, _ in not_finite(Arguments(rate=math.nan, factors=[1.0, math.inf]))] == ["rate", "factors"]
