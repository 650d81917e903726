"""Transcripts in the formats of other programs: text, JSON, subtitles, NIST's CTM, STM and RTTM, Praat's TextGrid."""

from .options import FormatOptions
from .transcript import RecognizerFacts, TimedTranscript, TimedWord

__all__ = ["FormatOptions", "RecognizerFacts", "TimedTranscript", "TimedWord"]
