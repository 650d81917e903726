"""The phrases of a grammar as an automaton over letters, which OpenFst makes deterministic and minimal."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from .expansions import Choice, Expansion, Reference, Repetition, Sequence, Words
from .grammars import Grammar
from .kaldi import import_kaldifst

__all__ = ["MAX_ARCS", "Alphabet", "AutomatonText", "LetterAutomaton", "letter_automaton"]

MAX_ARCS = 2_000_000
"""Letters of a grammar with all its rules written out."""
ARC_NUMBERS = 4
"""Whole numbers in a line for an arc."""


@dataclass(frozen=True)
class Alphabet:
    """Labels of letters: the class plus 1, and the number of classes more for a letter that begins a word.

    Args:
        symbols: Text of every class: letters, one space, and anything for the blank.
        blank_id: Class of the blank.

    Raises:
        ValueError: If there is not one space.
    """

    symbols: tuple[str, ...]
    blank_id: int

    def __post_init__(self) -> None:
        """Check the symbols."""
        if " " not in self.class_ids:
            raise ValueError(f"symbols has no space; it is {list(self.symbols)}.")

    @cached_property
    def class_ids(self) -> dict[str, int]:
        """Class of every letter and of the space."""
        return {symbol: class_id for class_id, symbol in enumerate(self.symbols) if class_id != self.blank_id}

    @property
    def end_label(self) -> int:
        """Label behind the last letter, for the weights of what ends there."""
        return 2 * len(self.symbols) + 1

    def labels(self, words: str) -> Iterator[int]:
        """Labels of the letters of some words.

        Raises:
            ValueError: If a letter has no class.
        """
        before = " "
        for char in words:
            if char not in self.class_ids:
                raise ValueError(
                    f"The grammar has {char!r} in {words!r}, which the model cannot write; spell it otherwise."
                )
            if char != " ":
                yield self.class_ids[char] + 1 + (len(self.symbols) if before == " " else 0)
            before = char

    def class_of(self, label: int) -> int:
        """Class of the letter of a label."""
        return (label - 1) % len(self.symbols)

    def begins_word(self, label: int) -> bool:
        """Whether the letter of a label begins a word."""
        return label > len(self.symbols)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Text of every label, from 0 for nothing."""
        return ("", *self.symbols, *(f" {symbol}" for symbol in self.symbols))


@dataclass(frozen=True)
class LetterAutomaton:
    """Automaton over letters.

    Args:
        start: The state where phrases begin.
        arcs: Label, cost and target of the arcs of every state.
        final_costs: Costs of ending in the states where phrases end.
    """

    start: int
    arcs: list[list[tuple[int, float, int]]]
    final_costs: dict[int, float]


def letter_automaton(grammar: Grammar, alphabet: Alphabet) -> LetterAutomaton:
    """Automaton of a grammar, without epsilons, deterministic for letters of equal cost, and minimal.

    Args:
        grammar: What may be spoken.
        alphabet: Labels of letters.

    Raises:
        ValueError: If a letter has no class, a rule refers to itself elsewhere than at its end, nothing can be spoken,
            or the grammar is too large.
        ImportError: If the extra `grammar` is not installed.
    """
    return _minimal(_LetterPaths(grammar, alphabet).fst, alphabet.end_label)


