"""When each word of a known text is said."""

from .aligner import AlignedWord, Aligner, Alignment, align

__all__ = ["AlignedWord", "Aligner", "Alignment", "align"]
