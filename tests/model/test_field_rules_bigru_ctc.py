"""What fields may hold, and what the message says of what they may not."""

import math
from typing import Any

import numpy as np
import pytest

from hf_bigru_asr.model.field_rules_bigru_ctc import (
    FLAG,
    TEXT,
    Rule,
    check_fields,
    choice,
    list_of,
    number,
    optional,
    whole,
)

HUGE = 10**5000


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (whole(1, 9), [1, 9, np.int64(3)], [0, 10, 1.0, True, "1", None, [1], HUGE]),
        (number(0, 1), [0, 1, 0.5, np.float32(0.5)], [-0.1, 1.1, math.nan, math.inf, True, "0", None, HUGE]),
        (number(0, is_open=True), [1e-9, 10**30], [0, 0.0, -1, math.inf, HUGE]),
        (FLAG, [True, False], [0, 1, None, "true", []]),
        (TEXT, ["a", " "], ["", 1, None, ["a"]]),
        (choice("a", "b"), ["a"], ["c", "", ["a"], {}, None]),
        (optional(whole(1, 9)), [None, 1], [0, "1"]),
        (list_of(number()), [[], [1, 2.5], (1,)], [[1, math.nan], [None], "12", 1, {"a": 1}]),
    ],
    ids=["whole", "share", "above zero", "flag", "text", "choice", "optional", "list"],
)
def test_rules(rule: Rule, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        check_fields({"field": value}, {"field": rule})
    for value in bad:
        with pytest.raises(ValueError, match=r"^FILE: field(\[\d\])? is .*; it must be "):
            check_fields({"field": value}, {"field": rule}, "FILE: ")


def test_a_message_has_the_item_and_no_endless_number() -> None:
    with pytest.raises(ValueError, match=r"^prior\[1\] is nan; it must be a finite number\.$"):
        check_fields({"prior": [1.0, math.nan]}, {"prior": optional(list_of(number()))})
    with pytest.raises(ValueError, match=r"^size is a whole number of 16610 bits; it must be a whole number, at leas"):
        check_fields({"size": HUGE}, {"size": whole(1, 9)})


def test_fields_without_a_rule_and_missing_fields_do_not_matter() -> None:
    check_fields({"other": None}, {"field": FLAG})
