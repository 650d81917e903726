"""Serve transcriptions over HTTP, as OpenAI's interface has them, and live sound through a WebSocket.

Examples:
  hf-bigru-asr serve
  curl -F file=@talk.mp3 -F response_format=srt http://127.0.0.1:8000/v1/audio/transcriptions
  hf-bigru-asr serve --host 0.0.0.0 --api-key-file key.txt
  HF_BIGRU_ASR_API_KEY=... hf-bigru-asr serve --host 0.0.0.0 --port 80

It listens on this machine alone. For another address it needs a key, or --no-key where something else asks for one.
The official clients take it as it is: OpenAI(base_url="http://127.0.0.1:8000/v1") and
InferenceClient(base_url="http://127.0.0.1:8000/v1"). A signal ends it when what it has begun is done, and a second one
at once.
"""

import os
import sys
from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .one_line import CommandError
from .recognition_options import add_casing, add_language_model, add_model, add_num_offsets, add_on_damage, add_runtime

if TYPE_CHECKING:
    from ..runtime.decoding_pool import BeamSearchPool
    from ..runtime.recognizer import OnnxRecognizer
    from ..server.app import ServerOptions

RUNTIMES = ("auto", "native", "onnx", "openvino")
MAX_JOBS = 8
POSITIVE = ("max_mb", "max_audio_s", "max_requests", "max_time_s", "max_live", "drain_s", "jobs", "num_offsets")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("access")
    group.add_argument("--host", default="127.0.0.1", metavar="HOST", help="Name or address to listen on.")
    group.add_argument("--port", type=int, default=8000, metavar="PORT", help="Port to listen on; 0 for a free one.")
    group.add_argument(
        "--api-key-file",
        type=Path,
        metavar="FILE",
        help="File with the key that clients send; the variable HF_BIGRU_ASR_API_KEY without it.",
    )
    group.add_argument("--no-key", action="store_true", help="Let everybody ask who reaches the address.")
    group.add_argument(
        "--allow-origin", nargs="+", default=[], metavar="ORIGIN", help="Web pages that may ask: https://example.org."
    )
    _add_limits(parser.add_argument_group("limits"))
    group = parser.add_argument_group("recognition")
    add_model(group)
    add_language_model(group)
    add_runtime(group, RUNTIMES)
    add_num_offsets(group)
    add_casing(group)
    add_on_damage(group)
    group.add_argument(
        "--jobs", "-j", type=int, metavar="N", help="Long recordings that run at once; one for each core, up to 8."
    )


def _add_limits(group: _ArgumentGroup) -> None:
    group.add_argument("--max-mb", type=float, default=200, metavar="MB", help="Largest body of a request.")
    group.add_argument("--max-audio-s", type=float, default=7200, metavar="S", help="Longest recording.")
    group.add_argument(
        "--max-requests", type=int, default=128, metavar="N", help="Transcriptions that wait or run at once."
    )
    group.add_argument("--max-time-s", type=float, default=600, metavar="S", help="Longest time of a request.")
    group.add_argument("--max-live", type=int, default=8, metavar="N", help="WebSockets at once.")
    group.add_argument(
        "--drain-s", type=float, default=60, metavar="S", help="How long requests may take after the first signal."
    )


def run(args: Namespace) -> int:
    """Serve until a signal comes, and return the exit status."""
    _check(args)
    try:
        from ..server.running import listening_socket, make_server
    except ImportError as error:
        from ..extras import needs_extra

        raise ImportError(needs_extra("A server", "server")) from error
    from ..server.recordings import RecordingSteps

    options = _options(args)
    socket = listening_socket(args.host, args.port)
    recognizer, what = _load_recognizer(args)
    num_parallel = args.jobs or min(_num_cores(), MAX_JOBS)
    name = f"[{args.host}]" if ":" in args.host else args.host
    key = "with a key" if options.rules.key is not None else "without a key"
    with _decoding(recognizer, num_parallel) as pool:
        steps = RecordingSteps(recognizer, max_audio_s=args.max_audio_s, on_damage=args.on_damage, pool=pool)
        running = make_server(recognizer, steps, options, num_parallel=num_parallel, drain_s=args.drain_s)
        _say(f"serving http://{name}:{socket.getsockname()[1]}/v1 {key}; {what}; Ctrl-C ends")
        running.run([socket])
    return 0


@contextmanager
def _decoding(recognizer: "OnnxRecognizer", num_workers: int) -> "Iterator[BeamSearchPool | None]":
    """Processes that decode with the language model, where several can work at once and threads cannot."""
    from ..model.beam_search_bigru_ctc import BeamSearchDecoder
    from ..processes.worker_pool import can_start_processes
    from ..runtime.decoding_pool import BeamSearchPool

    decoder = recognizer.decoder
    is_alone = num_workers == 1 or not can_start_processes()
    if is_alone or not isinstance(decoder, BeamSearchDecoder) or decoder.shares_time:
        yield None
        return
    with BeamSearchPool.of_decoder(decoder, num_workers) as pool:
        pool.start()
        yield pool


def _check(args: Namespace) -> None:
    for name in POSITIVE:
        value = getattr(args, name)
        if value is not None and not 0 < value < float("inf"):
            raise CommandError(f"--{name.replace('_', '-')} is {value:g}; it must be positive")
    if not 0 <= args.port <= 65535:
        raise CommandError(f"--port is {args.port}; it must be from 0 to 65535")
    if args.no_key and args.api_key_file is not None:
        raise CommandError("--no-key and --api-key-file are opposites; leave one of them out")
    if args.lm == "none" and (args.hotwords or args.preset is not None):
        raise CommandError("--hotwords and --preset work with a language model; leave --lm none out")


def _options(args: Namespace) -> "ServerOptions":
    from ..formats.options import FormatOptions
    from ..server.access import KEY_VARIABLE, AccessRules, is_loopback, read_key
    from ..server.app import ServerOptions
    from ..server.limits import ServerLimits

    key = None if args.no_key else read_key(args.api_key_file)
    is_local = is_loopback(args.host)
    if not (is_local or args.no_key or key):
        raise CommandError(
            f"--host {args.host} can be reached from other machines; give --api-key-file FILE or the variable "
            f"{KEY_VARIABLE}, or --no-key where something else asks for a key"
        )
    limits = ServerLimits(int(args.max_mb * 1e6), args.max_audio_s, args.max_requests, args.max_time_s, args.max_live)
    rules = AccessRules(key, needs_local_host=is_local and not args.no_key, origins=tuple(args.allow_origin))
    return ServerOptions(limits, rules, FormatOptions(casing=args.casing))


def _load_recognizer(args: Namespace) -> "tuple[OnnxRecognizer, str]":
    """The recogniser, and what it is, for people."""
    from ..runtime.decoding import choose_language_model
    from ..runtime.export import locate_model
    from ..runtime.model_files import ModelFiles
    from ..runtime.recognizer import OnnxRecognizer

    folder = locate_model(args.model)
    language_model = choose_language_model(ModelFiles(folder), args.lm)
    recognizer = OnnxRecognizer(
        folder,
        num_threads=1,
        num_offsets=args.num_offsets,
        language_model=language_model,
        hotwords=args.hotwords,
        runtime=args.runtime,
        preset=args.preset,
    )
    decoding = f"language model {language_model}" if language_model else "no language model"
    return recognizer, f"model {args.model}, {decoding}"


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _say(message: str) -> None:
    sys.stderr.write(f"hf-bigru-asr serve: {message}\n")
    sys.stderr.flush()
