"""Draw the learning curve of a model from its training.json: python scripts/plot_training.py --help.

Example:
    python scripts/plot_training.py --model outputs/bigru --output learning_curve.png
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from transformers import HfArgumentParser

from hf_bigru_asr.evaluation.plots import plot_learning_curve
from hf_bigru_asr.hub.card import TRAINING_NAME


@dataclass
class Arguments:
    """Whose training, and where to draw it."""

    model: Path = field(
        metadata={"help": "Folder with a training.json: that of a model, or docs/figures for the bundled one."}
    )
    output: Path = field(default=Path("learning_curve.png"), metadata={"help": "Picture to write."})


def main() -> None:
    """Read the record of the training and draw it."""
    parser = HfArgumentParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse_args_into_dataclasses()
    path = args.model / TRAINING_NAME
    if not path.is_file():
        parser.error(f"{path} does not exist; scripts/train.py writes it beside a model")
    record = json.loads(path.read_text(encoding="utf-8"))
    stages = [*record.get("earlier_stages", []), record]
    if any("log_history" not in stage for stage in stages):
        parser.error(
            f"{path} is without the logs of its runs; the whole record of the bundled model is in docs/figures"
        )
    plot_learning_curve([stage["log_history"] for stage in stages], args.output)
    print(f"Written to {args.output}.")


if __name__ == "__main__":
    main()
