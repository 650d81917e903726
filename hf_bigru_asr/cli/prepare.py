"""Turn speech in any layout into verified Parquet that `load_dataset` reads.

Examples:
  hf-bigru-asr prepare recordings.csv --output-dir speech
  hf-bigru-asr prepare data/train --output-dir speech --push-to-hub NAME/speech
  hf-bigru-asr prepare train-clean-100.tar.gz --output-dir librispeech
  hf-bigru-asr prepare --download train-clean-100 --root downloads --output-dir librispeech

Then `load_dataset("speech", split="train")`, or `load_dataset("librispeech", "clean", split="train.100")`. It can be
stopped at any time: the same command continues where it stopped. Other splits join the same folder.

Exit status: 0 every utterance was usable, 1 none was, 2 wrong arguments or source, 3 some were rejected (the rest is
written; OUTPUT_DIR/CONFIG/SPLIT-report.json lists each reject and why).
"""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.librispeech.index import SUBSETS
from ..data.manifests.arguments import ManifestArguments
from .dataclass_arguments import add_dataclass_arguments, dataclass_of

if TYPE_CHECKING:
    from ..data.librispeech.report import PreparationReport

__all__ = ["PreparationArguments", "prepare"]

MAX_SHOWN_REJECTS = 20


@dataclass
class PreparationArguments(ManifestArguments):
    """What to read and where to write it."""

    output_dir: str = field(metadata={"help": "Folder of the data set; several subsets can share it."})
    source: str | None = field(
        default=None,
        metadata={
            "help": "A <subset>.tar.gz from OpenSLR, or the folder it was extracted to; or data in another layout: a "
            "CSV file, a folder of Kaldi, a data set on the Hub, and others. Or use --download."
        },
    )
    download: str | None = field(
        default=None,
        metadata={"help": f"Subset to download from OpenSLR, to --root: {', '.join(SUBSETS)}."},
    )
    root: str = field(default=".", metadata={"help": "Folder for downloaded archives."})
    subset: str | None = field(
        default=None, metadata={"help": "Which subset of --source to read, if it holds more than one."}
    )
    config: str | None = field(
        default=None, metadata={"help": "Configuration to write, if not the subset's own, or 'default'."}
    )
    split: str | None = field(
        default=None, metadata={"help": "Split to write, if not the subset's own; of other data all are written."}
    )
    source_config: str | None = field(default=None, metadata={"help": "Configuration to read, of other data."})
    source_split: str | None = field(default=None, metadata={"help": "Split to read, of other data; 'all' for all."})
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio, of other data."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript, of other data."})
    language: str = field(default="en", metadata={"help": "Rules that the transcripts of other data have to fit."})
    rows_per_shard: int = field(default=2000, metadata={"help": "Rows in one file, of other data."})
    push_to_hub: str | None = field(
        default=None, metadata={"help": "Data set on the Hub to push the folder to, NAMESPACE/NAME; private if new."}
    )
    max_shard_size_mb: float = field(default=500.0, metadata={"help": "Most audio in one shard, in million bytes."})


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("SOURCE", nargs="?", help="The same as --source.")
    add_dataclass_arguments(parser, PreparationArguments)


def run(args: Namespace) -> int:
    """Prepare, and return the exit status."""
    options = dataclass_of(PreparationArguments, args)
    if args.SOURCE is not None and options.source is not None:
        raise ValueError(f"give the source once, not {args.SOURCE} and --source {options.source}")
    return prepare(replace(options, source=args.SOURCE or options.source))


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
    if options.source is not None and not Path(options.source).expanduser().exists() and not _on_hub(options.source):
        raise FileNotFoundError(
            f"There is no {options.source}. Give a LibriSpeech .tar.gz archive or the folder it extracts to. Data in "
            "other layouts, and on the Hub, are read too"
        )
    if options.download is not None and options.download not in SUBSETS:
        raise ValueError(f"There is no LibriSpeech subset {options.download!r}. Choose one of {', '.join(SUBSETS)}.")
    if options.source is not None and not _is_librispeech(options.source):
        return _pushed(options, _prepare_other(options, options.source))
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
    return _pushed(options, _print_report(report, options.output_dir))


def _on_hub(source: str) -> bool:
    return source.count("/") == 1 and not source.startswith((".", "~", "/"))


def _is_librispeech(source: str) -> bool:
    from ..data.librispeech.sources import holds_librispeech

    return holds_librispeech(Path(source).expanduser())


def _prepare_other(options: PreparationArguments, source: str) -> int:
    """Prepare all splits of a source, or the one that is asked for."""
    from ..data.loading import filled_splits
    from ..data.preparation import prepare_split

    audio_column, text_column = options.audio_column_name, options.text_column_name
    chosen = options.source_split or options.split
    if chosen:
        targets = {chosen: options.split or chosen}
    else:
        splits = filled_splits(
            source,
            options.source_config,
            options.reading()["options"],
            audio_column=audio_column,
            text_column=text_column,
        )
        targets = {name: name for name in splits}
    reports = []
    for source_split, split in targets.items():
        name = "train" if split == "all" else split
        report = prepare_split(
            source,
            options.output_dir,
            str(name),
            source_config=options.source_config,
            source_split=source_split,
            config=options.config or "default",
            audio_column=audio_column,
            text_column=text_column,
            language=options.language,
            rows_per_shard=options.rows_per_shard,
            **options.reading(),
        )
        print(report.summary())
        for reason, place, detail in report.rejects[:MAX_SHOWN_REJECTS]:
            print(f"  rejected {place}: {reason}: {detail}")
        print(f"Report: {options.output_dir}/{options.config or 'default'}/{name}-report.json")
        reports.append(report)
    if not sum(report.num_utterances for report in reports):
        print("Failed: nothing was usable.")
        return 1
    return 3 if any(report.counts for report in reports) else 0


def _pushed(options: PreparationArguments, status: int) -> int:
    """Push the folder if that is asked for and there is something in it."""
    if options.push_to_hub is not None and status != 1:
        from ..hub.data_sets import push_data_set

        print(f"Pushed: {push_data_set(options.output_dir, options.push_to_hub)}")
    return status


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
