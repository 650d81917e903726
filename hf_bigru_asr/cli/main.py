"""The command `hf-bigru-asr`: finds the command that is meant, and imports that one alone."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from .. import __version__
from .one_line import CommandHelp, LightParser, nearest
from .running import run_guarded

__all__ = ["COMMANDS", "command_parser", "main", "make_parser"]

PROG = "hf-bigru-asr"

# Each command is a module with `add_arguments(parser)` and `run(args) -> int`, the exit status. Its docstring is its
# help. It imports what is heavy in `run` alone, after it has refused what can be refused before.
COMMANDS: dict[str, tuple[str, str]] = {
    "transcribe": (".transcribe", "Transcribe recordings: files, folders, addresses; text, subtitles, JSON."),
    "corpus": (".corpus", "Transcribe a corpus on a Ray cluster: folder, bucket or data set in, Parquet out."),
    "listen": (".listen", "Print what is spoken into the microphone or a pipe, utterance by utterance."),
    "demo": (".demo", "Open the demonstration in a browser: microphone or file, transcript, spectrogram, subtitles."),
    "serve": (".serve", "Serve transcriptions over HTTP, as OpenAI's interface has them, and live sound."),
    "align": (".align", "Find out when each word of a known text is spoken."),
    "evaluate": (".evaluate", "Error rates of hypotheses against references: text, trn, stm, ctm."),
    "export": (
        ".export",
        "Export a model as an ONNX graph, for ONNX Runtime, OpenVINO, sherpa-onnx, a browser or Node.",
    ),
    "info": (".info", "Versions, devices, runtimes, what is missing and how to get it."),
    "prepare": (".prepare", "Turn LibriSpeech from OpenSLR into verified Parquet."),
    "train": (".train", "Train or fine-tune a recogniser."),
    "push": (".push", "Push a trained model with its card to the Hugging Face Hub."),
    "completion": (".completion", "Print the shell completion of this command."),
}
"""Module and one line of help of every command."""

DESCRIPTION = "Speech recognition with a small bidirectional GRU: recordings in, text out."
EPILOG = f"Each command has a help of its own: {PROG} COMMAND --help."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words after `hf-bigru-asr`; those that the process was started with if not given.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in COMMANDS:
        parser = _parser_without_arguments(words[0])
        return run_guarded(parser, lambda: _parse_and_run(parser, words[0], words[1:]))
    return run_guarded(top := make_parser(), lambda: _without_command(top, words))


def _parse_and_run(parser: LightParser, name: str, words: list[str]) -> int:
    _fill(parser, name)  # here, so that a signal meanwhile is one line, too
    args = parser.parse(words)
    args.words = words
    return int(args.run(args))


def command_parser(name: str) -> LightParser:
    """The parser of one command; its namespace has the function `run`.

    Args:
        name: A key of `COMMANDS`.
    """
    parser = _parser_without_arguments(name)
    _fill(parser, name)
    return parser


def _parser_without_arguments(name: str) -> LightParser:
    return LightParser(prog=f"{PROG} {name}", allow_abbrev=False, formatter_class=CommandHelp)


def make_parser(*, with_commands: bool = False) -> LightParser:
    """The parser of everything.

    Args:
        with_commands: Whether the commands have their arguments, for what lists them all: every module is imported.
    """
    parser = LightParser(prog=PROG, description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", dest="command", parser_class=LightParser)
    for name, (_, help_line) in COMMANDS.items():
        each = commands.add_parser(name, help=help_line, allow_abbrev=False, formatter_class=CommandHelp)
        if with_commands:
            _fill(each, name)
    return parser


def _fill(parser: LightParser, name: str) -> None:
    module = import_module(COMMANDS[name][0], __package__)
    first, _, rest = (module.__doc__ or "").partition("\n")
    parser.description, parser.epilog = first, rest.strip("\n") or None
    module.add_arguments(parser)
    parser.hints_for = getattr(module, "hints_for", None)
    parser.set_defaults(run=module.run)


def _without_command(parser: LightParser, words: list[str]) -> NoReturn:
    """Help and version, or what the first word should have been."""
    if not words:
        parser.print_help()
        parser.exit(0)
    if words[0] == "help":
        main([word for word in words[1:2] if word in COMMANDS] + ["--help"])
    if words[0].startswith("-"):
        parser.refuse_unknown(parser.parse_known_args(words)[1])  # help and version end here
    word = words[0]
    question = nearest(word, COMMANDS)
    if not question and "transcribe" in COMMANDS and os.path.exists(word):
        question = f"; did you mean {PROG} transcribe {word}?"
    parser.error(f"unknown command {word}{question}")
