"""Values of a file with arguments, checked against what a dataclass declares: its parser takes them as they are."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["checked_values", "not_finite"]

_WORDS = {str: "a text", Path: "a path", bool: "true or false", int: "a whole number", float: "a number"}
_ALSO_LISTS = frozenset({"report_to"})
"""Declared as a text by the library, which takes a list too."""


def checked_values(kinds: Iterator[type["DataclassInstance"]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a file, with numbers where YAML has text: it takes `1e-3` for one.

    Args:
        kinds: Dataclasses that have the arguments.
        values: By argument; those that no dataclass has are left as they are.

    Raises:
        ValueError: If a value is of another type than its argument, or a number is NaN or infinite; the message has
            the argument, the value, and what is allowed.
    """
    checked = dict(values)
    for kind in kinds:
        hints = get_type_hints(kind)
        for name in (each.name for each in fields(kind) if each.name in values):
            value = _with_numbers(hints[name], values[name])
            if not _allows(hints[name], value) and not (name in _ALSO_LISTS and _allows(list[str], value)):
                raise ValueError(f"{name} is {value!r:.100}; it must be {_described(hints[name])}.")
            checked[name] = value
    return checked


def not_finite(arguments: "DataclassInstance") -> Iterator[tuple[str, float]]:
    """Arguments that are NaN or infinite, or have such a number in a list; defaults are not looked at."""
    for each in fields(arguments):
        value = getattr(arguments, each.name, None)
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, float) and not math.isfinite(number) and number != each.default:
                yield each.name, number


def _with_numbers(hint: Any, value: Any) -> Any:  # noqa: ANN401 - a type, or a form of typing, and any value
    if isinstance(value, list) and get_origin(hint) is list:
        return [_with_numbers(get_args(hint)[0], each) for each in value]
    if isinstance(value, str) and float in _alternatives(hint) and str not in _alternatives(hint):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _alternatives(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type, or a form of typing
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _allows(hint: Any, value: Any) -> bool:  # noqa: ANN401 - the same
    return any(_is(each, value) for each in _alternatives(hint))


def _is(hint: Any, value: Any) -> bool:  # noqa: ANN401 - the same
    origin = get_origin(hint)
    if hint in (None, NoneType):
        return value is None
    if origin is Literal:
        return any(value is each or (isinstance(value, str) and value == each) for each in get_args(hint))
    if origin is list:
        return isinstance(value, list) and all(_allows(get_args(hint)[0], each) for each in value)
    if origin is dict or hint is dict:
        return isinstance(value, dict)
    if hint is bool:
        return isinstance(value, bool)
    if hint in (int, float):
        is_number = isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
        return is_number and -math.inf < value < math.inf
    if hint in (str, Path) or (isinstance(hint, type) and issubclass(hint, Enum)):
        return isinstance(value, str)
    return True  # classes of the library, which judges them itself


def _described(hint: Any) -> str:  # noqa: ANN401 - the same
    words = []
    for each in _alternatives(hint):
        if get_origin(each) is list:
            words.append(f"a list, each of it {_described(get_args(each)[0])}")
        elif get_origin(each) is Literal:
            words += map(repr, get_args(each))
        elif each in (None, NoneType):
            words.append("null")
        elif get_origin(each) is dict or each is dict:
            words.append("a mapping")
        else:
            words.append(_WORDS.get(each, "a text"))
    return " or ".join(words)
