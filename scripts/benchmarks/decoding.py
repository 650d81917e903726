"""From file to text with the language model: presets, hotwords, one long recording, another build, and a peer.

    python scripts/benchmarks/decoding.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --every 16 --before ../earlier-checkout --output outputs/decoding.json

Every row is a process of its own without torch, which transcribes FLAC files one after another; all take turns.
`--before` is the folder of another checkout of this repository, measured with its own settings. Whisper-base is
measured once, on every fourth of the files, where `faster-whisper` and its weights are installed, see `peers`. Speeds
are medians of the turns, by the clock and by the processor's time, which other processes disturb less. Both sides of
the error rates are normalised as Whisper's authors do.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

REPOSITORY = Path(__file__).parents[2]
if str(REPOSITORY / "scripts") not in sys.path:
    sys.path.append(str(REPOSITORY / "scripts"))

from benchmarks.files import read_split, repeat_recordings, write_files
from benchmarks.peers import WHISPER, installed_peers
from benchmarks.report import write_report
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.language_model.building import rarest_words
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.runtime.decoding import OWN_LANGUAGE_MODEL
from hf_bigru_asr.runtime.export import locate_model
from hf_bigru_asr.runtime.model_files import ModelFiles

RATE = 16_000
WORKER = """
import json, sys, time
folder, scripts, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
sys.path[:0] = [folder, scripts]
from benchmarks.memory import peak_memory_mib
if "peer" in options:
    from pathlib import Path
    from benchmarks.peers import load_peer
    load = load_peer(options["peer"], options["num_threads"])
    transcribe = lambda path: load([Path(path)])[0]
else:
    from hf_bigru_asr.runtime import OnnxRecognizer
    transcribe = OnnxRecognizer(**options).transcribe
print(json.dumps({}), flush=True)
for line in sys.stdin:
    paths = json.loads(line)
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    texts = [transcribe(path) for path in paths]
    figures = {"time_s": time.perf_counter() - start_s, "cpu_s": time.process_time() - start_cpu_s}
    print(json.dumps({**figures, "texts": texts, "peak_memory_mib": peak_memory_mib()}), flush=True)
