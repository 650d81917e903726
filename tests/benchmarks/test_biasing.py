"""Lists of biased words, and the errors of these and of other words."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.biasing import BiasedErrors, frequent_and_rare, made_lists, measured_rows, read_lists
from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis


@pytest.mark.parametrize(
    ("reference", "hypothesis", "biased", "other"),
    [
        ("CALL AHAB NOW", "CALL AHAB NOW", 0, 0),
        ("CALL AHAB NOW", "CALL A HAB NOW", 1, 1),
        ("CALL AHAB NOW", "AHAB CALL AHAB", 1, 1),
        ("CALL AHAB NOW", "", 1, 2),
        ("", "AHAB NOW", 1, 1),
    ],
)
def test_errors_belong_to_biased_words_or_others(reference: str, hypothesis: str, biased: int, other: int) -> None:
    errors = BiasedErrors()
    errors.add(reference, hypothesis, frozenset({"AHAB"}))
    assert (errors.biased_errors, errors.other_errors) == (biased, other)


def test_rates() -> None:
    errors = BiasedErrors(num_biased=2, num_other=8, biased_errors=1, other_errors=2)
    assert errors.rates() == {"wer": 0.3, "b_wer": 0.5, "u_wer": 0.25}


def test_lists_from_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.biasing.NUM_FREQUENT", 2)
    path = tmp_path / "text.txt"
    path.write_text("the whale the sea\nthe sea 9 ahab\n")
    frequent, rare = frequent_and_rare(path)
    assert (frequent, rare) == ({"THE", "SEA"}, ["AHAB", "WHALE"])
    first = made_lists(["THE PEQUOD", "THE SEA"], frequent, rare, 1, 0)
    assert first == made_lists(["THE PEQUOD", "THE SEA"], frequent, rare, 1, 0)
    (words, hotwords), (no_words, distractors) = first
    assert (words, no_words) == ({"PEQUOD"}, set())
    assert "PEQUOD" in hotwords
    assert (len(hotwords), len(distractors)) == (2, 1)
    assert len(made_lists(["THE"], frequent, rare, 100, 0)[0][1]) == 2


def test_every_list_is_measured_at_every_weight() -> None:
    lists = {"N=1": [(frozenset({"AHAB"}), ["AHAB", "WHALE"])], "N=0": [(frozenset({"AHAB"}), ["AHAB"])]}
    rows = measured_rows(_HeavyWords(), [np.zeros((2, 3))], ["CALL AHAB"], lists, [6.0, 9.5])  # type: ignore[arg-type]
    assert {name: (row["b_wer"], row["u_wer"]) for name, row in rows.items()} == {
        "no hotwords": (1.0, 0.0),
        "N=1, 6 nats": (1.0, 0.0),
        "N=1, 9.5 nats": (0.0, 1.0),
        "N=0, 6 nats": (1.0, 0.0),
        "N=0, 9.5 nats": (0.0, 0.0),
    }


class _HeavyWords:
    """Finds CALL, and the hotwords with weights above 8."""

    def __init__(self, words: Sequence[str] = ()) -> None:
        self._words = words

    def with_settings(self, hotwords: Mapping[str, float]) -> "_HeavyWords":
        return _HeavyWords([word for word, weight in hotwords.items() if weight > 8])

    def __call__(self, log_probs: np.ndarray) -> list[list[Hypothesis]]:
        return [[Hypothesis(" ".join(["CALL", *self._words]), 0.0, (), ())] for _ in log_probs]


def test_published_lists(tmp_path: Path) -> None:
    line = "\t".join(["61-70968-0000", "he began", json.dumps(["ahab"]), json.dumps(["ahab", "whale"])])
    (tmp_path / "lists.tsv").write_text(line + "\n")
    assert read_lists(tmp_path / "lists.tsv") == {"61-70968-0000": ({"AHAB"}, ["AHAB", "WHALE"])}
