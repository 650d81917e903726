"""Plain text, and tables of segments."""

from .options import FormatOptions, shown
from .segments import Segment, segments_of, turns_of
from .times import milliseconds
from .transcript import TimedTranscript

__all__ = ["as_tsv", "as_txt"]


def as_txt(transcript: TimedTranscript, options: FormatOptions) -> str:
    """The text, a line for each segment: speech without a pause of 0.7 s.

    Where channels were transcribed apart, a line is a turn and begins with `channel 0: ` or that of another channel.

    Raises:
        ValueError: If there is an error in place of a transcript.
    """
    transcript = shown(transcript, options)
    if len(transcript.channels) > 1:
        lines = [f"channel {turn.channel}: {turn.text}" for turn in turns_of(transcript)]
    elif options.one_line or not transcript.words:
        lines = [transcript.text or ""]
    else:
        lines = [segment.text for segment in segments_of(transcript)]
    return "".join(f"{line}\n" for line in lines)


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


def _row(segment: Segment) -> str:
    return f"{milliseconds(segment.start_s)}\t{milliseconds(segment.end_s)}\t{segment.text}"
