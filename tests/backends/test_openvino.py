"""What OpenVINO does to the process that it runs in."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime_support import needs_openvino


@needs_openvino
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tell where threads may run")
def test_threads_are_free_and_signals_are_handled(model_dir: Path, run_in_fork: Callable[..., str]) -> None:
    """Graphs that run at once are not bound to one core; a signal finds its stack after models went as they came."""
    # In a process of its own, where no other graph has threads; in one for both, because its start takes seconds.
    code = """
        import os, signal, sys
        from concurrent.futures import ThreadPoolExecutor
        import torch
        from hf_bigru_asr import OpenVINOBiGRUForCTC
        from hf_bigru_asr.runtime.layer_runners import log_probs_of_layers
        signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
        first = OpenVINOBiGRUForCTC.from_pretrained(sys.argv[1], num_threads=2)
        features = torch.randn(1, 20, first.config.num_mel_bins).numpy()
        with ThreadPoolExecutor(2) as threads:
            log_probs_of_layers(first.layer_runner(), features, threads)
            cores = {frozenset(os.sched_getaffinity(int(thread))) for thread in os.listdir("/proc/self/task")}
        print(cores == {frozenset(os.sched_getaffinity(0))})
        second = OpenVINOBiGRUForCTC.from_pretrained(sys.argv[1])
        del first
        del second
        os.kill(os.getpid(), signal.SIGUSR1)
    """
    assert run_in_fork(textwrap.dedent(code), model_dir) == "True\nhandled\n"
