"""Options from a dataclass that takes seconds to import: its source is read, and not executed."""

import argparse
import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

__all__ = ["DeclaredField", "add_declared_fields", "declared_fields", "installed_module"]


@dataclass(frozen=True)
class DeclaredField:
    """A field of a dataclass as its source declares it.

    Attributes:
        name: Its name.
        is_flag: Whether it can be true or false.
        default: Its default as it is written; `None` where that is None, or no value.
        help: Its help; nothing if it has none.
    """

    name: str
    is_flag: bool
    default: str | None
    help: str


def installed_module(name: str) -> Path | None:
    """The source of a module, found without importing the module or the packages that it lies in.

    Args:
        name: With dots.

    Returns:
        Its file; `None` if its package is not installed.

    Raises:
        FileNotFoundError: If the package is there, and the module is not.
    """
    package, *parts = name.split(".")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*parts).with_suffix(".py")
    if not path.is_file():
        raise FileNotFoundError(f"{package} has no {'.'.join(parts)} at {path}; install a release that is supported.")
    return path


def declared_fields(path: Path, class_name: str) -> Iterator[DeclaredField]:
    """The fields that the body of a class declares, without those that it inherits, in their order.

    Args:
        path: A Python file.
        class_name: A class of its top level.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (declaration,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    for node in declaration.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield _declared_field(node.target.id, ast.unparse(node.annotation), node.value)


def _declared_field(name: str, annotation: str, value: ast.expr) -> DeclaredField:
    given = {each.arg: each.value for each in value.keywords if each.arg} if isinstance(value, ast.Call) else {}
    default = given.get("default", None if isinstance(value, ast.Call) else value)
    metadata = given.get("metadata")
    texts: dict[str, ast.expr] = {}
    if isinstance(metadata, ast.Dict):
        pairs = zip(metadata.keys, metadata.values, strict=True)
        texts = {str(key.value): text for key, text in pairs if isinstance(key, ast.Constant)}
    return DeclaredField(name, "bool" in annotation, _shown(default), _shown(texts.get("help")) or "")


def _shown(value: ast.expr | None) -> str | None:
    """A constant as it is shown; nothing for None, and for what only execution would tell."""
    return str(value.value) if isinstance(value, ast.Constant) and value.value is not None else None


def add_declared_fields(
    parser: argparse._ActionsContainer, path: Path, class_name: str, *, is_shown: bool = True
) -> None:
    """Add an option for each field that has none yet. Any value is taken, and none is converted.

    Args:
        parser: A parser, or a group of one.
        path: The file with the class.
        class_name: Its name.
        is_shown: Whether the options have a help.
    """
    for each in declared_fields(path, class_name):
        if f"--{each.name}" in parser._option_string_actions:
            continue
        names = [each.name, f"no_{each.name}"] if each.is_flag and each.default == "True" else [each.name]
        for name in names:
            options = list(dict.fromkeys([f"--{name.replace('_', '-')}", f"--{name}"]))
            is_helped = is_shown and name == each.name
            help_text = each.help.replace("%", "%%") if is_helped else argparse.SUPPRESS
            default = each.default if name == each.name else None
            # Only the class itself knows what has several values.
            count = "*" if not is_shown else "?" if each.is_flag else None
            parser.add_argument(*options, dest=name, nargs=count, metavar="VALUE", default=default, help=help_text)
