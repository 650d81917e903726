"""Segmentation of utterances at their pauses, by forced alignment, for training data of shorter utterances.

LibriSpeech's utterances are 12 s long on average and all end at a pause of the reader; users speak shorter ones.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from transformers.utils import logging

from hf_bigru_asr.alignment.aligner import AlignedWord, Aligner
from hf_bigru_asr.audio.loading import SAMPLING_RATE
from hf_bigru_asr.data.parquet_rows import speech_row, unify_schemas, write_rows
from hf_bigru_asr.data.shards import files_of_split, shard_name
from hf_bigru_asr.data.teacher_features import TEACHER_COLUMN, cut_features, unpack_features
from hf_bigru_asr.data.utterances import load_utterance, utterance_text
from hf_bigru_asr.storage.locks import folder_lock
from hf_bigru_asr.storage.writing import whole_folder
from hf_bigru_asr.transcription.batches import LONG_S

logger = logging.get_logger(__name__)

__all__ = [
    "AlignedUtterance",
    "Segment",
    "SegmentationSettings",
    "align_utterances",
    "segment_utterance",
    "segment_utterances",
    "write_segments",
]

ID_COLUMNS = ("speaker_id", "chapter_id")
BATCH_SIZE = 16
"""Utterances per batch of the network."""
_QUIET_S = 0.03
"""Length of the window whose energy is minimised to find the cut in a pause."""


@dataclass(frozen=True)
class SegmentationSettings:
    """Settings of the segmentation.

    Args:
        duration_s: Range of the target durations, drawn for each segment uniformly on a logarithmic scale. A segment
            ends at the first pause after its target, or with the utterance. A remainder shorter than the lower bound
            stays in the segment before it.
        min_pause_s: Shortest pause between two words to cut in.
        min_score: Alignment score from 0 to 1 below which an utterance is left out, since text and audio disagree.
        num_passes: How often each utterance is segmented, with new draws each time.
        seed: Seed of all draws, together with the number of the utterance and the pass.

    Raises:
        ValueError: On a setting out of range.
    """

    duration_s: tuple[float, float] = (1.0, 10.0)
    min_pause_s: float = 0.15
    min_score: float = 0.0
    num_passes: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that cannot be used."""
        if len(self.duration_s) != 2 or not 0 < self.duration_s[0] <= self.duration_s[1]:
            raise ValueError(f"duration_s is {self.duration_s}; give two positive lengths, the lower one first.")
        if self.min_pause_s <= 0:
            raise ValueError(f"min_pause_s is {self.min_pause_s}; a pause has a length.")
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score is {self.min_score}; scores lie between 0 and 1.")
        if self.num_passes < 1:
            raise ValueError(f"num_passes is {self.num_passes}; every utterance must be cut at least once.")


@dataclass(frozen=True)
class Segment:
    """A part of an utterance.

    Args:
        start: First sample.
        end: Sample after the last one.
        text: Transcript of the part.
    """

    start: int
    end: int
    text: str


def segment_utterance(
    waveform: npt.NDArray[np.float32],
    words: Sequence[AlignedWord],
    settings: SegmentationSettings,
    rng: np.random.Generator,
    sampling_rate: int = SAMPLING_RATE,
) -> list[Segment]:
    """Cut an utterance at some of its pauses.

    Args:
        waveform: Mono samples `(samples,)`.
        words: All words of the utterance, in order.
        settings: Settings of the segmentation.
        rng: Draws the target durations.
        sampling_rate: Sampling rate in hertz.

    Returns:
        Segments in order, which together are the whole utterance; one if there is no pause.
    """
    lowest = settings.duration_s[0] * sampling_rate
    segments: list[Segment] = []
    start = 0
    spoken: list[str] = []
    wanted = _draw(settings, rng) * sampling_rate
    for number, word in enumerate(words):
        spoken.append(word.normalized)
        is_last = number == len(words) - 1
        if is_last:
            cut = len(waveform)
        elif words[number + 1].start_s - word.end_s < settings.min_pause_s:
            continue
        else:
            cut = _quietest(waveform, word.end_s, words[number + 1].start_s, sampling_rate)
            if cut - start < wanted or len(waveform) - cut < lowest:
                continue
        segments.append(Segment(start, cut, " ".join(spoken)))
        start, spoken = cut, []
        wanted = _draw(settings, rng) * sampling_rate
    return segments


