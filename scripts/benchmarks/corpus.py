"""Measure `hf-bigru-asr corpus`: what a cluster costs beside the command, and what kills leave behind.

    python scripts/benchmarks/corpus.py --folder recordings --output outputs/corpus.json

`transcribe` and `corpus` transcribe the folder on the same cores; processor seconds of all their processes are
compared, which other work on the machine changes less than seconds. Then a cluster of a head and two nodes transcribes
it, while a node, the head and at last the command are killed (SIGKILL, with everything that they started). The rows
are counted. Whisper-base transcribes some of the recordings; `--whisper_files 0` does without. The exit status is 1 if
a row is missing or there twice.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq

# Run directly, the path begins with this folder. At the end, so that no script hides a package of its name.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.storage.writing import write_json

__all__ = ["check_kills", "count_rows", "processor_seconds"]

PROGRAM = (sys.executable, "-m", "hf_bigru_asr")
MARK = "HF_BIGRU_ASR_MEASURED"
PERIOD_S = 0.2
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # the nodes are of this machine, and leave no token in the home
    "RAY_gcs_rpc_server_reconnect_timeout_s": "20",
    "OMP_NUM_THREADS": "1",
}
"""For the nodes of a cluster, and for what joins them."""


@dataclass
class Arguments:
    """What is transcribed."""

    folder: Path = field(metadata={"help": "Folder with recordings."})
    output: Path = field(metadata={"help": "JSON file for the figures."})
    lm: str = field(default="own", metadata={"help": "Language model, as the commands take it."})
    rows_per_file: int = field(default=100, metadata={"help": "Recordings of a file of the killed run."})
    whisper_files: int = field(default=20, metadata={"help": "Recordings that Whisper-base gets."})
    skip_speed: bool = field(default=False, metadata={"help": "Only kill and count."})


def processor_seconds(command: Sequence[str]) -> dict[str, float]:
    """Seconds, and processor seconds of a command with all the processes that it starts, also where they leave it.

    Args:
        command: What is run.

    Raises:
        RuntimeError: If it fails, but for recordings that cannot be used (status 1 of `transcribe`, 3 of `corpus`).
    """
    mark = f"{MARK}={uuid4()}"
    start_s = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | dict([mark.split("=")]))
    used: dict[int, float] = {}
    while process.poll() is None:
        used |= _processor_seconds_of(mark)
        time.sleep(PERIOD_S)
    if process.returncode not in (0, 1, 3):
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")
    return {"seconds": time.monotonic() - start_s, "processor_seconds": sum(used.values())}


def _processor_seconds_of(mark: str) -> dict[int, float]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                found[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:  # it has ended
            continue
    return found


def count_rows(output: Path) -> tuple[list[str], float]:
    """The ids of all rows, and the seconds of audio."""
    tables = [pq.read_table(path, columns=["id", "duration_s"]) for path in sorted(output.glob("part-*.parquet"))]
    ids = [name for table in tables for name in table.column("id").to_pylist()]
    return ids, sum(sum(table.column("duration_s").to_pylist()) for table in tables)


@contextmanager
def cluster_of_processes(num_workers: int = 2) -> Iterator[Any]:
    """Ray's own cluster of processes on one machine: a head that does no work, and nodes with a core each.

    Args:
        num_workers: Nodes beside the head.
    """
    os.environ.update(ENVIRONMENT)
    from ray.cluster_utils import Cluster

    memory: dict[str, Any] = {"object_store_memory": 100_000_000}
    raylets: list[int] = []
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **memory})
    try:
        for _ in range(num_workers):
            cluster.add_node(num_cpus=1, **memory)
        cluster.wait_for_nodes()
        raylets = [each.process.pid for node in cluster.list_all_nodes() for each in node.all_processes["raylet"]]
        yield cluster
    finally:
        for node in cluster.list_all_nodes():
            node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
        _end_agents(raylets)


def _end_agents(raylets: Sequence[int]) -> None:
    """Kill what raylets have started; their agents wait for the head for minutes, which is killed too."""
    marks = [f"RAY_RAYLET_PID={pid}".encode() for pid in raylets]
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if set(marks) & set((folder / "environ").read_bytes().split(b"\0")):
                os.kill(int(folder.name), signal.SIGKILL)


def check_kills(command: Sequence[str], output: Path) -> dict[str, Any]:
    """Kill a node, then the head; start a cluster anew, kill the command, and let it end.

    Args:
        command: What is run; the address of the cluster follows.
        output: The folder that it writes to.

    Returns:
        Files that were there at each kill, and the exit statuses.
    """
    found: dict[str, Any] = {}

    def start(address: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([*command, "--address", address, "--workers", "2"], env=os.environ | ENVIRONMENT)

    def after(process: "subprocess.Popen[bytes]", num_more: int) -> int:
        wanted = _num_files(output) + num_more
        while process.poll() is None and _num_files(output) < wanted:
            time.sleep(0.1)
        return _num_files(output)

    with cluster_of_processes() as cluster:
        process = start(cluster.address)
        found["node"] = after(process, 2)
        cluster.list_all_nodes()[1].kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
        found["head"] = after(process, 2)
        cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
        found["status_without_head"] = process.wait(600)
    with cluster_of_processes() as cluster:
        process = start(cluster.address)
        found["command"] = after(process, 2)
        process.kill()
        process.wait()
        found["status"] = start(cluster.address).wait()
    found["files"] = _num_files(output)
    return found


def _num_files(output: Path) -> int:
    return sum(1 for _ in output.glob("part-*.parquet"))


def _speeds(folder: Path, work: Path, lm: str) -> dict[str, Any]:
    single = [*PROGRAM, "transcribe", str(folder), "--lm", lm, "--quiet", "--output", str(work / "all.jsonl")]
    cluster = [*PROGRAM, "corpus", str(folder), str(work / "speed"), "--lm", lm, "--quiet"]
    found = {"transcribe": processor_seconds(single), "corpus": processor_seconds(cluster)}
    found["share"] = {"of": found["transcribe"]["processor_seconds"] / found["corpus"]["processor_seconds"]}
    return found


def _whisper(paths: Sequence[Path]) -> dict[str, float]:
    from benchmarks.peers import WHISPER, load_peer
    from hf_bigru_asr.audio.loading import audio_duration_s

    recognize = load_peer(WHISPER, 2)
    start_s = time.process_time()
    recognize(paths)
    used_s = time.process_time() - start_s
    return {"audio_s": sum(map(audio_duration_s, paths)), "processor_seconds": used_s}


def main() -> None:
    """Measure, count, and write the figures."""
    parser = CommandParser(Arguments, description=(__doc__ or "").splitlines()[0])  # type: ignore[arg-type] # NewType of Any
    (arguments,) = parser.parse()
    figures: dict[str, Any] = {"folder": arguments.folder.name, "lm": arguments.lm}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if not arguments.skip_speed:
            figures |= _speeds(arguments.folder, work, arguments.lm)
            if flac := sorted(arguments.folder.rglob("*.flac"))[: arguments.whisper_files]:
                figures["whisper"] = _whisper(flac)
        output = work / "killed"
        command = [*PROGRAM, "corpus", str(arguments.folder), str(output), "--lm", arguments.lm, "--quiet"]
        figures["kills"] = check_kills([*command, "--rows-per-file", str(arguments.rows_per_file)], output)
        ids, audio_s = count_rows(output)
    wanted = {str(path.relative_to(arguments.folder)) for path in arguments.folder.rglob("*") if path.is_file()}
    figures |= {"recordings": len(wanted), "rows": len(ids), "lost": len(wanted - set(ids)), "audio_s": audio_s}
    figures["twice"] = len(ids) - len(set(ids))
    write_json(arguments.output, figures)
    print(json.dumps(figures, indent=2))
    sys.exit(1 if figures["lost"] or figures["twice"] else 0)


if __name__ == "__main__":
    main()
