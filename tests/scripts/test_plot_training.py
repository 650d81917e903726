"""`scripts/plot_training.py` as a user starts it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from script_runs import run_script

from hf_bigru_asr.evaluation import plots

pytestmark = pytest.mark.slow


def test_plot_training_draws_every_stage(model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    refused = run_script("plot_training.py", "--model", model_dir, "--output", tmp_path / "curve.png")
    assert refused.returncode == 2
    assert "training.json does not exist; scripts/train.py writes it beside a model" in refused.stderr

    rates = {"eval_loss": 2.5, "eval_wer": 0.5, "eval_cer": 0.2}
    data = {"dataset": {"train": {"hours": 2.0}}, "arguments": {}}
    logs = [[{"epoch": 1.0, "loss": loss, **rates}] for loss in (3.0, 2.0)]
    record = data | {"log_history": logs[1], "earlier_stages": [data | {"log_history": logs[0]}]}
    (model_dir / "training.json").write_text(json.dumps(record))
    drawn, draw = [], plots.plot_learning_curve

    def draw_and_keep(stages: list[dict[str, Any]], path: Path) -> None:
        drawn.extend(stage["log_history"] for stage in stages)
        draw(stages, path)

    monkeypatch.setattr(plots, "plot_learning_curve", draw_and_keep)

    result = run_script("plot_training.py", "--model", model_dir, "--output", tmp_path / "curve.png")

    assert result.returncode == 0, result.stderr
    assert drawn == logs
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")

    (model_dir / "training.json").write_text(json.dumps({"earlier_stages": [], "notes": "without logs"}))
    refused = run_script("plot_training.py", "--model", model_dir)
    assert refused.returncode == 2
    assert "is without the logs of its runs" in refused.stderr


def test_the_bundled_model_is_known_by_name() -> None:
    refused = run_script("plot_training.py", "--model", "bundled")
    assert refused.returncode == 2
    assert "the whole record of the bundled model is in docs/figures" in refused.stderr


def test_a_curve_that_cannot_be_drawn_is_one_line(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    refused = run_script("plot_training.py", "--model", model_dir)
    assert refused.returncode == 2
    assert refused.stderr.startswith(
        "plot_training.py: error: A picture needs the extra `plot`: pip install matplotlib"
    )
