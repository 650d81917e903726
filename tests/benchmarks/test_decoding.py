"""The rows of the benchmark of decoding."""

import sys
from pathlib import Path

import pytest

from benchmarks import decoding
from benchmarks.decoding import Recogniser, row_of

FAKE = """
import json, sys
print("{}", flush=True)
for line in sys.stdin:
    print(json.dumps({"texts": [path.upper() for path in json.loads(line)]}), flush=True)
"""


def test_a_process_answers_turn_by_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WORKER", FAKE)
    recogniser = Recogniser("fake", Path("."), {})
    assert recogniser.transcribe([Path("a"), Path("b")]) == {"texts": ["A", "B"]}
    assert recogniser.transcribe([Path("c")]) == {"texts": ["C"]}
    recogniser.end()


def test_a_process_that_ends_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WORKER", f"import {sys.__name__}; sys.exit(3)")
    with pytest.raises(RuntimeError, match="fake has ended with status 3"):
        Recogniser("fake", Path("."), {})


def test_speeds_are_those_of_the_median_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WORKER", FAKE)
    recogniser = Recogniser("fake", Path("."), {})
    recogniser.end()
    turns = [(2.0, 4.0, 100.0), (1.0, 2.0, 300.0), (5.0, 8.0, None)]
    recogniser.turns = [
        {"time_s": time_s, "cpu_s": cpu_s, "peak_memory_mib": peak, "texts": ["a b", "mister c"]}
        for time_s, cpu_s, peak in turns
    ]
    row = row_of(recogniser, 20.0, ["A X", "MR C"])
    assert (row["real_time_factor"], row["cpu_real_time_factor"], row["peak_memory_mib"]) == (10.0, 5.0, 300.0)
    assert (row["wer"], row["num_files"]) == (pytest.approx(0.25), 2)
