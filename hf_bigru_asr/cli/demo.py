"""Open the demonstration in a browser: microphone or file, transcript, spectrogram, subtitles.

Examples:
  hf-bigru-asr demo
  hf-bigru-asr demo --port 8000 --open
  hf-bigru-asr demo --model my-model --lm none

It needs the extra `demo`. It serves this machine alone, asks no other machine for anything, and Ctrl-C ends it. With
--host 0.0.0.0 everybody in the network can use it and its processor.
"""

import shutil
import sys
from argparse import ArgumentParser, Namespace

from .one_line import CommandError
from .recognition_options import add_model

LOOPBACK = "127.0.0.1"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("page")
    group.add_argument(
        "--host", default=LOOPBACK, metavar="ADDRESS", help="Where it listens; this machine by default."
    )
    group.add_argument("--port", type=int, default=7860, metavar="PORT", help="Its port, 7860 by default; 0 for any.")
    group.add_argument("--open", action="store_true", help="Open it in the browser.")
    group = parser.add_argument_group("recognition")
    add_model(group)
    group.add_argument(
        "--lm", metavar="FOLDER", help="Language model: own, none, or a folder. The model's own if it has one."
    )
    group.add_argument("--num-threads", type=int, metavar="N", help="Threads of the network.")


def run(args: Namespace) -> int:
    """Serve the page until a signal comes, and return the exit status."""
    if not 0 <= args.port <= 65_535:
        raise CommandError(f"--port is {args.port}; it must be from 0 to 65535")
    if args.num_threads is not None and args.num_threads < 1:
        raise CommandError(f"--num-threads is {args.num_threads}; it must be at least 1")
    from ..demo.app import build, launch_options, new_folder
    from ..demo.recognition import DemoRecognizer

    shared = DemoRecognizer(args.model, args.lm, num_threads=args.num_threads)
    folder = new_folder()
    page = build(shared, folder)
    try:
        _, address, _ = page.launch(
            **launch_options(folder),
            server_name=args.host,
            server_port=args.port or None,
            inbrowser=args.open,
            quiet=True,
            prevent_thread_lock=True,
        )
        sys.stderr.write(f"hf-bigru-asr demo: {address} shows the page; Ctrl-C ends it\n")
        sys.stderr.flush()
        page.server.thread.join()
    except OSError as error:
        raise CommandError(f"the page cannot be served on {args.host} port {args.port}: {error}") from error
    finally:
        page.close(verbose=False)
        shutil.rmtree(folder, ignore_errors=True)
    return 0
