"""Broken files: 300 changes of what each reader reads, all of which end in a right result or an error by name."""

import pytest
from fault_names import READERS
from fault_server import FaultServer

pytestmark = pytest.mark.slow

NUM_CASES = 300
FEWER_CASES = {"sound files, ffmpeg": 100, "preparation to go on with": 100}
"""Each of them starts programs, or prepares a data set."""


def test_all_readers_are_here(fault_server: FaultServer) -> None:
    assert sorted(fault_server.ask("names")["readers"]) == sorted(READERS)


@pytest.mark.parametrize("name", READERS)
def test_broken_files_are_refused_by_name(name: str, fault_server: FaultServer) -> None:
    num_cases = FEWER_CASES.get(name, NUM_CASES)

    found = fault_server.ask("fuzz", name, num_cases)

    assert not found["failures"], "\n".join(found["failures"][:20])
    assert sum(found["counts"].values()) == num_cases
    assert found["counts"]["named error"] > 0  # the changes are such that some have to be refused
