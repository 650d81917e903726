"""Average the weights of several checkpoints of one network, as a model to use or to train on.

python scripts/average_checkpoints.py outputs/bigru/checkpoint-460 outputs/bigru/checkpoint-690 --output_dir averaged
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
from dataclasses import dataclass, field
from pathlib import Path

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.training.averaging import average_checkpoints


@dataclass
class Arguments:
    """Where to."""

    output_dir: Path = field(metadata={"help": "Folder for the model."})
    hop_length: int | None = field(
        default=None,
        metadata={"help": "Samples from one frame to the next; as in the last checkpoint without it."},
    )


def main() -> int:
    """Average, write, and return the exit status."""
    parser = CommandParser(Arguments, description=__doc__.splitlines()[0])
    parser.add_argument(
        "checkpoints",
        nargs="+",
        metavar="CHECKPOINT",
        help='Folders of one run, or of runs on its weights; "bundled" is the model that ships with the package.',
    )
    args, rest = parser.parse()
    with parser.refusals():
        average_checkpoints(rest.checkpoints, args.output_dir, hop_length=args.hop_length)
    print(f"The mean of {len(rest.checkpoints)} checkpoints is written to {args.output_dir}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
