"""The small trained model that ships with the package."""

from pathlib import Path

CHECKPOINT_DIR = Path(__file__).parent / "checkpoint"


def bundled_checkpoint() -> Path:
    """Folder of the trained model that ships with the package, for every `from_pretrained` and for `pipeline`.

    Raises:
        FileNotFoundError: If the installation lacks it.
    """
    if not (CHECKPOINT_DIR / "model.safetensors").is_file():
        raise FileNotFoundError(
            f"The trained model is not at {CHECKPOINT_DIR}; this installation of hf_bigru_asr is incomplete. Install "
            "the package again, or name a model of your own."
        )
    return CHECKPOINT_DIR
