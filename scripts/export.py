"""Export a model as an ONNX graph.

python scripts/export.py --model outputs/bigru --output_dir exported
python scripts/export.py --output_dir exported --waveform
python scripts/export.py --output_dir for_sherpa_onnx --format sherpa-onnx

Writes `model.onnx` (log-mel frames and lengths in, log-probabilities out) with the files that belong to it, so that
`--model exported` works wherever a model is named with `--runtime onnx` or `--runtime openvino`. For sherpa-onnx it
writes a graph that takes samples, and `tokens.txt`.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys

from hf_bigru_asr.cli.export import ExportArguments, export
from hf_bigru_asr.cli.parsing import CommandParser


def main() -> int:
    """Write the graph and say where."""
    parser = CommandParser(ExportArguments, description=__doc__.splitlines()[0])
    (options,) = parser.parse()
    with parser.refusals():
        return export(options)


if __name__ == "__main__":
    sys.exit(main())
