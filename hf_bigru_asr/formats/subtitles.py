"""SubRip and WebVTT subtitles."""

import html
from collections.abc import Iterable

from .cues import Cue, Token, cues_of
from .options import FormatOptions, shown
from .times import clock
from .transcript import TimedTranscript

__all__ = ["as_srt", "as_vtt", "webvtt"]


def as_srt(transcript: TimedTranscript, options: FormatOptions) -> str:
    """SubRip: numbered cues of at most two lines of 42 characters; see [`cues_of`].

    The format has no escapes: `-->` inside of a text becomes `->`. Where channels were transcribed apart, a cue
    begins with `[0] ` or the number of another channel, and cues of different channels may overlap.

    Raises:
        ValueError: If there is an error in place of a transcript, or a text without times of words.
    """
    transcript = shown(transcript, options, needs_times="srt")
    cues = []
    for number, cue in enumerate(cues_of(transcript, label_width=_label_width(transcript)), 1):
        label = f"[{cue.channel}] " if len(transcript.channels) > 1 else ""
        lines = "\n".join(" ".join(token.text for token in line) for line in cue.lines)
        text = label + lines.replace("-->", "->")
        cues.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{text}\n")
    return "\n".join(cues)


def as_vtt(transcript: TimedTranscript, options: FormatOptions) -> str:
    """WebVTT: the cues of [`as_srt`], with the time of every word inside of them only if `word_stamps` asks for it.

    Where channels were transcribed apart, a cue has a voice tag, such as `<v channel 0>`.

    Raises:
        ValueError: If there is an error in place of a transcript, or a text without times of words.

    Source: WebVTT of the W3C, section 6.4 for time stamps inside of a cue.
    """
    transcript = shown(transcript, options, needs_times="vtt")
    cues = cues_of(transcript, label_width=_label_width(transcript), word_stamps=options.word_stamps)
    return webvtt(cues, word_stamps=options.word_stamps, with_voices=len(transcript.channels) > 1)


def webvtt(cues: Iterable[Cue], *, word_stamps: bool = False, with_voices: bool = False) -> str:
    """A WebVTT file.

    Args:
        cues: In order of time.
        word_stamps: Whether the times of words stand inside of them.
        with_voices: Whether they name their channels.
    """
    blocks = ["WEBVTT\n"]
    for cue in cues:
        voice = f"<v channel {cue.channel}>" if with_voices else ""
        lines = [
            " ".join(_escaped(token, stamp if word_stamps else None) for token, stamp in zip(*line, strict=True))
            for line in zip(cue.lines, cue.stamps, strict=True)
        ]
        text = "\n".join(lines)
        blocks.append(f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}\n{voice}{text}\n")
    return "\n".join(blocks)


def _label_width(transcript: TimedTranscript) -> int:
    """Width of `[0] `. It counts in WebVTT too, so that both have the same cues."""
    return len(f"[{max(transcript.channels)}] ") if len(transcript.channels) > 1 else 0


def _escaped(token: Token, stamp: int | None) -> str:
    text = html.escape(token.text, quote=False)
    return text if stamp is None else f"<{clock(stamp)}>{text}"
