"""The graph against all paths of short utterances, one by one."""

import itertools
import math

import numpy as np
import pytest

from hf_bigru_asr.grammar import Grammar
from hf_bigru_asr.grammar.graph import MISSING_SPACE_COST, build_graph

kaldifst = pytest.importorskip("kaldifst")

SYMBOLS = ("A", " ", "<pad>", "B")  # the blank is not the first class
BLANK = 2
NUM_FRAMES = 6
PATHS = np.array(list(itertools.product(range(len(SYMBOLS)), repeat=NUM_FRAMES)))


def written(path: tuple[int, ...]) -> str:
    """Text of a path: repeats are collapsed, blanks removed, and spaces are one space between words."""
    return " ".join("".join(SYMBOLS[char] for char, _ in itertools.groupby(path) if char != BLANK).split())


WRITTEN = [written(tuple(path)) for path in PATHS.tolist()]


def missing_spaces(text: str, phrase: str) -> float:
    """How many spaces of a phrase a text lacks; infinitely many if it is another one."""
    if text == phrase:
        return 0
    if not text or text[0] != phrase[:1]:
        return math.inf
    rest = phrase[1:]
    return min(
        missing_spaces(text[1:], rest),
        1 + missing_spaces(text[1:], rest[1:]) if rest.startswith(" ") else math.inf,
    )


def accepted_paths(grammar: Grammar) -> dict[tuple[int, ...], dict[str, float]]:
    """Phrases and costs of every path of the graph of so many frames, by the classes of the path."""
    graph = build_graph(grammar, SYMBOLS, BLANK)
    paths: dict[tuple[int, ...], dict[str, float]] = {}
    waiting = [(graph.fst.start, (), "", 0.0)]
    while waiting:
        state, path, text, cost = waiting.pop()
        if len(path) == NUM_FRAMES:
            final = graph.fst.final(state).value
            if final < math.inf:
                costs = paths.setdefault(path, {})
                costs[text.strip()] = min(cost + final, costs.get(text.strip(), math.inf))
            continue
        for arc in kaldifst.ArcIterator(graph.fst, state):
            output = graph.outputs[arc.olabel]
            waiting.append((arc.nextstate, (*path, arc.ilabel - 1), text + output, cost + arc.weight.value))
    return paths


@pytest.mark.parametrize(
    "phrases",
    [["A"], ["AB", "A B"], ["AA"], ["A A"], ["ABA", "AB", "B"], ["BA A", "A BA", "B A A"]],
    ids=" or ".join,
)
def test_its_paths_are_those_that_write_a_phrase(phrases: list[str]) -> None:
    expected: dict[tuple[int, ...], dict[str, float]] = {}
    for path, text in zip(PATHS.tolist(), WRITTEN, strict=True):
        for phrase in phrases:
            missing = missing_spaces(text, phrase)
            if missing < math.inf:
                expected.setdefault(tuple(path), {})[phrase] = missing * MISSING_SPACE_COST

    found = accepted_paths(Grammar.from_phrases(phrases))

    assert found.keys() == expected.keys()
    assert all(found[path] == pytest.approx(expected[path]) for path in expected)


def test_weights_are_costs_of_its_paths() -> None:
    found = accepted_paths(Grammar.from_jsgf("#JSGF V1.0; public <r> = /4/ a | /1/ b [/1/ a | /2/ b];"))

    for path, text in zip(PATHS.tolist(), WRITTEN, strict=True):
        expected = {"A": 0.0, "B": math.log(4), "B A": math.log(8), "B B": math.log(4)}.get(text)
        if expected is not None:
            assert found[tuple(path)][text] == pytest.approx(expected, abs=1e-4)


def test_repetitions_go_on_for_as_long_as_there_are_frames() -> None:
    found = accepted_paths(Grammar.from_jsgf("#JSGF V1.0; public <r> = (ab)+;"))

    expected = {tuple(path) for path, text in zip(PATHS.tolist(), WRITTEN, strict=True) if set(text.split()) == {"AB"}}
    assert expected <= found.keys()
    assert {text for costs in found.values() for text in costs} == {"AB", "AB AB", "AB AB AB"}
