"""Compare the pipeline's overlapping chunks with the exact pass over a long recording.

    python scripts/compare_chunks.py --dataset_name openslr/librispeech_asr --dataset_config_name clean

Joins utterances to one recording, and transcribes it exactly and with chunks of several lengths. Printed for each are
its word error rate to the text of the exact pass, that to the transcript, and how many times faster than real time it
is.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from benchmarks.chunks import compare_chunks, concatenated
from benchmarks.report import write_report
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.arguments import ManifestArguments
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.transcription.recognizer import load_recognizer


@dataclass
class Arguments(ManifestArguments):
    """What to compare, on what."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="validation", metadata={"help": "Split whose utterances make the recording."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    minutes: float = field(default=30.0, metadata={"help": "Length of the recording, if there is so much."})
    chunk_lengths_s: list[float] = field(
        default_factory=lambda: [5.0, 10.0, 20.0, 30.0, 60.0], metadata={"help": "Lengths of the chunks."}
    )
    batch_size: int = field(default=8, metadata={"help": "Chunks that run together."})
    num_threads: int | None = field(default=None, metadata={"help": "Threads of torch; its own choice if not given."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to as well."})


def main() -> int:
    """Compare, print a table, write JSON."""
    note_start()
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse()
    if args.num_threads is not None:
        torch.set_num_threads(args.num_threads)
    # 1. The recording
    columns = {"audio_column": args.audio_column_name, "text_column": args.text_column_name}
    with parser.refusals():
        dataset = load_speech_dataset(
            args.dataset_name, args.dataset_config_name, args.split, **columns, **args.reading()
        )
        recognizer = load_recognizer(args.model, device="cpu")
        rate = recognizer.feature_extractor.sampling_rate
        waveform, reference = concatenated(dataset, rate, 60 * args.minutes, **columns)
    minutes = len(waveform) / rate / 60
    print(f"A recording of {minutes:.1f} minutes", flush=True)

    # 2. The ways to transcribe it
    results = []
    print(f"{'chunks':>10} {'WER to exact':>13} {'WER':>8} {'times real time':>16}")
    for result in compare_chunks(recognizer, waveform, reference, args.chunk_lengths_s, batch_size=args.batch_size):
        results.append(result)
        name = "exact" if result.chunk_length_s is None else f"{result.chunk_length_s:g} s"
        print(f"{name:>10} {result.wer_to_exact:13.2%} {result.wer:8.2%} {result.real_time_factor:16.0f}", flush=True)
    if args.output is not None:
        report = {
            "model": args.model,
            "dataset": {"name": args.dataset_name, "config": args.dataset_config_name, "split": args.split},
            "minutes": minutes,
            "batch_size": args.batch_size,
            "num_threads": torch.get_num_threads(),
            "results": [asdict(result) for result in results],
        }
        write_report(args.output, report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
