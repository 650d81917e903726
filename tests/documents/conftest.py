"""A network that is closed and counts who knocks, and a folder in which examples run."""

import socket
from pathlib import Path

import huggingface_hub.constants
import pytest
from repository import REPOSITORY


@pytest.fixture
def closed_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were asked for, all of which are refused. The libraries do not know that they are offline."""
    attempts: list[str] = []

    def refuse(address: object) -> None:
        attempts.append(str(address))
        raise OSError(f"the network is closed: {address}")

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            refuse(address)
        else:
            open_connect(self, address)

    open_connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: refuse(host))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return attempts


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: what examples read is as in a clone, and what they write is not in it."""
    (tmp_path / "tests").symlink_to(REPOSITORY / "tests")
    (tmp_path / "scripts").symlink_to(REPOSITORY / "scripts")
    monkeypatch.chdir(tmp_path)
    return tmp_path
