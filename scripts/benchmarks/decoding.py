"""From file to text with the language model: presets, hotwords, one long recording, another build, and a peer.

    python scripts/benchmarks/decoding.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --every 16 --before ../earlier-checkout --output outputs/decoding.json --plot outputs/decoding.png

Every row is a process of its own without torch, which transcribes FLAC files one after another. Rows that begin with
`transcribe` are the command, started anew every turn, with as many files at once as there are threads. Their memory is
that of all their processes, what these share counted once. The network runs on what the command chooses, and in rows
that say so on ONNX Runtime. All take turns.
`--before` is the folder of another checkout of this repository, measured with its own settings. The peers that are
installed are measured once, on every fourth of the files, see `peers`.

Speeds are medians of the turns, by the clock and by the processor's time, which other processes disturb less. The last
column is the clock's against that of the earlier checkout, a row of the command against its command. Both sides of the
error rates are normalised as Whisper's authors do. `change` is the time until another list of hotwords is in use.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import soundfile
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

REPOSITORY = Path(__file__).parents[2]
if str(REPOSITORY / "scripts") not in sys.path:
    sys.path.append(str(REPOSITORY / "scripts"))

from benchmarks.files import read_split, repeat_recordings, write_files
from benchmarks.memory import TreeMemory
from benchmarks.peers import PEERS, installed_peers
from benchmarks.report import write_report
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.evaluation.plots import check_plots, plot_speed
from hf_bigru_asr.language_model.building import rarest_words
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.runtime.decoding import OWN_LANGUAGE_MODEL
from hf_bigru_asr.runtime.export import locate_model
from hf_bigru_asr.runtime.model_files import ModelFiles

RATE = 16_000
BEFORE, COMMAND = "before", "transcribe:"
"""Names of the rows of the earlier checkout, and beginning of those of the command."""
WORKER = """
import json, sys, time
folder, scripts, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
sys.path[:0] = [folder, scripts]
from benchmarks.memory import peak_memory_mib
if "peer" in options:
    from pathlib import Path
    from benchmarks.peers import load_peer
    load = load_peer(options["peer"], options["num_threads"])
    transcribe_all = lambda paths: load([Path(path) for path in paths])
else:
    from dataclasses import replace
    from hf_bigru_asr.runtime import OnnxRecognizer
    recognizer = OnnxRecognizer(**options)
    transcribe_all = lambda paths: [recognizer.transcribe(path) for path in paths]
def change(hotwords):
    decoder = recognizer.decoder
    if hasattr(decoder, "with_settings"):
        return decoder.with_settings(hotwords=hotwords)
    settings = replace(decoder.settings, hotwords=hotwords)
    return type(decoder)(decoder.folder, decoder.tokenizer, decoder.frame_s, settings)
print(json.dumps({}), flush=True)
for line in sys.stdin:
    paths = json.loads(line)
    if isinstance(paths, dict):
        start_s = time.perf_counter()
        decoder = change(paths)
        print(json.dumps({"change_ms": 1000 * (time.perf_counter() - start_s)}), flush=True)
        continue
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    texts = transcribe_all(paths)
    figures = {"time_s": time.perf_counter() - start_s, "cpu_s": time.process_time() - start_cpu_s}
    print(json.dumps({**figures, "texts": texts, "peak_memory_mib": peak_memory_mib()}), flush=True)
"""
COMMAND_WORKER = """
import json, resource, runpy, sys
folder, scripts, figures = sys.argv[1:4]
sys.path[:0] = [folder, scripts]
sys.argv[1:] = sys.argv[4:]
try:
    runpy.run_module("hf_bigru_asr", run_name="__main__", alter_sys=True)
