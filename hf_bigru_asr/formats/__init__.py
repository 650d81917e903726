"""Transcripts in the formats of other programs: text, JSON, subtitles, NIST's CTM, STM and RTTM, Praat's TextGrid."""

from .options import Casing, FormatOptions
from .table import FORMATS, Format
from .transcript import RecognizerFacts, TimedTranscript, TimedWord

__all__ = ["FORMATS", "Casing", "Format", "FormatOptions", "RecognizerFacts", "TimedTranscript", "TimedWord"]
