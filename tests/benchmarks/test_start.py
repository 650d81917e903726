"""What the measurement of fresh processes reports is what they took, turn by turn."""

import sys

import pytest

from benchmarks import start
from benchmarks.start import BASE, GREEDY, OWN, TINY, Start, commands, measure, summary


def test_time_and_processor_time_are_those_of_the_processes() -> None:
    busy = "import time\nwhile time.process_time() < 0.1: pass\nprint('A\\n B')"
    found = measure({"idle": [sys.executable, "-S", "-c", ""], "busy": [sys.executable, "-S", "-c", busy]}, 2)
    assert [len(runs) for runs in found.values()] == [2, 2]
    for idle, worked in zip(found["idle"], found["busy"], strict=True):
        assert 0.1 <= worked.cpu_s < idle.cpu_s + 0.2
        assert worked.wall_s >= 0.1
        assert (idle.text, worked.text) == ("", "A B")


def test_ratios_are_medians_of_the_turns() -> None:
    own = [Start(1.0, 2.0, "A"), Start(2.0, 2.0, "A"), Start(1.0, 1.0, "A")]
    other = [Start(4.0, 2.0, "B"), Start(4.0, 6.0, "B"), Start(3.0, 2.0, "B")]
    first, second = summary({"own": own, "other": other})
    assert (first["wall_ratio"], first["cpu_ratio"]) == (1.0, 1.0)
    assert (second["wall_s"], second["wall_ratio"], second["cpu_s"], second["cpu_ratio"]) == (4.0, 3.0, 2.0, 2.0)


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "find_spec", lambda name: None)
    with commands(start.Arguments().audio, 2) as found:
        assert list(found) == [OWN, GREEDY]
    assert set(start.SYSTEMS) == {OWN, GREEDY, TINY, BASE}
