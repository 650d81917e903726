"""A few utterances of noise in the schema of LibriSpeech, for tests of data and training."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

RATE_HZ = 16_000
TEXTS = ["HELLO", "IT'S ME", "A", "NO MORE"]
SCHEMA = pa.schema(
    {
        "file": pa.string(),
        "audio": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "text": pa.string(),
        "speaker_id": pa.int64(),
        "chapter_id": pa.int64(),
        "id": pa.string(),
    }
)


def make_waveform(seed: int, num_samples: int = 8000) -> np.ndarray:
    """Noise in 16-bit steps, so that no file format changes it."""
    noise = np.random.default_rng(seed).integers(-8000, 8000, num_samples)
    return (noise / 32768).astype(np.float32)


def flac(waveform: np.ndarray, rate_hz: int = RATE_HZ) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform, rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def make_rows(texts: list[str] = TEXTS) -> list[dict[str, Any]]:
    return [
        {
            "file": f"19-198-{number:04}.flac",
            "audio": {"bytes": flac(make_waveform(number, 8000 + 1600 * number)), "path": f"19-198-{number:04}.flac"},
            "text": text,
            "speaker_id": 19,
            "chapter_id": 198,
            "id": f"19-198-{number:04}",
        }
        for number, text in enumerate(texts)
    ]


def write_parquet(folder: Path) -> Path:
    """The utterances in the Hub's layout of LibriSpeech: one configuration, two splits."""
    (folder / "clean").mkdir(parents=True)
    rows = make_rows()
    for split, part in {"train.100": rows, "validation": rows[:1]}.items():
        table = pa.Table.from_pylist(part, schema=SCHEMA)
        pq.write_table(table, folder / "clean" / f"{split}-00000-of-00001.parquet")
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: clean\n  data_files:\n"
        "  - {split: train.100, path: clean/train.100-*.parquet}\n"
        "  - {split: validation, path: clean/validation-*.parquet}\n---\n"
    )
    return folder
