import pytest

from benchmarks.grammar import Utterance, fitted_confidence, phrases_of, summary
from hf_bigru_asr.grammar import GrammarResult


def utterance(kind: str, text: str, *results: tuple[str, float], source: str = "engine:voice") -> Utterance:
    decoded = tuple(GrammarResult(found, 0.0, 1.0, confidence, False) for found, confidence in results)
    return Utterance(kind, source, True, text, 1800.0, decoded)


UTTERANCES = [
    utterance("command", "GO", ("GO", 0.9)),
    utterance("command", "STOP", ("STOP", 0.4), source="other:voice"),
    utterance("command", "PAUSE", ("GO", 0.35), source="other:voice"),
    utterance("command", "HOME", ("HOME", 0.05)),
    utterance("near", "STOPS", ("STOP", 0.8)),
    utterance("other", "WHO", ("GO", 0.1)),
    utterance("speech", "HE WAS", ("GO", 0.3), ("STOP", 0.2), ("", 0.0)),
    utterance("speech", "NOBODY", ("PAUSE", 0.02)),
]


def test_the_fit_makes_both_errors_as_frequent() -> None:
    # From 0.1 on one of three others is accepted instead of two, and one of three commands is missed all the way.
    assert fitted_confidence(UTTERANCES[:3] + UTTERANCES[4:]) == 0.2


def test_near_misses_do_not_count() -> None:
    clear = [*UTTERANCES[:2], *UTTERANCES[5:6]]

    assert fitted_confidence(clear) == fitted_confidence([*clear, UTTERANCES[4]]) == 0.4


@pytest.mark.parametrize("utterances", [UTTERANCES[:5], UTTERANCES[4:]], ids=["no others", "no commands"])
def test_there_must_be_both_to_fit_with(utterances: list[Utterance]) -> None:
    with pytest.raises(ValueError, match="There must be commands and other utterances to fit with"):
        fitted_confidence(utterances)


def test_shares_and_false_accepts_per_hour() -> None:
    report = summary(UTTERANCES, 0.15)

    assert report["commands"] == {
        "voices": 2, "utterances": 4, "right": 0.5, "rejected": 0.25, "right_without_rejection": 0.75,
    }  # fmt: skip
    assert {engine: each["right"] for engine, each in report["commands_by_engine"].items()} == {
        "engine": 0.5,
        "other": 0.5,
    }
    assert report["speech_hours"] == 1.0
    assert report["false_accepts_per_hour"] == 2.0
    assert report["speech"] == {"utterances": 2, "rejected": 0.5}
    assert report["other"] == {"utterances": 1, "rejected": 1.0}
    assert report["near"] == {"utterances": 1, "rejected": 0.0}


def test_phrases_are_different_runs_of_words() -> None:
    assert phrases_of(["A B C", "A B", "D E F G"], 100) == ["A B", "A B C", "D E", "F G", "D E F", "D E F G"]
    assert phrases_of(["A B C"], 1) == ["A B"]
