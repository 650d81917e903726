"""`scripts/train.py` as a user starts it, alone and in two processes."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
import yaml
from repository import SCRIPTS
from safetensors.torch import load_file
from script_runs import run_script
from small_language_model import write_language_model
from speech_rows import RATE_HZ, make_rows, make_waveform, write_parquet
from training_launches import run_in_processes
from training_support import QUIET, make_examples
from transformers import Trainer, TrainingArguments

from hf_bigru_asr import (
    BiGRUCTCConfig,
    BiGRUCTCFeatureExtractor,
    BiGRUCTCProcessor,
    BiGRUCTCTokenizer,
    BiGRUForCTC,
    bundled_checkpoint,
)
from hf_bigru_asr.data.teacher_features import pack_features
from hf_bigru_asr.training.building import build_model
from hf_bigru_asr.training.collator import DataCollatorForCTC
from hf_bigru_asr.training.mmi import load_character_lm
from recipe.character_lm import bits_per_character, estimate_character_lm
from recipe.segmentation import write_segments

pytestmark = pytest.mark.slow

NOISE = make_waveform(0, 16_000)
ONE_STEP = ("--max_steps", 1, "--warmup_steps", 0, "--report_to", "none", "--disable_tqdm", "true")
NO_CHECKPOINT = ("--save_strategy", "no", "--load_best_model_at_end", "false", "--eval_strategy", "no")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two utterances of a second of noise in each split; only to be read."""
    folder = tmp_path_factory.mktemp("data")
    soundfile.write(folder / "noise.flac", NOISE, RATE_HZ, subtype="PCM_16")
    audio = {"bytes": (folder / "noise.flac").read_bytes(), "path": "noise.flac"}
    rows = pa.Table.from_pylist([{"id": str(number), "audio": audio, "text": "HELLO"} for number in range(2)])
    for split in ("train", "validation"):
        pq.write_table(rows, folder / f"{split}.parquet")
    return folder


