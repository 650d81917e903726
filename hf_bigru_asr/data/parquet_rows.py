"""Rows of speech in the schema of LibriSpeech, and the Parquet files that hold them."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from ..audio.loading import to_int16
from .librispeech.parquet import SCHEMA
from .teacher_features import TEACHER_COLUMN, Features, pack_features

__all__ = ["speech_row", "unify_schemas", "write_rows"]


def speech_row(
    name: str,
    waveform: npt.NDArray[np.float32],
    sampling_rate: int,
    text: str,
    *,
    speaker_id: int | None,
    chapter_id: int | None,
    teacher_features: Features | None = None,
) -> dict[str, Any]:
    """One utterance, its samples as a FLAC file of 16 bits.

    Args:
        name: Its `id`, and the name of the file without suffix.
        waveform: `(samples,)` mono in [-1, 1].
        sampling_rate: Of the samples, in hertz.
        text: Its transcript.
        speaker_id: Number of the speaker, if there is one.
        chapter_id: Number of the chapter, if there is one.
        teacher_features: `(frames, size)` of a teacher, if there is one.
    """
    file = io.BytesIO()
    soundfile.write(file, to_int16(waveform), sampling_rate, format="FLAC", subtype="PCM_16")
    row = {
        "file": f"{name}.flac",
        "audio": {"bytes": file.getvalue(), "path": f"{name}.flac"},
        "text": text,
        "speaker_id": speaker_id,
        "chapter_id": chapter_id,
        "id": name,
    }
    return row if teacher_features is None else row | {TEACHER_COLUMN: pack_features(teacher_features)}


def write_rows(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows of [`speech_row`] to a Parquet file, with the column of the teacher if one of them has it."""
    schema = _schema_with_teacher() if any(TEACHER_COLUMN in row for row in rows) else SCHEMA
    _write(pa.Table.from_pylist(list(rows), schema=schema), path)


def unify_schemas(paths: Sequence[Path]) -> None:
    """Give all files of [`write_rows`] the column of the teacher if one of them has it: a split has one schema."""
    plain = [path for path in paths if TEACHER_COLUMN not in pq.read_schema(path).names]
    if len(plain) == len(paths):
        return
    for path in plain:
        table = pq.ParquetFile(path).read()
        columns = [*table.columns, pa.nulls(len(table), pa.binary())]
        _write(pa.Table.from_arrays(columns, schema=_schema_with_teacher()), path)


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="none", use_dictionary=False)


def _schema_with_teacher() -> pa.Schema:
    described = json.loads(SCHEMA.metadata[b"huggingface"])
    described["info"]["features"][TEACHER_COLUMN] = {"dtype": "binary", "_type": "Value"}
    return SCHEMA.append(pa.field(TEACHER_COLUMN, pa.binary())).with_metadata({"huggingface": json.dumps(described)})
