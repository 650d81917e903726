"""Memory of processes, as the benchmarks report it."""

import subprocess
import sys

import pytest
from running_processes import needs_proc

from benchmarks.memory import TreeMemory

PROGRAM = """
import subprocess, sys, time
held = bytearray(b"x") * (60 << 20)
if len(sys.argv) > 1:
    subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
time.sleep(0.5)
"""


@needs_proc
def test_the_memory_of_a_process_and_of_those_below_it() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", PROGRAM, PROGRAM]) as process,
        TreeMemory(process.pid) as memory,
    ):
        assert process.wait(30) == 0
    assert memory.peak_mib == pytest.approx(130, abs=12)


def test_a_process_that_has_ended_has_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        with TreeMemory(process.pid) as memory:
            pass
    assert memory.peak_mib is None