@pytest.fixture(scope="module")
def character_lm(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checked here too: the sentences of the data are left out."""
    folder = tmp_path_factory.mktemp("character_lm")
    (folder / "text").write_text("left out\nHello there.\nHELLO\n")
    result = run_script(
        *("build_character_lm.py", "--text_file", folder / "text", "--output_file", folder / "lm.safetensors"),
        *("--order", 3, "--skip_lines", 1, "--exclude_dataset_name", data_dir),
        *("--exclude_split_name", "train", "validation"),
    )
    assert result.returncode == 0, result.stderr[-3000:]
    transitions = load_character_lm(folder / "lm.safetensors", 28).numpy()
    np.testing.assert_array_equal(transitions, estimate_character_lm(["HELLO THERE"], BiGRUCTCTokenizer(), 3))
    bits = bits_per_character(transitions, ["HELLO"], BiGRUCTCTokenizer())
    for split in ("train", "validation"):
        assert f"{bits:.3f} bits per character of {split}." in result.stdout
    return folder / "lm.safetensors"


LOSSES = {
    "mmi_weight": 0.5,
    "word_error_weight": 1.0,
    "word_error_temperature": 0.5,
    "consistency_weight": 0.2,
}


@pytest.fixture(scope="module")
def trained_dir(data_dir: Path, character_lm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new model after one step with the arguments of a YAML file; only to be read."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = {
        "dataset_name": str(data_dir),
        "output_dir": str(folder),
        "prior_frames": 100,
        "mask_feature_prob": 0.25,
        "max_steps": 1,
        "report_to": "none",
        "eval_lm": str(write_language_model(folder.with_name("words"))),
        "metric_for_best_model": "lm_wer",
        "mmi_lm": str(character_lm),
    }
    (folder / "arguments.yaml").write_text(yaml.safe_dump(arguments | LOSSES))
    result = run_script("train.py", folder / "arguments.yaml")
    assert result.returncode == 0, result.stderr[-3000:]
    return folder


def feature_settings(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "processor_config.json").read_text())["feature_extractor"]


def test_the_best_of_a_run_is_chosen_by_the_language_model(trained_dir: Path) -> None:
    record = json.loads((trained_dir / "training.json").read_text())
    (evaluated,) = [entry for entry in record["log_history"] if "eval_wer" in entry]
    assert record["best_validation"]["lm_wer"] == evaluated["eval_lm_wer"] != evaluated["eval_wer"]


def test_a_finished_run_says_so_and_changes_nothing(trained_dir: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained_dir.rglob("*") if path.is_file()}
    result = run_script("train.py", trained_dir / "arguments.yaml")
    assert result.returncode == 0, result.stderr[-3000:]
    assert f"Nothing is left to do: the run in {trained_dir} ended with {trained_dir}/checkpoint-1" in result.stdout
    assert "Give more --max_steps to go on" in result.stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_another_run_in_a_used_folder_is_refused(trained_dir: Path) -> None:
    """Its record would name settings that made no weights."""
    settings = yaml.safe_load((trained_dir / "arguments.yaml").read_text())
    other = trained_dir.with_name("other.yaml")
    other.write_text(yaml.safe_dump(settings | {"learning_rate": 1e-4}))
    result = run_script("train.py", other)
    assert result.returncode == 2
    last = result.stderr.splitlines()[-1]
    assert "checkpoint-1 was left by another run: learning_rate 0.002, now 0.0001. Give what that run had" in last


def test_the_prior_is_fitted_to_the_training_split(trained_dir: Path) -> None:
    reference = BiGRUCTCFeatureExtractor()
    reference.fit_prior([NOISE], 100)
    settings = feature_settings(trained_dir)
    assert settings["prior_frames"] == 100
    assert settings["prior_std"] == pytest.approx(reference.prior_std, abs=1e-3)


def test_the_record_has_the_losses_and_the_model_has_not(trained_dir: Path) -> None:
    record = json.loads((trained_dir / "training.json").read_text())
    assert LOSSES.items() <= record["arguments"].items()
    for folder in (trained_dir, trained_dir / "checkpoint-1"):
        config = json.loads((folder / "config.json").read_text())
        assert config["mask_feature_prob"] == 0.25
        assert config.keys() - {"use_cache"} <= BiGRUCTCConfig().to_dict().keys() | {"auto_map", "dtype"}
        assert not LOSSES.keys() & config.keys()


def test_the_record_has_the_values_in_force(trained_dir: Path) -> None:
    """Also of settings that were not given."""
    arguments = json.loads((trained_dir / "training.json").read_text())["arguments"]
    assert arguments["mask_feature_prob"] == 0.25
    config = BiGRUCTCConfig()
    unset = NETWORK.keys() - {"mask_feature_prob"}
    assert {name: arguments[name] for name in unset} == {name: getattr(config, name) for name in unset}
    assert {name: arguments[name] for name in FEATURES} == {
        name: feature_settings(trained_dir)[name] for name in FEATURES
    }
    assert arguments["prior_frames"] == 100


def test_a_model_of_mmi_training_is_fine_tuned_by_the_stock_trainer(trained_dir: Path, tmp_path: Path) -> None:
    model = BiGRUForCTC.from_pretrained(trained_dir)
    arguments = TrainingArguments(output_dir=str(tmp_path), max_steps=1, save_strategy="no", **QUIET)
    collator = DataCollatorForCTC(BiGRUCTCProcessor.from_pretrained(trained_dir))
    trainer = Trainer(model, arguments, collator, train_dataset=make_examples(2))
    assert np.isfinite(trainer.train().training_loss)


# The model to fine-tune


def test_what_is_unset_stays_as_in_the_model(trained_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    """Every setting of the network and of the features, the prior too; the weights move."""
    result = run_script(
        *("train.py", "--model_name_or_path", trained_dir, "--dataset_name", data_dir, "--output_dir", tmp_path),
        *ONE_STEP,
        *NO_CHECKPOINT,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (trained_dir, tmp_path))
    assert before == after
    assert feature_settings(tmp_path) == feature_settings(trained_dir)
    weights, moved = (load_file(folder / "model.safetensors") for folder in (trained_dir, tmp_path))
    assert not torch.equal(weights["lm_head.weight"], moved["lm_head.weight"])


def parse(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], Any]:
    """The names of the script, and its model arguments."""
    script = runpy.run_path(str(SCRIPTS / "train.py"))
    monkeypatch.setattr("sys.argv", ["train.py", "--dataset_name", "data", *map(str, arguments)])
    return script, script["parse_arguments"](script["make_parser"]())[0]


def test_the_bundled_model_goes_on_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    script, model_args = parse("--model_name_or_path", "bundled", monkeypatch=monkeypatch)
    processor = script["make_processor"](model_args)
    shipped = BiGRUCTCProcessor.from_pretrained(bundled_checkpoint())
    assert processor.feature_extractor.to_dict() == shipped.feature_extractor.to_dict()
    model = build_model("bundled", processor, **model_args.configuration())
    assert model.config.to_dict() == BiGRUForCTC.from_pretrained(bundled_checkpoint()).config.to_dict()


NETWORK = {
    "max_silence_frames": 77,
    "hidden_dropout": 0.35,
    "apply_spec_augment": False,
    "mask_time_prob": 0.15,
    "mask_time_length": 7,
    "mask_feature_prob": 0.5,
    "mask_feature_length": 9,
    "ctc_zero_infinity": False,
}
FEATURES = {"normalization": "none", "hop_length": 480, "win_length": 640}


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "trained"])
def test_what_is_set_holds_for_a_new_model_and_a_trained_one(
    is_new: bool, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [f"--{name}={value}" for name, value in (NETWORK | FEATURES).items()]
    name = None if is_new else str(model_dir)
    script, model_args = parse(*flags, *([] if is_new else ["--model_name_or_path", name]), monkeypatch=monkeypatch)
    processor = script["make_processor"](model_args)
    config = build_model(name, processor, **model_args.configuration()).config
    assert {name: getattr(config, name) for name in NETWORK} == NETWORK
    assert {name: getattr(processor.feature_extractor, name) for name in FEATURES} == FEATURES
    assert config.inputs_to_logits_ratio == 480
    # Together with the prior, which is fitted to data, that is every setting of the model.
    options = set(vars(model_args)) - {"model_name_or_path", "prior_frames", "num_frozen_layers"}
    assert options == NETWORK.keys() | FEATURES.keys()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], {}),
        (["--apply_spec_augment", "--no_ctc_zero_infinity"], {"apply_spec_augment": True, "ctc_zero_infinity": False}),
        (
            ["--no-apply-spec-augment", "--ctc_zero_infinity=yes"],
            {"apply_spec_augment": False, "ctc_zero_infinity": True},
        ),
    ],
    ids=["none", "flags", "values"],
)
def test_flags(flags: list[str], expected: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse(*flags, monkeypatch=monkeypatch)[1].configuration() == expected


def test_the_prior_is_taken_out_again(trained_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    result = run_script(
        *("train.py", "--model_name_or_path", trained_dir, "--dataset_name", data_dir, "--prior_frames", 0),
        *("--output_dir", tmp_path, *ONE_STEP, *NO_CHECKPOINT),
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert feature_settings(tmp_path)["prior_frames"] == 0


# Two processes


def log_of(path: Path) -> tuple[dict[str, Any], list[int]]:
    """The record of a run, and the steps in its log."""
    record = json.loads(path.read_text())
    return record, [entry["step"] for entry in record["log_history"] if "loss" in entry]


BATCHES = {"number": ("--per_device_train_batch_size 1", 2), "seconds": ("--per_device_train_batch_seconds 60", 1)}


def test_two_processes_train_resume_and_have_a_teacher(
    model_dir: Path, run_in_fork: Callable[..., str], tmp_path: Path
) -> None:
    """With a teacher of part of the speech, what comes out is the network alone."""
    data_dir = write_parquet(tmp_path / "librispeech")
    taught = [row | {"teacher_features": pack_features(np.ones((50, 3)))} for row in make_rows()]
    write_segments([taught], tmp_path / "taught")
    write_segments([make_rows()], tmp_path / "more")
    common = f"--model_name_or_path {model_dir} --logging_steps 1 --report_to none --disable_tqdm true"
    runs = {
        kind: f"""{common} --dataset_name {data_dir} --dataset_config_name clean --train_split_name train.100
        --eval_split_name validation --output_dir {tmp_path / kind} {batch} --per_device_eval_batch_size 1
        --speed_factors 0.9 1.0 1.1"""
        for kind, (batch, _) in BATCHES.items()
    }
    teacher = f"""{common} --dataset_name {tmp_path / "taught"} --extra_dataset_name {tmp_path / "more"}
        --eval_dataset_name {data_dir} --eval_dataset_config_name clean --eval_split_name validation
        --output_dir {tmp_path / "teacher"} --per_device_train_batch_size 1 --max_steps 4 --distillation_weight 1.5
        --eval_strategy no --save_strategy steps --save_steps 4 --load_best_model_at_end false"""

    printed = run_in_processes(
        run_in_fork,
        (2, [*(f"{run} --num_train_epochs 1" for run in runs.values()), teacher]),
        (2, [f"{run} --num_train_epochs 2" for run in runs.values()]),
    )
    assert printed.count("train.100: 4 utterances") == 2 * len(runs)
    check_the_run_with_a_teacher(tmp_path / "teacher", model_dir, data_dir)
    for kind, (_, steps) in BATCHES.items():
        first, logged = log_of(tmp_path / f"{kind}-0.json")
        assert first["dataset"]["train"]["num_utterances"] == len(make_rows())
        assert logged == list(range(1, steps + 1))
        again, logged = log_of(tmp_path / f"{kind}-1.json")
        assert logged == list(range(1, 2 * steps + 1))
        assert again["log_history"][0] == first["log_history"][0]
        assert [entry["epoch"] for entry in again["log_history"] if "eval_wer" in entry] == [1.0, 2.0]
        check_the_result(tmp_path / kind)


def check_the_run_with_a_teacher(out: Path, model_dir: Path, data_dir: Path) -> None:
    record = json.loads((out / "training.json").read_text())
    assert record["arguments"]["distillation_weight"] == 1.5
    assert record["dataset"]["eval_name"] == str(data_dir)
    assert (record["dataset"]["train"]["num_utterances"], record["dataset"]["eval"]["num_utterances"]) == (4, 1)
    heads = {name for name in load_file(out / "checkpoint-4" / "model.safetensors") if "teacher" in name}
    assert len(heads) == 4
    weights = load_file(out / "model.safetensors")
    assert weights.keys() == load_file(model_dir / "model.safetensors").keys()
    assert json.loads((out / "config.json").read_text())["architectures"] == ["BiGRUForCTC"]


def check_the_result(out: Path) -> None:
    model = BiGRUForCTC.from_pretrained(out)
    assert all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())
    assert BiGRUCTCProcessor.from_pretrained(out).tokenizer("A").input_ids == [3]
    leftovers = {path.suffix for path in out.iterdir() if path.is_file()}
    assert leftovers <= {".json", ".safetensors", ".py", ".bin"}
