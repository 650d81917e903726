"""Options from a dataclass, with the names that `HfArgumentParser` gives them, without importing transformers."""

import argparse
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["add_dataclass_arguments", "dataclass_of"]

T = TypeVar("T", bound="DataclassInstance")

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def add_dataclass_arguments(
    parser: argparse._ActionsContainer, kind: type["DataclassInstance"], *, are_required: bool = True
) -> None:
    """Add an option for every field: `--output-dir` for `output_dir`, and `--output_dir` as well.

    Args:
        parser: A parser, or a group of one.
        kind: A dataclass. Its fields are str, int, float, bool, Path, lists of them, or one of these or None, and
            have a help. A bool field takes a value, or none for true; `--no-NAME` is false for one that is not False
            by default.
        are_required: Whether a field without a default has to be given.
    """
    hints = get_type_hints(kind)
    for each in fields(kind):
        _add(parser, each, hints[each.name], are_required)


def _add(parser: argparse._ActionsContainer, field: Field[Any], hint: Any, are_required: bool) -> None:  # noqa: ANN401 - a type, or a form of typing
    names = _option_names(field.name)
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    options: dict[str, Any] = {"help": field.metadata["help"].replace("%", "%%"), "dest": field.name}
    if default is not MISSING:
        options["default"] = default
    elif are_required:
        options["required"] = True
    if get_origin(hint) is UnionType:
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    if get_origin(hint) is list:
        (hint,) = get_args(hint)
        options["nargs"] = "+"
    if hint is bool:
        options |= {"type": _truth, "nargs": "?", "const": True, "metavar": "BOOL"}
    else:
        options |= {"type": hint, "metavar": {int: "N", float: "X", str: "TEXT", Path: "PATH"}[hint]}
    parser.add_argument(*names, **options)
    if hint is bool and default is not False:
        parser.add_argument(
            *_option_names(f"no_{field.name}"),
            dest=field.name,
            action="store_false",
            help="Its opposite.",
            default=default,
        )


def _option_names(name: str) -> list[str]:
    return list(dict.fromkeys([f"--{name.replace('_', '-')}", f"--{name}"]))


def _truth(word: str) -> bool:
    if word.lower() not in _TRUTH:
        raise argparse.ArgumentTypeError(f"invalid truth value: {word!r} (choose true or false)")
    return _TRUTH[word.lower()]


def dataclass_of(kind: type[T], arguments: argparse.Namespace) -> T:
    """The dataclass with the values of a parsed command line."""
    return kind(**{each.name: getattr(arguments, each.name) for each in fields(kind)})
