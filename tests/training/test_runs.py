"""A run goes on from checkpoints of its own alone."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from safetensors.numpy import save_file

from hf_bigru_asr.training.runs import RECORD_NAME, RUN_NAME, RunStart, data_digest, start_run, weights_digest

COMMAND = {"model_name_or_path": "bundled", "dataset_name": "./mine", "train_split_name": "train", "noise_prob": 0.0}
TRAINER = {"learning_rate": 1e-3, "num_train_epochs": 2.0, "max_steps": -1, "logging_steps": 500}
DIGESTS: dict[str, str | None] = {"train": "a", "eval": "b", "model": "c"}


def start(folder: Path, named: Path | None = None, **changes: Any) -> RunStart:
    """Start a run with some values changed."""
    parts = {"command": COMMAND, "trainer": TRAINER, "digests": DIGESTS}
    changed: Any = {
        name: values | {key: value for key, value in changes.items() if key in values}
        for name, values in parts.items()
    }
    return start_run(folder, None if named is None else str(named), **changed)


def make_checkpoint(folder: Path, step: int) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    save_file({"weight": torch.zeros(3).numpy()}, checkpoint / "model.safetensors")
    (checkpoint / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return checkpoint


def test_the_same_run_goes_on(tmp_path: Path) -> None:
    assert start(tmp_path) == RunStart()
    checkpoint = make_checkpoint(tmp_path, 7)
    first = start(tmp_path, dataset_name="/elsewhere/mine", logging_steps=1)
    assert (first.checkpoint, first.is_finished) == (str(checkpoint), False)
    longer = start(tmp_path, num_train_epochs=4.0)
    assert [each["num_train_epochs"] for each in longer.resumes] == [2.0, 4.0]
    assert json.loads((tmp_path / RUN_NAME).read_text())["resumes"] == longer.resumes


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"learning_rate": 1e-4}, "learning_rate 0.001, now 0.0001"),
        ({"noise_prob": 0.5}, "noise_prob 0.0, now 0.5"),
        ({"train": "x", "dataset_name": "./yours"}, "train data ./mine train, now ./yours train"),
        ({"train": "x"}, "train data ./mine train, now ./mine train (with other contents)"),
        ({"eval": "x"}, "eval data"),
        ({"model": None, "model_name_or_path": None}, "model bundled, now random weights"),
        ({"model": "x"}, "model bundled, now bundled (with other weights)"),
    ],
)
def test_another_run_is_refused_with_what_differs(changes: dict[str, Any], difference: str, tmp_path: Path) -> None:
    start(tmp_path)
    checkpoint = make_checkpoint(tmp_path, 7)
    written = (tmp_path / RUN_NAME).read_bytes()
    for named in (None, checkpoint):
        with pytest.raises(ValueError, match="was left by another run: ") as refused:
            start(tmp_path, named, **changes)
        assert difference in str(refused.value)
        assert "another --output_dir" in str(refused.value)
    assert (tmp_path / RUN_NAME).read_bytes() == written


def test_a_checkpoint_without_a_record_has_to_be_named(tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "old", 7)
    with pytest.raises(ValueError, match=r"without a run\.json"):
        start(tmp_path / "old")
    resumed = start(tmp_path / "new", checkpoint)
    assert (resumed.checkpoint, resumed.resumes[0]["step"]) == (str(checkpoint), 7)


def test_a_run_is_finished_if_its_record_is_of_the_last_step(tmp_path: Path) -> None:
    start(tmp_path)
    make_checkpoint(tmp_path, 7)
    record = {"log_history": [{"step": 6}, {"step": 7}], "arguments": {"num_train_epochs": 2.0, "max_steps": -1}}
    (tmp_path / RECORD_NAME).write_text(json.dumps(record))
    assert start(tmp_path).is_finished
    assert not start(tmp_path, num_train_epochs=3.0).is_finished
    make_checkpoint(tmp_path, 8)
    assert not start(tmp_path).is_finished


def test_digests_see_every_part() -> None:
    def digest(**changes: Any) -> str | None:
        row = {"audio": {"bytes": b"sound", "path": None}, "text": "A", "length": 3} | changes
        return data_digest(Dataset.from_list([row]), "audio", "text")

    different = [digest(), digest(text="B"), digest(length=4), digest(audio={"bytes": b"other", "path": None})]
    assert len(set(different)) == 4
    assert digest() == digest()
    assert data_digest(iter([]), "audio", "text") is None
    one, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    assert weights_digest(one) != weights_digest(other)
    other.load_state_dict(one.state_dict())
    assert weights_digest(one) == weights_digest(other)
