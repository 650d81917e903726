"""The scripts as a user starts them: what they write, what they say of bad input, and their exit status."""

import ast
import hashlib
import io
import itertools
import json
import re
import runpy
import subprocess
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
import torch
from repository import REPOSITORY, SAMPLE
from runtime_support import needs_onnx
from small_language_model import write_language_model
from tone_speech import save_listener, speak

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC
from hf_bigru_asr.backends.loading import choose_runtime
from hf_bigru_asr.evaluation import plots
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchSettings
from hf_bigru_asr.model.confidence_bigru_ctc import ConfidenceModel
from hf_bigru_asr.text.normalization import normalize_transcript
from recipe import synthesis
from recipe.character_lm import bits_per_character, estimate_character_lm, load_character_lm

SCRIPTS = REPOSITORY / "scripts"
SAMPLING_RATE = 16_000

pytestmark = pytest.mark.slow


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it in this process: one of its own would take seconds to import everything."""
    command = [str(SCRIPTS / script), *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with mock.patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(err):
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            status = end.code
        except Exception:
            # What Python itself does with it.
            traceback.print_exc()
            status = 1
    if isinstance(status, str):
        err.write(status)
        status = 1
    return subprocess.CompletedProcess(command, status or 0, out.getvalue(), err.getvalue())




def write_noise(path: Path, seconds: float) -> Path:
    samples = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * SAMPLING_RATE))
    soundfile.write(path, samples, SAMPLING_RATE)
    return path
















def test_train_takes_statistics_and_an_ngram_from_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    audio = {"bytes": write_noise(tmp_path / "noise.flac", 1.0).read_bytes(), "path": "noise.flac"}
    rows = pyarrow.Table.from_pylist([{"id": str(number), "audio": audio, "text": "HELLO"} for number in range(2)])
    for split in ("train", "validation"):
        pyarrow.parquet.write_table(rows, data / f"{split}.parquet")

    result = run(
        *("train.py", "--dataset_name", data, "--output_dir", tmp_path / "model", "--normalization", "global"),
        *("--max_steps", 1, "--report_to", "none", "--save_strategy", "no", "--load_best_model_at_end", "false"),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    extractor = json.loads((tmp_path / "model" / "processor_config.json").read_text())["feature_extractor"]
    assert extractor["normalization"] == "global"
    reference = BiGRUCTCFeatureExtractor()
    noise = soundfile.read(tmp_path / "noise.flac", dtype="float32")[0]
    reference.fit_global_statistics([noise])
    assert extractor["global_mean"] == pytest.approx(reference.global_mean, abs=1e-4)

    (tmp_path / "text").write_text("left out\nHello there.\nHELLO\n")
    result = run(
        *("build_character_lm.py", "--text_file", tmp_path / "text", "--output_file", tmp_path / "lm.safetensors"),
        *("--order", 3, "--skip_lines", 1, "--exclude_dataset_name", data),
        *("--exclude_split_name", "train", "validation"),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    transitions = load_character_lm(tmp_path / "lm.safetensors", 28)
    np.testing.assert_array_equal(transitions, estimate_character_lm(["HELLO THERE"], BiGRUCTCTokenizer(), 3))
    bits = bits_per_character(transitions, ["HELLO"], BiGRUCTCTokenizer())
    for split in ("train", "validation"):
        assert f"{bits:.3f} bits per character of {split}." in result.stdout

    result = run(
        *("train.py", "--dataset_name", data, "--output_dir", tmp_path / "prior", "--prior_frames", 100),
        *("--max_steps", 1, "--report_to", "none", "--eval_lm", write_language_model(tmp_path / "words")),
        *("--metric_for_best_model", "lm_wer", "--word_error_weight", 1, "--word_error_temperature", 0.5),
        *("--mmi_weight", 0.5, "--mmi_lm", tmp_path / "lm.safetensors"),
        *("--mwer_weight", 1, "--mwer_scale", 0.5, "--mwer_lm", tmp_path / "words"),
        *("--mwer_beam_size", 10, "--mwer_nbest", 3),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    extractor = json.loads((tmp_path / "prior" / "processor_config.json").read_text())["feature_extractor"]
    record = json.loads((tmp_path / "prior" / "training.json").read_text())
    (evaluated,) = [entry for entry in record["log_history"] if "eval_wer" in entry]
    assert record["best_validation"]["lm_wer"] == evaluated["eval_lm_wer"] != evaluated["eval_wer"]
    reference.fit_prior([noise], 100)
    assert extractor["prior_frames"] == 100
    assert extractor["prior_std"] == pytest.approx(reference.prior_std, abs=1e-3)

    result = run(
        *("train.py", "--model_name_or_path", tmp_path / "prior", "--dataset_name", data, "--prior_frames", 0),
        *("--output_dir", tmp_path / "without", "--max_steps", 1, "--report_to", "none", "--save_strategy", "no"),
        *("--load_best_model_at_end", "false"),
    )

    assert result.returncode == 0, result.stderr[-3000:]
    extractor = json.loads((tmp_path / "without" / "processor_config.json").read_text())["feature_extractor"]
    assert extractor["prior_frames"] == 0










@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--mmi_weight", "mmi_weight is 1.0 and needs mmi_lm; scripts/build_character_lm.py writes one."),
        ("--mwer_weight", "mwer_weight is 1.0 and needs mwer_lm; scripts/build_lm.py makes one."),
        ("--metric_for_best_model=lm_wer --seed", "metric_for_best_model is lm_wer and needs eval_lm, a language"),
        ("--eval_lm=own --seed", "name the folder of one that scripts/build_lm.py made"),
    ],
)
def test_train_wants_a_language_model_before_it_loads_data(option: str, message: str, tmp_path: Path) -> None:
    result = run("train.py", "--dataset_name", tmp_path / "nowhere", "--output_dir", tmp_path, *option.split(), 1)

    assert result.returncode == 1
    assert message in result.stderr














def test_average_checkpoints_writes_the_mean(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    bias = tiny_model.lm_head.bias.data.clone()
    for number in range(2):
        tiny_model.lm_head.bias.data = bias + number
        tiny_model.save_pretrained(tmp_path / str(number))
        processor.save_pretrained(tmp_path / str(number))

    result = run("average_checkpoints.py", tmp_path / "0", tmp_path / "1", "--output_dir", tmp_path / "mean")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"The mean of 2 checkpoints is written to {tmp_path / 'mean'}.\n"
    torch.testing.assert_close(BiGRUForCTC.from_pretrained(tmp_path / "mean").lm_head.bias.data, bias + 0.5)

    refused = run("average_checkpoints.py", tmp_path / "nowhere", "--output_dir", tmp_path / "other")
    assert refused.returncode == 2
    assert "nowhere does not exist" in refused.stderr




def test_plot_training_draws_every_stage(model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    refused = run("plot_training.py", "--model", model_dir, "--output", tmp_path / "curve.png")
    assert refused.returncode == 2
    assert "training.json does not exist; scripts/train.py writes it beside a model" in refused.stderr

    rates = {"eval_loss": 2.5, "eval_wer": 0.5, "eval_cer": 0.2}
    logs = [[{"elapsed_s": 9.0, "loss": loss, **rates}] for loss in (3.0, 2.0)]
    record = {"log_history": logs[1], "earlier_stages": [{"log_history": logs[0]}]}
    (model_dir / "training.json").write_text(json.dumps(record))
    drawn, draw = [], plots.plot_learning_curve

    def draw_and_keep(stages: list[list[dict[str, float]]], path: Path) -> None:
        drawn.extend(stages)
        draw(stages, path)

    monkeypatch.setattr(plots, "plot_learning_curve", draw_and_keep)

    result = run("plot_training.py", "--model", model_dir, "--output", tmp_path / "curve.png")

    assert result.returncode == 0, result.stderr
    assert drawn == logs
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")










