"""Transcribe recordings: files, folders, addresses; text, subtitles, JSON.

Examples:
  hf-bigru-asr transcribe talk.mp3
  hf-bigru-asr transcribe talk.mp3 --format srt --beside
  hf-bigru-asr transcribe recordings --format txt,json --output-dir transcripts
  hf-bigru-asr transcribe recordings --format jsonl --output all.jsonl
  hf-bigru-asr transcribe https://example.org/talk.ogg --casing sentence --timestamps
  ffmpeg -i film.mkv -f wav - | hf-bigru-asr transcribe - --format vtt

A folder is searched for recordings, with the folders in it. Without --output-dir, --beside and --output the results
are printed. Results that exist are left as they are, so that the same command goes on where it was interrupted;
--overwrite writes them anew. A recording that cannot be used is one line on the error output, the others are
transcribed, and the exit status is 1.
"""

import os
from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..text.language_names import check_language
from .format_option import FORMAT_NAMES, add_format_option, format_of_file, formats_of
from .one_line import CommandError, in_one_line
from .other_programs import hints_for
from .recognition_options import (
    add_casing,
    add_language,
    add_language_model,
    add_model,
    add_num_offsets,
    add_on_damage,
    add_runtime,
)

if TYPE_CHECKING:
    from ..formats.options import FormatOptions
    from ..formats.transcript import TimedTranscript
    from .inputs import Input, Inputs
    from .jobs import Check
    from .progress import Progress
    from .recognition import Recognition
    from .results import Results

__all__ = ["add_arguments", "hints_for", "run"]

