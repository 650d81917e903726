"""The checkpoints that `Trainer` leaves in its output folder."""

import json
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from transformers.utils import logging

logger = logging.get_logger(__name__)

__all__ = ["last_whole_checkpoint"]


def last_whole_checkpoint(output_dir: str | Path) -> Path | None:
    """The complete checkpoint with the most steps; `None` if there is none, or no such folder.

    `Trainer` writes its state last. A process that is killed while saving leaves a checkpoint without a state, or with
    a truncated one, that cannot be resumed from. A warning names each that is skipped.

    Args:
        output_dir: Folder that `Trainer` saves its checkpoints in.
    """
    checkpoints = {
        int(number): folder
        for folder in Path(output_dir).glob(f"{PREFIX_CHECKPOINT_DIR}-*")
        if (number := folder.name.removeprefix(f"{PREFIX_CHECKPOINT_DIR}-")).isdecimal()
    }
    for step in sorted(checkpoints, reverse=True):
        state = checkpoints[step] / TRAINER_STATE_NAME
        if not state.is_file():
            fault = f"it has no {TRAINER_STATE_NAME}"
        elif not _is_json(state):
            fault = f"its {TRAINER_STATE_NAME} is cut"
        else:
            return checkpoints[step]
        logger.warning(f"{checkpoints[step]} is not used: {fault}, so it was not saved to its end.")
    return None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
