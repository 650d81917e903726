"""The process in whose forks writers are killed and readers are given broken files."""

import sys
from collections.abc import Iterator

import pytest
from fault_server import FaultServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if sys.platform != "linux":
        for item in items:
            item.add_marker(pytest.mark.skip(reason="memory is limited and counted as Linux does it"))


@pytest.fixture(scope="module")
def fault_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultServer]:
    with FaultServer(tmp_path_factory.mktemp("faults")) as server:
        yield server
