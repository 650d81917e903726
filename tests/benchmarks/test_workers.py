"""A process with one loaded system."""

import operator
import os

from benchmarks.workers import Worker


def test_a_worker_keeps_what_it_has_loaded() -> None:
    with Worker(num_threads=3) as worker:
        assert worker.load(os.getpid) >= 0
        found = worker.run(operator.add, 0)
        assert found != os.getpid()
        assert worker.run(operator.sub, found) == 0
        worker.load(os.getenv, "OMP_NUM_THREADS")
        assert worker.run(str) == "3"
