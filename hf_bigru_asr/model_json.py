"""Reads the JSON files that lie beside a model."""

import json
from pathlib import Path
from typing import Any

__all__ = ["read_model_json"]


def read_model_json(path: Path, *names: str) -> dict[str, Any]:
    """The values of a JSON file.

    Args:
        path: The file.
        names: Values that it must have.

    Raises:
        ValueError: If it is no JSON object, or a value is missing; the message names the file.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is broken: {error}.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} is broken: it holds no JSON object.")
    if missing := [name for name in names if name not in values]:
        raise ValueError(f"{path} is broken: it has no {', '.join(missing)}.")
    return values
