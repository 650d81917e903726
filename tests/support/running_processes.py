"""Whether processes run, where the system shows them as files."""

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="this system does not show processes as files"
)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def left_after(seconds: float, pids: Iterable[int]) -> list[int]:
    """Which processes still run after a time, or none as soon as all have ended."""
    deadline_s = time.monotonic() + seconds
    left = list(pids)
    while (left := [pid for pid in left if is_running(pid)]) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return left