def segment_utterances(
    examples: Iterable[dict[str, Any]],
    aligner: Aligner,
    settings: SegmentationSettings,
    *,
    audio_column: str = "audio",
    text_column: str = "text",
) -> Iterator[list[dict[str, Any]]]:
    """Cut the utterances of a data set.

    Args:
        examples: Rows with encoded audio and a transcript; `id` is kept, and so are `speaker_id` and `chapter_id` if
            they are numbers.
        aligner: Gives the times of the words.
        settings: Settings of the segmentation.
        audio_column: Column with the audio.
        text_column: Column with the transcript.

    Yields:
        For each utterance the rows of its segments in the schema of LibriSpeech. There are none if it cannot be
            aligned or its score is too low; the log names it.
    """
    for utterance in align_utterances(
        examples, aligner, settings.min_score, audio_column=audio_column, text_column=text_column
    ):
        yield _rows(utterance, settings, aligner.sampling_rate)


@dataclass(frozen=True)
class AlignedUtterance:
    """A row of a data set with the times of its words.

    Args:
        number: Index in the data set, from 0.
        name: The `id`, or else the index.
        example: The row.
        waveform: `(samples,)`; empty if the audio cannot be used.
        words: All words, in order; empty if the text cannot be aligned with the audio.
    """

    number: int
    name: str
    example: dict[str, Any]
    waveform: npt.NDArray[np.float32]
    words: tuple[AlignedWord, ...] = ()

    def teacher_features(self) -> npt.NDArray[np.float16] | None:
        """Return the teacher's features `(frames, size)`; `None` if the row has none."""
        packed = self.example.get(TEACHER_COLUMN)
        return None if packed is None else unpack_features(packed)


def align_utterances(
    examples: Iterable[dict[str, Any]],
    aligner: Aligner,
    min_score: float = 0.0,
    *,
    audio_column: str = "audio",
    text_column: str = "text",
) -> Iterator[AlignedUtterance]:
    """Align the utterances of a data set with their transcripts.

    Args:
        examples: Rows with encoded audio and a transcript.
        aligner: Gives the times of the words.
        min_score: Alignment score, from 0 to 1, below which an utterance gets no words.
        audio_column: Column with the audio.
        text_column: Column with the transcript.

    Yields:
        Every utterance, in order. Those with unusable audio or text have no words, and the log names them.
    """
    numbered = enumerate(examples)
    while batch := list(islice(numbered, BATCH_SIZE)):
        utterances = []
        for number, example in batch:
            name = str(example.get("id", number))
            utterances.append(AlignedUtterance(number, name, example, _load(example[audio_column], aligner, name)))
        for utterance, log_probs in zip(utterances, _log_probs(utterances, aligner), strict=True):
            yield replace(utterance, words=_words(utterance, log_probs, aligner, min_score, text_column))


def write_segments(
    segments: Iterable[list[dict[str, Any]]], output_dir: str | Path, *, split: str = "train", shard_size: int = 2000
) -> tuple[int, float]:
    """Write rows to `<output_dir>/<split>-*.parquet`, which `load_dataset(output_dir)` reads.

    The files get their places together when all are written; a call that is interrupted leaves nothing there.

    Args:
        segments: Rows from [`segment_utterances`].
        output_dir: Folder of the data set.
        split: Name of the split.
        shard_size: Approximate number of rows of a file.

    Returns:
        Number of segments and their hours.

    Raises:
        FileExistsError: If the folder already has files of this split.
        FolderInUseError: If another run writes to the folder.
        OSError: If the disk takes no more.
    """
    folder = Path(output_dir)
    num_segments, seconds = 0, 0.0
    written: list[Path] = []
    with folder_lock(folder):
        if present := files_of_split(folder, split):
            raise FileExistsError(
                f"{folder} has a split {split!r} already, {present[0].name} for example; give another folder or split."
            )
        with whole_folder(folder) as staging:
            pending: list[dict[str, Any]] = []
            for rows in segments:
                num_segments += len(rows)
                seconds += sum(soundfile.info(io.BytesIO(row["audio"]["bytes"])).duration for row in rows)
                pending += rows
                if len(pending) >= shard_size:
                    _write_shard(pending, staging, written)
                    pending = []
            if pending:
                _write_shard(pending, staging, written)
            unify_schemas(written)
            for number, path in enumerate(written):
                path.rename(staging / shard_name(split, number, len(written)))
    return num_segments, seconds / 3600


