"""Where and how a figure was measured: machine, versions, command and commit."""

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

__all__ = ["command_line", "git_commit", "machine", "provenance", "versions"]

PACKAGES = (
    "torch",
    "torchaudio",
    "transformers",
    "datasets",
    "huggingface_hub",
    "accelerate",
    "onnxruntime",
    "openvino",
    "flashlight-text",
    "kenlm",
    "hf-bigru-asr",
)


def machine() -> dict[str, str | int]:
    """Processor, cores, threads that torch uses, memory in GiB, GPU if there is one, and platform."""
    description: dict[str, str | int] = {
        "cpu": _cpu_name(),
        "num_cores": os.cpu_count() or 0,
        "num_threads": torch.get_num_threads(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        description["memory_gib"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    if torch.cuda.is_available():
        description["gpu"] = torch.cuda.get_device_name()
        description["num_gpus"] = torch.cuda.device_count()
    return description


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on, those that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package.replace("-", "_")] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _describe_commit() -> str | None:
    command = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


# Of the code that is imported, and not of what the files have become when a script has measured or trained for hours.
_COMMIT = _describe_commit()


def git_commit() -> str | None:
    """Commit that the package was imported at, with `-dirty` if files differed; `None` outside of a repository."""
    return _COMMIT


def provenance(device: str = "cpu") -> dict[str, Any]:
    """Machine with the device in use, versions, command and commit, as every report has them; JSON-serialisable."""
    return {
        "machine": machine() | {"device": device},
        "versions": versions(),
        "command": command_line(),
        "commit": git_commit(),
    }


def command_line() -> str:
    """The command that started this process, quoted for a shell, the interpreter as `python`."""
    return shlex.join(["python", *sys.argv])


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
