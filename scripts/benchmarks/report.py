"""What the benchmarks print and write: tables, the ratios between their figures, and JSON.

`scripts/benchmark.py`, `benchmark_gpu.py`, `compare_chunks.py` and `compare_int8.py` report with it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.files import FileTiming
from benchmarks.network import PACKED, NetworkTiming
from benchmarks.peers import PEERS
from hf_bigru_asr.provenance import provenance
from hf_bigru_asr.storage.writing import write_json

__all__ = ["print_files", "print_networks", "speed_ratios", "write_report"]


def write_report(path: str | Path, figures: Mapping[str, Any], device: str | None = None) -> None:
    """Write figures as JSON, with the commit, the machine and the command that they are of.

    Args:
        path: The file; its folder is made if need be.
        figures: JSON-serialisable.
        device: What was measured on, by torch's name; the CPU if not given.
    """
    described = {**figures, **(provenance() if device is None else provenance(device))}
    write_json(path, described)


def print_networks(timings: Sequence[NetworkTiming]) -> None:
    """Print a table of the network alone."""
    print(f"{'Network alone':28} {'batch':>5} {'of s':>5} {'x real time':>11} {'median':>9} {'p95':>9} {'peak':>9}")
    for timing in timings:
        row = timing.as_dict()
        print(
            f"{timing.name:28} {timing.batch_size:5} {timing.duration_s:5g} {timing.real_time_factor:11.0f} "
            f"{1000 * row['latency_median_s']:6.0f} ms {1000 * row['latency_p95_s']:6.0f} ms "
            + ("" if timing.peak_memory_mib is None else f"{timing.peak_memory_mib:5.0f} MiB")
        )


def print_files(title: str, timings: Sequence[FileTiming]) -> None:
    """Print a table from file to text."""
    print(f"\n{title:45} {'x real time':>11} {'WER':>8} {'load':>8} {'memory':>9} {'peak':>9}")
    for timing in timings:
        wer = "" if timing.wer is None else f"{timing.wer:.1%}"
        memory = [f"{value:5.0f} MiB" for value in (timing.memory_mib, timing.peak_memory_mib) if value is not None]
        print(f"{timing.name:45} {timing.real_time_factor:11.1f} {wer:>8} {timing.load_s:6.1f} s {' '.join(memory)}")


def speed_ratios(report: Mapping[str, Any]) -> dict[str, float]:
    """Ratios between the speeds of a run of `scripts/benchmark.py`, by what they compare.

    Args:
        report: Its figures: `network` and `ceilings`, and `files` and `long` if these were measured.
    """
    found = {}
    rows = report["network"]
    for batch_size, duration_s in dict.fromkeys((row["batch_size"], row["duration_s"]) for row in rows):
        here = {
            row["name"]: row["real_time_factor"]
            for row in rows
            if (row["batch_size"], row["duration_s"]) == (batch_size, duration_s)
        }
        best = max(speed for name, speed in here.items() if name != PACKED)
        found[f"network, batch {batch_size} of {duration_s:g} s: best to packed nn.GRU"] = best / here[PACKED]
        for number_format in ("float32", "bfloat16"):
            ceilings = [each for each in report["ceilings"] if each["name"].endswith(number_format)]
            if ceilings:
                fastest = max(speed for name, speed in here.items() if name.endswith(number_format))
                found[f"network, batch {batch_size} of {duration_s:g} s: best {number_format} to matrix product"] = (
                    fastest / max(each["real_time_factor"] for each in ceilings)
                )
    if "files" in report:
        speeds = {row["name"]: row["real_time_factor"] for row in report["files"]}
        best = max(speed for name, speed in speeds.items() if name not in PEERS)
        for name in PEERS:
            if name in speeds:
                found[f"file to text: best to {name}"] = best / speeds[name]
        network = max(row["real_time_factor"] for row in rows if row["name"] != PACKED)
        found["file to text: best to network alone"] = best / network
        for row in report.get("long", ()):
            found[f"one long file, {row['name']}: to network alone"] = row["real_time_factor"] / network
    return found
