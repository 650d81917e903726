"""Train or fine-tune a recogniser.

Examples:
  hf-bigru-asr train --dataset-name librispeech --dataset-config-name clean --train-split-name train.100
  hf-bigru-asr train run.yaml

On two CPU cores or two GPUs the same with `torchrun --nproc_per_node 2 -m hf_bigru_asr train ...`. Run it again to
resume from the last checkpoint in the output folder. Beside the options above it takes every field of
`transformers.TrainingArguments`: --num-train-epochs, --per-device-train-batch-size, --seed, ...
"""

from argparse import Namespace
from pathlib import Path

from .dataclass_arguments import add_dataclass_arguments
from .declared_fields import add_declared_fields, installed_module
from .one_line import OneLineParser
from .train_arguments import ARGUMENTS_FILE, DataArguments, ModelArguments


def add_arguments(parser: OneLineParser) -> None:
    """Add the options of this package, and without a help those of `transformers.TrainingArguments`.

    The values of both are judged when `transformers` has been imported, which takes seconds.
    """
    parser.add_argument("file", nargs="?", help="JSON or YAML file with the arguments, instead of them.")
    for kind in (ModelArguments, DataArguments):
        add_dataclass_arguments(parser.add_argument_group(str(kind.__doc__)), kind, are_required=False)
    own = Path(__file__).parents[1] / "training" / "arguments.py"
    group = parser.add_argument_group("Training, with other defaults than `transformers.TrainingArguments` has.")
    add_declared_fields(group, own, "CTCTrainingArguments")
    if (foreign := installed_module("transformers.training_args")) is not None:
        add_declared_fields(parser, foreign, "TrainingArguments", is_shown=False)
    else:
        parser.unknown_hint = "; those of transformers.TrainingArguments are known where transformers is installed"


def run(args: Namespace) -> int:
    """Train, and return the exit status."""
    if args.file is not None and not args.file.endswith(ARGUMENTS_FILE):
        raise ValueError(f"{args.file} is no JSON or YAML file; options begin with --")
    if args.file is not None and not Path(args.file).is_file():
        raise FileNotFoundError(f"There is no file {args.file}.")
    if args.file is not None and len(args.words) > 1:
        raise ValueError(f"{args.file} holds all arguments; give it alone, or options alone")
    if args.file is None and args.dataset_name is None:
        raise ValueError("the following arguments are required: --dataset-name")
    if installed_module("transformers.training_args") is None:
        raise ModuleNotFoundError("transformers is not installed", name="transformers")
    from .train_steps import train

    train(args.words, prog="hf-bigru-asr train")
    return 0
