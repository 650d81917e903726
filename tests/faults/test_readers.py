"""Broken files: 300 changes of what each reader reads, all of which end in a right result or an error by name."""

import pytest
from fault_names import READERS
from fault_server import FaultServer

pytestmark = pytest.mark.slow

NUM_CASES = 300


def test_all_readers_are_here(fault_server: FaultServer) -> None:
    assert sorted(fault_server.ask("names")["readers"]) == sorted(READERS)


@pytest.mark.parametrize("name", READERS)
def test_broken_files_are_refused_by_name(name: str, fault_server: FaultServer) -> None:
    found = fault_server.ask("fuzz", name, NUM_CASES)

    assert not found["failures"], "\n".join(found["failures"][:20])
    assert sum(found["counts"].values()) == NUM_CASES
    assert found["counts"]["named error"] > 0  # the changes are such that some have to be refused
