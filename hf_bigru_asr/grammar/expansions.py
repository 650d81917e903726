"""What a rule of a grammar expands to.

The names are those of the JSpeech Grammar Format (https://www.w3.org/TR/jsgf/, section 4).
"""

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["NULL", "VOID", "Choice", "Expansion", "Reference", "Repetition", "Sequence", "Words"]


@dataclass(frozen=True)
class Words:
    """Words that are spoken one after the other.

    Args:
        text: In capitals, separated by single spaces, as the rules of the language give them.
    """

    text: str


@dataclass(frozen=True)
class Reference:
    """A rule in the place of its expansion.

    Args:
        name: Name of the rule, without angle brackets.
        line: Line where the reference stands, counted from 1.
    """

    name: str
    line: int


@dataclass(frozen=True)
class Sequence:
    """Expansions that are spoken one after the other; nothing at all if there is none."""

    items: tuple["Expansion", ...]


@dataclass(frozen=True)
class Choice:
    """One of several expansions; nothing can be spoken if there is none.

    Args:
        items: The alternatives.
        weights: Relative probability of each alternative; none are equal ones.
    """

    items: tuple["Expansion", ...]
    weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Repetition:
    """An expansion that may be left out or spoken more than once.

    Args:
        item: What is repeated.
        is_optional: Whether it may be left out.
        is_unbounded: Whether it may be spoken any number of times.
    """

    item: "Expansion"
    is_optional: bool
    is_unbounded: bool


Expansion: TypeAlias = Words | Reference | Sequence | Choice | Repetition

NULL = Sequence(())
VOID = Choice(())
