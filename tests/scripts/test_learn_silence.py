"""`scripts/learn_silence.py` on a small network."""

import json
from pathlib import Path

import numpy as np
import torch
from repository import SAMPLE
from script_runs import run_script, spoken, write_split

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC


def test_learn_silence_writes_a_model_that_normalises_by_speech(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    processor.feature_extractor.prior_frames, processor.feature_extractor.prior_std = 30, [3.0] * 128
    tiny_model.save_pretrained(tmp_path / "before")
    processor.save_pretrained(tmp_path / "before")
    rows = [{"sound": {"bytes": SAMPLE.read_bytes(), "path": SAMPLE.name}}] * 2
    data = write_split(tmp_path / "data", "train", rows)
    command = ("learn_silence.py", "--dataset_name", data, "--audio_column_name", "sound", "--steps", 2)
    command += ("--batch_size", 2, "--model", tmp_path / "before")

    runs = [run_script(*command, "--seed", seed, "--output_dir", tmp_path / str(seed)) for seed in (1, 2)]

    for run in runs:
        assert run.returncode == 0, run.stderr[-3000:]
    settings = json.loads((tmp_path / "1" / "processor_config.json").read_text())["feature_extractor"]
    assert settings["normalization"] == "speech"
    assert (settings["prior_frames"], settings["prior_std"]) == (30, [3.0] * 128)
    assert np.shape(settings["prior_mean"]) == (128,)
    learnt = [BiGRUForCTC.from_pretrained(tmp_path / str(seed)).lm_head.bias for seed in (1, 2)]
    assert not torch.equal(learnt[0], tiny_model.lm_head.bias)
    assert not torch.equal(*learnt), "the seed draws the examples"


def test_what_has_no_speech_teaches_nothing(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    tiny_model.save_pretrained(tmp_path / "before")
    processor.save_pretrained(tmp_path / "before")
    data = write_split(tmp_path / "data", "train", [{"audio": spoken("A")}])
    command = ("learn_silence.py", "--dataset_name", data, "--model", tmp_path / "before", "--output_dir", tmp_path)
    result = run_script(*command, "--max_duration_s", 0.01)
    assert result.returncode == 2
    assert "There is no utterance to take a variance from; give at least one." in result.stderr
