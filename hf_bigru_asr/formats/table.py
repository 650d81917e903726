"""All formats by their names."""

from collections.abc import Callable
from dataclasses import dataclass

from .nist import as_ctm, as_rttm, as_stm
from .options import FormatOptions
from .plain import as_tsv, as_txt
from .structured import as_json, as_jsonl
from .subtitles import as_srt, as_vtt
from .textgrid import as_textgrid
from .transcript import TimedTranscript

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True)
class Format:
    """A format of transcripts.

    Args:
        suffix: Ending of its files.
        write: Gives the text of a file, with line feeds; files are UTF-8.
        can_append: Whether transcripts of several recordings, one after the other, are one file of the format.
        holds_errors: Whether it has a place for a recording that could not be transcribed; others refuse it.
    """

    suffix: str
    write: Callable[[TimedTranscript, FormatOptions], str]
    can_append: bool = False
    holds_errors: bool = False


FORMATS = {
    "txt": Format(".txt", as_txt),
    "json": Format(".json", as_json, holds_errors=True),
    "jsonl": Format(".jsonl", as_jsonl, can_append=True, holds_errors=True),
    "srt": Format(".srt", as_srt),
    "vtt": Format(".vtt", as_vtt),
    "tsv": Format(".tsv", as_tsv),
    "ctm": Format(".ctm", as_ctm, can_append=True),
    "textgrid": Format(".TextGrid", as_textgrid),
    "stm": Format(".stm", as_stm, can_append=True),
    "rttm": Format(".rttm", as_rttm, can_append=True),
}
"""Every format by the name that a user gives."""
