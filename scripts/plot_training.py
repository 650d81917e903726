"""Draw the learning curve of a model from its training.json: python scripts/plot_training.py --help.

Example:
    python scripts/plot_training.py --model outputs/bigru --output learning_curve.png
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from transformers import HfArgumentParser

from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.evaluation.plots import plot_learning_curve
from hf_bigru_asr.hub.card import TRAINING_NAME


@dataclass
class Arguments:
    """Whose training, and where to draw it."""

    model: Path = field(default=Path("bundled"), metadata={"help": "Folder of a model, or the bundled one."})
    output: Path = field(default=Path("learning_curve.png"), metadata={"help": "Picture to write."})


def main() -> None:
    """Read the record of the training and draw it."""
    parser = HfArgumentParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse_args_into_dataclasses()
    path = Path(resolve_model(args.model)) / TRAINING_NAME
    if not path.is_file():
        parser.error(f"{path} does not exist; scripts/train.py writes it beside a model")
    record = json.loads(path.read_text(encoding="utf-8"))
    stages = [*record.get("earlier_stages", []), record]
    plot_learning_curve([stage["log_history"] for stage in stages], args.output)
    print(f"Written to {args.output}.")


if __name__ == "__main__":
    main()
