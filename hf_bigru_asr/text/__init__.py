"""English text and the alphabet of the network.

The names are loaded when they are used: the rules of spelling take longer to import than a command takes to answer.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lines import NormalizedLines, read_lines
    from .normalization import ALPHABET, UnknownCharacterError, normalize_transcript

__all__ = ["ALPHABET", "NormalizedLines", "UnknownCharacterError", "normalize_transcript", "read_lines"]

_LINES = ("NormalizedLines", "read_lines")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class, a function or a text
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".lines" if name in _LINES else ".normalization", __name__), name)
