"""The arguments of training: defaults, the weights of the losses, and where they can come from."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from training_support import TRAINING_ALONE
from transformers import HfArgumentParser, TrainingArguments

from hf_bigru_asr.training.arguments import CTCTrainingArguments
from hf_bigru_asr.training.modeling import LossSettings

LOSSES = {
    "consistency_weight": 0.2,
    "mmi_weight": 0.5,
    "mmi_lm": "lm.safetensors",
    "word_error_weight": 2.0,
    "word_error_temperature": 0.5,
    "distillation_weight": 0.7,
}
SETTINGS = LossSettings(**{name: value for name, value in LOSSES.items() if name != "mmi_lm"})


def test_arguments_default_to_the_recipe(tmp_path: Path) -> None:
    arguments = CTCTrainingArguments(output_dir=str(tmp_path))
    assert (arguments.learning_rate, arguments.adam_beta1, arguments.adam_beta2) == (2e-3, 0.9, 0.98)
    assert arguments.remove_unused_columns is False
    assert arguments.metric_for_best_model == "wer"
    assert arguments.greater_is_better is False
    assert str(arguments.device.type) == ("cuda" if torch.cuda.is_available() else "cpu")
    assert arguments.loss_settings() == LossSettings()
    assert arguments.optim == TrainingArguments(output_dir=str(tmp_path)).optim


@pytest.mark.parametrize("source", ["command line", "json", "yaml"])
def test_the_losses_come_from_every_source(source: str, tmp_path: Path) -> None:
    parser = HfArgumentParser(CTCTrainingArguments)
    values: dict[str, Any] = LOSSES | {"output_dir": str(tmp_path), "report_to": "none"}
    if source == "command line":
        (arguments,) = parser.parse_args_into_dataclasses([f"--{name}={value}" for name, value in values.items()])
    elif source == "json":
        (tmp_path / "arguments.json").write_text(json.dumps(values))
        (arguments,) = parser.parse_json_file(tmp_path / "arguments.json")
    else:
        (tmp_path / "arguments.yaml").write_text(yaml.safe_dump(values))
        (arguments,) = parser.parse_yaml_file(tmp_path / "arguments.yaml")
    assert arguments.loss_settings() == SETTINGS
    assert LOSSES.items() <= arguments.to_sanitized_dict().items()  # what training.json has


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mmi_weight": 1.0}, "mmi_weight is 1.0 and needs mmi_lm; scripts/build_character_lm.py writes one"),
        ({"consistency_weight": -0.2}, "consistency_weight is -0.2; it must be at least 0"),
        ({"word_error_temperature": 0.0}, "word_error_temperature is 0.0; it must be positive"),
        ({"optim": "soup"}, "soup"),
    ],
    ids=["mmi_lm", "weight", "temperature", "optim"],
)
def test_bad_arguments_are_refused(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        CTCTrainingArguments(output_dir=str(tmp_path), **TRAINING_ALONE, **values)
