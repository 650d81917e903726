"""Data augmentation: utterances are cut at their pauses, and the pieces of a speaker are joined in another order.

A network that is trained on a few thousand sentences for many epochs memorises them. Pieces of a few words in random
order cannot be memorised, and all of their sound is real speech.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from hf_bigru_asr.alignment.aligner import Aligner
from hf_bigru_asr.audio.loading import to_int16
from hf_bigru_asr.data.parquet_rows import speech_row
from hf_bigru_asr.data.teacher_features import FRAME_S, Features, features_at
from recipe.segmentation import AlignedUtterance, SegmentationSettings, align_utterances, segment_utterance

__all__ = ["Piece", "join_pieces", "recombine_utterances"]

SHORTEST_PIECE_S = 0.3
"""A piece ends at the first pause after this duration."""


@dataclass(frozen=True)
class Piece:
    """Speech from one pause to the next.

    Args:
        samples: `(samples,)` int16, which takes half the memory and loses nothing in a 16-bit file.
        text: Transcript of the piece.
        teacher_features: Features `(frames, size)` of a teacher for the whole utterance, if there are any.
        start_s: Start of the piece in that utterance.
    """

    samples: npt.NDArray[np.int16]
    text: str
    teacher_features: Features | None = None
    start_s: float = 0.0


def join_pieces(
    pieces: Sequence[Piece],
    duration_s: tuple[float, float],
    rng: np.random.Generator,
    sampling_rate: int,
) -> Iterator[Piece]:
    """Join pieces, each once, in random order.

    Args:
        pieces: Pieces of one speaker.
        duration_s: Range of the target durations, drawn for each result uniformly on a logarithmic scale. A result
            ends with the piece that reaches its target, the last result with the last piece.
        rng: Draws the order and the durations.
        sampling_rate: Sampling rate in hertz.

    Yields:
        The joined pieces of each result as one piece.
    """
    chosen: list[Piece] = []
    length, wanted = 0, 0.0
    for number, place in enumerate(rng.permutation(len(pieces))):
        if not chosen:
            length, wanted = 0, float(np.exp(rng.uniform(*np.log(duration_s)))) * sampling_rate
        chosen.append(pieces[place])
        length += len(pieces[place].samples)
        if length >= wanted or number == len(pieces) - 1:
            yield Piece(
                np.concatenate([piece.samples for piece in chosen]),
                " ".join(piece.text for piece in chosen),
                _features_of_joined(chosen, sampling_rate),
            )
            chosen = []


def _features_of_joined(pieces: Sequence[Piece], sampling_rate: int) -> npt.NDArray[np.float32] | None:
    """Return the teacher's features of each piece, resampled to the frames of the joined utterance."""
    ends_s = np.cumsum([len(piece.samples) for piece in pieces]) / sampling_rate
    times_s = FRAME_S * np.arange(max(math.ceil(ends_s[-1] / FRAME_S), 1), dtype=np.float64)
    parts, begin_s = [], 0.0
    for piece, end_s in zip(pieces, ends_s, strict=True):
        if piece.teacher_features is None:
            return None
        inside = times_s[(times_s >= begin_s) & (times_s < end_s)]
        parts.append(features_at(piece.teacher_features, inside - begin_s + piece.start_s))
        begin_s = end_s
    return np.concatenate(parts)


def recombine_utterances(
    examples: Iterable[dict[str, Any]],
    aligner: Aligner,
    settings: SegmentationSettings,
    *,
    audio_column: str = "audio",
    text_column: str = "text",
    speaker_column: str = "speaker_id",
    group_size: int = 5000,
) -> Iterator[list[dict[str, Any]]]:
    """Cut the utterances of a data set at all their pauses and join the pieces of each speaker in another order.

    Args:
        examples: Rows with encoded audio, a transcript and a speaker.
        aligner: Gives the times of the words.
        settings: `duration_s` is the range of durations of the joined utterances; `num_passes` is how often each piece
            is used, in a new order each time.
        audio_column: Column with the audio.
        text_column: Column with the transcript.
        speaker_column: Column with the speaker, a number or a name.
        group_size: Utterances whose pieces are mixed, and kept in memory (32 kB per second of speech).

    Yields:
        For each speaker of a group the rows of the new utterances in the schema of LibriSpeech. Utterances that cannot
        be aligned are left out, and the log names them.

    Raises:
        ValueError: If a row has no speaker.
    """
    aligned = align_utterances(
        examples, aligner, settings.min_score, audio_column=audio_column, text_column=text_column
    )
    group = 0
    while utterances := list(islice(_pieces_of_each(aligned, settings, aligner, speaker_column), group_size)):
        pieces: dict[int | str, list[Piece]] = defaultdict(list)
        for speaker, spoken in utterances:
            pieces[speaker] += spoken
        for number, (speaker, spoken) in enumerate(pieces.items()):
            rows: list[dict[str, Any]] = []
            for turn in range(settings.num_passes):
                rng = np.random.default_rng((settings.seed, group, number, turn))
                for joined in join_pieces(spoken, settings.duration_s, rng, aligner.sampling_rate):
                    rows.append(
                        speech_row(
                            f"{speaker}-{group:03d}-{len(rows):05d}",
                            joined.samples.astype(np.float32) / np.float32(32768),
                            aligner.sampling_rate,
                            joined.text,
                            speaker_id=speaker if isinstance(speaker, int) else None,
                            chapter_id=None,
                            teacher_features=joined.teacher_features,
                        )
                    )
            yield rows
        group += 1


def _pieces_of_each(
    utterances: Iterable[AlignedUtterance], settings: SegmentationSettings, aligner: Aligner, speaker_column: str
) -> Iterator[tuple[int | str, list[Piece]]]:
    """Yield the speaker and the pieces of every utterance."""
    at_every_pause = replace(settings, duration_s=(SHORTEST_PIECE_S, SHORTEST_PIECE_S))
    for utterance in utterances:
        speaker = utterance.example.get(speaker_column)
        if speaker is None:
            raise ValueError(
                f"Utterance {utterance.name!r} has no {speaker_column}; pieces are joined with those of the same "
                "speaker alone, so every row has to say who speaks."
            )
        segments = segment_utterance(
            utterance.waveform, utterance.words, at_every_pause, np.random.default_rng(0), aligner.sampling_rate
        )
        features = utterance.teacher_features()
        yield (
            speaker,
            [
                Piece(
                    to_int16(utterance.waveform[part.start : part.end]),
                    part.text,
                    features,
                    part.start / aligner.sampling_rate,
                )
                for part in segments
            ],
        )
