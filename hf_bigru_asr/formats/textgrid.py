"""Praat's TextGrid."""

from collections.abc import Iterator, Mapping, Sequence

from .options import FormatOptions, shown
from .segments import segments_of
from .times import milliseconds, seconds
from .transcript import TimedTranscript

__all__ = ["Interval", "as_textgrid", "textgrid"]

Interval = tuple[float, float, str]
"""Start and end in seconds, and label."""


def as_textgrid(transcript: TimedTranscript, options: FormatOptions) -> str:
    """A TextGrid with the tiers `segments` and `words`, for every channel where each was transcribed on its own.

    Raises:
        ValueError: If there is an error in place of a transcript, or a text without times of words.
    """
    transcript = shown(transcript, options, needs_times="textgrid")
    segments = segments_of(transcript)
    tiers: dict[str, list[Interval]] = {}
    for channel in transcript.channels:
        suffix = f" of channel {channel}" if len(transcript.channels) > 1 else ""
        tiers[f"segments{suffix}"] = [
            (each.start_s, each.end_s, each.text) for each in segments if each.channel == channel
        ]
        tiers[f"words{suffix}"] = [
            (each.start_s, each.end_s, each.text) for each in transcript.words if each.channel == channel
        ]
    return textgrid(tiers, transcript.duration_s)


def textgrid(tiers: Mapping[str, Sequence[Interval]], duration_s: float) -> str:
    """A TextGrid in Praat's long form.

    Intervals of a tier fill the recording: what is between is empty. Praat has no intervals of no length, and none
    that overlap. Each lasts 1 ms at least, and begins where the one before ends at the earliest.

    Args:
        tiers: Intervals of every tier by name, in order of time.
        duration_s: Length of the recording; it ends later if an interval does.

    Source: "TextGrid file formats" in the manual of Praat.
    """
    disjoint = {tier: _disjoint(intervals) for tier, intervals in tiers.items()}
    duration = max([1, milliseconds(duration_s), *(each[-1][1] for each in disjoint.values() if each)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {seconds(duration)}", "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (tier, spans) in enumerate(disjoint.items(), 1):
        intervals = list(_without_gaps(spans, duration))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{tier}"']
        lines += ["        xmin = 0", f"        xmax = {seconds(duration)}"]
        lines.append(f"        intervals: size = {len(intervals)}")
        for count, (start, end, label) in enumerate(intervals, 1):
            quoted = " ".join(label.split()).replace('"', '""')
            lines.append(f"        intervals [{count}]:")
            lines += [f"            xmin = {seconds(start)}", f"            xmax = {seconds(end)}"]
            lines.append(f'            text = "{quoted}"')
    return "\n".join(lines) + "\n"


def _disjoint(intervals: Sequence[Interval]) -> list[tuple[int, int, str]]:
    """Intervals in milliseconds, each of some length and none over another one."""
    found: list[tuple[int, int, str]] = []
    last = 0
    for start_s, end_s, label in intervals:
        start = max(milliseconds(start_s), last)
        last = max(milliseconds(end_s), start + 1)
        found.append((start, last, label))
    return found


def _without_gaps(spans: Sequence[tuple[int, int, str]], duration: int) -> Iterator[tuple[int, int, str]]:
    last = 0
    for start, end, label in spans:
        if start > last:
            yield last, start, ""
        yield start, end, label
        last = end
    if last < duration or not spans:
        yield last, duration, ""
