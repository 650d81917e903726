"""Where and how a figure was measured: machine, versions, command and commit. Works without torch."""

import os
import platform
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["command_line", "git_commit", "machine", "note_start", "provenance", "versions"]

DISTRIBUTION = "hf-bigru-asr"
PACKAGES = (
    "torch",
    "torchaudio",
    "transformers",
    "datasets",
    "huggingface_hub",
    "accelerate",
    "onnxruntime",
    "openvino",
    "kenlm-ex",
    "kenlm",
    DISTRIBUTION,
)


# Set by git for its hooks: they name the repository of the hook, which need not be that of this package.
_GIT_LOCATIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR")


def note_start() -> None:
    """Note the commit of the code; called first in a script.

    A script measures or trains for hours. A commit made meanwhile is not its code, and a text edited meanwhile does
    not make it `-dirty`.
    """
    git_commit()


def machine() -> dict[str, str | int]:
    """Processor, cores, memory in GiB and platform; threads and GPU of torch, if this process has imported torch."""
    description: dict[str, str | int] = {
        "cpu": _cpu_name(),
        "num_cores": os.cpu_count() or 0,
        "platform": f"{platform.system()} {platform.machine()}",
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        description["memory_gib"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    if (torch := sys.modules.get("torch")) is not None:
        description["num_threads"] = torch.get_num_threads()
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


@cache
def git_commit() -> str | None:
    """Commit of this package's code, with `-dirty` if files differ, as found by the first call in a process.

    Returns:
        12 digits, or `None` if the package does not lie in a clone of its own repository. The repository of a user
        whose environment or source tree holds a copy of the package is none.
    """
    module = Path(__file__)
    # Prints the path from the top of the repository, and fails if the file is ignored or not committed.
    tracked_path = _git(module.parent, "ls-files", "--full-name", "--error-unmatch", module.name)
    if tracked_path != f"{module.parent.name}/{module.name}" or _project_name(module.parents[1]) != DISTRIBUTION:
        return None
    return _git(module.parent, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints in a folder; `None` if it fails or is not installed."""
    environment = {name: value for name, value in os.environ.items() if name not in _GIT_LOCATIONS}
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _project_name(folder: Path) -> str | None:
    """Name in the `pyproject.toml` of a folder; `None` if there is none."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return project.get("project", {}).get("name")


def provenance(device: str = "cpu") -> dict[str, Any]:
    """Machine with the device in use, versions, command and commit, JSON-serialisable.

    Args:
        device: Device that the figures were measured on.
    """
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
