"""Versions, devices, runtimes, what is missing and the command that installs it.

Examples:
  hf-bigru-asr info
  hf-bigru-asr info --json
"""

import importlib
import json
import platform
import shlex
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..bundled import CHECKPOINT_DIR
from ..extras import EXTRAS
from ..native.library import is_available
from ..provenance import machine

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["environment_facts"]

DISTRIBUTION = "hf-bigru-asr"
OTHERS = ("onnxruntime-gpu", "kenlm")
"""Distributions that do the work of a requirement where they are installed instead."""

FFMPEG_COMMANDS = {
    "Linux": "apt-get install ffmpeg",
    "Darwin": "brew install ffmpeg",
    "Windows": "winget install ffmpeg",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(args: Namespace) -> int:
    """Print the facts, and return the exit status."""
    facts = environment_facts()
    print(json.dumps(facts, indent=2, ensure_ascii=False) if args.json else _as_text(facts))
    return 0


def environment_facts() -> dict[str, Any]:
    """What this installation has, JSON-serialisable. Of heavy packages only ONNX Runtime is imported, if it is there.

    Returns:
        `version` of this package and its `location`, `python`, `machine`, `gpus` as their driver names them,
        `packages` (version by name, None where one is missing), `missing` (for `base` and each extra that lacks
        something its `requirements` and the `command` that installs them; None if this package itself is not
        installed), `providers` of ONNX Runtime, `compiled` (whether this package's compiled library is used), `ffmpeg`
        (`path`, `version`, and a `command` where it is missing), and `model` (`path` of the one that ships, and the
        sizes of its `files` in bytes).
    """
    groups = _requirements()
    names = {each.name for requirements in (groups or {}).values() for each in requirements} | set(OTHERS)
    files = (path for path in sorted(CHECKPOINT_DIR.rglob("*")) if path.suffix in (".safetensors", ".onnx", ".binary"))
    return {
        "version": __version__,
        "location": str(Path(__file__).parents[1]),
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
            "executable": sys.executable,
        },
        "machine": machine(),
        "gpus": _gpus(),
        "packages": {name: _installed_version(name) for name in sorted(names)},
        "missing": None if groups is None else _missing(groups),
        "providers": _providers(),
        "compiled": is_available(),
        "ffmpeg": _ffmpeg(),
        "model": {
            "path": str(CHECKPOINT_DIR),
            "files": {str(path.relative_to(CHECKPOINT_DIR)): path.stat().st_size for path in files},
        },
    }


def _requirements() -> dict[str, list["Requirement"]] | None:
    """What this package asks for on this Python, by extra, and `base` without one; `None` if it is not installed."""
    from packaging.requirements import Requirement

    try:
        found = [Requirement(line) for line in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:
        return None
    base = [each for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]
    of_extras = [each for each in found if each not in base]
    groups = {
        extra: [each for each in of_extras if each.marker is not None and each.marker.evaluate({"extra": extra})]
        for extra in EXTRAS
    }
    return {"base": base} | groups


def _missing(groups: dict[str, list["Requirement"]]) -> dict[str, Any]:
    """Requirements that are not installed, or in a version that does not do."""
    missing: dict[str, Any] = {}
    for group, requirements in groups.items():
        lacking = []
        for each in requirements:
            found = _installed_version(each.name)
            if found is None or not each.specifier.contains(found, prereleases=True):
                lacking.append(f"{each.name}{each.specifier}")
        if lacking:
            command = shlex.join([sys.executable, "-m", "pip", "install", *lacking])
            missing[group] = {"requirements": lacking, "command": command}
    return missing


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _providers() -> list[str]:
    """What ONNX Runtime can run a network on; nothing where it is not installed."""
    try:
        return list(importlib.import_module("onnxruntime").get_available_providers())
    except ImportError:
        return []


def _gpus() -> list[str]:
    """Names of the NVIDIA GPUs; nothing without their driver."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    return _output(query).splitlines() if shutil.which(query[0]) else []


def _ffmpeg() -> dict[str, str | None]:
    path = shutil.which("ffmpeg")
    if path is None:
        command = FFMPEG_COMMANDS.get(platform.system(), "https://ffmpeg.org/download.html")
        return {"path": None, "version": None, "command": command}
    words = _output([path, "-version"]).split()
    return {"path": path, "version": words[2] if len(words) > 2 else None, "command": None}


def _output(command: list[str]) -> str:
    """What a program prints; nothing if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _as_text(facts: dict[str, Any]) -> str:
    python, ffmpeg, model = facts["python"], facts["ffmpeg"], facts["model"]
    about = facts["machine"]
    lines = [
        f"hf-bigru-asr {facts['version']} in {facts['location']}",
        f"Python {python['version']} ({python['implementation']}), {python['executable']}",
        f"{about['platform']}, {about['cpu']}, {about['num_cores']} cores"
        + (f", {about['memory_gib']} GiB" if "memory_gib" in about else ""),
        f"GPU: {'; '.join(facts['gpus']) or 'none'}",
        f"ONNX Runtime runs on: {', '.join(facts['providers']) or 'nothing, it is not installed'}",
        f"Compiled library: {'used' if facts['compiled'] else 'none, which is slower (docs/installation.md)'}",
        f"Model: {model['path']}",
        *(f"  {name:<32} {size / 1e6:8.1f} MB" for name, size in model["files"].items()),
        f"ffmpeg: {ffmpeg['version']}, {ffmpeg['path']}"
        if ffmpeg["path"]
        else f"ffmpeg: not found (M4A, AAC, WMA and films need it): {ffmpeg['command']}",
        "",
        "Packages",
        *(f"  {name:<32} {found or '-'}" for name, found in facts["packages"].items()),
    ]
    if facts["missing"] is None:
        lines += ["", f"{DISTRIBUTION} is not installed here, so what is missing is not known: pip install -e CLONE"]
    else:
        lines += ["", "Missing" if facts["missing"] else "Nothing is missing."]
        lines += [f"  {group:<16} {each['command']}" for group, each in facts["missing"].items()]
    return "\n".join(lines)
