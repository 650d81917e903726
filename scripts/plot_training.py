"""Draw the best error rate over the hours of audio heard: python scripts/plot_training.py --help.

Example:
    python scripts/plot_training.py --model outputs/bigru --output learning_curve.png
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from dataclasses import dataclass, field
from pathlib import Path

from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.evaluation.plots import check_plots, plot_learning_curve
from hf_bigru_asr.hub.card import TRAINING_NAME
from hf_bigru_asr.model.language_model_files_bigru_ctc import read_model_json


@dataclass
class Arguments:
    """Whose training, and where to draw it."""

    model: str = field(
        metadata={"help": "Folder with a training.json: that of a model, or docs/figures for the bundled one."}
    )
    output: Path = field(default=Path("learning_curve.png"), metadata={"help": "Picture to write."})


def main() -> None:
    """Read the record of the training and draw it."""
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse()
    with parser.refusals():
        check_plots()
        path = Path(resolve_model(args.model)) / TRAINING_NAME
        if not path.is_file():
            parser.error(f"{path} does not exist; scripts/train.py writes it beside a model")
        record = read_model_json(path)
    stages = [*record.get("earlier_stages", []), record]
    if any("log_history" not in stage for stage in stages):
        parser.error(
            f"{path} is without the logs of its runs; the whole record of the bundled model is in docs/figures"
        )
    with parser.refusals():
        plot_learning_curve(stages, args.output)
    print(f"Written to {args.output}.")


if __name__ == "__main__":
    main()