RUNTIMES = ("auto", "native", "onnx", "openvino", "torch")
DTYPES = ("float32", "bfloat16", "int8")
MAX_JOBS = 8
"""Recordings that run at once if nothing is said, and processes that decode where the package is not compiled."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the recordings and the options."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="File, folder, pattern such as 'a/**/*.wav', http(s) address, or -."
    )
    _add_results(parser.add_argument_group("results"))
    _add_recognition(parser.add_argument_group("recognition"))
    _add_audio(parser.add_argument_group("audio"))


def _add_results(group: _ArgumentGroup) -> None:
    add_format_option(group, "txt")
    group.add_argument(
        "--output-dir", type=Path, metavar="FOLDER", help="Write files there, in the tree of the recordings."
    )
    group.add_argument("--beside", action="store_true", help="Write files beside the recordings.")
    group.add_argument(
        "--output", type=Path, metavar="FILE", help="Write one recording, or all in jsonl, ctm, stm or rttm, there."
    )
    group.add_argument(
        "-o",
        "--out",
        dest="where",
        type=Path,
        metavar="WHERE",
        help="A file like talk.srt is --output, others --output-dir.",
    )
    group.add_argument("--overwrite", action="store_true", help="Write results anew that exist.")
    add_casing(group)
    group.add_argument("--timestamps", action="store_true", help="Begin lines of txt with their times.")
    group.add_argument("--word-stamps", action="store_true", help="Put the time of every word into cues of vtt.")
    group.add_argument("--one-line", action="store_true", help="Write txt as one line, and not a line a segment.")
    group.add_argument("--quiet", "-q", action="store_true", help="Show errors and warnings alone.")
    group.add_argument(
        "--min-confidence", type=float, metavar="P", help="Leave out words that are less likely to be right: 0 to 1."
    )


def _add_recognition(group: _ArgumentGroup) -> None:
    add_model(group)
    add_language(group)
    add_language_model(group)
    group.add_argument("--hotwords-file", type=Path, metavar="FILE", help="The same, one a line; # begins a comment.")
    group.add_argument(
        "--grammar",
        type=Path,
        metavar="FILE",
        help="Recognise phrases of this list or JSGF grammar, and nothing else.",
    )
    add_runtime(group, RUNTIMES)
    group.add_argument(
        "--dtype",
        choices=DTYPES,
        metavar="DTYPE",
        help="Number format of the network: int8 with native, otherwise float32, or bfloat16 with openvino or torch.",
    )
    add_num_offsets(group)
    group.add_argument(
        "--jobs",
        "-j",
        type=int,
        metavar="N",
        help="Recordings that run at once; one for each core, up to 8.",
    )


def _add_audio(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--channels", default="mix", metavar="CHANNELS", help="Their mix, each on its own (split), or one: 0, 1."
    )
    add_on_damage(group)
    group.add_argument(
        "--max-download-mb", type=float, default=2000, metavar="MB", help="Largest recording to download."
    )
    group.add_argument(
        "--max-download-s", type=float, default=1800, metavar="S", help="Longest time that a download takes."
    )


def run(args: Namespace) -> int:
    """Transcribe, and return the exit status."""
    _check(args)
    from .inputs import Inputs

    problems: list[str] = []
    inputs = Inputs(args.paths, problems.append)
    _check_results(args, inputs)
    recordings = iter(inputs)
    first = list(islice(recordings, 2))
    if not first:
        raise CommandError(
            problems[0]
            if problems
            else f"no recordings in {', '.join(args.paths)}; a folder is searched for files with the endings of sound"
        )
    from .progress import Progress
    from .results import results_lock

    def count() -> int:
        return sum(1 for _ in Inputs(args.paths, lambda _: None))

    is_shown = False if args.quiet else None
    with results_lock(args.output_dir, args.output), Progress(count, is_shown=is_shown) as progress:
        results = _results(args, progress, is_one=inputs.is_one)
        num_jobs = 1 if len(first) == 1 else args.jobs or min(_num_cores(), MAX_JOBS)
        work = _Work(args, results, progress, problems, num_jobs)
        return work.run(chain(first, recordings))


class _Work:
    """The way from recordings to results."""

    def __init__(
        self, args: Namespace, results: "Results", progress: "Progress", problems: list[str], num_jobs: int
    ) -> None:
        self._args, self._results, self._progress, self._problems = args, results, progress, problems
        self._num_jobs = num_jobs
        self._num_skipped = self._num_failed = self._num_in_the_way = 0
        self._in_the_way: Path | None = None

    def run(self, recordings: "Iterator[Input]") -> int:
        """Transcribe what is left to do, and return the exit status."""
        left = self._left(recordings)
        first = next(left, None)
        if first is not None:
            self._transcribe(chain([first], left))
        self._tell_problems()
        if self._num_skipped and not self._args.quiet:
            have = "1 recording has" if self._num_skipped == 1 else f"{self._num_skipped} recordings have"
            self._progress.say(f"{have} results already; --overwrite writes them anew")
        if self._in_the_way is not None:
            self._num_failed += self._num_in_the_way
            others = f", and so are {self._num_in_the_way - 1} more" if self._num_in_the_way > 1 else ""
            self._progress.say(
                f"{in_one_line(str(self._in_the_way))} was not written by this command and is left as it is{others}; "
                "--overwrite replaces such files, --output-dir writes elsewhere"
            )
        self._results.end(is_complete=not self._num_failed)
        return int(self._num_failed > 0)

    def _left(self, recordings: "Iterator[Input]") -> "Iterator[Input]":
        for recording in recordings:
            path = self._results.in_the_way(recording)
            if path is not None:
                self._num_in_the_way += 1
                self._in_the_way = self._in_the_way or path
            if self._results.are_there(recording):
                self._num_skipped += path is None
                self._progress.done(None)
            else:
                yield recording

    def _transcribe(self, recordings: "Iterator[Input]") -> None:
        from .jobs import groups_of, run_in_order

        recognition = _recognition(self._args, self._num_jobs)
        jobs = "" if self._num_jobs == 1 else f", {self._num_jobs} at once"
        if not self._args.quiet:
            self._progress.say(f"{recognition.describe()}{jobs}")

        def work(group: "list[Input]", check: "Check") -> "list[tuple[Input, TimedTranscript, str | None]]":
            found = []
            for recording, transcript in zip(group, recognition(group, check), strict=True):
                problem = transcript.error
                if problem is None:
                    try:
                        self._results.write(recording, transcript)
                    except ValueError as error:
                        problem = str(error)
                found.append((recording, transcript, problem))
            return found

        with recognition:
            for group in run_in_order(groups_of(recordings), work, self._num_jobs):
                for recording, transcript, problem in group:
                    self._show(recording, transcript, problem)

    def _show(self, recording: "Input", transcript: "TimedTranscript", problem: str | None) -> None:
        from .recognition import problem_of

        self._tell_problems()
        for warning in transcript.warnings:
            self._progress.say(f"warning: {in_one_line(recording.source)}: {problem_of(recording, warning)}")
        try:
            self._results.show(recording, transcript)
        except ValueError as error:
            problem = problem or str(error)
        if problem is not None:
            self._num_failed += 1
            self._progress.say(f"{in_one_line(recording.source)}: not transcribed: {problem}")
        self._progress.done(transcript.duration_s)

    def _tell_problems(self) -> None:
        while self._problems:
            self._num_failed += 1
            self._progress.say(self._problems.pop(0))


def _check(args: Namespace) -> None:
    if args.where is not None:
        if str(args.where) in FORMAT_NAMES and not args.where.exists():
            raise CommandError(f"-o {args.where} would be a folder; for the format give --format {args.where}")
        is_file = format_of_file(args.where) is not None and not args.where.is_dir()
        name = "output" if is_file else "output_dir"
        if getattr(args, name) is not None:
            raise CommandError(f"-o and --{name.replace('_', '-')} are the same here: give one of them")
        setattr(args, name, args.where)
    default = args.default_format if args.output is None else format_of_file(args.output) or args.default_format
    args.format = formats_of(args.format, args.paths, default)
    given = [name for name in ("output_dir", "beside", "output") if getattr(args, name) not in (None, False)]
    if len(given) > 1:
        raise CommandError(f"{' and '.join(f'--{name}'.replace('_', '-') for name in given)}: give one of them")
    if args.jobs is not None and args.jobs < 1:
        raise CommandError(f"--jobs is {args.jobs}; it must be at least 1")
    if args.dtype == "bfloat16" and args.runtime not in ("openvino", "torch"):
        raise CommandError("--dtype bfloat16 needs --runtime openvino or torch")
    if args.dtype == "int8" and args.runtime not in ("auto", "native"):
        raise CommandError("--dtype int8 needs --runtime native")
    if args.runtime == "native" and args.dtype == "float32":
        raise CommandError("--runtime native computes in int8; --dtype float32 needs another one, onnx for example")
    if args.channels not in ("mix", "split"):
        if not args.channels.isdecimal():
            raise CommandError(f"--channels is {args.channels}; give mix, split, or the number of one from 0")
        args.channels = int(args.channels)
    if not (args.max_download_mb > 0 and args.max_download_s > 0):
        raise CommandError("--max-download-mb and --max-download-s must be positive")
    if args.language is not None and args.model == "bundled":
        check_language(args.language, "en")  # of other models it is known when they are read
    if args.hotwords_file is not None:
        from .hotwords import read_hotwords_file, rules_of_model

        args.hotwords += read_hotwords_file(args.hotwords_file, rules_of_model(args.model))
    if args.hotwords and (args.lm == "none" or args.grammar is not None):
        raise CommandError("--hotwords need a language model; leave them out, or --lm none and --grammar")
    if args.preset is not None and (args.lm == "none" or args.grammar is not None):
        raise CommandError("--preset belongs to a language model; leave it out, or --lm none and --grammar")
    if args.grammar is not None:
        if args.lm not in (None, "none"):
            raise CommandError("--grammar takes the place of a language model; leave --lm out")
        if args.runtime == "torch":
            raise CommandError("--grammar works without torch; give --runtime onnx or openvino")
        args.grammar.open("rb").close()


def _check_results(args: Namespace, inputs: "Inputs") -> None:
    from ..formats.table import FORMATS

    if args.output_dir is not None and args.output_dir.exists() and not args.output_dir.is_dir():
        raise CommandError(f"--output-dir {args.output_dir} is a file; give a folder")
    if args.beside and (elsewhere := [path for path in args.paths if path == "-" or "://" in path]):
        raise CommandError(f"{elsewhere[0]} has no folder for --beside; give --output-dir")
    if args.output_dir is not None or args.beside:
        return
    several = [name for name in FORMATS if FORMATS[name].can_append]
    if len(args.format) > 1:
        raise CommandError("several formats are several files; give --output-dir FOLDER or --beside")
    (name,) = args.format
    is_named = args.output is None and name == "txt"  # by the name of its recording in each line
    if not (FORMATS[name].can_append or inputs.is_one or is_named):
        raise CommandError(
            f"{name} of several recordings is several files; give --output-dir FOLDER or --beside, or one of "
            f"{', '.join(several)}"
        )
    if args.output is not None and args.output.is_dir():
        raise CommandError(f"--output {args.output} is a folder; give a file, or --output-dir")


def _results(args: Namespace, progress: "Progress", *, is_one: bool) -> "Results":
    from ..formats.table import FORMATS
    from .results import OneFile, Printed, ResultFiles, SharedFile

    options = _format_options(args)
    if args.output_dir is not None or args.beside:
        return ResultFiles(args.format, options, args.output_dir, overwrite=args.overwrite)
    (name,) = args.format
    if args.output is not None and not FORMATS[name].can_append:
        return OneFile(args.output, name, options, overwrite=args.overwrite)
    if args.output is not None:
        return SharedFile(args.output, name, options, overwrite=args.overwrite)
    return Printed(name, options, is_one=is_one, around=progress.around)


def _format_options(args: Namespace) -> "FormatOptions":
    from ..formats.options import FormatOptions

    return FormatOptions(
        casing=args.casing,
        min_confidence=args.min_confidence,
        word_stamps=args.word_stamps,
        one_line=args.one_line,
        timestamps=args.timestamps,
    )


def _recognition(args: Namespace, num_jobs: int) -> "Recognition":
    from .recognition import DownloadLimits, RecognitionOptions

    options = RecognitionOptions(
        model=args.model,
        runtime=args.runtime,
        language_model=args.lm,
        hotwords=tuple(args.hotwords),
        grammar=args.grammar,
        min_confidence=args.min_confidence,
        num_offsets=args.num_offsets,
        preset=args.preset,
        num_threads=None if num_jobs == 1 else max(_num_cores() // num_jobs, 1),
        num_jobs=num_jobs,
        num_workers=0 if args.jobs == 1 or _num_cores() == 1 else min(args.jobs or _num_cores(), MAX_JOBS),
        channels=args.channels,
        on_damage=args.on_damage,
        limits=DownloadLimits(int(args.max_download_mb * 1e6), args.max_download_s),
        language=args.language,
        dtype=args.dtype,
    )
    if args.runtime == "torch":
        from .torch_recognition import load_torch_recognition

        return load_torch_recognition(options)
    from .light_recognition import load_light_recognition

    return load_light_recognition(options)


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
