"""The small trained model that ships with the package."""

from functools import wraps
from pathlib import Path
from typing import Any

BUNDLED = "bundled"
"""Name of the model that ships with the package, for this package's own functions, classes and scripts."""

CHECKPOINT_DIR = Path(__file__).parent / "checkpoint"


def bundled_checkpoint() -> Path:
    """Folder of the trained model that ships with the package, for every `from_pretrained` and for `pipeline`.

    The classes and functions of this package take the name `"bundled"` instead. The Auto classes and `pipeline` of the
    library do not: they would look for a model of that name on the Hub.

    Raises:
        FileNotFoundError: If the installation lacks it.
    """
    if not (CHECKPOINT_DIR / "model.safetensors").is_file():
        raise FileNotFoundError(
            f"The trained model is not at {CHECKPOINT_DIR}; this installation of hf_bigru_asr is incomplete. Install "
            "the package again, or name a model of your own."
        )
    return CHECKPOINT_DIR


def check_not_installed(folder: str | Path) -> None:
    """Refuse to write into the model that ships with the package.

    Args:
        folder: Where a script is about to write.

    Raises:
        ValueError: If it is the folder of that model, or lies in it.
    """
    if Path(folder).resolve().is_relative_to(CHECKPOINT_DIR.resolve()):
        raise ValueError(
            f"{folder} belongs to the installed model, which is not changed unasked; copy the model and name the "
            "copy, or pass --overwrite_installed."
        )


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


def load_bundled_by_name(loadable: Any) -> None:  # noqa: ANN401 - a class of the library's, each of another base
    """Let `from_pretrained("bundled")` of a class, and of its subclasses, load the model that ships with the package.

    The files of the classes are pushed with a model and run without this package, so they cannot know its name.
    """
    load = loadable.from_pretrained.__func__

    @wraps(load)
    def from_pretrained(cls: type, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the class has it
        name = pretrained_model_name_or_path
        return load(cls, resolve_model(name) if str(name) == BUNDLED else name, *args, **kwargs)

    loadable.from_pretrained = classmethod(from_pretrained)
