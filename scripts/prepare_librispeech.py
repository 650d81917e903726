"""Turn LibriSpeech from OpenSLR into verified Parquet that `load_dataset` reads.

    python scripts/prepare_librispeech.py --source train-clean-100.tar.gz --output_dir librispeech
    python scripts/prepare_librispeech.py --download train-clean-100 --root downloads --output_dir librispeech

Then `load_dataset("librispeech", "clean", split="train.100")`. It can be stopped at any time: the same command
continues where it stopped. Other subsets join the same folder.

Exit status: 0 every utterance was usable, 1 none was, 2 wrong arguments or source, 3 some were rejected (the rest is
written; `<output_dir>/<config>/<split>-report.json` lists each reject and why).
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
from collections.abc import Sequence

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.cli.prepare import PreparationArguments, prepare


def main(arguments: Sequence[str] | None = None) -> int:
    """Download if asked to, prepare, report."""
    parser = CommandParser(PreparationArguments, description=__doc__.partition("\n")[0])
    (options,) = parser.parse(arguments)
    with parser.refusals():
        return prepare(options)


if __name__ == "__main__":
    sys.exit(main())
