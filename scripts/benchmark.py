"""Measure the speed of this machine with this network, side by side in one run.

    python scripts/benchmark.py --output outputs/benchmark.json
    python scripts/benchmark.py --dataset_name openslr/librispeech_asr --dataset_config_name clean --peers \
        --output outputs/benchmark.json --plot outputs/benchmark.png

The network alone is measured on every runtime that is installed, against `nn.GRU` on packed sequences and against
the largest matrix product of any library. With `--dataset_name` recordings are transcribed from file to text: short
ones, a long one, and one in a fresh process that needs no torch. `--peers` adds other recognisers, `--training` a
training step. All take turns. Run nothing else meanwhile.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoProcessor

from benchmarks.files import (
    FilesRecognizer,
    load_files_peer,
    load_files_recognizer,
    measure_files,
    measure_stages,
    measure_start,
    repeat_recordings,
    write_files,
)
from benchmarks.network import (
    PACKED,
    available_networks,
    inference_gflop,
    load_network,
    measure_ceilings,
    measure_networks,
)
from benchmarks.peers import PEERS, installed_peers
from benchmarks.report import print_files, print_networks, speed_ratios, write_report
from benchmarks.training import measure_training
from benchmarks.workers import Worker
from hf_bigru_asr import BiGRUCTCConfig
from hf_bigru_asr.backends.loading import choose_runtime, installed_runtimes
from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.evaluation.plots import check_plots, plot_speed
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.text.normalization import normalize_transcript

SAMPLING_RATE = 16_000
SAMPLE = Path(__file__).parents[1] / "tests" / "data" / "samples" / "easy.flac"


@dataclass
class Arguments:
    """What to measure, and how often."""

    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    runtimes: list[str] = field(
        default_factory=installed_runtimes, metadata={"help": "Runtimes to measure; those that are installed."}
    )
    num_threads: int = field(default=2, metadata={"help": "Threads of every recogniser."})
    batch_sizes: list[int] = field(default_factory=lambda: [1, 4, 16, 64], metadata={"help": "Utterances per batch."})
    duration_s: float = field(default=15.0, metadata={"help": "Seconds of each utterance of a batch."})
    repeats: int = field(default=5, metadata={"help": "Turns of the network; the median counts."})

    dataset_name: str | None = field(
        default=None, metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."}
    )
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="test", metadata={"help": "Split whose recordings are transcribed."})
    every: int = field(default=16, metadata={"help": "Take every n-th utterance."})
    lm: str | None = field(default=None, metadata={"help": "Language model to decode with too; 'own': the model's."})
    num_offsets: int = field(
        default=3, metadata={"help": "Frame grids to average, measured beside a single one. 1: none."}
    )
    peers: bool = field(default=False, metadata={"help": f"Measure {' and '.join(PEERS)} too, if installed."})
    file_repeats: int = field(
        default=3, metadata={"help": "Turns from file to text; peers and language model have one."}
    )
    long_s: float = field(default=3600.0, metadata={"help": "Seconds of the long recording. 0: none."})

    training: bool = field(default=False, metadata={"help": "Measure a training step; with packed ones, minutes."})
    training_utterances: int = field(default=16, metadata={"help": "Utterances of its batch."})
    training_frames: int = field(default=1200, metadata={"help": "Frames of its longest utterance."})
    packed_repeats: int = field(default=1, metadata={"help": "Packed steps timed; one takes minutes. 0: none."})
    num_processes: int = field(default=2, metadata={"help": "Data-parallel processes to compare with one. 0: none."})

    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to as well."})
    plot: Path | None = field(default=None, metadata={"help": "Picture of error rate against speed."})


def main() -> int:
    """Measure, print tables, write JSON and a picture."""
    note_start()
    parser = CommandParser(Arguments, description=__doc__.splitlines()[0])
    (args,) = parser.parse()
    with parser.refusals():
        if args.plot is not None:
            check_plots()
        BiGRUCTCConfig.from_pretrained(resolve_model(args.model))
        if args.dataset_name is not None:
            load_speech_dataset(args.dataset_name, args.dataset_config_name, args.split, text_column="text")
    torch.set_num_threads(args.num_threads)
    report: dict[str, Any] = {"model": args.model, "num_threads": args.num_threads}
    report |= network_part(args)
    if args.dataset_name is not None:
        report |= file_part(args)
    if args.training:
        figures = measure_training(
            args.training_utterances, args.training_frames, args.packed_repeats, args.num_processes
        )
        print("\nTraining step\n" + "\n".join(f"{name:24} {value:10.3f}" for name, value in figures.items()))
        report["training"] = figures
    report["ratios"] = speed_ratios(report)
    print("\n" + "\n".join(f"{name:60} {value:8.2f}" for name, value in report["ratios"].items()))
    if args.output is not None:
        write_report(args.output, report)
    if args.plot is not None and "files" in report:
        plot_speed(report["files"], args.plot)
    return 0


def network_part(args: Arguments) -> dict[str, Any]:
    """The network alone on every runtime, and the matrix products of their libraries."""
    name = resolve_model(args.model)
    config = BiGRUCTCConfig.from_pretrained(name)
    frame_s = config.inputs_to_logits_ratio / SAMPLING_RATE
    with ExitStack() as stack:
        workers = {}
        for network, (runtime, dtype) in available_networks(args.runtimes).items():
            workers[network] = stack.enter_context(Worker(args.num_threads))
            workers[network].load(load_network, name, runtime, dtype, args.num_threads)
        sizes = [(1, 5.0)] + [(batch_size, args.duration_s) for batch_size in args.batch_sizes]
        timings = measure_networks(workers, sizes, frame_s, args.repeats)
        products = measure_ceilings(workers, args.repeats)
    ceilings = {name: gflops * frame_s / inference_gflop(config, 1) for name, gflops in products.items()}
    print_networks(timings)
    print("\nMatrix products, as times real time of this network:")
    for name, speed in ceilings.items():
        print(f"{name:28} {speed:8.0f}   ({products[name]:.0f} GFLOP/s)")
    return {
        "network": [timing.as_dict() for timing in timings],
        "ceilings": [
            {"name": name, "gflops": products[name], "real_time_factor": ceilings[name]} for name in products
        ],
    }


def file_part(args: Arguments) -> dict[str, Any]:
    """From file to text: short recordings, a long one, and a fresh process."""
    model = resolve_model(args.model)
    rate = AutoProcessor.from_pretrained(model).feature_extractor.sampling_rate
    dataset = load_speech_dataset(args.dataset_name, args.dataset_config_name, args.split, text_column="text")
    rows = [dataset[number] for number in range(0, len(dataset), args.every)]
    waveforms = [load_utterance(row["audio"], rate) for row in rows]
    references = [normalize_transcript(row["text"]) for row in rows]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        paths = write_files(waveforms, rate, folder)
        workers: dict[str, tuple[Worker, float]] = {}

        def add(name: str, function: Callable[..., FilesRecognizer], *arguments: object) -> None:
            worker = stack.enter_context(Worker(args.num_threads))
            workers[name] = (worker, worker.load(function, *arguments))

        for network, (runtime, dtype) in available_networks(args.runtimes).items():
            if network != PACKED:
                name = f"this package, {network.removesuffix(' float32')}"
                add(name, load_files_recognizer, model, runtime, args.num_threads, None, None, dtype)
        greedy = dict(workers)
        repeats = dict.fromkeys(greedy, args.file_repeats)
        runtime = choose_runtime("auto", "cpu")
        if args.num_offsets != 1:
            name = f"this package, {runtime}, {args.num_offsets} grids"
            add(name, load_files_recognizer, model, runtime, args.num_threads, None, args.num_offsets)
            repeats[name] = args.file_repeats
        if args.lm:
            name = f"this package, {runtime}, language model"
            add(name, load_files_recognizer, model, runtime, args.num_threads, args.lm)
        measure_files(workers, paths[:40], None, dict.fromkeys(workers, 1))  # warm, with more than one batch
        for name in installed_peers() if args.peers else ():
            add(name, load_files_peer, name, args.num_threads)
        repeats = dict.fromkeys(workers, 1) | repeats
        files = measure_files(workers, paths, references, repeats)
        stages = next(iter(greedy.values()))[0].run(measure_stages, paths)
        print_files(f"File to text, {len(paths)} recordings", files)
        report = {"files": [timing.as_dict() for timing in files], "stages": stages}
        print(f"one thread: reading {stages['reading']:.0f}, features {stages['features']:.0f} times real time")
        if args.long_s:
            long = write_files([repeat_recordings(waveforms, round(args.long_s * rate))], rate, folder)
            timings = measure_files(greedy, long, None, dict.fromkeys(greedy, args.file_repeats))
            print_files("One recording", timings)
            report["long"] = [timing.as_dict() for timing in timings]
            report["long_without_torch"] = _fresh_process(model, long[0], 1, args.lm)
    return report | {"start": _fresh_process(model, SAMPLE, args.file_repeats)}


def _fresh_process(model: str, path: Path, repeats: int, language_model: str | None = None) -> dict[str, float]:
    figures = measure_start(model, path, repeats, language_model)
    decoding = "greedy" if language_model is None else "language model"
    print(
        f"\nA fresh process without torch, {decoding}, {figures['audio_s']:.1f} s of audio: "
        f"{figures['time_s']:.2f} s, {figures['peak_memory_mib']:.0f} MiB"
    )
    return figures


if __name__ == "__main__":
    sys.exit(main())
