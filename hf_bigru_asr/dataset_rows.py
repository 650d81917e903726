"""Rows of speech in the schema of LibriSpeech, and the Parquet files that hold them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from .audio import to_int16
from .librispeech_parquet import SCHEMA

__all__ = ["speech_row", "write_rows"]


def speech_row(
    name: str,
    waveform: npt.NDArray[np.float32],
    sampling_rate: int,
    text: str,
    *,
    speaker_id: int | None,
    chapter_id: int | None,
) -> dict[str, Any]:
    """One utterance, its samples as a FLAC file of 16 bits.

    Args:
        name: Its `id`, and the name of the file without suffix.
        waveform: `(samples,)` mono in [-1, 1].
        sampling_rate: Of the samples, in hertz.
        text: What is said.
        speaker_id: Who says it, if that is known by a number.
        chapter_id: Where it comes from, the same.
    """
    file = io.BytesIO()
    soundfile.write(file, to_int16(waveform), sampling_rate, format="FLAC", subtype="PCM_16")
    return {
        "file": f"{name}.flac",
        "audio": {"bytes": file.getvalue(), "path": f"{name}.flac"},
        "text": text,
        "speaker_id": speaker_id,
        "chapter_id": chapter_id,
        "id": name,
    }


def write_rows(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows of [`speech_row`] to a Parquet file."""
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), path, compression="none", use_dictionary=False)
