"""The rules of the layout, each as a function that lists what breaks it below the root of a repository.

They read source without importing it. What stands in `if TYPE_CHECKING:` is not executed and does not count.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "hf_bigru_asr"
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_SCRIPT_LINES = 180
"""Lines of the functions of a script, together."""

LEVELS = (
    {"native"},
    {"text", "formats", "metrics", "processes", "storage", "model", "bundled", "extras", "provenance"},
    {"_registration"},
    {"audio", "grammar"},
    {"runtime", "data"},
    {"long_audio", "training", "server"},
    {"backends"},
    {"transcription"},
    {"alignment", "language_model"},
    {"evaluation", "demo"},
    {"hub", "corpus"},
    {"cli"},
    {"__main__"},
)
"""The rooms and modules of the package: each imports only from itself and from earlier ones of these."""

LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
TOP_LEVEL_MODULES = {"__init__", "__main__", "_registration", "bundled", "extras", "provenance"}
FOLDERS = {room for rooms in LEVELS for room in rooms} - TOP_LEVEL_MODULES | {"checkpoint"}

# What lies in model/ runs where this package is not installed. `huggingface_hub` comes with transformers.
MODEL_IMPORTS = {"numpy", "torch", "torchaudio", "transformers", "huggingface_hub"}
OPTIONAL_MODEL_IMPORTS = {"kenlm", "safetensors"}
HEAVY = {"torch", "torchaudio", "transformers"}
TESTS_OF_NO_MODULE = {"tests/hub/test_dataset_streaming.py"}
LIGHT_ROOMS = {
    "corpus",
    "runtime",
    "demo",
    "formats",
    "grammar",
    "metrics",
    "native",
    "processes",
    "server",
    "storage",
    "text",
}
"""Rooms that import nothing of `HEAVY`, inside functions neither. What they import does so in functions at most."""


@dataclass(frozen=True)
class Import:
    """One imported module.

    Args:
        module: Where it stands, with dots: `hf_bigru_asr.audio.loading`, or `hf_bigru_asr.audio` for an `__init__`.
        line: Its line.
        target: What is imported: the module itself, and not a name in it.
        names: Names that are imported from `target`; none for `import target`.
        is_relative: Whether it begins with dots.
        is_guarded: Whether it stands in a function or in a `try`.
    """

    module: str
    line: int
    target: str
    names: tuple[str, ...]
    is_relative: bool
    is_guarded: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def sources(root: Path, *folders: str) -> Iterator[Path]:
    """Python files of the repository."""
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(root: Path, path: Path) -> str:
    """Name of a file of the package."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """First part of a module's name below the package; nothing for the package itself."""
    return module.split(".")[1] if "." in module else ""


def imports_of(root: Path) -> list[Import]:
    """All imports in the package that are executed, inside functions too."""
    paths = {module_name(root, path): path for path in sources(root, PACKAGE)}
    return [found for name, path in paths.items() for found in _imports_in(name, path, set(paths))]


def _imports_in(name: str, path: Path, modules: set[str]) -> Iterator[Import]:
    tree = parsed(path)
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    skipped, guarded = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            skipped |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Try):
            guarded |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        is_guarded = id(node) in guarded
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, node.lineno, alias.name, (), False, is_guarded)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                is_module = f"{target}.{alias.name}" in modules
                of_it = (f"{target}.{alias.name}", ()) if is_module else (target, (alias.name,))
                yield Import(name, node.lineno, *of_it, node.level > 0, is_guarded)


def too_long(root: Path) -> list[str]:
    """Modules of more than 400 lines and functions of more than 60."""
    found = []
    for path in sources(root, PACKAGE, "demo", "scripts", "tests"):
        where = path.relative_to(root)
        num_lines = len(path.read_text(encoding="utf-8").splitlines())
        if num_lines > MAX_MODULE_LINES:
            found.append(f"{where} has {num_lines} lines")
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _num_lines(node) > MAX_FUNCTION_LINES:
                found.append(f"{where}:{node.lineno} {node.name} has {_num_lines(node)} lines")
    return found


def _num_lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def upward_imports(root: Path) -> list[str]:
    """Imports of the package that go against the order of the rooms, or round it through its public names."""
    found = []
    for each in imports_of(root):
        if each.target.split(".")[0] in {"scripts", "benchmarks", "recipe", "tests"}:
            found.append(str(each))
        if each.target.split(".")[0] != PACKAGE or not room_of(each.module):
            continue
        if each.target == PACKAGE:
            if each.names != ("__version__",):
                found.append(f"{each} and takes {', '.join(each.names)} from there")
        elif room_of(each.target) != room_of(each.module):
            unknown = {room_of(each.module), room_of(each.target)} - LEVEL_OF.keys()
            if unknown or LEVEL_OF[room_of(each.target)] >= LEVEL_OF[room_of(each.module)]:
                found.append(str(each))
    return found


