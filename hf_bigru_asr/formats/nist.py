"""CTM, STM and RTTM, the formats of NIST's scoring tools.

Their fields are separated by spaces, so that those inside of a field become underscores. Channels are counted from 1.

Source: SCTK, `sclite` 2.10 (`doc/infmts.htm`), whose reading of every case was tried.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from .options import FormatOptions, shown
from .segments import segments_of
from .times import milliseconds, seconds
from .transcript import TimedTranscript, TimedWord

__all__ = ["as_ctm", "as_rttm", "as_stm", "ctm"]

# What sclite takes for its own signs: alternatives, the empty word, a whole segment or a line that does not count.
_BRACES = str.maketrans("{}", "[]")
_SIGNS = {
    "@": "(at)",
    "<ALT_BEGIN>": "[ALT_BEGIN]",
    "<ALT>": "[ALT]",
    "<ALT_END>": "[ALT_END]",
    "IGNORE_TIME_SEGMENT_IN_SCORING": "IGNORE-TIME-SEGMENT-IN-SCORING",
}


def as_ctm(transcript: TimedTranscript, options: FormatOptions) -> str:
    """NIST's CTM, a spoken word a line: recording, channel, start and duration in seconds, word, confidence.

    A word of an aligned text that is several spoken words (`$2 million`) is these, each with its share of the time.

    Raises:
        ValueError: If there is an error in place of a transcript, or a text without times of words.
    """
    transcript = shown(transcript, options, needs_times="ctm")
    return ctm(transcript.name, [spoken for word in transcript.words for spoken in _spoken_words(word)])


def ctm(name: str, words: Iterable[TimedWord]) -> str:
    """Lines of a CTM of one recording, in the order that sclite needs.

    Args:
        name: Of the recording.
        words: Written as they are, each in one line. Without a confidence for each of them there is none.
    """
    words = sorted(words, key=lambda word: (word.channel, milliseconds(word.start_s)))
    have_confidence = all(word.confidence is not None for word in words)
    lines = []
    for word in words:
        start = milliseconds(word.start_s)
        fields = [_field(name), str(word.channel + 1), seconds(start), seconds(milliseconds(word.end_s) - start)]
        fields.append(_token(word.text))
        if have_confidence and word.confidence is not None:
            fields.append(f"{min(max(word.confidence, 0.0), 1.0):.4f}")
        lines.append(" ".join(fields) + "\n")
    return "".join(lines)


def as_stm(transcript: TimedTranscript, options: FormatOptions) -> str:
    """NIST's STM, a segment a line: recording, channel, speaker, start and end in seconds, label, spoken words.

    The segments fill the recording, because sclite counts words of a hypothesis in a gap to the next segment. They
    are cut in the middle of pauses. The label is `<O>`; without one sclite takes a first word in angles for it.

    Raises:
        ValueError: If there is an error in place of a transcript, or a text without times of words.
    """
    transcript = shown(transcript, options, needs_times="stm")
    name = _field(transcript.name)
    duration = milliseconds(max([transcript.duration_s, *(word.end_s for word in transcript.words)]))
    segments = sorted(segments_of(transcript), key=lambda segment: segment.channel)
    words_of = {
        channel: [each.words for each in group] for channel, group in groupby(segments, lambda each: each.channel)
    }
    lines = []
    for channel in sorted(transcript.channels):
        speaker = name if len(transcript.channels) == 1 else f"{name}_{channel + 1}"
        start = 0
        for end, words in _tiles(words_of.get(channel, []), duration):
            text = [_token(spoken.text) for word in words for spoken in _spoken_words(word)]
            fields = [name, str(channel + 1), speaker, seconds(start), seconds(end), "<O>", *text]
            lines.append(" ".join(fields) + "\n")
            start = end
    return "".join(lines)


def as_rttm(transcript: TimedTranscript, options: FormatOptions) -> str:
    """NIST's RTTM, a segment of speech a line: `SPEAKER recording channel start duration`, and the channel's name.

    Each channel is one speaker; who speaks on a channel is not known.

    Raises:
        ValueError: If there is an error in place of a transcript, or a text without times of words.
    """
    transcript = shown(transcript, options, needs_times="rttm")
    lines = []
    for segment in segments_of(transcript):
        start = milliseconds(segment.start_s)
        channel, duration = segment.channel + 1, seconds(milliseconds(segment.end_s) - start)
        lines.append(
            f"SPEAKER {_field(transcript.name)} {channel} {seconds(start)} {duration} <NA> <NA> channel{channel} "
            "<NA> <NA>\n"
        )
    return "".join(lines)


def _spoken_words(word: TimedWord) -> list[TimedWord]:
    """The spoken words of a word, which share its time by their letters."""
    texts = (word.normalized or word.text).split()
    num_letters = sum(map(len, texts))
    found, num_before = [], 0
    for text in texts:
        edges = [
            word.start_s + (word.end_s - word.start_s) * place / num_letters
            for place in (num_before, num_before + len(text))
        ]
        found.append(TimedWord(text, edges[0], min(edges[1], word.end_s), word.confidence, word.channel))
        num_before += len(text)
    return found


def _tiles(segments: Sequence[tuple[TimedWord, ...]], duration: int) -> Iterable[tuple[int, tuple[TimedWord, ...]]]:
    """Segments with their ends in milliseconds, so that the middle of every word lies in its own one.

    sclite counts a word to the segment in which its middle lies. Where words overlap, segments are joined.
    """
    words: tuple[TimedWord, ...] = ()
    for place, segment in enumerate(segments):
        words += segment
        if place + 1 == len(segments):
            break
        after = segments[place + 1]
        end = milliseconds((max(word.end_s for word in words) + after[0].start_s) / 2)
        if max(map(_middle, words)) < end <= min(map(_middle, after)):
            yield end, words
            words = ()
    yield duration, words


def _middle(word: TimedWord) -> float:
    """Middle of a word as it is written, in milliseconds."""
    return (milliseconds(word.start_s) + milliseconds(word.end_s)) / 2


def _field(text: str) -> str:
    """A name without spaces, which is no comment."""
    return re.sub(r"^;", "_", "_".join(text.split())) or "_"


def _token(text: str) -> str:
    token = "_".join(text.split()).translate(_BRACES)
    return _SIGNS.get(token.upper(), token)