finally:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with open(figures, "w") as stream:
        json.dump({"cpu_s": sum(each.ru_utime + each.ru_stime for each in used)}, stream)
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
    long_s: float = field(default=3600.0, metadata={"help": "Seconds of one long recording, once. 0: none."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to."})
    plot: Path | None = field(default=None, metadata={"help": "Picture of the command and the peers to draw."})


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
        return self._ask([str(path) for path in paths])

    def change_hotwords(self, lists: Iterable[Mapping[str, float]]) -> float:
        """Median milliseconds until another list of hotwords is in use."""
        return median(self._ask(dict(hotwords))["change_ms"] for hotwords in lists)

    def end(self) -> None:
        """Let the process end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _ask(self, question: Any) -> dict[str, Any]:  # noqa: ANN401 - what JSON takes
        stream = self._process.stdin
        if stream is None:
            raise RuntimeError(f"{self.name} has ended.")
        stream.write(json.dumps(question) + "\n")
        stream.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"{self.name} has ended with status {self._process.wait()}; see what it wrote above.")
        found: dict[str, Any] = json.loads(line)
        return found


class Command:
    """The command `transcribe`, which starts anew every time.

    Args:
        name: Of its row.
        folder: Checkout whose package it imports.
        options: Options of the command.
    """

    is_peer = False

    def __init__(self, name: str, folder: Path, options: Sequence[str]) -> None:
        self.name, self._options = name, list(options)
        self._command = [sys.executable, "-c", COMMAND_WORKER, str(folder), str(folder / "scripts")]
        self.turns: list[dict[str, Any]] = []

    def transcribe(self, paths: Sequence[Path]) -> dict[str, Any]:
        """Texts of files, with the seconds from the start of the command to its end, and its memory."""
        with tempfile.TemporaryDirectory() as results:
            output, figures = Path(results, "texts.jsonl"), Path(results, "figures.json")
            words = ["transcribe", *map(str, paths), "--quiet", "--output", str(output), *self._options]
            start_s = time.perf_counter()
            process = subprocess.Popen([*self._command, str(figures), *words])
            with TreeMemory(process.pid) as memory:
                status = process.wait()
            time_s = time.perf_counter() - start_s
            if status:
                raise RuntimeError(f"{self.name} has ended with status {status}; see what it wrote above.")
            found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
            usage = json.loads(figures.read_text(encoding="utf-8"))
        text_of = {each["source"]: each["text"] for each in found}
        texts = [text_of[str(path)] for path in paths]
        return {"time_s": time_s, "texts": texts, "peak_memory_mib": memory.peak_mib, **usage}

    def end(self) -> None:
        """Nothing is left to end."""


def recognisers(args: Arguments, hotwords: Mapping[str, float]) -> "list[Recogniser | Command]":
    """All rows, loaded."""
    common = {"model": args.model, "language_model": OWN_LANGUAGE_MODEL, "num_threads": args.num_threads}
    here = {**common, "runtime": "auto"}
    words = ["--model", args.model, "--lm", OWN_LANGUAGE_MODEL, "--jobs", str(args.num_threads)]
    rows: list[Recogniser | Command] = [
        Recogniser(preset, REPOSITORY, {**here, "preset": preset}) for preset in args.presets
    ]
    rows.append(Recogniser("greedy", REPOSITORY, {**here, "language_model": None}))
    if hotwords:
        rows.append(Recogniser(f"{args.num_hotwords} hotwords", REPOSITORY, {**here, "hotwords": dict(hotwords)}))
    for kind, options in (("", []), (", ONNX Runtime", ["--runtime", "onnx"])):
        rows += [
            Command(f"{COMMAND} {preset}{kind}", REPOSITORY, [*words, *options, "--preset", preset])
            for preset in args.presets
        ]
    rows.append(Command(f"{COMMAND} greedy", REPOSITORY, [*words, "--lm", "none"]))
    if args.before is not None:
        before = args.before.absolute()
        rows += [Recogniser(BEFORE, before, common), Command(f"{COMMAND} {BEFORE}", before, words)]
    for name in installed_peers():
        rows.append(Recogniser(name, REPOSITORY, {"peer": name, "num_threads": args.num_threads}))
    return rows


def chosen_hotwords(args: Arguments, references: Sequence[str]) -> list[str]:
    """The rarest words of the references, twice as many as are used at once; none without a language model."""
    folder = ModelFiles(locate_model(args.model)).language_model
    if not args.num_hotwords or folder is None:
        return []
    return rarest_words(references, folder, 2 * args.num_hotwords)


def row_of(recogniser: "Recogniser | Command", audio_s: float, references: Sequence[str]) -> dict[str, Any]:
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


def add_ratios(rows: Sequence[dict[str, Any]]) -> None:
    """Give every row its speed over that of the earlier checkout: the command over its command."""
    speeds = {row["name"]: row["real_time_factor"] for row in rows}
    for row in rows:
        peer = f"{COMMAND} {BEFORE}" if row["name"].startswith(COMMAND) else BEFORE
        if peer in speeds:
            row["times_before"] = row["real_time_factor"] / speeds[peer]


def measure_rows(
    args: Arguments, found: "Sequence[Recogniser | Command]", paths: Sequence[Path], references: Sequence[str]
) -> list[dict[str, Any]]:
    """Let all take turns.

    Args:
        args: How often, and what peers get.
        found: The rows.
        paths: Recordings.
        references: Their transcripts.
    """
    for each in found:
        each.transcribe(paths[:4])
    for turn in range(args.repeats):
        for each in found:
            if turn == 0 or not each.is_peer:
                each.turns.append(each.transcribe(paths[:: args.peer_every if each.is_peer else 1]))
    durations_s = [soundfile.info(path).duration for path in paths]
    rows = []
    for each in found:
        taken = slice(None, None, args.peer_every if each.is_peer else 1)
        rows.append(row_of(each, sum(durations_s[taken]), references[taken]))
    add_ratios(rows)
    return rows


def measure_changes(found: "Iterable[Recogniser | Command]", words: Sequence[str]) -> dict[str, float]:
    """Milliseconds until another list of hotwords is in use, by the rows that are asked.

    Args:
        found: All rows; asked are the first one and the earlier checkout.
        words: Two lists, one after the other.
    """
    lists = [dict.fromkeys(part, DEFAULT_HOTWORD_WEIGHT) for part in (words[::2], words[1::2])] * 2
    asked = [each for each in found if isinstance(each, Recogniser) and not each.is_peer]
    return {each.name: each.change_hotwords(lists) for each in asked if each is asked[0] or each.name == BEFORE}


def print_report(report: Mapping[str, Any]) -> None:
    """The table, and what is below it."""
    print(f"{'':36}{'files':>7}{'WER':>8}{'x real time':>13}{'per CPU s':>11}{'peak':>12}{'x before':>10}")
    for row in report["rows"]:
        ratio = f"{row['times_before']:10.2f}" if "times_before" in row else ""
        print(
            f"{row['name']:36}{row['num_files']:7}{row['wer']:8.1%}{row['real_time_factor']:13.1f}"
            f"{row['cpu_real_time_factor']:11.1f}{row['peak_memory_mib']:8.0f} MiB{ratio}"
        )
    times_s = {row["name"]: median(row["times_s"]) for row in report["rows"]}
    hotwords = f"{report['num_hotwords']} hotwords"
    if hotwords in times_s:
        first = report["rows"][0]["name"]
        print(f"{hotwords} take {times_s[hotwords] / times_s[first]:.2f} times as long as none ({first})")
    for name, change_ms in report["change_ms"].items():
        print(f"change of {report['num_hotwords']} hotwords, {name}: {change_ms:.0f} ms")
    for row in report["long"]:
        print(
            f"one recording of {row['audio_s']:g} s, {row['name']}: {row['real_time_factor']:.0f} times real time, "
            f"peak {row['peak_memory_mib']:.0f} MiB"
        )


def rows_of_picture(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The command on its own choice of a runtime, and the peers."""
    shown = []
    for row in rows:
        kind = row["name"].removeprefix(COMMAND).strip()
        is_own = row["name"].startswith(COMMAND) and kind != BEFORE and "," not in kind
        if is_own or row["name"] in PEERS:
            shown.append({**row, "name": f"transcribe, {kind}" if is_own else row["name"]})
    return shown


def main() -> None:
    """Load all, let them take turns, print and write."""
    note_start()
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])  # type: ignore[arg-type] # NewType of Any
    (args,) = parser.parse()
    with parser.refusals():
        waveforms, references = read_split(args.dataset_name, args.dataset_config_name, args.split, args.every, RATE)
    if args.plot is not None:
        check_plots()
    words = chosen_hotwords(args, references)
    found = recognisers(args, dict.fromkeys(words[: args.num_hotwords], DEFAULT_HOTWORD_WEIGHT))
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(waveforms, RATE, Path(folder))
        report: dict[str, Any] = {
            "audio_s": sum(map(len, waveforms)) / RATE,
            "rows": measure_rows(args, found, paths, references),
            "num_hotwords": args.num_hotwords,
            "change_ms": measure_changes(found, words) if words else {},
            "long": [],
        }
        for each in found:
            each.end()
        if args.long_s:
            long = write_files([repeat_recordings(waveforms, round(args.long_s * RATE))], RATE, Path(folder))
            for each in found:
                if isinstance(each, Command) and not each.name.endswith(BEFORE):
                    once = each.transcribe(long)
                    figures = {"audio_s": args.long_s, "real_time_factor": args.long_s / once["time_s"]}
                    report["long"].append({"name": each.name, **figures, "peak_memory_mib": once["peak_memory_mib"]})
    print_report(report)
    if args.output is not None:
        write_report(args.output, report)
    if args.plot is not None:
        plot_speed(rows_of_picture(report["rows"]), args.plot)


if __name__ == "__main__":
    main()