def import_circles(root: Path) -> list[str]:
    """Modules that import themselves by way of others, inside functions too."""
    imported: dict[str, set[str]] = {}
    for each in imports_of(root):
        if each.target.split(".")[0] == PACKAGE and room_of(each.module) and room_of(each.target):
            targets = imported.setdefault(each.module, set())
            targets.add(each.target)
            if room_of(each.target) != room_of(each.module):  # the room itself is executed first
                targets.add(f"{PACKAGE}.{room_of(each.target)}")
    found = []
    for start in sorted(imported):
        reached, waiting = set(), list(imported[start])
        while waiting:
            module = waiting.pop()
            if module not in reached:
                reached.add(module)
                waiting += imported.get(module, ())
        if start in reached:
            found.append(start)
    return found


def impure_model(root: Path) -> list[str]:
    """What keeps `model/` from being pushed as it is: names, imports, and code in its `__init__`."""
    folder = root / PACKAGE / "model"
    found = [f"{path.name} is in model/" for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"]
    for path in folder.glob("*.py"):
        if path.name == "__init__.py":
            if [type(node) for node in parsed(path).body] != [ast.Expr]:
                found.append("model/__init__.py holds more than a docstring")
        elif not path.name.endswith("_bigru_ctc.py"):
            found.append(f"{path.name} is not named *_bigru_ctc.py")
    for each in imports_of(root):
        if room_of(each.module) != "model" or each.module == f"{PACKAGE}.model":
            continue
        first = each.target.split(".")[0]
        if each.is_relative:
            is_neighbour = each.target.startswith(f"{PACKAGE}.model.") and each.target.count(".") == 2 and each.names
            if not is_neighbour:
                found.append(f"{each}; a neighbour is imported as `from .x_bigru_ctc import y`")
        elif first not in MODEL_IMPORTS | sys.stdlib_module_names and not (
            each.is_guarded and (first in OPTIONAL_MODEL_IMPORTS or room_of(each.target) == "native")
        ):
            found.append(str(each))
    return found


def heavy_imports(root: Path) -> list[str]:
    """Imports of torch and transformers in the rooms that do without, in `audio/`, and in all that these import."""
    imports = imports_of(root)
    found, reached = [], set()
    waiting = [each.module for each in imports if room_of(each.module) in LIGHT_ROOMS | {"audio"}]
    while waiting:
        module = waiting.pop()
        if module in reached:
            continue
        reached.add(module)
        for each in imports:
            if each.module == module and not (each.is_guarded and room_of(module) not in LIGHT_ROOMS):
                if each.target.split(".")[0] in HEAVY:
                    found.append(str(each))
                waiting.append(each.target)
    return found


def strays(root: Path) -> list[str]:
    """Modules and folders of the package that have no place in the plan."""
    found = []
    for path in (root / PACKAGE).iterdir():
        if path.suffix == ".py" and path.stem not in TOP_LEVEL_MODULES:
            found.append(f"{PACKAGE}/{path.name}")
        if path.is_dir() and path.name not in FOLDERS | {"__pycache__"}:
            found.append(f"{PACKAGE}/{path.name}/")
    return found


def logic_in_scripts(root: Path) -> list[str]:
    """Scripts that are more than arguments and a few calls: long functions together, classes, imports of a script."""
    found = []
    scripts = {path.stem: path for path in (root / "scripts").glob("*.py")}
    for name, path in scripts.items():
        body = parsed(path).body
        num_lines = sum(_num_lines(node) for node in body if isinstance(node, ast.FunctionDef))
        if num_lines > MAX_SCRIPT_LINES:
            found.append(f"scripts/{name}.py has {num_lines} lines of functions")
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.endswith("Arguments"):
                found.append(f"scripts/{name}.py:{node.lineno} has the class {node.name}")
            # `evaluate` is the library.
            if isinstance(node, ast.ImportFrom) and node.module in scripts.keys() - {"evaluate"}:
                found.append(f"scripts/{name}.py:{node.lineno} imports a script")
    return found


ROOMS_OF_NO_MODULE = {"support", "contracts", "documents", "examples", "faults", "scripts"}


def strange_tests(root: Path) -> list[str]:
    """Test files that do not lie where the module lies that they test."""
    rooms = {path.name: path for path in (root / PACKAGE).iterdir() if path.is_dir()}
    rooms |= {path.name: path for path in (root / "scripts").iterdir() if path.is_dir()}
    found = []
    for path in sources(root, "tests"):
        place = path.relative_to(root / "tests").parts
        if place[0] in ROOMS_OF_NO_MODULE or path.name == "conftest.py":
            continue
        folder = root / PACKAGE if len(place) == 1 else rooms.get(place[0], root).joinpath(*place[1:-1])
        nouns = {module.stem.removesuffix("_bigru_ctc").strip("_") for module in folder.glob("*.py")} | {folder.name}
        name = "/".join(("tests", *place))
        if not path.stem.startswith(tuple(f"test_{noun}" for noun in nouns)) and name not in TESTS_OF_NO_MODULE:
            found.append(name)
    return found
