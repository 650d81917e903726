"""Print what is spoken into the microphone or a pipe, each utterance when it ends.

Examples:
  hf-bigru-asr listen
  arecord -f S16_LE -r 16000 | hf-bigru-asr listen - --timestamps
  ffmpeg -i rtsp://camera/stream -f wav - | hf-bigru-asr listen - --format jsonl
  hf-bigru-asr listen - --rate 8000 --channels-in 2 < call.raw

A pipe has 16-bit PCM, little-endian, or WAV. Nothing of it is lost: while recognition is behind, the program that
writes it waits. A microphone cannot wait; if more than a minute of its sound waits, the error output says how many
seconds were lost. Ctrl-C ends after what was spoken is printed, and a second Ctrl-C at once.
"""

import json
import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from .one_line import CommandError
from .recognition_options import add_casing, add_language_model, add_model, add_num_offsets
from .running import Terminated

if TYPE_CHECKING:
    from ..audio.live import Backlog, LiveSound
    from ..formats.options import FormatOptions
    from ..runtime.listening import LiveUtterance
    from ..runtime.recognizer import OnnxRecognizer

PIPE = "-"
BACKLOG_S = 60.0
"""Seconds of a microphone's sound that wait at the most."""
PIPE_BYTES = 4 << 20
"""Bytes of a pipe that wait at the most."""
PCM_BYTES = 2
BEHIND_S = 0.5
"""Seconds of sound that wait where recognition is behind."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the source and the options."""
    parser.add_argument(
        "source", nargs="?", metavar="SOURCE", help="- for standard input, or a named pipe; the microphone without it."
    )
    group = parser.add_argument_group("sound")
    group.add_argument("--device", metavar="NAME", help="Microphone: its number, or a part of its name.")
    group.add_argument(
        "--rate", type=int, metavar="HZ", help="Rate of PCM, 16000 by default; the microphone's own by default."
    )
    group.add_argument("--channels-in", type=int, metavar="N", help="Channels of PCM, 1 by default; they are mixed.")
    group.add_argument(
        "--silence", type=float, default=0.3, metavar="S", help="Seconds of silence that end an utterance."
    )
    group.add_argument(
        "--max-utterance", type=float, default=20.0, metavar="S", help="Longer speech is cut where it is quietest."
    )
    group = parser.add_argument_group("results")
    group.add_argument("--format", choices=("txt", "jsonl"), default="txt", metavar="FORMAT", help="txt or jsonl.")
    group.add_argument("--timestamps", action="store_true", help="Begin lines of txt with their times.")
    add_casing(group)
    group = parser.add_argument_group("recognition")
    add_model(group)
    add_language_model(group)
    add_num_offsets(group)


def run(args: Namespace) -> int:
    """Listen until the sound ends or a signal comes, and return the exit status."""
    _check(args)
    from ..audio.speech import UtteranceCutter, load_speech_detector
    from ..formats.options import FormatOptions
    from ..runtime.listening import recognize_live

    cutter = UtteranceCutter(load_speech_detector(), args.silence, args.max_utterance)
    options = FormatOptions(casing=args.casing, timestamps=args.timestamps, one_line=not args.timestamps)
    with ExitStack() as stack:
        recognizer, what = _load_recognizer(args)
        source = _microphone(args, stack) if args.source is None else _pipe(args.source)
        _say(f"listening to {source.name}; {what}; Ctrl-C ends")
        backlog = source.backlog
        with _polite_signals(backlog):
            sound = source.sound(args)
            bound = sound.bytes_per_s * BEHIND_S
            for utterance in recognize_live(recognizer, sound.blocks, cutter, lambda: backlog.num_bytes > bound):
                sys.stdout.write(_line(utterance, args.format, options))
                sys.stdout.flush()
                source.tell_losses()
            source.tell_losses()
    return 0


def _check(args: Namespace) -> None:
    for option in ("rate", "channels_in", "num_offsets"):
        value = getattr(args, option)
        if value is not None and value < 1:
            raise CommandError(f"--{option.replace('_', '-')} is {value}; it must be at least 1")
    if not 0.1 <= args.silence <= 10:
        raise CommandError(f"--silence is {args.silence:g}; it must be from 0.1 to 10 s")
    if not 2 <= args.max_utterance <= 600:
        raise CommandError(f"--max-utterance is {args.max_utterance:g}; it must be from 2 to 600 s")
    if args.source is None and args.channels_in is not None:
        raise CommandError("--channels-in is for a pipe; of a microphone one channel is recorded")
    if args.source is not None and args.device is not None:
        raise CommandError(f"--device is a microphone, and {args.source} another source; leave one of them out")
    if args.format == "jsonl" and args.timestamps:
        raise CommandError("--timestamps are for txt; jsonl always has times")
    if args.hotwords and args.lm == "none":
        raise CommandError("--hotwords work with a language model; leave --lm none out")
    if args.preset is not None and args.lm == "none":
        raise CommandError("--preset belongs to a language model; leave --lm none out")
    if args.source not in (None, PIPE) and (Path(args.source).is_dir() or not Path(args.source).exists()):
        raise CommandError(f"{args.source} is no pipe; give a named pipe, or - for standard input")
    if args.source == PIPE and sys.stdin is not None and sys.stdin.isatty():
        raise CommandError(
            "- takes sound from a pipe, and standard input is a terminal: arecord -f S16_LE -r 16000 | hf-bigru-asr "
            "listen -, or leave - out for the microphone"
        )


