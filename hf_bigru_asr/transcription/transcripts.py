"""What is said in a recording: its text, and the turns of those who speak on its channels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.decoding_bigru_ctc import Hypothesis

__all__ = ["Transcript", "Turn", "join_channels"]

MAX_PAUSE_S = 1.0
"""A longer pause ends a turn, so that what the others say in it comes between."""


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


def join_channels(channels: Sequence[Transcript], words: Sequence[Sequence[dict[str, Any]]]) -> Transcript:
    """Return the transcript of a recording from those of its channels.

    Turns of one channel that follow each other are one turn.

    Args:
        channels: The transcript of each channel.
        words: The words of each, `{"text", "timestamp": (start_s, end_s)}`.
    """
    first = channels[0]
    warnings = list(dict.fromkeys(warning for each in channels for warning in each.warnings))
    errors = [each.error for each in channels if each.error is not None]
    if errors:
        return Transcript(first.source, error=errors[0], warnings=warnings)
    pieces = sorted(
        (piece for channel, each in enumerate(words) for piece in _pieces(channel, each)),
        key=lambda piece: (piece.start_s, piece.channel),
    )
    turns: list[Turn] = []
    for piece in pieces:
        if turns and turns[-1].channel == piece.channel:
            last = turns.pop()
            piece = Turn(piece.channel, last.start_s, piece.end_s, f"{last.text} {piece.text}")
        turns.append(piece)
    return Transcript(
        first.source,
        " ".join(turn.text for turn in turns),
        max(each.duration_s for each in channels),
        warnings=warnings,
        channels=list(channels),
        turns=turns,
    )


def _pieces(channel: int, words: Sequence[dict[str, Any]]) -> Iterator[Turn]:
    """Words of one channel between longer pauses."""
    piece: list[dict[str, Any]] = []
    for word in words:
        if piece and word["timestamp"][0] - piece[-1]["timestamp"][1] > MAX_PAUSE_S:
            yield _turn(channel, piece)
            piece = []
        piece.append(word)
    if piece:
        yield _turn(channel, piece)


def _turn(channel: int, words: Sequence[dict[str, Any]]) -> Turn:
    text = " ".join(word["text"] for word in words)
    return Turn(channel, words[0]["timestamp"][0], words[-1]["timestamp"][1], text)
