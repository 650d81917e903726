"""A private data set in the schema of LibriSpeech streams from a Hub on 127.0.0.1."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from fork_server import ForkServer
from hub_users import ALICE_TOKEN, BOB_TOKEN, run_isolated
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from loopback_hub import LoopbackHub

pytestmark = pytest.mark.hub

STREAM = """
import io, json, sys
import soundfile
from datasets import Audio, load_dataset

rows = load_dataset(sys.argv[1], "clean", split="train.100", streaming=True)
is_audio = isinstance(rows.features["audio"], Audio)
rows = [
    {**row, "audio": len(soundfile.read(io.BytesIO(row["audio"]["bytes"]))[0])}
    for row in rows.cast_column("audio", Audio(decode=False))
]
with open("result.json", "w") as file:
    json.dump({"rows": rows, "is_audio": is_audio}, file)
"""


TRAINING_STREAM = """
import json, sys
from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer
from hf_bigru_asr.cli.train_streaming import load_in_memory
from hf_bigru_asr.data.filtering import UtteranceRules, filter_utterances
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.streaming import SpeechStream

source = (sys.argv[1], "clean", "train.100")
processor = BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(), BiGRUCTCTokenizer())
files = load_speech_dataset(*source, streaming=True, text_column="text")
stream = SpeechStream({"train": files}, UtteranceRules(processor))
units, by_row_groups = stream.units(2)
ids = [[row.example["id"] for row in stream.read(unit, by_row_groups) if row.is_kept] for unit in units]
kept, _ = filter_utterances(load_in_memory(*source, 1, text_column="text"), processor)
with open("result.json", "w") as file:
    json.dump({"ids": ids, "by_row_groups": by_row_groups, "in_memory": list(kept["id"])}, file)
"""


def test_processes_share_out_what_streams(client: LoopbackHub, fork_server: ForkServer, tmp_path: Path) -> None:
    """One row group for two processes: each keeps its share. The data to evaluate on are held in memory."""
    repo_id = "alice/shared_out"
    _upload_librispeech(repo_id)
    run_isolated(fork_server, client, TRAINING_STREAM, repo_id, token=ALICE_TOKEN, folder=tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    assert result == {"ids": [["1-2-0"], ["1-2-1"]], "by_row_groups": True, "in_memory": ["1-2-0"]}


def test_private_dataset_streams(client: LoopbackHub, fork_server: ForkServer, tmp_path: Path) -> None:
    repo_id = "alice/librispeech_asr"
    rows = _upload_librispeech(repo_id)
    run_isolated(fork_server, client, STREAM, repo_id, token=ALICE_TOKEN, folder=tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["is_audio"]
    assert result["rows"] == [{**row, "audio": 4800} for row in rows]
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
