"""JSON, for other programs; `transcript.schema.json` describes it."""

import json
from dataclasses import asdict
from typing import Any

from .options import FormatOptions, shown
from .segments import Segment, segments_of
from .transcript import TimedTranscript, TimedWord, readable

__all__ = ["as_json", "as_jsonl", "utterance_record"]


def as_json(transcript: TimedTranscript, options: FormatOptions) -> str:
    """A JSON object, with a line for every field, segment and word; an error is one of the fields.

    Raises:
        ValueError: If confidences are needed and missing.
    """
    fields = [f'  "{key}": {_value(value)}' for key, value in _record(transcript, options).items()]
    return "{\n" + ",\n".join(fields) + "\n}\n"


def as_jsonl(transcript: TimedTranscript, options: FormatOptions) -> str:
    """The object of [`as_json`] in one line.

    Raises:
        ValueError: If confidences are needed and missing.
    """
    return _line(_record(transcript, options)) + "\n"


def utterance_record(transcript: TimedTranscript, options: FormatOptions) -> dict[str, Any]:
    """What is sent for an utterance of a stream: `start_s`, `end_s`, `text`, and `words` with times and confidences.

    Args:
        transcript: One word at least; times count from the start of the stream.
        options: What the user chose.
    """
    transcript = shown(transcript, options)
    return {
        "start_s": round(transcript.words[0].start_s, 3),
        "end_s": round(transcript.words[-1].end_s, 3),
        "text": transcript.text,
        "words": [
            _word(word, is_split=False) | {"confidence": _rounded(word.confidence)} for word in transcript.words
        ],
    }


def _record(transcript: TimedTranscript, options: FormatOptions) -> dict[str, Any]:
    if transcript.error is None:
        transcript = shown(transcript, options)
    is_split = len(transcript.channels) > 1
    record: dict[str, Any] = {
        "source": readable(transcript.source),
        "duration_s": round(transcript.duration_s, 3),
        "text": transcript.text,
    }
    if is_split:
        record["channels"] = list(transcript.channels)
    record["segments"] = [_segment(segment, is_split) for segment in segments_of(transcript)]
    if options.word_times:
        record["words"] = [_word(word, is_split) for word in transcript.words]
    record |= {"warnings": [readable(each) for each in transcript.warnings], "error": None}
    if transcript.error is not None:
        record["error"] = readable(transcript.error)
    if transcript.recognizer is not None:
        facts = asdict(transcript.recognizer)
        record["recognizer"] = {key: readable(fact) if fact else fact for key, fact in facts.items()}
    return record


def _segment(segment: Segment, is_split: bool) -> dict[str, Any]:
    times = {"start_s": round(segment.start_s, 3), "end_s": round(segment.end_s, 3)}
    return times | {"text": segment.text} | ({"channel": segment.channel} if is_split else {})


def _word(word: TimedWord, is_split: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"start_s": round(word.start_s, 3), "end_s": round(word.end_s, 3), "text": word.text}
    if word.normalized is not None:
        record["normalized"] = word.normalized
    if word.confidence is not None:
        record["confidence"] = _rounded(word.confidence)
    if is_split:
        record["channel"] = word.channel
    return record


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else min(max(round(confidence, 3), 0.0), 1.0)


def _value(value: object) -> str:
    """One line, or a line for each element of a list of objects."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"    {_line(each)}" for each in value) + "\n  ]"
    return _line(value)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
