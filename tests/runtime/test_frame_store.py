"""Frames in a file: what is written is read, and a full disk is named."""

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hf_bigru_asr.runtime.frame_store import FrameStore


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file of this process becomes larger than 1,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_rows_in_any_order() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    with FrameStore(3, 1.0) as store:
        store.write(20, rows[20:])
        store.write(0, rows[:20][::-1][::-1])  # a view that is not contiguous
        assert len(store) == 50
        np.testing.assert_array_equal(store.read(0, 50), rows)
        np.testing.assert_array_equal(store.read(17, 31), rows[17:31])
        assert store.read(4, 4).shape == (0, 3)


def test_threads_have_one_file() -> None:
    rows = np.arange(40_000, dtype=np.float32).reshape(-1, 4)

    def write_and_read(first: int) -> bool:
        store.write(first, rows[first : first + 100])
        return bool((store.read(first, first + 100) == rows[first : first + 100]).all())

    with FrameStore(4, 1.0) as store, ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write_and_read, range(0, 10_000, 100)))
        np.testing.assert_array_equal(store.read(0, 10_000), rows)


def test_rows_that_were_not_written() -> None:
    with FrameStore(3, 1.0) as store:
        store.write(2, np.ones((2, 3), dtype=np.float32))
        assert len(store) == 4
        with pytest.raises(ValueError, match="Rows 3 to 6 are asked for, but there are 4"):
            store.read(3, 6)


def test_no_room_for_the_file(little_room: None) -> None:
    message = r"a long recording, 0\.25 GB for every hour; name a folder with room in the environment variable TMPDIR"
    with FrameStore(4, 0.25) as store, pytest.raises(OSError, match=message):
        store.write(0, np.zeros((100, 4), dtype=np.float32))
