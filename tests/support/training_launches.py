"""`scripts/train.py` in several processes, as torchrun starts it."""

import json
from collections.abc import Callable

from repository import SCRIPTS

_LAUNCHES = """
import gc, json, runpy, shutil, sys
from pathlib import Path
import torch.distributed
from accelerate.state import AcceleratorState, GradientState
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

script, launches = sys.argv[1], json.loads(sys.argv[2])
runpy.run_path(script)  # import once what all processes need
exec(sys.argv[3])
gc.freeze()  # every training looks through all that can be garbage
leave = torch.distributed.destroy_process_group


def work(runs):
    for arguments in runs:
        # The processes of the last run leave each other; torch does not let them meet twice.
        torch.distributed.destroy_process_group = leave if arguments is runs[-1] else lambda group=None: None
        AcceleratorState._reset_state()
        GradientState._reset_state()
        sys.argv = [script, *arguments]
        runpy.run_path(script, run_name="__main__")


for number, (num_processes, runs) in enumerate(launches):
    elastic_launch(
        LaunchConfig(
            min_nodes=1, max_nodes=1, nproc_per_node=num_processes, run_id=str(number), start_method="fork",
            rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0",
        ),
        work,
    )(runs)
    for arguments in runs:
        folder = Path(arguments[arguments.index("--output_dir") + 1])
        shutil.copy(folder / "training.json", folder.with_name(f"{folder.name}-{number}.json"))
"""


def run_in_processes(run_in_fork: Callable[..., str], *launches: tuple[int, list[str]], prelude: str = "") -> str:
    """Run the script as torchrun does, once for each of the runs of a launch, and give what it printed.

    The record of a run is copied beside its folder after every launch, as `FOLDER-0.json`, `FOLDER-1.json`.

    Args:
        run_in_fork: The fixture.
        launches: Of each, the number of processes and the arguments of the runs.
        prelude: Code that runs before the processes are forked.
    """
    lists = [(number, [arguments.split() for arguments in runs]) for number, runs in launches]
    return run_in_fork(_LAUNCHES, SCRIPTS / "train.py", json.dumps(lists), prelude)
