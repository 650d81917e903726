"""Transcribe a corpus on a Ray cluster: folder, bucket or data set in, Parquet out.

Examples:
  hf-bigru-asr corpus recordings transcripts
  hf-bigru-asr corpus s3://bucket/recordings transcripts --address 10.0.0.1:6379
  hf-bigru-asr corpus openslr/librispeech_asr transcripts --config clean --split test

SOURCE is a folder, a pattern, a URL of fsspec, a manifest, a folder of Parquet, or a data set on the Hub. DEST gets
files part-*.parquet with a row for each recording: id, path, duration_s, text, words with times and confidences,
warnings, error. Recordings that have a row are left out, so that the same command goes on where it was interrupted or
killed. Without --address the processor cores of this machine are the cluster.

Exit status: 0 every recording has a text, 3 some are rows with an error, 1 the run was broken off.
"""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .one_line import CommandError
from .recognition_options import add_language_model, add_model, add_num_offsets, add_on_damage, add_runtime

if TYPE_CHECKING:
    from ..corpus.cluster import RecognizeAll
    from ..corpus.recordings import Opener, Recording
    from ..formats.transcript import TimedTranscript
    from .recognition import RecognitionOptions

__all__ = ["add_arguments", "load_recognizer", "run"]

RUNTIMES = ("onnx", "openvino", "native")


def add_arguments(parser: ArgumentParser) -> None:
    """Add source, destination and the options."""
    parser.add_argument("source", metavar="SOURCE", help="Folder, pattern, URL, manifest, or data set on the Hub.")
    parser.add_argument("dest", type=Path, metavar="DEST", help="Folder of this machine for the Parquet files.")
    data = parser.add_argument_group("data set")
    data.add_argument("--config", metavar="NAME", help="Configuration of a data set.")
    data.add_argument("--split", metavar="NAME", help="Split of a data set.")
    data.add_argument("--audio-column", default="audio", metavar="NAME", help="Column with the audio.")
    group = parser.add_argument_group("recognition")
    add_model(group)
    add_language_model(group)
    add_runtime(group, RUNTIMES)
    add_num_offsets(group)
    add_on_damage(group)
    cluster = parser.add_argument_group("cluster")
    cluster.add_argument("--address", metavar="HOST:PORT", help="Head of a Ray cluster; auto for one of this machine.")
    cluster.add_argument(
        "--workers", type=int, metavar="N", help="Processes that recognise; one for each core of the cluster."
    )
    cluster.add_argument("--rows-per-file", type=int, default=1000, metavar="N", help="Recordings of a Parquet file.")
    cluster.add_argument("--quiet", "-q", action="store_true", help="Show errors alone.")


def run(args: Namespace) -> int:
    """Transcribe, and return the exit status."""
    for name, number in (("workers", args.workers), ("rows-per-file", args.rows_per_file)):
        if number is not None and number < 1:
            raise CommandError(f"--{name} is {number}; it must be at least 1")
    from ..corpus.cluster import ClusterError
    from ..corpus.running import transcribe_corpus
    from .progress import Progress

    recordings, opener, num_bad = _recordings(args)
    if not recordings:
        raise CommandError(f"no recordings in {args.source}; a folder is searched for files with the endings of sound")
    options = _options(args)
    with Progress(lambda: len(recordings), is_shown=False if args.quiet else None) as progress:

        def show(num_recordings: int, duration_s: float) -> None:
            for _ in range(num_recordings):
                progress.done(duration_s / num_recordings)

        try:
            report = transcribe_corpus(
                recordings,
                args.dest,
                partial(load_recognizer, options),
                opener=opener,
                settings=_settings(options),
                address=args.address,
                num_workers=args.workers,
                part_size=args.rows_per_file,
                on_part=show,
            )
        except ClusterError as error:
            raise CommandError(f"{error}; what was finished is kept", status=1) from error
        if not args.quiet:
            before = f", {report.num_before} from before" if report.num_before else ""
            progress.say(
                f"{report.num_recordings} recordings{before}, {report.hours:.2f} hours, {report.num_errors} errors"
            )
            if num_bad:
                progress.say(f"{num_bad} rows of {args.source} name no recording that is there, and have no row")
    return 3 if report.num_errors or num_bad else 0


