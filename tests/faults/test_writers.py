"""Kills: each writer is ended at ten points, and leaves what is whole, old or refused; run again, it ends the same."""

import pytest
from fault_names import WRITERS
from fault_server import FaultServer

pytestmark = pytest.mark.slow

NUM_KILLS = 10


def test_all_writers_are_here(fault_server: FaultServer) -> None:
    assert sorted(fault_server.ask("names")["writers"]) == sorted(WRITERS)


@pytest.mark.parametrize("name", WRITERS)
def test_a_kill_leaves_nothing_half(name: str, fault_server: FaultServer) -> None:
    found = fault_server.ask("kill", name, NUM_KILLS)

    assert not found["failures"], "\n".join(found["failures"])
    assert sum(found["counts"].values()) == NUM_KILLS
