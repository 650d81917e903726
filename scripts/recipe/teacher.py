"""The teacher for distillation: Whisper's encoder, run by faster-whisper, with its features reduced by PCA."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from datasets import Dataset
from safetensors.numpy import save_file
from transformers.utils import logging

from hf_bigru_asr.data.shards import PendingSplit, read_record
from hf_bigru_asr.data.teacher_features import FRAME_S, TEACHER_COLUMN, pack_features
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.extras import needs_extra
from hf_bigru_asr.runtime.model_files import read_weights
from hf_bigru_asr.storage.locks import folder_lock
from hf_bigru_asr.storage.writing import whole_file, write_json
from recipe.whisper_weights import whisper_folder

logger = logging.get_logger(__name__)

__all__ = [
    "Teacher",
    "TeacherProjection",
    "WhisperTeacher",
    "fit_projection",
    "projection_path",
    "spread_waveforms",
    "teach_dataset",
]

SAMPLING_RATE = 16_000
_FRAME_SAMPLES = round(FRAME_S * SAMPLING_RATE)
_WINDOW_FRAMES = 1500
"""Maximum number of frames of Whisper's encoder: 30 s."""

Teacher = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Maps `(samples,)` at 16 kHz to `(frames, size)`, with one frame for every 320 samples begun."""


class WhisperTeacher:
    """Last encoder layer of a Whisper model, with one frame every 20 ms.

    Utterances are not padded to 30 s, which is several times faster. Longer ones are cut into parts of 30 s.

    Args:
        name: `"base"`, a folder with a model in the format of CTranslate2, or another name that
            `faster_whisper.WhisperModel` takes. `"base"` is read from the packages with its weights if they are
            installed, and from the Hub otherwise.
        num_workers: Number of threads that may call it at the same time.

    Raises:
        ImportError: If faster-whisper is not installed.

    Source: A. Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
    """

    def __init__(self, name: str = "base", num_workers: int = 1) -> None:
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ImportError(needs_extra("The teacher", "distillation")) from error
        with whisper_folder(name) as source:
            self._model = WhisperModel(
                str(source), device="cpu", compute_type="int8", cpu_threads=1, num_workers=num_workers
            )

    def __call__(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the features `(frames, size)` of `(samples,)` at 16 kHz."""
        num_frames = max(-(-len(waveform) // _FRAME_SAMPLES), 1)
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
    """Principal components of a teacher's features, after each feature is scaled to unit variance.

    Args:
        mean: `(size,)` mean of the features.
        matrix: `(size, kept)` projection. The components have zero mean and a total variance of 1, in falling order.
    """

    mean: npt.NDArray[np.float32]
    matrix: npt.NDArray[np.float32]

    def __call__(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Project `(frames, size)` to `(frames, kept)`."""
        return ((features - self.mean) @ self.matrix).astype(np.float32, copy=False)

    def save(self, path: str | Path) -> None:
        """Write the projection to a safetensors file."""
        with whole_file(path) as staging:
            save_file({"mean": self.mean, "matrix": np.ascontiguousarray(self.matrix)}, staging)

    @classmethod
    def load(cls, path: str | Path) -> "TeacherProjection":
        """Read a file that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is broken, or holds something else.
        """
        found = read_weights(path)
        mean, matrix = found.pop("mean", None), found.pop("matrix", None)
        if mean is None or matrix is None or found or mean.ndim != 1 or matrix.ndim != 2 or len(mean) != len(matrix):
            raise ValueError(f"{path} is no projection of a teacher's features; scripts/teach_dataset.py writes one.")
        return cls(mean, matrix)


def fit_projection(waveforms: Iterable[npt.NDArray[np.float32]], teacher: Teacher, num_kept: int) -> TeacherProjection:
    """Fit the principal components of a teacher's features on some utterances.

    Args:
        waveforms: `(samples,)` each, at 16 kHz.
        teacher: Gives the features.
        num_kept: Number of components to keep.

    Raises:
        ValueError: If there is no utterance, there are no more frames than features, or fewer features than
            `num_kept`.
    """
    found = [teacher(waveform) for waveform in waveforms]
    if not found:
        raise ValueError("There is no utterance to find components from; give some speech.")
    features = np.concatenate(found).astype(np.float64)
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


def spread_waveforms(
    dataset: Dataset, num_utterances: int, audio_column: str = "audio"
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield about `num_utterances` utterances, evenly spread over a data set, as `(samples,)` at 16 kHz.

    Unreadable ones are left out, and the log names them.
    """
    for place in range(0, len(dataset), max(len(dataset) // num_utterances, 1)):
        waveform = _load(dataset[place], audio_column)
        if waveform is not None:
            yield waveform


def _load(example: dict[str, Any], audio_column: str) -> npt.NDArray[np.float32] | None:
    try:
        return load_utterance(example[audio_column], SAMPLING_RATE)
    except (ValueError, OSError) as error:
        logger.warning(f"Utterance {example.get('id')!r} is left out: {error}")
        return None


def projection_path(output_dir: str | Path, split: str) -> Path:
    """Where [`teach_dataset`] writes the projection of a split."""
    return Path(output_dir) / f"{split}-projection.safetensors"


def teach_dataset(
    dataset: Dataset,
    teacher: Teacher,
    projection: TeacherProjection,
    output_dir: str | Path,
    *,
    split: str = "train",
    shard_size: int = 500,
    num_workers: int = 1,
    audio_column: str = "audio",
) -> Iterator[int]:
    """Write a data set with the column `teacher_features` to `<output_dir>/<split>-*.parquet`.

    The projection is written beside them, to `projection_path(output_dir, split)`. The shards get their places when
    all of them are there. Those of an interrupted call are kept, in a hidden folder: the same call goes on from there.

    Args:
        dataset: Utterances with encoded audio; all of its columns are kept.
        teacher: Gives the features.
        projection: Reduces them.
        output_dir: Folder of the data set.
        split: Name of the split.
        shard_size: Number of utterances of a file.
        num_workers: Number of threads.
        audio_column: Column with the audio.

    Yields:
        The number of utterances of each shard when it is complete. Unreadable ones are left out, and the log names
        them.

    Raises:
        FileExistsError: If the folder has files of this split that are not shards of this call.
        FolderInUseError: If another run writes to the folder.
        OSError: If the disk takes no more.
    """
    starts = range(0, len(dataset), shard_size)
    pending = PendingSplit(Path(output_dir), split, len(starts))

    def teach(example: dict[str, Any]) -> bytes | None:
        waveform = _load(example, audio_column)
        return None if waveform is None else pack_features(projection(teacher(waveform)))

    with folder_lock(output_dir), ThreadPoolExecutor(num_workers) as pool:
        _claim(pending, dataset, projection, shard_size, audio_column)
        projection.save(projection_path(output_dir, split))
        for number, start in enumerate(starts):
            shard = dataset.select(range(start, min(start + shard_size, len(dataset))))
            if pending.finished(number) is None:
                packed = list(pool.map(teach, shard))
                kept = [place for place, features in enumerate(packed) if features is not None]
                taught = shard.select(kept).add_column(TEACHER_COLUMN, [packed[place] for place in kept])
                with pending.write(number) as path:
                    taught.to_parquet(path)
            yield len(shard)
        pending.publish()


def _claim(
    pending: PendingSplit, dataset: Dataset, projection: TeacherProjection, shard_size: int, audio_column: str
) -> None:
    """Write a record of what the split is made of, or check that it equals the record in the folder."""
    pending.refuse_others()
    texts = dataset.remove_columns([audio_column, *(c for c in (TEACHER_COLUMN,) if c in dataset.column_names)])
    digest = hashlib.sha256(projection.mean.tobytes() + projection.matrix.tobytes())
    for row in texts:
        digest.update(repr(sorted(row.items())).encode())
    record = {"num_utterances": len(dataset), "shard_size": shard_size, "sha256": digest.hexdigest()}
    path = pending.folder / f".{pending.split}-teacher.json"
    has_shards = any(pending.finished(number) is not None for number in range(len(pending.paths)))
    if has_shards and read_record(path) != record:
        raise FileExistsError(
            f"{pending.folder} has a split {pending.split!r} of other data, other components or another shard "
            f"size; give another folder or split, or remove {pending.split}-*.parquet and {pending.staging_dir.name}."
        )
    write_json(path, record)
