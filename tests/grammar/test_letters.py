import math
import re

import pytest

from hf_bigru_asr.grammar import Grammar, letters
from hf_bigru_asr.grammar.letters import Alphabet, LetterAutomaton, letter_automaton

pytest.importorskip("kaldifst")

ALPHABET = Alphabet(("", " ", *"ABCDE"), 0)


def automaton(rules: str) -> LetterAutomaton:
    return letter_automaton(Grammar.from_jsgf(f"#JSGF V1.0; {rules}"), ALPHABET)


def phrases(found: LetterAutomaton, max_letters: int = 5) -> dict[str, float]:
    """Text and lowest cost of every path of so many letters at the most."""
    texts: dict[str, float] = {}
    waiting = [(found.start, "", 0.0, 0)]
    while waiting:
        state, text, cost, size = waiting.pop()
        if state in found.final_costs:
            total = cost + found.final_costs[state]
            texts[text.strip()] = min(total, texts.get(text.strip(), math.inf))
        if size < max_letters:
            for label, more, target in found.arcs[state]:
                waiting.append((target, text + ALPHABET.outputs[label], cost + more, size + 1))
    return texts


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("public <r> = a b;", {"A B"}),
        ("public <r> = ab | a b | ab;", {"AB", "A B"}),
        ("public <r> = [a] b [c];", {"B", "A B", "B C", "A B C"}),
        ("public <r> = a b*;", {"A", "A B", "A B B", "A B B B", "A B B B B"}),
        ("public <r> = a+ b;", {"A B", "A A B", "A A A B", "A A A A B"}),
        ("public <r> = (a | b c)+;", None),
        ("public <r> = (a* b)* c;", None),
        ("public <r> = a* a* [a];", {"", "A", "A A", "A A A", "A A A A", "A A A A A"}),
        ("public <r> = <s> <s>; <s> = a | b;", {"A A", "A B", "B A", "B B"}),
        ("public <r> = a; public <s> = b;", {"A", "B"}),
        ("public <r> = a <NULL> b | <VOID> c;", {"A B"}),
        ("public <r> = /0/ a | /1/ b;", {"B"}),
        ("public <r> = a <r> | b;", {"B", "A B", "A A B", "A A A B", "A A A A B"}),
        ("public <r> = a <s>; <s> = b <r> | c;", {"A C", "A B A C"}),
        ("public <r> = d <s> e; <s> = a [<s>];", {"D A E", "D A A E", "D A A A E"}),
    ],
)
def test_the_phrases_are_those_of_the_rules(rules: str, expected: set[str] | None) -> None:
    found = set(phrases(automaton(rules)))
    if expected is None:  # the same language as a regular expression
        body = re.search("= (.*);", rules)
        assert body is not None
        pattern = re.compile(re.sub(r"([a-z])", r"(\1 )", body[1].replace(" ", "")).upper())
        texts = {text.strip() for text in strings(["A", "B", "C"], 5) if pattern.fullmatch(text)}
        assert found == texts
    else:
        assert found == expected


def strings(words: list[str], size: int) -> list[str]:
    """All sequences of words of up to `size`, each word with a space behind it."""
    found, longest = [""], [""]
    for _ in range(size):
        longest = [text + word + " " for text in longest for word in words]
        found += longest
    return found


def test_the_likeliest_alternative_costs_nothing() -> None:
    found = phrases(automaton("public <r> = (/4/ a | /1/ b) [/1/ c | /2/ d];"))

    log = math.log
    expected = {
        "A": 0.0, "B": log(4), "A C": log(2), "A D": 0.0, "B C": log(8), "B D": log(4),
    }  # fmt: skip
    assert found == pytest.approx(expected, abs=1e-4)


def test_loops_of_different_weights_end() -> None:
    """An automaton with such loops has no deterministic form that keeps weights apart from letters."""
    found = phrases(automaton("public <r> = a (/1/ b)* (/1/ c | /2/ d) | a (/1/ b | /3/ e)* c;"), 3)

    assert found["A B C"] == pytest.approx(math.log(2), abs=1e-4)
    assert found["A E C"] == pytest.approx(0, abs=1e-4)


def test_common_beginnings_and_ends_are_shared() -> None:
    found = letter_automaton(Grammar.from_phrases(["abcd", "abed", "cbcd", "cbed"]), ALPHABET)

    assert len(found.arcs) == 6  # one more than letters of a phrase, and one behind the end


def test_rules_may_be_nested_as_deep_as_they_like() -> None:
    chain = "".join(f"<r{number}> = a | <r{number + 1}>;" for number in range(1200))

    assert phrases(automaton(f"public <r> = <r0>; {chain} <r1200> = b;")) == {"A": 0.0, "B": 0.0}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("public <r> = <r> a | b;", "Line 1: <r> refers to itself before its end"),
        ("public <r> = a <r> b | c;", "<r> refers to itself before its end"),
        ("public <r> = (a <r>)* b;", "<r> refers to itself before its end"),
        ("public <r> = a <s> b; <s> = c <r>;", "<r> refers to itself before its end"),
        ("public <r> = a <r>;", "The grammar has no phrase"),
        ("public <r> = <VOID>;", "The grammar has no phrase"),
        ("public <r> = [<NULL>];", "The grammar has no phrase"),
        ("public <r> = ax;", "The grammar has 'X' in 'AX', which the model cannot write"),
    ],
)
def test_what_cannot_be_spoken_is_refused(rules: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        automaton(rules)


def test_a_grammar_that_grows_without_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "MAX_ARCS", 1000)
    doubling = "".join(f"<r{number}> = <r{number + 1}> <r{number + 1}>;" for number in range(30))

    with pytest.raises(ValueError, match="more than 1,000 letters with all its rules written out; split it"):
        automaton(f"public <r> = <r0>; {doubling} <r30> = a;")

    monkeypatch.setattr(letters, "MAX_ARCS", 3000)
    seventh_from_the_end = "public <r> = (a | b)* a " + "(a | b)" * 12 + ";"
    with pytest.raises(ValueError, match="more than 3,000 states; split it"):
        automaton(seventh_from_the_end)


def test_symbols_must_have_a_space() -> None:
    with pytest.raises(ValueError, match="symbols has no space"):
        Alphabet(("", "A"), 0)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kaldifst", None)

    with pytest.raises(ImportError, match="A grammar needs the extra `grammar`: pip install kaldi-decoder kaldifst"):
        automaton("public <r> = a;")
