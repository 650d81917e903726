"""Turn LibriSpeech from OpenSLR into verified Parquet that `load_dataset` reads.

Examples:
  hf-bigru-asr prepare --source train-clean-100.tar.gz --output-dir librispeech
  hf-bigru-asr prepare --download train-clean-100 --root downloads --output-dir librispeech

Then `load_dataset("librispeech", "clean", split="train.100")`. It can be stopped at any time: the same command
continues where it stopped. Other subsets join the same folder.

Exit status: 0 every utterance was usable, 1 none was, 2 wrong arguments or source, 3 some were rejected (the rest is
written; OUTPUT_DIR/CONFIG/SPLIT-report.json lists each reject and why).
"""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.librispeech.index import SUBSETS
from .dataclass_arguments import add_dataclass_arguments, dataclass_of

if TYPE_CHECKING:
    from ..data.librispeech.report import PreparationReport

__all__ = ["PreparationArguments", "prepare"]

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


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    add_dataclass_arguments(parser, PreparationArguments)


def run(args: Namespace) -> int:
    """Prepare, and return the exit status."""
    return prepare(dataclass_of(PreparationArguments, args))


def prepare(options: PreparationArguments) -> int:
    """Download if asked to, prepare, report.

    Args:
        options: What to read and where to write it.

    Returns:
        The exit status: 0 every utterance was usable, 1 none was, 3 some were rejected.

    Raises:
        ValueError: If not exactly one of `source` and `download` is given, or there is no such subset.
        FileNotFoundError: If there is no such source.
    """
    if (options.source is None) == (options.download is None):
        raise ValueError("give either --source PATH or --download SUBSET")
    if options.source is not None and not Path(options.source).exists():
        raise FileNotFoundError(
            f"There is no {options.source}. Give a LibriSpeech .tar.gz archive or the folder it extracts to."
        )
    if options.download is not None and options.download not in SUBSETS:
        raise ValueError(f"There is no LibriSpeech subset {options.download!r}. Choose one of {', '.join(SUBSETS)}.")
    from ..data.librispeech.download import download_openslr
    from ..data.librispeech.parquet import prepare_parquet

    source = options.source or download_openslr(str(options.download), options.root)
    report = prepare_parquet(
        source,
        options.output_dir,
        options.config,
        options.split,
        subset=options.subset,
        max_shard_size_mb=options.max_shard_size_mb,
    )
    return _print_report(report, options.output_dir)


def _print_report(report: "PreparationReport", output_dir: str) -> int:
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
