"""Parquet in any schema."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from manifest_corpora import UTTERANCES, waveform, write_clips
from speech_rows import flac

from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance

NAMES = [name for name, _, _ in UTTERANCES]
TEXTS = [text for _, _, text in UTTERANCES]
SOUNDS = [flac(waveform(number)) for number in range(len(UTTERANCES))]
COLUMNS: dict[str, pa.Array] = {
    "bytes": pa.array(SOUNDS, pa.binary()),
    "large bytes": pa.array(SOUNDS, pa.large_binary()),
    "paths": pa.array([f"clips/{name}.flac" for name in NAMES], pa.string()),
    "large paths": pa.array([f"clips/{name}.flac" for name in NAMES], pa.large_string()),
    "structures": pa.array([{"path": "a.flac", "bytes": sound} for sound in SOUNDS]),
    "structures of paths": pa.array([{"path": f"clips/{name}.flac"} for name in NAMES]),
    "samples": pa.array(
        [{"array": waveform(number).tolist(), "sampling_rate": 16_000} for number in range(len(UTTERANCES))]
    ),
}


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def write(folder: Path, audio: pa.Array, audio_name: str = "wav", text_name: str = "sentence") -> Path:
    write_clips(folder / "clips")
    table = pa.table({audio_name: audio, text_name: pa.array(TEXTS, pa.large_string())})
    pq.write_table(table, folder / "train.parquet")
    return folder


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("streaming", [False, True])
def test_audio_in_every_form(kind: str, streaming: bool, tmp_path: Path) -> None:
    folder = write(tmp_path / "data", COLUMNS[kind])
    rows: list[Any] = list(load_speech_dataset(folder, split="train", text_column="text", streaming=streaming))
    assert [row["text"] for row in rows] == TEXTS
    for number, row in enumerate(rows):
        np.testing.assert_allclose(load_utterance(row["audio"], 16_000), waveform(number), atol=1e-7)


def test_a_single_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", COLUMNS["paths"])
    rows = load_speech_dataset(folder / "train.parquet", text_column="sentence", audio_column="wav")
    assert rows.column_names == ["wav", "sentence"]
    np.testing.assert_array_equal(load_utterance(rows[1]["wav"], 16_000), waveform(1))


def test_what_save_to_disk_wrote(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"path": write_clips(tmp_path), "text": TEXTS}).save_to_disk(tmp_path)
    (first, *_) = load_speech_dataset(tmp_path, text_column="text")
    np.testing.assert_array_equal(load_utterance(first["audio"], 16_000), waveform(0))


def test_other_columns_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", pa.array([[0.1]] * 3), text_name="words")
    with pytest.raises(ValueError, match=r"The column 'audio' of .* holds List.* allowed are encoded audio"):
        load_speech_dataset(folder, split="train")
    with pytest.raises(ValueError, match=r"has no column 'text'; it has wav, words: give --text_column_name"):
        load_speech_dataset(folder, split="train", text_column="text")
