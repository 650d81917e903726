"""Workers of every kind end with the program that started them, whatever they are doing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPOSITORY
from running_processes import is_running, left_after, needs_proc

PROGRAM = """
import multiprocessing, os, subprocess, sys, time
from hf_bigru_asr.processes.parent import end_with_parent
from hf_bigru_asr.processes.worker_pool import WorkerPool

def tell(file):
    end_with_parent()
    end_with_parent()  # changes nothing
    os.write(file, f"{os.getpid()} ".encode())

def wait(file):
    tell(file)
    time.sleep(60)

if __name__ == "__main__":
    read, write = os.pipe()
    started = [multiprocessing.get_context("fork").Process(target=wait, args=(write,)) for _ in range(2)]
    for process in started:
        process.start()
    os.set_inheritable(write, True)
    code = f"import runpy; runpy.run_path({__file__!r})['wait']({write})"
    subprocess.Popen([sys.executable, "-c", code], close_fds=False)
    pids = b""
    while pids.count(b" ") < 3:
        pids += os.read(read, 100)
    pool = WorkerPool(2)
    print(pids.decode(), *pool.call_in_each(os.getpid), flush=True)
    pool.submit(time.sleep, 60)
    # A call of a library that lets no other thread of its process run.
    pool.submit(eval, "__import__('ctypes').PyDLL(None).sleep(60)")
    time.sleep(60)
"""


@needs_proc
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=lambda end: end.name)
def test_workers_end_with_their_parent(end: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(set(pids)) == 5
        assert all(map(is_running, pids))
        parent.send_signal(end)
        assert parent.wait(timeout=60) == -end
        assert left_after(5.0, pids) == []
