"""Measure the network on a GPU: transcription of batches, and training with the time for an epoch of 100 hours.

    python scripts/benchmark_gpu.py --output outputs/benchmark_gpu.json

Float32 and bfloat16 take turns. Run nothing else on the device meanwhile. `scripts/benchmark.py` measures from file
to text.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.device import DTYPES, measure_inference, time_training_step
from benchmarks.report import write_report
from benchmarks.training import Batch
from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC
from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.provenance import note_start

SAMPLING_RATE = 16_000
EPOCH_S = 100.6 * 3600
"""Speech in train-clean-100."""


@dataclass
class Arguments:
    """What to measure, and how often."""

    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    device: str = field(default="cuda", metadata={"help": "Where to run, by torch's name."})
    batch_sizes: list[int] = field(
        default_factory=lambda: [1, 16, 64, 256], metadata={"help": "Utterances per batch to transcribe."}
    )
    training_batch_sizes: list[int] = field(
        default_factory=lambda: [16, 64, 128], metadata={"help": "Utterances per batch to train on."}
    )
    duration_s: float = field(default=15.0, metadata={"help": "Seconds of the longest utterance of a batch."})
    repeats: int = field(default=10, metadata={"help": "Turns; the median counts."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to as well."})


def main() -> int:
    """Measure, print tables, write JSON."""
    note_start()
    parser = CommandParser(Arguments, description=__doc__.splitlines()[0])
    (args,) = parser.parse()
    try:
        device = torch.device(args.device)
    except RuntimeError as error:
        parser.error(f"--device {args.device}: {error}")
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device here; --device names another one.")
    with parser.refusals():
        name = resolve_model(args.model)
        BiGRUCTCConfig.from_pretrained(name)
    report: dict[str, Any] = {"model": args.model}
    report["inference"] = inference_part(args, name, device)
    report["training"] = training_part(args, name, device)
    if args.output is not None:
        write_report(args.output, report, args.device)
    return 0


def inference_part(args: Arguments, name: str, device: torch.device) -> list[dict[str, Any]]:
    """The network alone, by batch size and number format."""
    frame_s = BiGRUCTCConfig.from_pretrained(name).inputs_to_logits_ratio / SAMPLING_RATE
    sizes = [(batch_size, args.duration_s) for batch_size in args.batch_sizes]
    timings = [timing.as_dict() for timing in measure_inference(name, device, sizes, frame_s, args.repeats)]
    print(f"{'Transcription':20} {'batch':>6} {'x real time':>12} {'median':>10}")
    for row in timings:
        latency_ms = 1000 * row["latency_median_s"]
        print(f"{row['name']:20} {row['batch_size']:6} {row['real_time_factor']:12.0f} {latency_ms:7.1f} ms")
    return timings


def training_part(args: Arguments, name: str, device: torch.device) -> list[dict[str, Any]]:
    """Steps of training, by batch size and number format, with what an epoch of train-clean-100 would take."""
    config = BiGRUCTCConfig.from_pretrained(name)
    frame_s = config.inputs_to_logits_ratio / SAMPLING_RATE
    rows = []
    print(f"\n{'Training':20} {'batch':>6} {'h per min':>12} {'epoch of 100.6 h':>18}")
    for batch_size in args.training_batch_sizes:
        batch = Batch.random(batch_size, round(args.duration_s / frame_s), config)
        audio_s = int(batch.attention_mask.sum()) * frame_s
        for dtype in DTYPES:
            model = BiGRUForCTC.from_pretrained(name)
            step_s = statistics.median(time_training_step(model, batch, device, dtype, args.repeats))
            row = {
                "name": f"{device.type} {dtype}",
                "batch_size": batch_size,
                "audio_s": audio_s,
                "step_median_s": step_s,
                "audio_hours_per_minute": audio_s / step_s / 60,
                "epoch_s": EPOCH_S * step_s / audio_s,
            }
            rows.append(row)
            hours = row["audio_hours_per_minute"]
            print(f"{row['name']:20} {batch_size:6} {hours:12.2f} {row['epoch_s'] / 60:14.1f} min")
    return rows


if __name__ == "__main__":
    sys.exit(main())
