"""Written English and the alphabet of the network."""

from .normalization import ALPHABET, normalize_transcript, read_lines

__all__ = ["ALPHABET", "normalize_transcript", "read_lines"]
