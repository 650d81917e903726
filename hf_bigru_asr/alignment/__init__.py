"""Forced alignment: the times of the words of a known text in a recording."""

from .aligner import AlignedWord, Aligner, Alignment, align

__all__ = ["AlignedWord", "Aligner", "Alignment", "align"]
