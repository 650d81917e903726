"""Decoding graphs: the phrases of a grammar as paths over the classes of a CTC network.

Each state of the automaton over letters is spread over the states of CTC: the letter that led there, repeated; the
blank behind it; the space behind it.

Source: A. Graves et al., Connectionist Temporal Classification, ICML 2006, for the paths of a text; Y. Miao et al.,
EESEN, ASRU 2015, for their composition with a grammar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .grammars import Grammar
from .letters import Alphabet, AutomatonText, LetterAutomaton, letter_automaton

__all__ = ["MISSING_SPACE_COST", "DecodingGraph", "build_graph"]

MISSING_SPACE_COST = 1.0
"""Cost, in nats, of a word without a space before it: the network writes none in some pauses."""


@dataclass(frozen=True)
class DecodingGraph:
    """Paths of a grammar over the classes of a network.

    Args:
        fst: A `kaldifst.StdVectorFst` without epsilons. Its input labels are classes plus 1, its output labels
            positions in `outputs`, and its weights costs in nats.
        outputs: Text of every output label.
    """

    fst: Any
    outputs: tuple[str, ...]


def build_graph(grammar: Grammar, symbols: Sequence[str], blank_id: int = 0) -> DecodingGraph:
    """Graph of a grammar.

    Args:
        grammar: What may be spoken. The empty phrase is left out.
        symbols: Text of every class: letters, one space, and anything for the blank.
        blank_id: Class of the blank.

    Raises:
        ValueError: If there is no class for a letter or for the space, or as [`letter_automaton`].
        ImportError: If the extra `grammar` is not installed.
    """
    alphabet = Alphabet(tuple(symbols), blank_id)
    return DecodingGraph(_CTCStates(letter_automaton(grammar, alphabet), alphabet).fst, alphabet.outputs)


class _CTCStates:
    """The states of CTC for every state of an automaton over letters.

    Where phrases begin and end and between words, any number of blanks and spaces may come.

    Args:
        automaton: The letters.
        alphabet: Their labels.

    Attributes:
        fst: A `kaldifst.StdVectorFst` as in `DecodingGraph`.
    """

    def __init__(self, automaton: LetterAutomaton, alphabet: Alphabet) -> None:
        self._letter_automaton, self._alphabet = automaton, alphabet
        self._automaton = AutomatonText()
        start = self._automaton.add_state()
        blank, space = alphabet.blank_id, alphabet.class_ids[" "]
        self._letters: dict[tuple[int, int], int] = {}  # by state of the automaton and class
        for arcs in automaton.arcs:
            for label, _, target in arcs:
                if (target, alphabet.class_of(label)) not in self._letters:
                    self._letters[target, alphabet.class_of(label)] = self._automaton.add_state()
        for class_id in (blank, space):
            self._arc(start, class_id, start)
        self._leave(start, automaton.start, missing_space_cost=0.0)
        behind: dict[int, tuple[int, ...]] = {}
        for (state, class_id), source in self._letters.items():
            if state not in behind:
                behind[state] = self._add_pauses(state, blank, space)
            self._arc(source, class_id, source)
            for pause_class, target in zip((blank, space), behind[state], strict=False):
                self._arc(source, pause_class, target)
            self._leave(source, state, last_class=class_id)
            self._end(source, state)
        self.fst = self._automaton.compiled()

    def _arc(self, source: int, class_id: int, target: int, output: int = 0, cost: float = 0.0) -> None:
        self._automaton.add_arc(source, target, class_id + 1, output, cost)

    def _add_pauses(self, state: int, blank: int, space: int) -> tuple[int, ...]:
        """States behind a letter after blanks alone and, where a word ends, after spaces too."""
        after_blank = self._automaton.add_state()
        self._arc(after_blank, blank, after_blank)
        self._leave(after_blank, state)
        self._end(after_blank, state)
        is_word_end = any(self._alphabet.begins_word(label) for label, *_ in self._letter_automaton.arcs[state])
        if not is_word_end and state not in self._letter_automaton.final_costs:
            return (after_blank,)
        after_space = self._automaton.add_state()
        self._arc(after_blank, space, after_space)
        for class_id in (blank, space):
            self._arc(after_space, class_id, after_space)
        self._leave(after_space, state, missing_space_cost=0.0, only_words=True)
        self._end(after_space, state)
        return (after_blank, after_space)

    def _leave(
        self,
        source: int,
        state: int,
        *,
        last_class: int | None = None,
        missing_space_cost: float = MISSING_SPACE_COST,
        only_words: bool = False,
    ) -> None:
        """Add arcs to the letters that follow on a state; one that equals the last needs a blank between them."""
        for label, cost, target in self._letter_automaton.arcs[state]:
            class_id, begins_word = self._alphabet.class_of(label), self._alphabet.begins_word(label)
            if class_id != last_class and (begins_word or not only_words):
                space_cost = missing_space_cost if begins_word else 0.0
                self._arc(source, class_id, self._letters[target, class_id], label, cost + space_cost)

    def _end(self, source: int, state: int) -> None:
        if state in self._letter_automaton.final_costs:
            self._automaton.end(source, self._letter_automaton.final_costs[state])
