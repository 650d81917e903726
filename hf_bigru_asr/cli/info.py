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
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..bundled import CHECKPOINT_DIR
from ..extras import EXTRAS
from ..provenance import machine

__all__ = ["environment_facts"]

PACKAGES = (
    "numpy",
    "soundfile",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "flashlight-text",
    "kenlm",
    "kenlm-ex",
    "torch",
    "torchaudio",
    "transformers",
    "huggingface-hub",
    "datasets",
)
"""Distributions that recognition or training stands on, whether or not an extra has them."""

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
        `version` of this package, `python`, `packages` (version by name, None where one is missing), `extras` (for
        each `packages`, `missing` and the `command` that installs what is missing), `ffmpeg` (`path`, `version`, and a
        `command` where it is missing), `machine`, `gpus` as the driver names them, `providers` of ONNX Runtime, and
        `model` (`path` of the one that ships, and its files with their sizes in bytes).
    """
    names = sorted({*PACKAGES, *(name for names in EXTRAS.values() for name in names)})
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
        "packages": {name: _installed_version(name) for name in names},
        "extras": {name: _extra(names) for name, names in EXTRAS.items()},
        "providers": _providers(),
        "ffmpeg": _ffmpeg(),
        "model": {
            "path": str(CHECKPOINT_DIR),
            "files": {
                str(path.relative_to(CHECKPOINT_DIR)): path.stat().st_size
                for path in sorted(CHECKPOINT_DIR.rglob("*"))
                if path.suffix in (".safetensors", ".onnx", ".binary")
            },
        },
    }


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _extra(names: tuple[str, ...]) -> dict[str, Any]:
    missing = [name for name in names if _installed_version(name) is None]
    command = shlex.join([sys.executable, "-m", "pip", "install", *missing]) if missing else None
    return {"packages": list(names), "missing": missing, "command": command}


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
        f"Model: {model['path']}",
        *(f"  {name:<32} {size / 1e6:8.1f} MB" for name, size in model["files"].items()),
        f"ffmpeg: {ffmpeg['version']}, {ffmpeg['path']}"
        if ffmpeg["path"]
        else f"ffmpeg: not found (M4A, AAC, WMA and films need it): {ffmpeg['command']}",
        "",
        "Packages",
        *(f"  {name:<32} {found or '-'}" for name, found in facts["packages"].items()),
    ]
    missing = {name: extra for name, extra in facts["extras"].items() if extra["missing"]}
    lines += ["", "Missing" if missing else "Nothing is missing."]
    lines += [f"  {name:<16} {extra['command']}" for name, extra in missing.items()]
    return "\n".join(lines)
