"""Alignments as other programs read them: JSON, Praat TextGrid, CTM and WebVTT."""

import json
from collections.abc import Callable
from dataclasses import asdict

from ..formats.cues import cues_of
from ..formats.nist import ctm
from ..formats.subtitles import webvtt
from ..formats.textgrid import textgrid
from ..formats.transcript import TimedTranscript, TimedWord
from .aligned_text import Alignment

__all__ = ["FORMATS", "as_ctm", "as_json", "as_textgrid", "as_transcript", "as_webvtt"]


def as_transcript(alignment: Alignment, source: str) -> TimedTranscript:
    """The aligned words as a transcript, for the writers of all formats; their scores are the confidences.

    Args:
        alignment: What to write.
        source: Name of the recording.
    """
    words = tuple(
        TimedWord(word.text, word.start_s, word.end_s, word.score, normalized=word.normalized)
        for word in alignment.words
    )
    return TimedTranscript(source, alignment.duration_s, words)


def as_json(alignment: Alignment, name: str) -> str:
    """A JSON object with the name of the recording and all fields of the alignment, characters included."""
    return json.dumps({"name": name} | asdict(alignment), indent=2, ensure_ascii=False) + "\n"


def as_ctm(alignment: Alignment, name: str) -> str:
    """NIST's CTM, a word a line: recording, channel, beginning and duration in seconds, word, score.

    The words are those of the text as it is written, and not the spoken ones. The fields are separated by spaces:
    those inside of a name or a word (`$2 million`) become underscores.

    Source: the CTM format of NIST's scoring toolkit SCTK.
    """
    return ctm(name, as_transcript(alignment, name).words)


def as_textgrid(alignment: Alignment, name: str) -> str:
    """A Praat TextGrid with the tiers `words`, as they are written, and `characters`, as the model spells them.

    Args:
        alignment: What to write.
        name: Of the recording; the format has no place for it.

    Source: "TextGrid file formats" in the manual of Praat.
    """
    words = [(word.start_s, word.end_s, word.text) for word in alignment.words]
    characters = [(each.start_s, each.end_s, each.char) for word in alignment.words for each in word.characters]
    tiers = {"words": words, "characters": [each for each in characters if each[2] != " "]}
    return textgrid(tiers, alignment.duration_s)


def as_webvtt(alignment: Alignment, name: str) -> str:
    """WebVTT subtitles with the time of every word, each of them shown just while it is spoken.

    Args:
        alignment: What to write.
        name: Of the recording; the format has no place for it.

    Source: WebVTT of the W3C, section 6.4 (cue timestamps inside of a cue).
    """
    return webvtt(cues_of(as_transcript(alignment, name), word_stamps=True, exact_times=True), word_stamps=True)


FORMATS: dict[str, tuple[str, Callable[[Alignment, str], str]]] = {
    "json": (".json", as_json),
    "textgrid": (".TextGrid", as_textgrid),
    "ctm": (".ctm", as_ctm),
    "webvtt": (".vtt", as_webvtt),
}
"""Ending of the files of each format, and the function that writes one."""
