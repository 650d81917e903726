"""The small trained model that ships with the package."""

from pathlib import Path

BUNDLED = "bundled"
"""What the scripts take for the name of the model that ships with the package."""

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


def resolve_model(model: str | Path) -> str:
    """Name that `from_pretrained` takes: `"bundled"` is the model that ships with the package.

    Raises:
        FileNotFoundError: If it looks like a local path and nothing is there.
    """
    if str(model) == BUNDLED:
        return str(bundled_checkpoint())
    looks_local = str(model).startswith((".", "/", "~")) or len(Path(model).parts) > 2
    path = Path(model).expanduser()
    if looks_local and not path.exists():
        raise FileNotFoundError(f"{model} does not exist; give a model folder, a model on the Hub, or {BUNDLED!r}.")
    return str(path) if path.exists() else str(model)
