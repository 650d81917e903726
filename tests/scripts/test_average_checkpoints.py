"""`scripts/average_checkpoints.py` as a user starts it."""

from pathlib import Path

import pytest
import torch
from script_runs import run_script

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC

pytestmark = pytest.mark.slow


def test_average_checkpoints_writes_the_mean(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    bias = tiny_model.lm_head.bias.data.clone()
    for number in range(2):
        tiny_model.lm_head.bias.data = bias + number
        tiny_model.save_pretrained(tmp_path / str(number))
        processor.save_pretrained(tmp_path / str(number))

    result = run_script("average_checkpoints.py", tmp_path / "0", tmp_path / "1", "--output_dir", tmp_path / "mean")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"The mean of 2 checkpoints is written to {tmp_path / 'mean'}.\n"
    torch.testing.assert_close(BiGRUForCTC.from_pretrained(tmp_path / "mean").lm_head.bias.data, bias + 0.5)

    refused = run_script("average_checkpoints.py", tmp_path / "nowhere", "--output_dir", tmp_path / "other")
    assert refused.returncode == 2
    assert "nowhere does not exist" in refused.stderr
