"""Find out when each word of a known text is spoken.

Examples:
  hf-bigru-asr align talk.mp3 talk.txt
  hf-bigru-asr align talk.mp3 talk.txt --format textgrid,json --output-dir aligned
  hf-bigru-asr align talk.mp3 talk.txt --format srt --beside
  hf-bigru-asr align chapter.mp3 book.txt --skip-unmatched

The text is ordinary English, and that of the whole recording. Words keep their spelling; what is spoken stands beside
them in json. Where the text is not that of the recording, lines on the error output say so, and the exit status is 3;
the results are written all the same. --skip-unmatched leaves out words at the beginning and at the end of the text
that are not spoken, such as a preface.
"""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .format_option import add_format_option, formats_of
from .one_line import CommandError
from .recognition_options import add_model, add_on_damage, add_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..alignment.aligned_text import Alignment, SpokenText
    from ..formats.transcript import TimedTranscript
    from ..runtime.log_mel import FloatArray
    from ..runtime.recognizer import OnnxRecognizer

__all__ = ["NOT_THE_TEXT"]

NOT_THE_TEXT = 3
"""Exit status where the text is not that of the recording."""

RUNTIMES = ("onnx", "openvino", "native")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the recording, its text and the options."""
    parser.add_argument("audio", metavar="AUDIO", help="Recording in any common format, http(s) address, or -.")
    parser.add_argument(
        "text", metavar="TEXT", nargs="?", help="File with what is said (UTF-8), or -; AUDIO with .txt if left out."
    )
    parser.add_argument("--text-is", metavar="WORDS", help="What is said, in place of a file.")
    add_format_option(parser, "ctm")
    parser.add_argument("--output-dir", "-o", type=Path, metavar="FOLDER", help="Write files there.")
    parser.add_argument("--beside", action="store_true", help="Write files beside the recording.")
    parser.add_argument("--overwrite", action="store_true", help="Write results anew that exist.")
    parser.add_argument("--word-stamps", action="store_true", help="Put the time of every word into cues of vtt.")
    parser.add_argument(
        "--skip-unmatched", action="store_true", help="Leave out a beginning and an end of the text that are not read."
    )
    parser.add_argument(
        "--on-unknown",
        choices=("error", "remove"),
        default="error",
        metavar="WHAT",
        help="Refuse characters that cannot be said (error), or remove them.",
    )
    add_on_damage(parser)
    add_model(parser)
    add_runtime(parser, RUNTIMES)


def run(args: Namespace) -> int:
    """Align, write, and return the exit status."""
    from .inputs import Inputs

    args.format = formats_of(args.format, [args.audio, args.text or ""], args.default_format)
    if len(args.format) > 1 and args.output_dir is None and not args.beside:
        raise CommandError("several formats are several files; give --output-dir FOLDER or --beside")
    inputs = Inputs([args.audio], lambda _: None)
    if not inputs.is_one:
        raise CommandError(f"{args.audio} is a folder or a pattern; give one recording")
    text = _text_of(args)
    from ..formats.options import FormatOptions
    from .results import Printed, ResultFiles, results_lock

    options = FormatOptions(word_stamps=args.word_stamps)
    (recording,) = inputs
    if args.output_dir is None and not args.beside:
        printed = Printed(args.format[0], options, is_one=True)
        transcript, status = _aligned(args, text)
        printed.show(recording, transcript)
        return status
    if args.beside and not recording.is_file:
        raise CommandError(f"{args.audio} has no folder for --beside; give --output-dir")
    with results_lock(args.output_dir, None):
        files = ResultFiles(args.format, options, args.output_dir, overwrite=args.overwrite)
        if found := files.in_the_way(recording):
            raise CommandError(
                f"{found} was not written by this command and is left as it is; --overwrite replaces it, --output-dir "
                "writes elsewhere",
                status=1,
            )
        if files.are_there(recording):
            print(f"{args.audio} has results already; --overwrite writes them anew", file=sys.stderr)
            return 0
        transcript, status = _aligned(args, text)
        files.write(recording, transcript)
    return status


def _text_of(args: Namespace) -> str:
    """What is said in the recording."""
    if args.text is not None and args.text_is is not None:
        raise CommandError("TEXT and --text-is are two texts; give one of them")
    if args.text_is is not None:
        return str(args.text_is)
    if args.text == "-":
        if args.audio == "-":
            raise CommandError("- is standard input, which can be read once; give a file for one of AUDIO and TEXT")
        return sys.stdin.read()
    path = Path(args.text) if args.text is not None else Path(args.audio).with_suffix(".txt")
    if not path.is_file():
        raise CommandError(f"{path} does not exist; give a file with what is said, or --text-is WORDS", hint=False)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is no UTF-8 text (byte {error.start}); give a text file", hint=False) from error


def _aligned(args: Namespace, text: str) -> "tuple[TimedTranscript, int]":
    """The words with their times, and the exit status."""
    from dataclasses import replace

    import numpy as np

    from ..alignment.aligned_text import SpokenText
    from ..alignment.formats import as_transcript
    from ..audio.findings import AudioError
    from ..audio.loading import iterate_audio
    from ..runtime.recognizer import OnnxRecognizer
    from ..runtime.resampling import resample
    from .inputs import Input
    from .recognition import DownloadLimits, RecognitionOptions, facts_of, opened, problem_of

    recording = Input(args.audio, Path())
    recognizer = OnnxRecognizer(args.model, runtime=args.runtime)
    with _naming_the_text(args):
        spoken = SpokenText.of(text, args.on_unknown, recognizer.decoder.symbols)
    warnings: list[str] = []
    lengths: list[int] = []

    def blocks() -> "Iterator[FloatArray]":
        source = opened(recording, DownloadLimits())
        rate, on_damage = recognizer.sampling_rate, args.on_damage
        for block in iterate_audio(
            source, sampling_rate=rate, resample=resample, on_damage=on_damage, warn=warnings.append
        ):
            lengths.append(len(block))
            yield block

    try:
        log_probs = np.concatenate(list(recognizer.log_probs_of_blocks(blocks())))
    except AudioError as error:
        raise CommandError(f"{args.audio}: not aligned: {problem_of(recording, str(error))}", status=1) from error
    if args.skip_unmatched:
        spoken = _without_unread(spoken, recognizer, log_probs)
    duration_s = sum(lengths) / recognizer.sampling_rate
    with _naming_the_text(args):
        alignment = spoken.align(log_probs, recognizer.decoder.symbols, recognizer.decoder.frame_s, duration_s)
    found, status = _doubts(args.audio, alignment)
    for warning in [*warnings, *found]:
        print(f"warning: {warning}", file=sys.stderr)
    facts = facts_of(RecognitionOptions(args.model, args.runtime), None)
    transcript = as_transcript(alignment, args.audio)
    return replace(transcript, warnings=(*warnings, *found), recognizer=facts), status


@contextmanager
def _naming_the_text(args: Namespace) -> "Iterator[None]":
    """Let what is wrong with a text say which one."""
    try:
        yield
    except ValueError as error:
        problem = str(error).replace("pass on_unknown='remove'", "give --on-unknown remove")
        if args.text_is is not None or args.text == "-":
            raise CommandError(problem, hint=False) from error
        path = Path(args.text) if args.text is not None else Path(args.audio).with_suffix(".txt")
        raise CommandError(f"{path}: {problem}", hint=False) from error


def _without_unread(spoken: "SpokenText", recognizer: "OnnxRecognizer", log_probs: "FloatArray") -> "SpokenText":
    from ..alignment.matching import spoken_part

    first, end = spoken_part(spoken, recognizer.hypotheses_of(log_probs)[0].text)
    for what, words in (("beginning", spoken.words[:first]), ("end", spoken.words[end:])):
        if words:
            shown = " ".join(word.text for word in words[:6]) + (" ..." if len(words) > 6 else "")
            print(f"{len(words)} words at the {what} of the text are not read: {shown}", file=sys.stderr)
    return spoken.part(first, end)


def _doubts(audio: str, alignment: "Alignment") -> tuple[list[str], int]:
    """What is wrong with the text of a recording, and the exit status."""
    from ..alignment.matching import MIN_SCORE, unmatched_runs

    if alignment.score < MIN_SCORE:
        return [f"{audio}: this is not its text, or not the whole of it (score {alignment.score:.4f})"], NOT_THE_TEXT
    doubts = []
    for first, end in unmatched_runs(alignment):
        words = alignment.words[first:end]
        shown = " ".join(word.text for word in words[:4])
        doubts.append(
            f"{audio}: {len(words)} words from {words[0].start_s:.2f} to {words[-1].end_s:.2f} s are not what is "
            f"spoken there: {shown} ..."
        )
    for start_s, end_s in alignment.unwritten:
        doubts.append(f"{audio}: what is spoken from {start_s:.2f} to {end_s:.2f} s is not in the text")
    return doubts, NOT_THE_TEXT if doubts else 0
