"""What the fields of a file may hold: a rule for each, and one message for all."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

__all__ = ["FLAG", "TEXT", "Rule", "check_fields", "choice", "list_of", "number", "optional", "shown", "whole"]

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Rule:
    """What a field may hold.

    Args:
        description: It in words, behind "it must be".
        allows: Whether a value is one.
        item: Of a list, the rule of what it holds.
    """

    description: str
    allows: Callable[[Any], bool]
    item: "Rule | None" = None


def whole(lowest: int, highest: int) -> Rule:
    """Whole numbers in a range, both ends included."""
    return Rule(
        f"a whole number, at least {lowest} and at most {highest}",
        lambda value: isinstance(value, Integral) and not isinstance(value, bool) and lowest <= int(value) <= highest,
    )


def number(lowest: float = -math.inf, highest: float = math.inf, *, is_open: bool = False) -> Rule:
    """Finite numbers in a range, both ends included; with `is_open` the lower end is not."""

    def allows(value: object) -> bool:
        if not isinstance(value, Real) or isinstance(value, bool):
            return False
        try:
            real = float(value)
        except OverflowError:  # a whole number of more than 308 digits
            return False
        return math.isfinite(real) and lowest <= real <= highest and not (is_open and real == lowest)

    limits = [f"above {lowest:g}" if is_open else f"at least {lowest:g}"] if lowest > -math.inf else []
    limits += [f"at most {highest:g}"] if highest < math.inf else []
    return Rule(", ".join(["a finite number", " and ".join(limits)] if limits else ["a finite number"]), allows)


def choice(*values: str) -> Rule:
    """One of some texts."""
    return Rule(f"one of {', '.join(map(repr, values))}", lambda value: isinstance(value, str) and value in values)


def optional(rule: Rule) -> Rule:
    """What another rule allows, or nothing."""
    return Rule(f"{rule.description}, or null", lambda value: value is None or rule.allows(value), rule.item)


def list_of(rule: Rule) -> Rule:
    """A list of what another rule allows."""
    return Rule(
        f"a list, each of it {rule.description}",
        lambda values: _is_list(values) and all(map(rule.allows, values)),
        rule,
    )


def _is_list(values: object) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str | bytes)


FLAG = Rule("true or false", lambda value: isinstance(value, bool))
TEXT = Rule("a text that is not empty", lambda value: isinstance(value, str) and bool(value))


def check_fields(values: Mapping[str, Any], rules: Mapping[str, Rule], origin: str = "") -> None:
    """Refuse a value that its rule does not allow. Fields without a rule, and rules without a field, do not matter.

    Args:
        values: The fields.
        rules: By the names of the fields.
        origin: What the message begins with: the file and a colon.

    Raises:
        ValueError: With the field, its value, and what is allowed.
    """
    for name, rule in rules.items():
        value = values.get(name)
        if name not in values or rule.allows(value):
            continue
        if rule.item is not None and value is not None and _is_list(value):
            place = next(place for place, item in enumerate(value) if not rule.item.allows(item))
            name, value, rule = f"{name}[{place}]", value[place], rule.item
        raise ValueError(f"{origin}{name} is {shown(value)}; it must be {rule.description}.")


def shown(value: object) -> str:
    """A value for a message, shortened."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**18:
        return f"a whole number of {value.bit_length()} bits"  # str() of a very long one raises
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
