"""Forced alignment: the times of the words of a known text in a recording.

[`Aligner`][hf_bigru_asr.alignment.aligner.Aligner] needs torch and is loaded when it is named here;
[`SpokenText`][hf_bigru_asr.alignment.aligned_text.SpokenText] does without.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .aligned_text import AlignedWord, Alignment
    from .aligner import Aligner, align

__all__ = ["AlignedWord", "Aligner", "Alignment", "align"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class or a function
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import aligner

    return getattr(aligner, name)
