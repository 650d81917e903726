"""Export a model as an ONNX graph, for ONNX Runtime, OpenVINO, sherpa-onnx, a browser or Node.

Examples:
  hf-bigru-asr export --output-dir exported
  hf-bigru-asr export --output-dir exported --waveform
  hf-bigru-asr export --output-dir for-sherpa-onnx --format sherpa-onnx

With --format onnx: model.onnx (log-mel frames and lengths in, log-probabilities out) with the settings, vocabulary
and language model that belong to it. `--model exported` then works wherever a model is named. With --waveform
model_waveform.onnx too, which takes samples and computes the features.

With --format sherpa-onnx: model.onnx and tokens.txt, for OfflineRecognizer.from_omnilingual_asr_ctc of sherpa-onnx.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from pathlib import Path

from ..bundled import BUNDLED
from .dataclass_arguments import add_dataclass_arguments, dataclass_of

__all__ = ["ExportArguments", "export"]

FORMATS = ("onnx", "sherpa-onnx")


@dataclass
class ExportArguments:
    """Which model, and where its graph goes."""

    output_dir: Path = field(
        metadata={"help": "Folder for the graph: a new one, or that of an earlier export; for onnx also the model's."}
    )
    model: str = field(
        default=BUNDLED, metadata={"help": "Model folder, model on the Hub, or the one that ships with the package."}
    )
    format: str = field(default=FORMATS[0], metadata={"help": f"What to write: {' or '.join(FORMATS)}."})
    waveform: bool = field(
        default=False,
        metadata={"help": "Write model_waveform.onnx too, which takes samples and computes the features."},
    )


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    add_dataclass_arguments(parser, ExportArguments)


def run(args: Namespace) -> int:
    """Export, and return the exit status."""
    return export(dataclass_of(ExportArguments, args))


def export(options: ExportArguments) -> int:
    """Write the files, and print where they are.

    Args:
        options: What to write.

    Returns:
        The exit status.

    Raises:
        ImportError: If the package `onnx` is not installed.
        FileExistsError: If the folder has files of another model or export.
        FileNotFoundError: If a file of the model is missing.
        ValueError: If the model or an option is not valid.
    """
    if options.format not in FORMATS:
        raise ValueError(f"--format is {options.format}; choose {' or '.join(FORMATS)}.")
    if options.waveform and options.format != FORMATS[0]:
        raise ValueError(
            f"--waveform is for --format {FORMATS[0]}; {options.format} takes samples anyway. Leave it out."
        )
    from ..runtime.export import TOKENS_NAME, export_onnx, export_sherpa_onnx

    if options.format == FORMATS[0]:
        folder = export_onnx(options.model, options.output_dir, waveform=options.waveform).parent
    else:
        folder = export_sherpa_onnx(options.model, options.output_dir).parent
    names = sorted([*(path.name for path in folder.glob("*.onnx")), *(path.name for path in folder.glob(TOKENS_NAME))])
    print(f"Written to {folder}: {', '.join(names)}")
    return 0
