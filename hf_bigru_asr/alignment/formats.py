"""Alignments as other programs read them: JSON, Praat TextGrid, CTM and WebVTT."""

import html
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from .aligner import AlignedWord, Alignment

__all__ = ["FORMATS", "as_ctm", "as_json", "as_textgrid", "as_webvtt"]

# Subtitles: two lines of a usual width, a usual longest time, and a pause that ends one.
_MAX_CUE_CHARACTERS = 84
_MAX_CUE_S = 7.0
_CUE_PAUSE_S = 0.7


def as_json(alignment: Alignment, name: str) -> str:
    """A JSON object with the name of the recording and all fields of the alignment, characters included."""
    return json.dumps({"name": name} | asdict(alignment), indent=2, ensure_ascii=False) + "\n"


def as_ctm(alignment: Alignment, name: str) -> str:
    """NIST's CTM, a word a line: recording, channel, beginning and duration in seconds, word, score.

    The fields are separated by spaces: those inside of a name or a word (`$2 million`) become underscores.

    Source: the CTM format of NIST's scoring toolkit SCTK.
    """
    lines = (
        f"{_joined(name)} 1 {word.start_s:.3f} {word.end_s - word.start_s:.3f} {_joined(word.text)} {word.score:.4f}\n"
        for word in alignment.words
    )
    return "".join(lines)


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
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {alignment.duration_s:.3f}", "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (tier, spans) in enumerate(tiers.items(), 1):
        intervals = list(_without_gaps(spans, alignment.duration_s))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{tier}"']
        lines += ["        xmin = 0", f"        xmax = {alignment.duration_s:.3f}"]
        lines.append(f"        intervals: size = {len(intervals)}")
        for count, (start, end, label) in enumerate(intervals, 1):
            quoted = label.replace('"', '""')
            lines += [f"        intervals [{count}]:", f"            xmin = {start}", f"            xmax = {end}"]
            lines.append(f'            text = "{quoted}"')
    return "\n".join(lines) + "\n"


def as_webvtt(alignment: Alignment, name: str) -> str:
    """WebVTT subtitles of at most 84 characters and 7 seconds, with the time of every word.

    Args:
        alignment: What to write.
        name: Of the recording; the format has no place for it.

    Source: WebVTT of the W3C, section 6.4 (cue timestamps inside of a cue).
    """
    cues = []
    for cue in _cues(alignment.words):
        texts = [html.escape(word.text, quote=False) for word in cue]
        pieces = [
            texts[0],
            *(f"<{_clock(word.start_s)}>{text}" for word, text in zip(cue[1:], texts[1:], strict=True)),
        ]
        cues.append(f"\n{_clock(cue[0].start_s)} --> {_clock(cue[-1].end_s)}\n{' '.join(pieces)}\n")
    return "WEBVTT\n" + "".join(cues)


FORMATS: dict[str, tuple[str, Callable[[Alignment, str], str]]] = {
    "json": (".json", as_json),
    "textgrid": (".TextGrid", as_textgrid),
    "ctm": (".ctm", as_ctm),
    "webvtt": (".vtt", as_webvtt),
}
"""Ending of the files of each format, and the function that writes one."""


def _joined(text: str) -> str:
    return "_".join(text.split())


def _without_gaps(spans: Sequence[tuple[float, float, str]], duration_s: float) -> Iterator[tuple[str, str, str]]:
    """Intervals in seconds that fill the recording, with empty labels where there was none; none is empty itself."""
    last = f"{0:.3f}"
    for start_s, end_s, label in spans:
        start, end = f"{start_s:.3f}", f"{end_s:.3f}"
        if start != last:
            yield last, start, ""
        if start != end:
            yield start, end, label
        last = end
    if last != (end := f"{duration_s:.3f}"):
        yield last, end, ""


def _cues(words: Sequence[AlignedWord]) -> list[list[AlignedWord]]:
    cues: list[list[AlignedWord]] = []
    for word in words:
        if cues:
            cue = cues[-1]
            num_characters = len(" ".join(each.text for each in (*cue, word)))
            is_near = word.start_s - cue[-1].end_s < _CUE_PAUSE_S
            if is_near and num_characters <= _MAX_CUE_CHARACTERS and word.end_s - cue[0].start_s <= _MAX_CUE_S:
                cue.append(word)
                continue
        cues.append([word])
    return cues


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds / 1000:06.3f}"
