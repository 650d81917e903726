"""Measure the speed of training on this machine, side by side in one run.

python scripts/benchmark.py --output outputs/benchmark.json

Compares a training step with the same step on packed sequences and with the machine's matrix-product ceiling, and two
data-parallel processes with one. Run nothing else meanwhile.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import HfArgumentParser

from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC
from hf_bigru_asr.benchmarking import (
    Batch,
    PackedGRUForCTC,
    data_parallel_speedup,
    matrix_product_gflops,
    median_time_s,
    training_gflop,
    training_step,
)
from hf_bigru_asr.environment import provenance


@dataclass
class Arguments:
    """Sizes and repetitions."""

    num_utterances: int = field(default=16, metadata={"help": "Utterances per batch."})
    num_frames: int = field(default=1200, metadata={"help": "Frames of the longest utterance."})
    num_threads: int = field(default=1, metadata={"help": "Threads of the training step."})
    repeats: int = field(default=3, metadata={"help": "Steps timed; the median counts."})
    packed_repeats: int = field(default=1, metadata={"help": "Packed steps timed; one takes minutes. 0: none."})
    num_processes: int = field(default=2, metadata={"help": "Data-parallel processes to compare with one. 0: none."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to as well."})


def main() -> int:
    """Time, print a table, write JSON."""
    args = HfArgumentParser(Arguments, description=__doc__.splitlines()[0]).parse_args_into_dataclasses()[0]
    torch.set_num_threads(args.num_threads)
    config = BiGRUCTCConfig(apply_spec_augment=False)
    batch = Batch.random(args.num_utterances, args.num_frames, config)
    model = BiGRUForCTC(config).train()

    # 1. The step and its ceiling
    ceiling = matrix_product_gflops()
    ours_s = median_time_s(training_step(model, batch), args.repeats)
    gflops = training_gflop(config, args.num_utterances * args.num_frames) / ours_s
    figures = {
        "step_s": ours_s,
        "audio_s_per_s": int(batch.attention_mask.sum()) * config.inputs_to_logits_ratio / 16_000 / ours_s,
        "step_gflops": gflops,
        "ceiling_gflops": ceiling,
        "share_of_ceiling": gflops / ceiling,
    }
    # 2. Packed sequences
    if args.packed_repeats:
        packed = PackedGRUForCTC(config).train()
        packed.load_weights(model)
        figures["packed_step_s"] = median_time_s(training_step(packed, batch), args.packed_repeats, warmup=0)
        figures["speedup_over_packed"] = figures["packed_step_s"] / ours_s
    # 3. Data-parallel processes
    if args.num_processes:
        figures["num_processes"] = args.num_processes
        figures["data_parallel_speedup"] = data_parallel_speedup(
            args.num_processes, args.num_utterances, args.num_frames, args.repeats
        )

    for name, value in figures.items():
        print(f"{name:24} {value:10.3f}")
    if args.output is not None:
        report = {
            "figures": figures,
            **provenance(),
        }
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
