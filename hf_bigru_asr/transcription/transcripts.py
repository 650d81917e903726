"""What is said in a recording: its text, and the turns of those who speak on its channels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..formats.segments import turns_of
from ..formats.transcript import TimedTranscript
from ..model.decoding_bigru_ctc import DecodedWord, Hypothesis

__all__ = ["Transcript", "Turn", "join_channels"]


@dataclass(frozen=True)
class Turn:
    """Words of one channel, between those of others.

    Args:
        channel: Number of the channel, from 0.
        start_s: Start of the first word in seconds.
        end_s: End of the last word.
        text: The words.
    """

    channel: int
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Transcript:
    """The text of one recording, or why it could not be transcribed.

    Args:
        source: Name of the recording.
        text: The transcript, in capitals; `None` if there is an error.
        duration_s: Length of the recording; 0 if there is an error.
        chunks: Words or characters `{"text", "timestamp": (start_s, end_s)}` if asked for; words with their
            `confidence` too if the decoder is calibrated.
        hypotheses: The best hypotheses, if the recogniser gives more than one.
        error: What is wrong with the recording, if anything.
        warnings: What was odd about the recording, or damaged.
        channels: The transcript of each channel, if they were asked for.
        turns: What was said on all channels in order of time, if they were asked for; `text` is theirs.
    """

    source: str
    text: str | None = None
    duration_s: float = 0.0
    chunks: list[dict[str, Any]] | None = None
    hypotheses: list[Hypothesis] | None = None
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    channels: "list[Transcript] | None" = None
    turns: list[Turn] | None = None


def join_channels(channels: Sequence[Transcript], words: Sequence[Sequence[DecodedWord]]) -> Transcript:
    """Return the transcript of a recording from those of its channels.

    What is said on one channel is one turn as long as nothing is said on another one in its pauses of 0.7 s, as in
    [`turns_of`][hf_bigru_asr.formats.segments.turns_of].

    Args:
        channels: The transcript of each channel.
        words: The words of each.
    """
    first = channels[0]
    warnings = list(dict.fromkeys(warning for each in channels for warning in each.warnings))
    errors = [each.error for each in channels if each.error is not None]
    if errors:
        return Transcript(first.source, error=errors[0], warnings=warnings)
    duration_s = max(each.duration_s for each in channels)
    found = turns_of(TimedTranscript.from_channels(first.source, duration_s, words))
    turns = [Turn(each.channel, each.start_s, each.end_s, each.text) for each in found]
    return Transcript(
        first.source,
        " ".join(turn.text for turn in turns),
        duration_s,
        warnings=warnings,
        channels=list(channels),
        turns=turns,
    )
