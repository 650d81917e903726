"""English text and the alphabet of the network."""

from .lines import NormalizedLines, read_lines
from .normalization import ALPHABET, UnknownCharacterError, normalize_transcript

__all__ = ["ALPHABET", "NormalizedLines", "UnknownCharacterError", "normalize_transcript", "read_lines"]
