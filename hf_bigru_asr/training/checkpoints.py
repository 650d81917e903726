"""The checkpoints that `Trainer` leaves in its output folder."""

import json
import zipfile
from pathlib import Path

from safetensors import SafetensorError, safe_open
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from transformers.utils import logging

logger = logging.get_logger(__name__)

__all__ = ["check_checkpoint", "last_whole_checkpoint"]


def last_whole_checkpoint(output_dir: str | Path) -> Path | None:
    """The complete checkpoint with the most steps; `None` if there is none, or no such folder.

    A process that is killed while saving leaves a checkpoint without a state, and a power failure one with files that
    are cut. A warning names each that is skipped.

    Args:
        output_dir: Folder that `Trainer` saves its checkpoints in.
    """
    checkpoints = {
        int(number): folder
        for folder in Path(output_dir).glob(f"{PREFIX_CHECKPOINT_DIR}-*")
        if (number := folder.name.removeprefix(f"{PREFIX_CHECKPOINT_DIR}-")).isdecimal()
    }
    for step in sorted(checkpoints, reverse=True):
        fault = _fault(checkpoints[step])
        if fault is None:
            return checkpoints[step]
        logger.warning(f"{checkpoints[step]} is not used: {fault}, so it was not saved to its end.")
    return None


def check_checkpoint(folder: str | Path) -> None:
    """Refuse to go on from a checkpoint that was not saved to its end.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If a file is missing or cut.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder} does not exist; --resume_from_checkpoint is the folder of a checkpoint.")
    if (fault := _fault(Path(folder))) is not None:
        raise ValueError(
            f"{folder} was not saved to its end: {fault}. Leave --resume_from_checkpoint out to go on from the last "
            "whole one in the output folder."
        )


def _fault(folder: Path) -> str | None:
    """What is wrong with a checkpoint: `Trainer` writes its state last."""
    if not (folder / TRAINER_STATE_NAME).is_file():
        return f"it has no {TRAINER_STATE_NAME}"
    if not any(folder.glob("*.safetensors")):
        return "it has no weights"
    for path in sorted(folder.iterdir()):
        if path.suffix in _CHECKS and not _CHECKS[path.suffix](path):
            return f"its {path.name} is cut"
    return None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _is_safetensors(path: Path) -> bool:
    """Whether the file is as long as its header says."""
    try:
        with safe_open(path, framework="numpy"):
            return True
    except SafetensorError:
        return False


def _is_archive(path: Path) -> bool:
    """Whether a file of `torch.save` is whole; nothing is unpickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            has_checksums = any(entry.CRC for entry in archive.infolist())
            return not has_checksums or archive.testzip() is None
    except (zipfile.BadZipFile, EOFError, NotImplementedError):
        return False


_CHECKS = {".json": _is_json, ".safetensors": _is_safetensors, ".pt": _is_archive, ".pth": _is_archive}
