"""Compare the network in float32 with the same network with eight-bit weights.

    python scripts/compare_int8.py --dataset_name openslr/librispeech_asr --dataset_config_name clean

Makes eight-bit weights in torch and in ONNX Runtime. Printed for each network are how many of its GRUs still have
float32 weights, its word error rate, its size, and how many times faster than real time it is.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.int8 import greedy_wer, int8_networks, time_networks
from benchmarks.report import write_report
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.arguments import ManifestArguments
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.model.processing_bigru_ctc import BiGRUCTCProcessor
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.runtime.export import locate_model
from hf_bigru_asr.text.normalization import normalize_transcript


@dataclass
class Arguments(ManifestArguments):
    """What to compare, on what."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="validation", metadata={"help": "Split for the word error rates."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    batch_sizes: list[int] = field(default_factory=lambda: [1, 16], metadata={"help": "Utterances of a call."})
    duration_s: float = field(default=15.0, metadata={"help": "Seconds of each utterance that is timed."})
    repeats: int = field(default=9, metadata={"help": "Turns; the median counts."})
    num_threads: int = field(default=2, metadata={"help": "Threads."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to as well."})


def main() -> int:
    """Compare, print a table, write JSON."""
    note_start()
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse()
    # 1. The utterances and the networks
    torch.set_num_threads(args.num_threads)
    columns = {"audio_column": args.audio_column_name, "text_column": args.text_column_name}
    with parser.refusals():
        dataset = load_speech_dataset(
            args.dataset_name, args.dataset_config_name, args.split, **columns, **args.reading()
        )
        processor = BiGRUCTCProcessor.from_pretrained(locate_model(args.model))
        extractor = processor.feature_extractor
        waveforms = [load_utterance(row[args.audio_column_name], extractor.sampling_rate) for row in dataset]
        references = [normalize_transcript(row[args.text_column_name]) for row in dataset]
        networks = int8_networks(args.model, args.num_threads)

    # 2. Their speed, one after another in turns, then their accuracy
    num_frames = extractor.num_frames(round(args.duration_s * extractor.sampling_rate))
    times_s = {
        size: time_networks(networks, size, num_frames, extractor.feature_size, args.repeats)
        for size in args.batch_sizes
    }
    results = []
    for name, network in networks.items():
        wer = greedy_wer(network, processor, waveforms, references)
        speeds = {size: size * args.duration_s / each[name] for size, each in times_s.items()}
        results.append(
            {
                "name": name,
                "num_float_grus": network.num_float_grus,
                "num_bytes": network.num_bytes,
                "wer": wer,
                "real_time_factors": speeds,
            }
        )
        print(
            f"{name:32} {network.num_float_grus} GRUs in float32, {network.num_bytes / 1e6:5.1f} MB, WER {wer:.2%}, "
            "times real time " + ", ".join(f"{speed:.0f} in batches of {size}" for size, speed in speeds.items()),
            flush=True,
        )
    if args.output is not None:
        report = {
            "model": args.model,
            "dataset": {"name": args.dataset_name, "config": args.dataset_config_name, "split": args.split},
            "duration_s": args.duration_s,
            "num_threads": args.num_threads,
            "results": results,
        }
        write_report(args.output, report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