class AutomatonText:
    """A `kaldifst.StdVectorFst` in the making: as text it is compiled much faster than arc by arc.

    The state of the first arc is where paths begin.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._num_states = 0

    @property
    def num_lines(self) -> int:
        """Number of arcs and of states where paths end."""
        return len(self._lines)

    def add_state(self) -> int:
        """A new state."""
        self._num_states += 1
        return self._num_states - 1

    def add_arc(self, source: int, target: int, label: int, output: int, cost: float = 0.0) -> None:
        """Add an arc between two states."""
        self._lines.append(
            f"{source} {target} {label} {output} {cost}" if cost else f"{source} {target} {label} {output}"
        )

    def end(self, state: int, cost: float) -> None:
        """Let paths end in a state."""
        self._lines.append(f"{state} {cost}")

    def compiled(self) -> Any:  # noqa: ANN401 - kaldifst is optional
        """The automaton."""
        return import_kaldifst().compile("\n".join([*self._lines, ""]))


def _rows(fst: Any) -> Iterator[tuple[list[int], float]]:  # noqa: ANN401 - kaldifst is optional
    """Numbers and cost of the lines of `AutomatonText`, the first of which leaves the state where paths begin."""
    for line in fst.to_str().splitlines():
        fields = line.split()
        size = ARC_NUMBERS if len(fields) >= ARC_NUMBERS else 1
        yield [int(field) for field in fields[:size]], float(fields[size]) if len(fields) > size else 0.0


@dataclass(frozen=True)
class _Part:
    """An expansion between two states. It never enters the first one again, nor leaves the second."""

    expansion: Expansion
    start: int
    end: int


class _LetterPaths:
    """The phrases of a grammar as paths of letters.

    Args:
        grammar: The rules.
        alphabet: Labels of letters.

    Attributes:
        fst: A `kaldifst.StdVectorFst`. A last arc with the label `alphabet.end_label` ends every path.
    """

    def __init__(self, grammar: Grammar, alphabet: Alphabet) -> None:
        self._grammar, self._alphabet = grammar, alphabet
        self._open: dict[str, tuple[int, int]] = {}  # first and last state of the rules that are being written out
        self._automaton = AutomatonText()
        start, inside, end, final = (self._automaton.add_state() for _ in range(4))
        self._arc(start, 0, inside)
        self._arc(end, alphabet.end_label, final)
        self._automaton.end(final, 0.0)
        waiting: list[_Part | str] = [_Part(Reference(name, 0), inside, end) for name in grammar.public]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                del self._open[part]
            else:
                waiting += self._parts(part)
        self.fst = self._automaton.compiled()

    def _arc(self, source: int, label: int, target: int, cost: float = 0.0) -> None:
        if self._automaton.num_lines >= MAX_ARCS:
            raise ValueError(
                f"The grammar has more than {MAX_ARCS:,} letters with all its rules written out; split it, or refer "
                "to large rules less often."
            )
        self._automaton.add_arc(source, target, label, label, cost)

    def _parts(self, part: _Part) -> list[_Part | str]:
        """Add the arcs of an expansion, and return the parts that are left; a name is a rule to close after them."""
        start, end = part.start, part.end
        match part.expansion:
            case Words(text):
                self._add_words(text, start, end)
                return []
            case Reference(name, line):
                return self._rule(name, line, start, end)
            case Sequence(()):
                self._arc(start, 0, end)
                return []
            case Sequence(items):
                states = [start, *(self._automaton.add_state() for _ in items[1:]), end]
                return [_Part(item, *between) for item, between in zip(items, pairwise(states), strict=True)]
            case Choice(items, weights):
                return list(self._alternatives(items, weights, start, end))
            case Repetition(item, is_optional, is_unbounded):
                first = self._automaton.add_state()
                self._arc(start, 0, first)
                if is_optional:
                    self._arc(start, 0, end)
                if not is_unbounded:
                    return [_Part(item, first, end)]
                last = self._automaton.add_state()
                self._arc(last, 0, first)
                self._arc(last, 0, end)
                return [_Part(item, first, last)]

    def _alternatives(
        self, items: tuple[Expansion, ...], weights: tuple[float, ...], start: int, end: int
    ) -> Iterator[_Part]:
        for item, weight in zip(items, weights or (1.0,) * len(items), strict=True):
            if weight > 0:
                first = self._automaton.add_state()
                self._arc(start, 0, first, math.log(max(weights, default=1.0) / weight))
                yield _Part(item, first, end)

    def _add_words(self, text: str, start: int, end: int) -> None:
        labels = list(self._alphabet.labels(text))
        states = [start, *(self._automaton.add_state() for _ in labels[1:]), end]
        for label, (source, target) in zip(labels, pairwise(states), strict=True):
            self._arc(source, label, target)

    def _rule(self, name: str, line: int, start: int, end: int) -> list[_Part | str]:
        if name not in self._open:
            # A state of its own, so that a rule can begin again at its end.
            first = self._automaton.add_state()
            self._open[name] = (first, end)
            self._arc(start, 0, first)
            return [name, _Part(self._grammar.rules[name], first, end)]
        first, last = self._open[name]
        if end != last:
            raise ValueError(
                f"Line {line}: <{name}> refers to itself before its end. A rule may do so as its last item alone; "
                "write a repetition with * or +."
            )
        self._arc(start, 0, first)
        return []


def _minimal(fst: Any, end_label: int) -> LetterAutomaton:  # noqa: ANN401 - kaldifst is optional
    """The automaton of some paths: without epsilons, deterministic for letters of equal cost, and minimal."""
    kaldifst = import_kaldifst()
    kaldifst.rmepsilon(fst)
    # Costs become part of the labels. So loops of different costs, too, have a deterministic form.
    labels: dict[tuple[int, float], int] = {}
    encoded = AutomatonText()
    for numbers, cost in _rows(fst):
        if len(numbers) == 1:
            encoded.end(numbers[0], cost)
        else:
            source, target, letter, _ = numbers
            label = labels.setdefault((letter, cost), len(labels) + 1)
            encoded.add_arc(source, target, label, label)
    automaton = encoded.compiled()
    try:
        kaldifst.determinize_star(automaton, max_states=MAX_ARCS)
    except RuntimeError as error:  # kaldifst 1.8.3 documents a return value instead
        raise ValueError(f"The grammar has more than {MAX_ARCS:,} states; split it.") from error
    kaldifst.minimize(automaton)
    pairs = list(labels)
    arcs: list[list[tuple[int, float, int]]] = [[] for _ in range(automaton.num_states)]
    final_costs: dict[int, float] = {}
    for numbers, _ in _rows(automaton):
        if len(numbers) > 1:
            source, target, label, _ = numbers
            letter, cost = pairs[label - 1]
            if letter == end_label:
                final_costs[source] = min(cost, final_costs.get(source, math.inf))
            else:
                arcs[source].append((letter, cost, target))
    if not arcs or not arcs[automaton.start]:
        raise ValueError("The grammar has no phrase: its public rules have no words, or never end.")
    return LetterAutomaton(automaton.start, arcs, final_costs)