"""


@dataclass
class Arguments:
    """What to measure, and how often."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="test", metadata={"help": "Split whose recordings are transcribed."})
    every: int = field(default=16, metadata={"help": "Take every n-th utterance."})
    model: str = field(default="bundled", metadata={"help": "Model folder, or the bundled one."})
    presets: list[str] = field(default_factory=lambda: ["accurate", "fast"], metadata={"help": "Presets to measure."})
    num_hotwords: int = field(default=100, metadata={"help": "Rarest words of the references as hotwords. 0: none."})
    before: Path | None = field(default=None, metadata={"help": "Checkout of an earlier build to measure beside."})
    num_threads: int = field(default=2, metadata={"help": "Threads of every recogniser."})
    repeats: int = field(default=2, metadata={"help": "Turns; peers have one."})
    peer_every: int = field(default=4, metadata={"help": "Peers transcribe every n-th of the files."})
    long_s: float = field(default=0.0, metadata={"help": "Seconds of one long recording, once. 0: none."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to."})


class Recogniser:
    """A process that transcribes files.

    Args:
        name: Of its row.
        folder: Checkout whose package it imports.
        options: Arguments of `OnnxRecognizer`, or the name of a peer.
    """

    def __init__(self, name: str, folder: Path, options: Mapping[str, Any]) -> None:
        self.name, self.is_peer = name, "peer" in options
        command = [sys.executable, "-c", WORKER, str(folder), str(folder / "scripts"), json.dumps(options)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.turns: list[dict[str, Any]] = []
        self._read()

    def transcribe(self, paths: Sequence[Path]) -> dict[str, Any]:
        """Texts of files, with the seconds that they took."""
        stream = self._process.stdin
        if stream is None:
            raise RuntimeError(f"{self.name} has ended.")
        stream.write(json.dumps([str(path) for path in paths]) + "\n")
        stream.flush()
        return self._read()

    def end(self) -> None:
        """Let the process end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"{self.name} has ended with status {self._process.wait()}; see what it wrote above.")
        found: dict[str, Any] = json.loads(line)
        return found


def recognisers(args: Arguments, references: Sequence[str]) -> list[Recogniser]:
    """All rows, loaded."""
    common = {"model": args.model, "language_model": OWN_LANGUAGE_MODEL, "num_threads": args.num_threads}
    rows = [Recogniser(preset, REPOSITORY, {**common, "preset": preset}) for preset in args.presets]
    rows.append(Recogniser("greedy", REPOSITORY, {"model": args.model, "num_threads": args.num_threads}))
    folder = ModelFiles(locate_model(args.model)).language_model
    if args.num_hotwords and folder is not None:
        hotwords = dict.fromkeys(rarest_words(references, folder, args.num_hotwords), DEFAULT_HOTWORD_WEIGHT)
        rows.append(Recogniser(f"{len(hotwords)} hotwords", REPOSITORY, {**common, "hotwords": hotwords}))
    if args.before is not None:
        rows.append(Recogniser("before", args.before.absolute(), common))
    if WHISPER in installed_peers():
        rows.append(Recogniser(WHISPER, REPOSITORY, {"peer": WHISPER, "num_threads": args.num_threads}))
    return rows


def row_of(recogniser: Recogniser, audio_s: float, references: Sequence[str]) -> dict[str, Any]:
    """Figures of a row, JSON-serialisable.

    Args:
        recogniser: With its turns.
        audio_s: Seconds of the files that it has transcribed.
        references: Their transcripts.
    """
    turns = recogniser.turns
    normalize = EnglishTextNormalizer({})
    errors = word_error_counts(list(map(normalize, references)), list(map(normalize, turns[0]["texts"])))
    return {
        "name": recogniser.name,
        "num_files": len(references),
        "wer": errors.error_rate,
        "real_time_factor": audio_s / median(turn["time_s"] for turn in turns),
        "cpu_real_time_factor": audio_s / median(turn["cpu_s"] for turn in turns),
        "peak_memory_mib": max(turn["peak_memory_mib"] or 0.0 for turn in turns),
        "times_s": [turn["time_s"] for turn in turns],
    }


def main() -> None:
    """Load all, let them take turns, print and write."""
    note_start()
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])  # type: ignore[arg-type] # NewType of Any
    (args,) = parser.parse()
    with parser.refusals():
        waveforms, references = read_split(args.dataset_name, args.dataset_config_name, args.split, args.every, RATE)
    found = recognisers(args, references)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(waveforms, RATE, Path(folder))
        for each in found:
            each.transcribe(paths[:4])
        for turn in range(args.repeats):
            for each in found:
                if turn == 0 or not each.is_peer:
                    each.turns.append(each.transcribe(paths[:: args.peer_every if each.is_peer else 1]))
        durations_s = [len(waveform) / RATE for waveform in waveforms]
        report: dict[str, Any] = {"audio_s": sum(durations_s), "rows": []}
        for each in found:
            taken = slice(None, None, args.peer_every if each.is_peer else 1)
            report["rows"].append(row_of(each, sum(durations_s[taken]), references[taken]))
        if args.long_s:
            long = write_files([repeat_recordings(waveforms, round(args.long_s * RATE))], RATE, Path(folder))
            once = found[0].transcribe(long)
            report["long"] = {"name": found[0].name, "real_time_factor": args.long_s / once["time_s"]}
            report["long"]["peak_memory_mib"] = once["peak_memory_mib"]
    for each in found:
        each.end()
    print(f"{'':36}{'files':>7}{'WER':>8}{'x real time':>13}{'per CPU s':>11}{'peak':>12}")
    for row in report["rows"]:
        print(
            f"{row['name']:36}{row['num_files']:7}{row['wer']:8.1%}{row['real_time_factor']:13.1f}"
            f"{row['cpu_real_time_factor']:11.1f}{row['peak_memory_mib']:8.0f} MiB"
        )
    if "long" in report:
        long_row = report["long"]
        print(
            f"one recording of {args.long_s:g} s: {long_row['real_time_factor']:.0f} times real time, peak "
            f"{long_row['peak_memory_mib'] or 0:.0f} MiB"
        )
    if args.output is not None:
        write_report(args.output, report)


if __name__ == "__main__":
    main()
