"""Files that lie beside a network: their names, where they are found, and how their JSON is read."""

import json
from pathlib import Path
from typing import Any

from transformers.utils import cached_file

__all__ = [
    "CONFIDENCE_NAME",
    "LANGUAGE_MODEL_DIR",
    "LANGUAGE_MODEL_FILES",
    "LEXICON_NAME",
    "MODEL_NAME",
    "RECORD_NAME",
    "SETTINGS_NAME",
    "find_model_file",
    "read_model_json",
]

LANGUAGE_MODEL_DIR = "language_model"
MODEL_NAME, LEXICON_NAME = "lm.binary", "lexicon.txt"
SETTINGS_NAME, RECORD_NAME, CONFIDENCE_NAME = "decoding.json", "language_model.json", "confidence.json"
LANGUAGE_MODEL_FILES = (MODEL_NAME, LEXICON_NAME, SETTINGS_NAME, RECORD_NAME, CONFIDENCE_NAME)
"""What belongs to a language model, and where it lies beside a network."""

_REMEDY = "Take the file as its script wrote it, or run the script again."


def read_model_json(path: Path, *names: str) -> dict[str, Any]:
    """The values of a JSON file.

    Args:
        path: The file.
        names: Values that it must have.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON object, or a value is missing; the message names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; give the path of a file that exists.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is broken: {error}. {_REMEDY}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} is broken: it holds a JSON {type(values).__name__} instead of an object. {_REMEDY}")
    if missing := [name for name in names if name not in values]:
        raise ValueError(f"{path} is broken: it has no {', '.join(missing)}. {_REMEDY}")
    return values


def find_model_file(model: str | Path, name: str, **hub_options: Any) -> Path | None:
    """A file of a model, in its folder or downloaded from the Hub; `None` if it has none or cannot be asked."""
    path = cached_file(
        model,
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **hub_options,
    )
    return None if path is None else Path(path)
