"""Export a model as an ONNX graph.

python scripts/export.py --model outputs/bigru --output_dir exported
python scripts/export.py --output_dir exported --waveform

Writes `model.onnx` (log-mel frames and lengths in, log-probabilities out) with the files that belong to it, so that
`--model exported` works wherever a model is named with `--runtime onnx` or `--runtime openvino`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.runtime.export import export_onnx


@dataclass
class Arguments:
    """Which model, and where its graph goes."""

    output_dir: Path = field(
        metadata={"help": "Folder for the graph: a new one, that of an earlier export, or the model's own."}
    )
    model: str = field(
        default="bundled", metadata={"help": "Model folder, model on the Hub, or the one that ships with the package."}
    )
    waveform: bool = field(
        default=False,
        metadata={"help": "Write model_waveform.onnx too, which takes samples and computes the features."},
    )


def main() -> None:
    """Write the graph and say where."""
    parser = CommandParser(Arguments, description=__doc__.splitlines()[0])
    (args,) = parser.parse()
    with parser.refusals():
        path = export_onnx(args.model, args.output_dir, waveform=args.waveform)
    print(f"Written to {path.parent}: {', '.join(sorted(each.name for each in path.parent.glob('*.onnx')))}")


if __name__ == "__main__":
    main()
