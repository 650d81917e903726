"""What is said in a recording: its text, and the turns of those who speak on its channels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.decoding_bigru_ctc import DecodedWord, Hypothesis

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


def join_channels(channels: Sequence[Transcript], words: Sequence[Sequence[DecodedWord]]) -> Transcript:
    """Return the transcript of a recording from those of its channels.

    What is said on one channel is one turn as long as nothing is said on another one in its pauses.

    Args:
        channels: The transcript of each channel.
        words: The words of each.
    """
    first = channels[0]
    warnings = list(dict.fromkeys(warning for each in channels for warning in each.warnings))
    errors = [each.error for each in channels if each.error is not None]
    if errors:
        return Transcript(first.source, error=errors[0], warnings=warnings)
    turns = _turns([piece for channel, each in enumerate(words) for piece in _pieces(channel, each)])
    return Transcript(
        first.source,
        " ".join(turn.text for turn in turns),
        max(each.duration_s for each in channels),
        warnings=warnings,
        channels=list(channels),
        turns=turns,
    )


def _turns(pieces: Sequence[Turn]) -> list[Turn]:
    """Join pieces between which no other channel speaks, in order of time."""
    turns: list[Turn] = []
    for piece in pieces:
        last = turns[-1] if turns and turns[-1].channel == piece.channel else None
        if last is None or any(
            other.channel != piece.channel and other.start_s < piece.start_s and other.end_s > last.end_s
            for other in pieces
        ):
            turns.append(piece)
        else:
            turns[-1] = Turn(piece.channel, last.start_s, piece.end_s, f"{last.text} {piece.text}")
    return sorted(turns, key=lambda turn: (turn.start_s, turn.channel))


def _pieces(channel: int, words: Sequence[DecodedWord]) -> Iterator[Turn]:
    """Words of one channel between longer pauses."""
    piece: Turn | None = None
    for word in words:
        if piece is not None and word.start_s - piece.end_s <= MAX_PAUSE_S:
            piece = Turn(channel, piece.start_s, word.end_s, f"{piece.text} {word.text}")
            continue
        if piece is not None:
            yield piece
        piece = Turn(channel, word.start_s, word.end_s, word.text)
    if piece is not None:
        yield piece