def _load_recognizer(args: Namespace) -> "tuple[OnnxRecognizer, str]":
    """The recogniser, and what it is, for people."""
    from ..runtime.decoding import choose_language_model
    from ..runtime.export import locate_model
    from ..runtime.model_files import ModelFiles
    from ..runtime.recognizer import OnnxRecognizer

    folder = locate_model(args.model)
    language_model = choose_language_model(ModelFiles(folder), args.lm)
    recognizer = OnnxRecognizer(
        folder, num_offsets=args.num_offsets, language_model=language_model, hotwords=args.hotwords, preset=args.preset
    )
    decoding = f"language model {language_model}" if language_model else "greedy decoding"
    return recognizer, f"model {args.model}, {decoding}"


@dataclass
class _Source:
    """Where sound comes from.

    Args:
        name: For people.
        backlog: What has come.
        rate: Of a microphone, in hertz; `None` for a pipe, of which nothing is lost.
    """

    name: str
    backlog: "Backlog"
    rate: int | None = None
    num_told: tuple[int, int] = (0, 0)

    def sound(self, args: Namespace) -> "LiveSound":
        """The sound; waits for its first bytes."""
        from ..audio.live import live_sound
        from ..runtime.resampling import resample

        rate = args.rate if self.rate is None else self.rate
        is_pcm = self.rate is not None
        return live_sound(
            self.backlog, resample, rate=rate, num_channels=args.channels_in, name=self.name, is_pcm=is_pcm
        )

    def tell_losses(self) -> None:
        """Say how much was lost, if that has changed."""
        now = (self.backlog.num_lost_bytes, self.backlog.num_overflows)
        if self.rate is not None and now != self.num_told:
            self.num_told = now
            lost_s = now[0] / (PCM_BYTES * self.rate)
            _say(
                f"{lost_s:.1f} s of sound were lost so far, because recognition or the reader of the output is behind"
                + (f"; the microphone lost some more {now[1]} times" if now[1] else "")
            )


def _pipe(source: str) -> _Source:
    from ..audio.live import Backlog, read_in_thread

    backlog = Backlog(PIPE_BYTES)
    file = open(0, "rb", buffering=0, closefd=False) if source == PIPE else open(source, "rb", buffering=0)  # noqa: SIM115 - the thread closes it
    read_in_thread(file, backlog)
    return _Source("standard input" if source == PIPE else source, backlog)


def _microphone(args: Namespace, stack: ExitStack) -> _Source:
    from ..audio.live import Backlog, open_microphone

    sources: list[_Source] = []

    def make_backlog(rate: int) -> "Backlog":
        backlog = Backlog(int(BACKLOG_S * rate) * PCM_BYTES)
        sources.append(_Source(f"the microphone at {rate} Hz", backlog, rate))
        return backlog

    stack.enter_context(open_microphone(make_backlog, args.device, args.rate))
    return sources[-1]


def _line(utterance: "LiveUtterance", name: str, options: "FormatOptions") -> str:
    """What is printed for an utterance; times count from the start of the stream."""
    from ..formats.plain import as_txt
    from ..formats.structured import utterance_record
    from ..formats.transcript import TimedTranscript, TimedWord

    first_s = utterance.start_s
    words = tuple(
        TimedWord(word.text, first_s + word.start_s, first_s + word.end_s, word.confidence)
        for word in utterance.hypothesis.words
    )
    transcript = TimedTranscript(PIPE, words[-1].end_s, words)
    if name == "txt":
        return as_txt(transcript, options)
    return json.dumps(utterance_record(transcript, options), ensure_ascii=False) + "\n"


@contextmanager
def _polite_signals(backlog: "Backlog") -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the sound. It is raised after the body, and a second one at once.

    Only the main thread can be told so; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    endings = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        if came:
            raise endings[signal.Signals(number)]
        came.append(number)
        backlog.close()

    before = {number: signal.signal(number, end) for number in endings}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    if came:
        raise endings[signal.Signals(came[0])]


def _say(message: str) -> None:
    sys.stderr.write(f"hf-bigru-asr listen: {message}\n")
    sys.stderr.flush()
