"""Servers that several tests ask."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi")

if TYPE_CHECKING:
    from loopback_server import Served


@pytest.fixture(scope="session")
def greedy_server() -> Iterator["Served"]:
    """The shipped model without its language model."""
    from loopback_server import served

    from hf_bigru_asr.runtime import OnnxRecognizer

    with served(OnnxRecognizer(num_threads=1)) as server:
        yield server
