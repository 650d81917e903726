"""The checkpoints that `Trainer` leaves in its output folder."""

import json
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from transformers.utils import logging

logger = logging.get_logger(__name__)

__all__ = ["last_whole_checkpoint"]


def last_whole_checkpoint(output_dir: str | Path) -> Path | None:
    """The checkpoint of most steps that was saved to its end; `None` if there is none, or no such folder.

    `Trainer` writes its state last. A process that is killed while it saves leaves a checkpoint without it, or with a
    part of it, from which training cannot go on; the log names those that are passed over.

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
