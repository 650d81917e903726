"""Reads the JSON files that lie beside a model."""

import json
from pathlib import Path
from typing import Any

__all__ = ["read_model_json"]

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
