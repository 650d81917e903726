"""How a transcript is shown in every format: in which case, and without which words."""

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from .transcript import TimedTranscript, TimedWord

__all__ = ["Casing", "FormatOptions", "shown"]

Casing = Literal["upper", "lower", "sentence"]

SENTENCE_PAUSE_S = 0.7
"""A pause of this length ends a sentence; shorter ones are those of commas and of breath."""

_I = re.compile(r"i(?=$|['\u2019])")
_FIRST_LETTER = re.compile(r"[^\W\d_]")
_SENTENCE_END = re.compile(r"[.?!][\"'\u2019\u201d)\]]*$")


@dataclass(frozen=True)
class FormatOptions:
    """What a user chooses for all formats.

    Args:
        casing: `"upper"`, `"lower"`, or `"sentence"`: a capital at the start, after pauses of 0.7 s, after a word that
            ends in `.`, `?` or `!`, and in I, I'M, I'LL and their like. Names are not known and stay small. `None`
            leaves the words as they are.
        min_confidence: Words with a smaller confidence are left out, in every format.
        word_stamps: Whether WebVTT has the time of every word inside of its cues, as karaoke has.
        word_times: Whether JSON has the words with their times.
        one_line: Whether plain text is one line, and not a line for every segment.
        timestamps: Whether lines of plain text begin with their times, as `[00:00:01.200 --> 00:00:03.400]`.

    Raises:
        ValueError: If the casing is another one, `min_confidence` is not from 0 to 1, or one line should have the
            times of several.
    """

    casing: Casing | None = None
    min_confidence: float | None = None
    word_stamps: bool = False
    word_times: bool = True
    one_line: bool = False
    timestamps: bool = False

    def __post_init__(self) -> None:
        if self.casing is not None and self.casing not in get_args(Casing):
            raise ValueError(f"casing is {self.casing!r}; it is one of {', '.join(get_args(Casing))}, or None.")
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence is {self.min_confidence}; it is a probability from 0 to 1.")
        if self.one_line and self.timestamps:
            raise ValueError("one_line has no place for the timestamps of segments; leave out one of them.")


def shown(transcript: TimedTranscript, options: FormatOptions, needs_times: str | None = None) -> TimedTranscript:
    """The transcript as it is written: without unsure words, in the case that was asked for.

    A warning says how many words were left out.

    Args:
        transcript: What a recogniser gives.
        options: What the user chose.
        needs_times: Name of the format, if it is made of words with times and cannot have a text alone.

    Raises:
        ValueError: If there is no transcript but an error, or times or confidences are needed and missing.
    """
    if transcript.error is not None:
        raise ValueError(f"{transcript.source} was not transcribed: {transcript.error}")
    if needs_times is not None and not transcript.words and transcript.text:
        raise ValueError(
            f"{transcript.source} has a text without the times of its words, which {needs_times} needs; recognise it "
            "with times, or write txt or json."
        )
    words, warnings = transcript.words, transcript.warnings
    if options.min_confidence is not None:
        words = _sure_words(transcript, options.min_confidence)
        if num_dropped := len(transcript.words) - len(words):
            warnings += (f"{num_dropped} words with a confidence below {options.min_confidence:g} are left out.",)
    if options.casing is None and words == transcript.words:
        return transcript
    cased = _cased(words, options.casing)
    # Without the times of words there is the text alone.
    text = _cased_text(transcript.text or "", options.casing) if not transcript.words else None
    return replace(transcript, words=cased, text=text, warnings=warnings)


def _sure_words(transcript: TimedTranscript, min_confidence: float) -> tuple[TimedWord, ...]:
    if not transcript.words and transcript.text:
        raise ValueError(f"{transcript.source} has no times and confidences of words; leave min_confidence out.")
    sure = []
    for word in transcript.words:
        if word.confidence is None:
            raise ValueError(
                f"The word {word.text!r} of {transcript.source} has no confidence; use a model that gives them, or "
                "leave min_confidence out."
            )
        if word.confidence >= min_confidence:
            sure.append(word)
    return tuple(sure)


def _cased(words: tuple[TimedWord, ...], casing: Casing | None) -> tuple[TimedWord, ...]:
    last: dict[int, TimedWord] = {}
    spoken_until: dict[int, float] = {}
    found = []
    for word in words:
        before, until_s = last.get(word.channel), spoken_until.get(word.channel, 0.0)
        is_first = (
            before is None
            or word.start_s - until_s >= SENTENCE_PAUSE_S
            or _SENTENCE_END.search(before.text) is not None
        )
        last[word.channel], spoken_until[word.channel] = word, max(until_s, word.end_s)
        spoken = word.normalized
        if spoken is not None and casing is not None:
            spoken = spoken.lower() if casing == "lower" else spoken.upper()
        found.append(replace(word, text=_cased_word(word.text, casing, is_first), normalized=spoken))
    return tuple(found)


def _cased_word(text: str, casing: Casing | None, is_first: bool) -> str:
    if casing is None:
        return text
    if casing == "upper":
        return text.upper()
    text = text.lower()
    if casing == "lower":
        return text
    if is_first or _I.match(text):
        return _FIRST_LETTER.sub(lambda found: found[0].upper(), text, count=1)
    return text


def _cased_text(text: str, casing: Casing | None) -> str:
    words = text.split(" ")
    return " ".join(_cased_word(word, casing, place == 0) for place, word in enumerate(words))
