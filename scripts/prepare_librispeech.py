"""Turn LibriSpeech from OpenSLR into verified Parquet that `load_dataset` reads.

    python scripts/prepare_librispeech.py --source train-clean-100.tar.gz --output_dir librispeech
    python scripts/prepare_librispeech.py --download train-clean-100 --root downloads --output_dir librispeech

Then `load_dataset("librispeech", "clean", split="train.100")`. It can be stopped at any time: the same command
continues where it stopped. Other subsets join the same folder.

Exit status: 0 every utterance was usable, 1 none was, 2 wrong arguments or source, 3 some were rejected (the rest is
written; `<output_dir>/<config>/<split>-report.json` lists each reject and why).
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.data.librispeech.download import download_openslr
from hf_bigru_asr.data.librispeech.index import SUBSETS
from hf_bigru_asr.data.librispeech.parquet import prepare_parquet
from hf_bigru_asr.data.librispeech.report import PreparationReport

MAX_SHOWN_REJECTS = 20


@dataclass
class PreparationArguments:
    """What to read and where to write it."""

    output_dir: str = field(metadata={"help": "Folder of the data set; several subsets can share it."})
    source: str | None = field(
        default=None,
        metadata={"help": "A <subset>.tar.gz from OpenSLR, or the folder it was extracted to. Or use --download."},
    )
    download: str | None = field(
        default=None,
        metadata={"help": f"Subset to download from OpenSLR, to --root: {', '.join(SUBSETS)}."},
    )
    root: str = field(default=".", metadata={"help": "Folder for downloaded archives."})
    subset: str | None = field(
        default=None, metadata={"help": "Which subset of --source to read, if it holds more than one."}
    )
    config: str | None = field(default=None, metadata={"help": "Configuration to write, if not the subset's own."})
    split: str | None = field(default=None, metadata={"help": "Split to write, if not the subset's own."})
    max_shard_size_mb: float = field(default=500.0, metadata={"help": "Most audio in one shard, in million bytes."})


def print_report(report: PreparationReport, output_dir: str) -> int:
    """Print what happened and return the exit status that goes with it."""
    print(report.summary())
    for reject in report.rejects[:MAX_SHOWN_REJECTS]:
        print(f"  rejected {reject.path}: {reject.reason}: {reject.detail}")
    if len(report.rejects) > MAX_SHOWN_REJECTS:
        print(f"  and {len(report.rejects) - MAX_SHOWN_REJECTS:,} more")
    print(f"Report: {output_dir}/{report.config}/{report.split}-report.json")
    if report.num_utterances == 0:
        print("Failed: nothing was usable.")
        return 1
    if report.rejects:
        print(f"Written, but {len(report.rejects):,} rejected.")
        return 3
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Download if asked to, prepare, report."""
    parser = CommandParser(PreparationArguments, description=__doc__.partition("\n")[0])
    (options,) = parser.parse(arguments)
    if (options.source is None) == (options.download is None):
        parser.error("give either --source PATH or --download SUBSET")
    with parser.refusals():
        source = options.source or download_openslr(options.download, options.root)
        report = prepare_parquet(
            source,
            options.output_dir,
            options.config,
            options.split,
            subset=options.subset,
            max_shard_size_mb=options.max_shard_size_mb,
        )
    return print_report(report, options.output_dir)


if __name__ == "__main__":
    sys.exit(main())
