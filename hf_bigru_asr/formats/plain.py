"""Plain text, and tables of segments."""

from .options import FormatOptions, shown
from .segments import Segment, segments_of, turns_of
from .times import clock, milliseconds
from .transcript import TimedTranscript

__all__ = ["as_tsv", "as_txt"]


def as_txt(transcript: TimedTranscript, options: FormatOptions) -> str:
    """The text, a line for each segment: speech without a pause of 0.7 s.

    Where channels were transcribed apart, a line is a turn and begins with `channel 0: ` or that of another channel.

    Raises:
        ValueError: If there is an error in place of a transcript, or timestamps are asked for and there are none.
    """
    transcript = shown(transcript, options, needs_times="txt with timestamps" if options.timestamps else None)
    if len(transcript.channels) > 1:
        lines = [(turn, f"channel {turn.channel}: {turn.text}") for turn in turns_of(transcript)]
    else:
        lines = [(segment, segment.text) for segment in segments_of(transcript)]
        if options.one_line or not lines:
            return f"{transcript.text}\n"
    return "".join(f"{_times(segment) if options.timestamps else ''}{line}\n" for segment, line in lines)


def as_tsv(transcript: TimedTranscript, options: FormatOptions) -> str:
    """Columns `start`, `end` and `text`, a row for each segment, with times in milliseconds, as Whisper writes them.

    Where channels were transcribed apart, there is a fourth column, `channel`, counted from 0.

    Raises:
        ValueError: If there is an error in place of a transcript, or a text without times of words.

    Source: `WriteTSV` of openai/whisper.
    """
    transcript = shown(transcript, options, needs_times="tsv")
    is_split = len(transcript.channels) > 1
    rows = ["start\tend\ttext" + "\tchannel" * is_split]
    rows += [_row(segment) + f"\t{segment.channel}" * is_split for segment in segments_of(transcript)]
    return "".join(f"{row}\n" for row in rows)


def _times(segment: Segment) -> str:
    return f"[{clock(milliseconds(segment.start_s))} --> {clock(milliseconds(segment.end_s))}] "


def _row(segment: Segment) -> str:
    return f"{milliseconds(segment.start_s)}\t{milliseconds(segment.end_s)}\t{segment.text}"
