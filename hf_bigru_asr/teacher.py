"""The teacher: the encoder of Whisper, run by faster-whisper, and what of its features is kept."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from transformers.utils import logging

from .data import load_utterance
from .librispeech_parquet import SCHEMA
from .teacher_features import FRAME_S, TEACHER_COLUMN, pack_features
from .whisper_weights import whisper_folder

logger = logging.get_logger(__name__)

__all__ = ["Teacher", "TeacherProjection", "WhisperTeacher", "fit_projection", "teach_utterances"]

SAMPLING_RATE = 16_000
_FRAME_SAMPLES = round(FRAME_S * SAMPLING_RATE)
_WINDOW_FRAMES = 1500
"""Most frames that Whisper takes at once: 30 s."""

Teacher = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Gives `(frames, size)` for `(samples,)` at 16 kHz, one frame for every 320 samples begun."""


class WhisperTeacher:
    """Last layer of the encoder of a Whisper model, in steps of 20 ms.

    An utterance is not filled up to 30 s, which makes it several times faster; a longer one is cut into such parts.

    Args:
        name: `"base"`, or a folder with a model in the format of CTranslate2, or whatever else
            `faster_whisper.WhisperModel` takes. If the packages with the weights of Whisper-base are installed,
            `"base"` is read from them, and from the Hub otherwise.
        num_workers: How many threads may call it at the same time.

    Raises:
        ImportError: If faster-whisper is not installed.

    Source: A. Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
    """

    def __init__(self, name: str = "base", num_workers: int = 1) -> None:
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ImportError(
                "The teacher needs faster-whisper; install the extra: pip install 'hf-bigru-asr[distillation]'"
            ) from error
        with whisper_folder(name) as source:
            self._model = WhisperModel(
                str(source), device="cpu", compute_type="int8", cpu_threads=1, num_workers=num_workers
            )

    def __call__(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Features `(frames, size)` of `(samples,)` at 16 kHz."""
        num_frames = -(-len(waveform) // _FRAME_SAMPLES)
        padded = np.pad(waveform, (0, (num_frames + 1) * _FRAME_SAMPLES - len(waveform)))
        # Two of its own frames for each of the encoder's.
        log_mel = self._model.feature_extractor(padded, padding=0)[:, : 2 * num_frames].astype(np.float32)
        parts = [
            np.asarray(self._model.encode(np.ascontiguousarray(log_mel[:, start : start + 2 * _WINDOW_FRAMES])))[0]
            for start in range(0, 2 * num_frames, 2 * _WINDOW_FRAMES)
        ]
        return np.concatenate(parts).astype(np.float32, copy=False)


@dataclass(frozen=True)
class TeacherProjection:
    """Principal components of a teacher's features, each of which was scaled to a variance of 1 before.

    Args:
        mean: `(size,)` of the features.
        matrix: `(size, kept)`: what is kept has a mean of 0 and a variance of 1 in all, most of it in front.
    """

    mean: npt.NDArray[np.float32]
    matrix: npt.NDArray[np.float32]

    def __call__(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """`(frames, kept)` of `(frames, size)`."""
        return ((features - self.mean) @ self.matrix).astype(np.float32, copy=False)

    def save(self, path: str | Path) -> None:
        """Write it to a safetensors file."""
        save_file({"mean": self.mean, "matrix": np.ascontiguousarray(self.matrix)}, path)

    @classmethod
    def load(cls, path: str | Path) -> "TeacherProjection":
        """Read what `save` wrote."""
        return cls(**load_file(path))


def fit_projection(waveforms: Iterable[npt.NDArray[np.float32]], teacher: Teacher, num_kept: int) -> TeacherProjection:
    """Principal components of what a teacher makes of some utterances.

    Args:
        waveforms: `(samples,)` each, at 16 kHz.
        teacher: Gives the features.
        num_kept: How many components to keep.

    Raises:
        ValueError: If there are no more frames than features, or fewer features than `num_kept`.
    """
    features = np.concatenate([teacher(waveform) for waveform in waveforms]).astype(np.float64)
    num_frames, size = features.shape
    if num_frames <= size or not 1 <= num_kept <= size:
        raise ValueError(
            f"{num_kept} components of {size} features from {num_frames} frames: give more speech, and ask for "
            f"1 to {size} components."
        )
    mean, deviation = features.mean(0), features.std(0).clip(1e-6)
    scaled = (features - mean) / deviation
    variances, directions = np.linalg.eigh(scaled.T @ scaled / num_frames)
    kept = directions[:, ::-1][:, :num_kept] / np.sqrt(variances[::-1][:num_kept].sum())
    return TeacherProjection(mean.astype(np.float32), (kept / deviation[:, None]).astype(np.float32))


def teach_utterances(
    examples: Iterable[dict[str, Any]],
    teacher: Teacher,
    projection: TeacherProjection,
    *,
    num_workers: int = 1,
    audio_column: str = "audio",
    text_column: str = "text",
) -> Iterator[dict[str, Any]]:
    """Add a teacher's features to the utterances of a data set.

    Args:
        examples: Rows with encoded audio.
        teacher: Gives the features.
        projection: What of them is kept.
        num_workers: Threads.
        audio_column: Column with the audio.
        text_column: Column with the transcript.

    Yields:
        Every row, in order, with the columns of LibriSpeech and `teacher_features`. What cannot be read is left out,
        and the log says so.
    """

    def teach(example: dict[str, Any]) -> dict[str, Any] | None:
        audio = example[audio_column]
        try:
            features = projection(teacher(load_utterance(audio, SAMPLING_RATE)))
        except (ValueError, OSError) as error:
            logger.warning(f"Utterance {example.get('id')!r} is left out: {error}")
            return None
        content = audio.get("bytes") if audio.get("bytes") is not None else Path(audio["path"]).read_bytes()
        row = {name: example.get(name) for name in SCHEMA.names}
        row |= {"audio": {"bytes": content, "path": audio.get("path")}, "text": example[text_column]}
        return row | {TEACHER_COLUMN: pack_features(features)}

    remaining = iter(examples)
    with ThreadPoolExecutor(num_workers) as pool:
        # In groups, because `map` reads all that it is given at once.
        while group := list(islice(remaining, 16 * num_workers)):
            yield from (row for row in pool.map(teach, group) if row is not None)
