"""Transcripts to the bodies of answers."""

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..formats.options import FormatOptions, shown
from ..formats.segments import Segment, segments_of
from ..formats.table import FORMATS
from ..formats.transcript import TimedTranscript, TimedWord
from ..text.language_names import language_name
from .questions import Question

__all__ = ["MEDIA_TYPES", "GrowingText", "answer", "event"]

MEDIA_TYPES = {
    "json": "application/json",
    "verbose_json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
_FORMATS = {"text": "txt", "srt": "srt", "vtt": "vtt"}


def answer(transcript: TimedTranscript, question: Question, options: FormatOptions) -> str:
    """The body of an answer.

    Args:
        transcript: What was recognised.
        question: What the client wants to know.
        options: How texts are written.
    """
    if question.response_format in _FORMATS:
        return FORMATS[_FORMATS[question.response_format]].write(transcript, options)
    written = shown(transcript, options)
    seconds = round(written.duration_s, 3)
    usage = {"type": "duration", "seconds": math.ceil(seconds)}
    record: dict[str, Any] = {"text": written.text, "usage": usage}
    if question.response_format == "verbose_json":
        record = {"task": "transcribe", "language": language_name(question.language), "duration": seconds} | record
        if "segment" in question.granularities:
            record["segments"] = [_segment(*each) for each in enumerate(segments_of(written))]
        if "word" in question.granularities:
            record["words"] = [_word(word) for word in written.words]
    if question.chunks is not None:
        parts: Sequence[Segment | TimedWord] = written.words if question.chunks == "word" else segments_of(written)
        record["chunks"] = [
            {"text": part.text, "timestamp": [round(part.start_s, 3), round(part.end_s, 3)]} for part in parts
        ]
    if written.warnings:
        record["warnings"] = list(written.warnings)
    return json.dumps(record, ensure_ascii=False)


def event(content: dict[str, Any]) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


class GrowingText:
    """The text of a recording whose words come part by part.

    Args:
        options: How texts are written.
    """

    def __init__(self, options: FormatOptions) -> None:
        self._options = options
        self._last: tuple[TimedWord, ...] = ()

    def add(self, words: tuple[TimedWord, ...]) -> str:
        """Take the next words.

        Returns:
            What the text has become longer by, with the space before it. How a word is written depends on those
            before it alone, so that nothing of what was given out changes.
        """
        if not words:
            return ""
        written = shown(TimedTranscript("", 0.0, (*self._last, *words)), self._options).words
        text = " ".join(word.text for word in written[len(self._last) :])
        space = " " if self._last else ""
        spoken_until = max(word.end_s for word in (*self._last, *words))
        self._last = (replace(words[-1], end_s=spoken_until),)
        return space + text


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    """A segment as Whisper gives it. Of its numbers those are real that this decoder has."""
    encoded = segment.text.encode("utf-8")
    record: dict[str, Any] = {
        "id": number,
        "seek": 0,
        "start": round(segment.start_s, 3),
        "end": round(segment.end_s, 3),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "compression_ratio": round(len(encoded) / len(zlib.compress(encoded)), 3),
        "no_speech_prob": 0.0,  # a segment is where words are
    }
    confidences = [word.confidence for word in segment.words if word.confidence is not None]
    if len(confidences) == len(segment.words):
        mean = sum(math.log(min(max(each, 1e-3), 1.0)) for each in confidences) / len(confidences)
        record["avg_logprob"] = round(mean, 4)
    return record


def _word(word: TimedWord) -> dict[str, Any]:
    record: dict[str, Any] = {"word": word.text, "start": round(word.start_s, 3), "end": round(word.end_s, 3)}
    if word.confidence is not None:
        record["confidence"] = min(max(round(word.confidence, 3), 0.0), 1.0)
    return record