def _recordings(args: Namespace) -> "tuple[list[Recording], Opener, int]":
    """What SOURCE names, how workers open it, and how many rows of a manifest cannot be used."""
    from ..corpus.recordings import Opener, in_bucket, in_dataset, is_bucket
    from .inputs import SUFFIXES

    source = args.source
    wants_dataset = args.config is not None or args.split is not None
    if is_bucket(source) and not wants_dataset:
        return in_bucket(source, SUFFIXES), Opener(), 0
    if not (wants_dataset or _is_dataset(source, SUFFIXES)):
        return list(_in_files(source)), Opener(), 0
    from ..data.loading import load_speech_dataset
    from ..data.manifests.rows import BadRows

    bad_rows = BadRows()
    dataset: Any = load_speech_dataset(
        source, args.config, args.split, audio_column=args.audio_column, bad_rows=bad_rows
    )
    recordings = in_dataset(dataset, args.audio_column)
    is_needed = any(each.location is None for each in recordings)
    return recordings, Opener(dataset if is_needed else None, args.audio_column), bad_rows.num_bad


def _is_dataset(source: str, suffixes: Iterable[str]) -> bool:
    """Whether a source is a table of recordings, and not recordings: a manifest, Parquet, or a name on the Hub."""
    path = Path(source).expanduser()
    if path.is_dir():
        tables = ("wav.scp", "metadata.csv", "metadata.jsonl", "state.json")
        return any((path / name).is_file() for name in tables) or next(path.rglob("*.parquet"), None) is not None
    if path.is_file():
        return path.suffix.lower() not in suffixes
    return (
        source.count("/") == 1 and not source.startswith((".", "/", "~")) and not any(char in source for char in "*?[")
    )


def _in_files(source: str) -> "Iterator[Recording]":
    from ..corpus.recordings import Recording
    from .inputs import Inputs

    problems: list[str] = []
    inputs = Inputs([source], problems.append)
    root = os.path.abspath(source if os.path.isdir(source) else os.path.dirname(source) or ".")
    for each in inputs:
        location = os.path.abspath(each.source)
        yield Recording(
            os.path.relpath(location, root), location, num_bytes=-1 if each.num_bytes is None else each.num_bytes
        )
    if problems:
        raise CommandError(problems[0])


def _options(args: Namespace) -> "RecognitionOptions":
    from .recognition import RecognitionOptions

    return RecognitionOptions(
        model=args.model,
        runtime=args.runtime,
        language_model=args.lm,
        hotwords=tuple(args.hotwords),
        preset=args.preset,
        num_offsets=args.num_offsets,
        num_threads=1,
        on_damage=args.on_damage,
    )


def _settings(options: "RecognitionOptions") -> dict[str, object]:
    """What decides about the rows."""
    from .. import __version__

    names = ("model", "runtime", "language_model", "hotwords", "preset", "num_offsets", "on_damage")
    return {name: getattr(options, name) for name in names} | {"version": __version__}


def load_recognizer(options: "RecognitionOptions") -> "RecognizeAll":
    """Load the model in a process of the cluster; see [`RecognizeAll`][hf_bigru_asr.corpus.cluster.RecognizeAll]."""
    from .inputs import Input
    from .light_recognition import load_light_recognition

    recognition = load_light_recognition(options)

    def recognize(recordings: "Sequence[Recording]", opener: "Opener") -> "Iterable[TimedTranscript]":
        inputs = [Input(each.id, Path(), opener=partial(opener, each)) for each in recordings]
        return recognition(inputs, lambda: None)

    return recognize