def _write_shard(rows: list[dict[str, Any]], folder: Path, written: list[Path]) -> None:
    path = folder / f"{len(written)}.parquet"
    write_rows(rows, path)
    written.append(path)


def _draw(settings: SegmentationSettings, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(settings.duration_s))))


def _quietest(waveform: npt.NDArray[np.float32], start_s: float, end_s: float, sampling_rate: int) -> int:
    """Return the middle of the window with the least energy between two times."""
    width = round(_QUIET_S * sampling_rate)
    start, end = round(start_s * sampling_rate), round(end_s * sampling_rate)
    if end - start <= width:
        return (start + end) // 2
    energy = np.cumsum(np.concatenate([[0.0], np.square(waveform[start:end], dtype=np.float64)]))
    return start + int(np.argmin(energy[width:] - energy[:-width])) + width // 2


def _load(audio: object, aligner: Aligner, name: str) -> npt.NDArray[np.float32]:
    try:
        return load_utterance(audio, aligner.sampling_rate)
    except (ValueError, OSError) as error:
        logger.warning(f"Utterance {name!r} is left out: {error}")
        return np.zeros(0, dtype=np.float32)


def _log_probs(utterances: Sequence[AlignedUtterance], aligner: Aligner) -> list[torch.Tensor | None]:
    """Return the log-probabilities of each; recordings that are too long for a batch run alone."""
    waveforms = {place: each.waveform for place, each in enumerate(utterances) if len(each.waveform)}
    most = LONG_S * aligner.sampling_rate
    short = {place: samples for place, samples in waveforms.items() if len(samples) <= most}
    found = {place: aligner.log_probs(samples) for place, samples in waveforms.items() if len(samples) > most}
    if short:
        found |= zip(short, aligner.log_probs_of_batch(list(short.values())), strict=True)
    return [found.get(place) for place in range(len(utterances))]


def _words(
    utterance: AlignedUtterance,
    log_probs: torch.Tensor | None,
    aligner: Aligner,
    min_score: float,
    text_column: str,
) -> tuple[AlignedWord, ...]:
    if log_probs is None:
        return ()
    try:
        alignment = aligner.align_log_probs(log_probs, utterance_text(utterance.example[text_column]))
    except ValueError as error:
        logger.warning(f"Utterance {utterance.name!r} is left out: {error}")
        return ()
    if alignment.score < min_score:
        logger.warning(
            f"Utterance {utterance.name!r} is left out: its alignment has a score of {alignment.score:.3f}."
        )
        return ()
    return tuple(alignment.words)


def _rows(utterance: AlignedUtterance, settings: SegmentationSettings, sampling_rate: int) -> list[dict[str, Any]]:
    """Return the segments as rows of the data set."""
    # Numbers in the schema; other data sets may name their speakers.
    ids = {column: value if isinstance(value := utterance.example.get(column), int) else None for column in ID_COLUMNS}
    features = utterance.teacher_features()
    rows: list[dict[str, Any]] = []
    for turn in range(settings.num_passes):
        rng = np.random.default_rng((settings.seed, utterance.number, turn))
        for segment in segment_utterance(utterance.waveform, utterance.words, settings, rng, sampling_rate):
            samples = utterance.waveform[segment.start : segment.end]
            name = f"{utterance.name}-{len(rows):03d}"
            cut = (
                None
                if features is None
                else cut_features(features, segment.start / sampling_rate, segment.end / sampling_rate)
            )
            rows.append(speech_row(name, samples, sampling_rate, segment.text, **ids, teacher_features=cut))
    return rows
