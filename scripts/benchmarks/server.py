"""Load test of `hf-bigru-asr serve`: many clients, recordings of many lengths, broken ones among them.

    python scripts/benchmarks/server.py RECORDINGS --clients 64 --seconds 120 --output docs/figures/server.json

RECORDINGS is a folder with speech. Recordings of 1 s to 10 min are cut and joined from it. First `hf-bigru-asr
transcribe` transcribes them all, which gives the texts that are right and the speed to compare with. Then a server of
its own is asked by all clients for some time. Some begin with the longest recordings; all others are drawn at random,
short ones more often, with what is broken among them. Some clients go away before their answer. Memory is that of the
server and of its processes, what these share counted once.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import soundfile

REPOSITORY = Path(__file__).parents[2]
if str(REPOSITORY / "scripts") not in sys.path:
    sys.path.append(str(REPOSITORY / "scripts"))

from benchmarks.memory import tree_memory_mib
from benchmarks.report import write_report
from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.provenance import note_start

RATE_HZ = 16_000
LENGTHS_S = (1, 2, 3, 5, 8, 12, 16, 20, 28, 45, 90, 180, 600)
WEIGHTS = (8, 8, 8, 8, 8, 8, 8, 8, 8, 4, 2, 1, 0.3)
"""How often each length is drawn, relatively."""
COPIES = 3
BROKEN = {
    "garbage": b"no sound at all" * 500,
    "empty": b"",
    "playlist": b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n",
    "cut": b"RIFF\xff\xff\xff\x00WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\xff\xff\xff\0"
    + bytes(999),
}
BROKEN_SHARE = 0.05
LEAVING_SHARE = 0.03
LEAVES_S = 0.3
PATIENCE_S = 1200.0
BINS_S = ((0, 5), (5, 30), (30, 120), (120, 300), (300, 600))
"""Lengths of recordings that are shown together."""


@dataclass
class Answers:
    """What all clients saw."""

    latencies_s: list[tuple[float, float]] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    audio_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


def make_recordings(source: Path, folder: Path, longest_s: float) -> dict[Path, float]:
    """Write recordings of every length, in FLAC and WAV in turns, and return them with their seconds."""
    paths = [path for path in sorted(source.rglob("*")) if path.suffix in (".flac", ".wav", ".mp3", ".ogg")]
    if not paths:
        sys.exit(f"{source} has no recordings; give a folder with speech")
    speech = np.concatenate([load_audio(path) for path in paths[:200]])
    made = {}
    for length_s in (each for each in LENGTHS_S if each <= longest_s):
        for copy in range(COPIES):
            first = (length_s * 977 + copy * 7_919_731) % len(speech)
            samples = np.resize(np.roll(speech, -first), length_s * RATE_HZ)
            path = folder / f"{length_s:03d}-{copy}.{'flac' if copy % 2 else 'wav'}"
            soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
            made[path] = float(length_s)
    return made


def transcribe_by_command(folder: Path, arguments: Sequence[str]) -> tuple[dict[str, str], float]:
    """The texts by file name, and the seconds that the command took."""
    output = folder / "expected.jsonl"
    start_s = time.monotonic()
    command = [sys.executable, "-m", "hf_bigru_asr", "transcribe", str(folder), "--format", "jsonl", "--quiet"]
    subprocess.run([*command, "--output", str(output), *arguments], check=True)
    taken_s = time.monotonic() - start_s
    records = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    return {Path(record["source"]).name: record["text"] for record in records}, taken_s


@contextmanager
def running_server(arguments: Sequence[str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server, and its process; it is ended by a signal and must end well."""
    command = [sys.executable, "-m", "hf_bigru_asr", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        if "serving" not in line:
            sys.exit(line + process.stderr.read())
        reader = threading.Thread(target=lambda: sys.stderr.writelines(process.stderr or ()), daemon=True)
        reader.start()
        try:
            yield line.split("serving ")[1].split()[0], process
        finally:
            process.terminate()
            process.wait(120)
    if process.returncode != 143:
        sys.exit(f"the server ended with {process.returncode}")


def ask_for_a_while(
    url: str,
    recordings: dict[Path, float],
    expected: dict[str, str],
    until_s: float,
    answers: Answers,
    seed: int,
    first: Path | None,
) -> None:
    """One client: one request after the other until the time is up; a request that has begun is ended.

    Args:
        url: Of the server.
        recordings: Seconds by file.
        expected: Texts by the name of the file.
        until_s: When the time is up, by the monotonic clock.
        answers: Gets what comes back.
        seed: Of what it draws.
        first: What it begins with, if it does not draw that too.
    """
    draw = random.Random(seed)
    paths = list(recordings)
    weights = [WEIGHTS[LENGTHS_S.index(int(recordings[path]))] for path in paths]
    with httpx2.Client(timeout=PATIENCE_S) as client:
        while time.monotonic() < until_s:
            path, first = first, None
            kind = draw.random() if path is None else 1.0
            if kind < BROKEN_SHARE:
                name, content = draw.choice(list(BROKEN.items()))
                status = client.post(f"{url}/audio/transcriptions", files={"file": (name, content)}).status_code
                _note(answers, f"broken {status}", wrong=f"{name}: {status}" if status != 400 else None)
                continue
            path = path or draw.choices(paths, weights)[0]
            if kind < BROKEN_SHARE + LEAVING_SHARE:
                _leave(url, path, answers)
                continue
            start_s = time.monotonic()
            try:
                answer = client.post(f"{url}/audio/transcriptions", files={"file": (path.name, path.read_bytes())})
            except httpx2.HTTPError as error:
                _note(answers, "lost", wrong=f"{path.name}: {error!r}")
                continue
            taken_s = time.monotonic() - start_s
            if answer.status_code == 429:
                _note(answers, "429")
                time.sleep(float(answer.headers["retry-after"]))
                continue
            is_right = answer.status_code == 200 and answer.json()["text"] == expected[path.name]
            _note(answers, str(answer.status_code), wrong=None if is_right else f"{path.name}: {answer.text[:300]}")
            with answers.lock:
                answers.latencies_s.append((recordings[path], taken_s))
                answers.audio_s += recordings[path]


def _note(answers: Answers, status: str, wrong: str | None = None) -> None:
    with answers.lock:
        answers.statuses[status] += 1
        if wrong is not None:
            answers.wrong.append(wrong)


def _leave(url: str, path: Path, answers: Answers) -> None:
    try:
        httpx2.post(f"{url}/audio/transcriptions", files={"file": path.read_bytes()}, timeout=LEAVES_S)
        _note(answers, "not left in time")
    except httpx2.TimeoutException:
        _note(answers, "left")


def latency_table(answers: Answers) -> list[dict[str, float]]:
    """Quantiles of the latencies by length."""
    rows = []
    for low, high in BINS_S:
        found = [taken for length, taken in answers.latencies_s if low < length <= high]
        if found:
            quantiles = {f"p{q}": round(float(np.percentile(found, q)), 2) for q in (50, 90, 99, 100)}
            rows.append({"from_s": low, "to_s": high, "requests": len(found)} | quantiles)
    return rows


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run both, and return what was seen."""
    recordings = make_recordings(args.recordings, folder, args.longest_s)
    arguments = ["--lm", args.lm] if args.lm else []
    expected, command_s = transcribe_by_command(folder, arguments)
    answers = Answers()
    longest = [path for path, length_s in recordings.items() if length_s == max(recordings.values())]
    with running_server([*arguments, "--max-requests", str(args.max_requests), "--max-time-s", "1200"]) as (
        url,
        process,
    ):
        httpx2.post(url, content=next(iter(recordings)).read_bytes(), timeout=60)  # what is made once is there
        start_mib = peak_mib = tree_memory_mib(process.pid)
        start_s = time.monotonic()
        until_s = start_s + args.seconds
        threads = [
            threading.Thread(
                target=ask_for_a_while,
                args=(url, recordings, expected, until_s, answers, args.seed + number, first),
            )
            for number, first in enumerate(islice(chain(longest, repeat(None)), args.clients))
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            peak_mib = max(peak_mib, tree_memory_mib(process.pid))
            time.sleep(0.1)
        taken_s = time.monotonic() - start_s
        active = httpx2.get(url.removesuffix("/v1") + "/health").json()["transcriptions"]
        end_mib = tree_memory_mib(process.pid)
    command_speed = sum(recordings.values()) / command_s
    return {
        "clients": args.clients,
        "seconds": round(taken_s, 1),
        "statuses": dict(sorted(answers.statuses.items())),
        "wrong": answers.wrong,
        "still_active": active,
        "latencies_s": latency_table(answers),
        "memory_mib": {"start": round(start_mib), "peak": round(peak_mib), "end": round(end_mib)},
        "times_real_time": round(answers.audio_s / taken_s, 1),
        "command_times_real_time": round(command_speed, 1),
        "share_of_command": round(answers.audio_s / taken_s / command_speed, 3),
    }


def main() -> None:
    """Measure, print, and exit with 1 if an answer was wrong or lost."""
    note_start()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recordings", type=Path, help="Folder with speech.")
    parser.add_argument("--clients", type=int, default=64, help="Clients at once.")
    parser.add_argument("--seconds", type=float, default=120, help="How long they ask.")
    parser.add_argument("--longest_s", type=float, default=600, help="The longest recordings.")
    parser.add_argument("--lm", help="Language model, as for the commands.")
    parser.add_argument("--max_requests", type=int, default=128, help="Of the server.")
    parser.add_argument("--seed", type=int, default=0, help="Of what the clients draw.")
    parser.add_argument("--output", type=Path, help="JSON file for the results.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(args, Path(folder))
    print(json.dumps(results, indent=2))
    if args.output is not None:
        write_report(args.output, results)
    sys.exit(1 if results["wrong"] or results["still_active"] else 0)


if __name__ == "__main__":
    main()
