"""`scripts/segment_dataset.py` on one real utterance."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from repository import SAMPLE
from script_runs import run_script, write_split

from hf_bigru_asr.text.normalization import normalize_transcript

SPEECH = {"bytes": SAMPLE.read_bytes(), "path": SAMPLE.name}
TRANSCRIPT = SAMPLE.with_suffix(".txt").read_text()


def test_segment_dataset_cuts_and_names_the_bad_utterance(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        {"sound": SPEECH, "transcript": TRANSCRIPT},
        {"sound": {"bytes": b"not audio", "path": "broken.flac"}, "transcript": "HELLO"},
    ]
    data = write_split(tmp_path / "data", "train", rows)
    common = ("--dataset_name", data, "--audio_column_name", "sound", "--text_column_name", "transcript")
    segment = ("segment_dataset.py", *common, "--duration_s", 1, 2, "--num_passes", 3, "--output_dir")

    result = run_script(*segment, tmp_path / "segments")

    assert result.returncode == 0, result.stderr[-3000:]
    assert re.search(r"[6-9] segments, 0\.01 hours, split 'train', are in ", result.stdout)
    assert "Utterance '1' is left out: " in caplog.text
    again = run_script(*segment, tmp_path / "segments")
    assert again.returncode == 2
    assert "has a split 'train' already" in again.stderr
    untold = run_script(*segment, tmp_path / "recombined", "--recombine")
    assert untold.returncode == 2
    assert "Utterance '0' has no speaker_id" in untold.stderr


def test_segment_dataset_recombines(tmp_path: Path) -> None:
    rows = [{"audio": SPEECH, "text": TRANSCRIPT, "reader": "alice"}] * 2
    data = write_split(tmp_path / "data", "train", rows)

    result = run_script(
        *("segment_dataset.py", "--dataset_name", data, "--output_dir", tmp_path / "recombined"),
        *("--recombine", "--speaker_column_name", "reader", "--duration_s", 2, 4),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    texts = pq.read_table(next((tmp_path / "recombined").glob("*.parquet")))["text"].to_pylist()
    assert sorted(" ".join(texts).split()) == sorted(normalize_transcript(TRANSCRIPT).split() * 2)
    assert len(texts) > 2
