"""A private data set in the schema of LibriSpeech streams from a Hub on 127.0.0.1."""

import io
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from datasets import Audio, load_dataset
from hub_users import ALICE_TOKEN, BOB_TOKEN
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from loopback_hub import LoopbackHub

from hf_bigru_asr import BiGRUCTCProcessor
from hf_bigru_asr.cli.train_streaming import load_in_memory
from hf_bigru_asr.data.filtering import UtteranceRules, filter_utterances
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.streaming import SpeechStream

pytestmark = pytest.mark.hub


@pytest.fixture
def client(client: LoopbackHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LoopbackHub:
    """`datasets` knows the Hub by settings of its own."""
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", client.url)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    return client


def test_processes_share_out_what_streams(client: LoopbackHub, processor: BiGRUCTCProcessor) -> None:
    """One row group for two processes: each keeps its share. The data to evaluate on are held in memory."""
    repo_id = "alice/shared_out"
    _upload_librispeech(repo_id)
    source = (repo_id, "clean", "train.100")
    files = load_speech_dataset(*source, streaming=True, text_column="text")
    stream = SpeechStream({"train": files}, UtteranceRules(processor))
    units, by_row_groups = stream.units(2)
    ids = [[row.example["id"] for row in stream.read(unit, by_row_groups) if row.is_kept] for unit in units]
    assert (ids, by_row_groups) == ([["1-2-0"], ["1-2-1"]], True)
    kept, _ = filter_utterances(load_in_memory(*source, 1, text_column="text"), processor)
    assert list(kept["id"]) == ["1-2-0"]


def test_private_dataset_streams(client: LoopbackHub) -> None:
    repo_id = "alice/librispeech_asr"
    expected = _upload_librispeech(repo_id)
    stream = load_dataset(repo_id, "clean", split="train.100", streaming=True)
    assert isinstance(stream.features["audio"], Audio)
    rows = list(stream.cast_column("audio", Audio(decode=False)))
    assert [len(soundfile.read(io.BytesIO(row.pop("audio")["bytes"]))[0]) for row in rows] == [4800, 4800]
    assert rows == expected
    with pytest.raises(RepositoryNotFoundError):
        HfApi(token=BOB_TOKEN).dataset_info(repo_id)


def _upload_librispeech(repo_id: str) -> list[dict[str, object]]:
    """A private data set in the schema of openslr/librispeech_asr; gives its rows without the audio."""
    sound = io.BytesIO()
    soundfile.write(sound, np.zeros(4800), 16000, format="FLAC")
    rows = [
        {"file": f"1-2-{i}.flac", "text": f"LINE {'AB'[i]}", "speaker_id": 1, "chapter_id": 2, "id": f"1-2-{i}"}
        for i in range(2)
    ]
    table = pa.Table.from_pylist([{**row, "audio": {"bytes": sound.getvalue(), "path": row["file"]}} for row in rows])
    parquet = io.BytesIO()
    pq.write_table(table, parquet)
    features = "".join(f"  - name: {name}\n    dtype: string\n" for name in ("file", "text", "id"))
    features += "".join(f"  - name: {name}\n    dtype: int64\n" for name in ("speaker_id", "chapter_id"))
    features += "  - name: audio\n    dtype:\n      audio:\n        sampling_rate: 16000\n"
    readme = (
        "---\nconfigs:\n- config_name: clean\n  data_files:\n  - split: train.100\n    path: clean/train.100/*\n"
        f"dataset_info:\n- config_name: clean\n  features:\n{features}---\n"
    )
    files = {"README.md": readme.encode(), "clean/train.100/0000.parquet": parquet.getvalue()}
    api = HfApi(token=ALICE_TOKEN)
    api.create_repo(repo_id, repo_type="dataset", private=True)
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(repo_id, operations, commit_message="data", repo_type="dataset")
    return rows
