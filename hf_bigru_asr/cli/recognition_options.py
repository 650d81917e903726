"""Options that several commands have alike, in words and defaults."""

import os
from argparse import ArgumentParser, ArgumentTypeError, _ArgumentGroup

__all__ = [
    "CASINGS",
    "add_casing",
    "add_language",
    "add_language_model",
    "add_model",
    "add_num_offsets",
    "add_on_damage",
    "add_runtime",
]

CASINGS = ("upper", "lower", "sentence")
"""Those of `formats.options`, which parsers do not import."""

Group = ArgumentParser | _ArgumentGroup


def add_model(group: Group) -> None:
    """Add `--model`."""
    group.add_argument(
        "--model",
        type=_model,
        default="bundled",
        metavar="MODEL",
        help="Folder, name on the Hub, or the one that ships: bundled.",
    )


def _model(name: str) -> str:
    """Refuse what cannot be a model before anything is imported, the names of Whisper's models among them."""
    if name == "bundled" or "/" in name or os.sep in name or os.path.isdir(name):
        return name
    raise ArgumentTypeError(
        f"{name} is no folder, and models on the Hub are named NAMESPACE/NAME; without --model the one that ships runs"
    )


def add_on_damage(group: Group) -> None:
    """Add `--on-damage`."""
    group.add_argument(
        "--on-damage",
        choices=("error", "warn"),
        default="error",
        metavar="WHAT",
        help="Refuse damaged recordings (error), or use what is left of them (warn).",
    )


def add_language(group: Group) -> None:
    """Add `--language`, for those who always say it."""
    group.add_argument(
        "--language",
        "--lang",
        "-l",
        metavar="LANGUAGE",
        help="That of the model, for those who always say it: it is checked. The one that ships has English.",
    )


def add_runtime(group: Group, runtimes: tuple[str, ...]) -> None:
    """Add `--runtime`, one of `runtimes`, the first one by default."""
    chosen = " By default native where it is faster, and otherwise onnx." if runtimes[0] == "auto" else ""
    group.add_argument(
        "--runtime",
        choices=runtimes,
        default=runtimes[0],
        metavar="RUNTIME",
        help=f"One of {', '.join(runtimes)}.{chosen}",
    )


def add_language_model(group: Group) -> None:
    """Add `--lm`, `--preset` and `--hotwords`."""
    group.add_argument(
        "--lm", metavar="FOLDER", help="Language model: own, none, or a folder. The model's own if it has one."
    )
    group.add_argument(
        "--preset", metavar="NAME", help="Settings of the language model: accurate, or fast. The first by default."
    )
    group.add_argument(
        "--hotwords", nargs="+", default=[], metavar="PHRASE", help="Expected phrases: PHRASE or PHRASE:WEIGHT."
    )


def add_num_offsets(group: Group) -> None:
    """Add `--num-offsets`."""
    group.add_argument(
        "--num-offsets", type=int, metavar="N", help="Frame grids to average: fewer errors for N times the work."
    )


def add_casing(group: Group) -> None:
    """Add `--casing` and `--lower`."""
    group.add_argument("--casing", choices=CASINGS, metavar="CASING", help="Case of the text: upper, lower, sentence.")
    group.add_argument("--lower", action="store_const", const="lower", dest="casing", help="Short for --casing lower.")
