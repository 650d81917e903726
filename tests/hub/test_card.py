"""The model card and the evaluation records."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import EvalResult, ModelCard, parse_eval_result_entries
from repository import REPOSITORY
from safetensors.torch import save_file

from hf_bigru_asr.hub import card as card_module
from hf_bigru_asr.hub.card import (
    build_card,
    check_card,
    evaluation_records,
    find_evaluations,
    load_evaluation,
    template_path,
    write_card,
)

EVALUATION: dict[str, Any] = {
    "model": "checkpoint",
    "dataset": {
        "name": "openslr/librispeech_asr",
        "config": "clean",
        "split": "test",
        "num_utterances": 2620,
        "hours": 5.403,
    },
    "metrics": {
        "wer": 0.25123,
        "cer": 0.08336,
        "substitutions": 1,
        "deletions": 2,
        "insertions": 3,
        "precision": 0.8012,
        "recall": 0.7934,
        "f1": 0.7973,
        "num_words": 52576,
    },
    "decoding": {"method": "greedy", "batch_size": 4},
    "speed": {"real_time_factor": 131.42, "time_per_utterance_s": {"median": 0.0452, "p95": 0.1213}},
    "machine": {"cpu": "AMD EPYC", "num_threads": 2, "platform": "Linux-6.1"},
    "versions": {"python": "3.11.2", "torch": "2.14.1", "transformers": "5.23.0", "hf_bigru_asr": "0.1.0"},
    "command": "python scripts/evaluate.py --split test | tee log",
    "commit": "0123abc",
    "date": "2026-01-02T03:04:05Z",
}
TRAINING: dict[str, Any] = {
    "arguments": {
        "learning_rate": 0.002,
        "num_train_epochs": 12,
        "hub_token": "hf_secret",
        "weight_decay": None,
        "optim": "None",
    },
    "dataset": {
        "name": "openslr/librispeech_asr",
        "config": "clean",
        "train_split": "train.100",
        "eval_split": "validation",
        "train": {"hours": 100.59, "num_utterances": 28539, "num_rejected": {}},
    },
    "hardware": {"gpu": "H100"},
    "wall_time_s": 9000.0,
    "commit": "4567def",
    "command": "python scripts/train.py a|b",
    "best_validation": {"wer": 0.2601, "cer": 0.0902},
}


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """What the card reads of a model: its configuration, the header of its weights, its training."""
    folder = tmp_path / "model"
    folder.mkdir()
    sizes = {"num_hidden_layers": 3, "hidden_size": 256, "num_mel_bins": 128, "vocab_size": 29}
    (folder / "config.json").write_text(json.dumps({**sizes, "inputs_to_logits_ratio": 320}))
    save_file({"a": torch.zeros(1000, 3), "b": torch.zeros(7)}, folder / "model.safetensors")
    (folder / "training.json").write_text(json.dumps(TRAINING))
    return folder


def _evaluation(**changes: dict[str, Any]) -> dict[str, Any]:
    """`EVALUATION` with some keys of some sections changed."""
    evaluation = copy.deepcopy(EVALUATION)
    for section, values in changes.items():
        evaluation[section] |= values
    return evaluation


def _table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table after a heading."""
    lines = text.split(f"## {heading}\n")[1].splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("|"))
    last = next(index for index, line in enumerate(lines[first:], first) if not line.startswith("|"))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[first:last]]


def test_results_table_has_the_measured_figures(model_dir: Path) -> None:
    text = build_card(model_dir, [EVALUATION], "alice/bigru").text
    header, _, row = _table(text, "Results")
    assert dict(zip(header, row, strict=True)) == {
        "Test data": "openslr/librispeech_asr clean test",
        "Decoding": "greedy",
        "WER %": "25.12",
        "CER %": "8.34",
        "Word precision %": "80.12",
        "Word recall %": "79.34",
        "Word F1 %": "79.73",
        "Utterances": "2,620",
        "Hours": "5.4",
        "Measured": "(1)",
    }
    assert (
        "\n1. openslr/librispeech_asr clean test, command `python scripts/evaluate.py --split test | tee log`, commit "
        "`0123abc`, 2026-01-02T03:04:05Z, on AMD EPYC, num_threads: 2, Linux-6.1, with python 3.11.2, torch 2.14.1, "
        "transformers 5.23.0, hf_bigru_asr 0.1.0\n"
    ) in text
    assert _table(text, "Speed")[2] == [
        "openslr/librispeech_asr clean test (greedy)",
        "4",
        "131.4",
        "45.2",
        "121.3",
        "AMD EPYC, num_threads: 2, Linux-6.1",
    ]


def test_training_section_comes_from_training_json(model_dir: Path) -> None:
    text = build_card(model_dir, [], "alice/bigru").text
    assert dict(row for row in _table(text, "Training")[2:]) == {
        "Training data": "openslr/librispeech_asr clean train.100, 100.6 h, 28,539 utterances",
        "Validation data": "openslr/librispeech_asr clean validation",
        "Best on the validation data": "WER 26.01 %, CER 9.02 %",
        "Hardware": "gpu: H100",
        "Wall time": "2.50 h",
        "Command": r"`python scripts/train.py a\|b`",
        "Commit": "`4567def`",
    }
    assert "| num_train_epochs | `12` |\n| learning_rate | `0.002` |\n" in text
    assert "hf_secret" not in text
    assert "weight_decay" not in text
    assert "optim" not in text


def test_training_with_a_teacher_on_another_data_set_than_that_of_the_evaluation(model_dir: Path) -> None:
    assert "Whisper" not in build_card(model_dir, [EVALUATION], "alice/bigru").text
    path = model_dir / "training.json"
    training = json.loads(path.read_text())
    training["dataset"] |= {
        "name": "taught",
        "config": None,
        "eval_name": EVALUATION["dataset"]["name"],
        "eval_config": EVALUATION["dataset"]["config"],
        "eval_split": EVALUATION["dataset"]["split"],
    }
    name = "the encoder of Whisper-base (A. Radford et al., 2022; MIT licence)"
    taught = {"arguments": {"distillation_weight": 1.5, "teacher_name": name}}
    training["earlier_stages"] = [taught, taught, {"arguments": {}}]
    path.write_text(json.dumps(training))
    text = build_card(model_dir, [EVALUATION], "alice/bigru").text
    assert ["Validation data", "openslr/librispeech_asr clean test"] in _table(text, "Training")
    assert "fitted on openslr/librispeech_asr clean test; figures on it are a little too good" in text
    assert text.count("Whisper") == 1
    training["dataset"] |= {"name": "./taught", "eval_name": "../librispeech_asr"}
    path.write_text(json.dumps(training))
    assert build_card(model_dir, [EVALUATION], "alice/bigru", dataset_id=EVALUATION["dataset"]["name"]).text == (
        text.replace("| taught train.100", "| ./taught train.100")
    )
    assert (
        "what the encoder of Whisper-base (A. Radford et al., 2022; MIT licence) makes of the training speech" in text
    )


def test_a_teacher_without_a_name_is_not_given_one(model_dir: Path) -> None:
    path = model_dir / "training.json"
    training = json.loads(path.read_text())
    training["arguments"] |= {"distillation_weight": 1.0, "teacher_name": None}
    path.write_text(json.dumps(training))
    assert "that is not kept, what a larger recogniser makes of the training speech" in (
        build_card(model_dir, [], "alice/bigru").text
    )


def test_the_size_of_batches_is_the_one_that_was_used(model_dir: Path) -> None:
    path = model_dir / "training.json"
    training = json.loads(path.read_text())
    training["arguments"] |= {"per_device_train_batch_size": 8, "per_device_train_batch_seconds": None}
    path.write_text(json.dumps(training))
    text = build_card(model_dir, [], "alice/bigru").text
    assert "| per_device_train_batch_size | `8` |\n" in text
    assert "batch_seconds" not in text
    training["arguments"]["per_device_train_batch_seconds"] = 100.0
    path.write_text(json.dumps(training))
    text = build_card(model_dir, [], "alice/bigru").text
    assert "| per_device_train_batch_seconds | `100.0` |\n" in text
    assert "per_device_train_batch_size" not in text


def test_figures_on_what_the_model_was_chosen_on_are_said_to_be_so(model_dir: Path) -> None:
    on_validation = _evaluation(dataset={"split": "validation", "num_utterances": 2703})
    text = build_card(model_dir, [EVALUATION, on_validation], repo_id="alice/bigru").text
    assert "fitted on openslr/librispeech_asr clean validation; figures on it are a little too good" in text
    assert "too good" not in build_card(model_dir, [EVALUATION], repo_id="alice/bigru").text


def test_earlier_steps_of_the_training_are_named(model_dir: Path) -> None:
    path = model_dir / "training.json"
    training = json.loads(path.read_text())
    first = {"command": "train.py --first", "commit": "1230abc", "wall_time_s": 5400, "dataset": {}}
    second = {
        "command": "train.py --second",
        "commit": "1231abc",
        "dataset": {"extra": [{"name": "synthetic", "hours": 23.5}]},
    }
    path.write_text(json.dumps(training | {"earlier_stages": [first, second]}))
    rows = dict(row for row in _table(build_card(model_dir, [], "alice/bigru").text, "Training")[2:])
    assert rows["Before it, step 1"] == "`train.py --first`, commit `1230abc`, 1.50 h of wall time"
    assert rows["Before it, step 2"] == "`train.py --second`, commit `1231abc`, 23.5 h more of `synthetic`"
    assert rows["Runs"] == "3, 4 h of wall time in all; what follows is of the last"
    assert "Weights" not in rows
    path.write_text(json.dumps(training | {"notes": "The mean of two runs."}))
    rows = dict(row for row in _table(build_card(model_dir, [], "alice/bigru").text, "Training")[2:])
    assert rows["Weights"] == "The mean of two runs."
    assert "Runs" not in rows


def test_the_other_data_sets_of_a_run_are_named(model_dir: Path) -> None:
    path = model_dir / "training.json"
    training = json.loads(path.read_text())
    training["dataset"]["extra"] = [{"name": "segments", "hours": 16.7}, {"name": "synthetic", "hours": 23.5}]
    path.write_text(json.dumps(training | {"earlier_stages": [training | {"commit": None}]}))
    rows = dict(row for row in _table(build_card(model_dir, [], "alice/bigru").text, "Training")[2:])
    expected = "openslr/librispeech_asr clean train.100, 100.6 h, 28,539 utterances"
    expected += ", 16.7 h more of `segments`, 23.5 h more of `synthetic`"
    assert rows["Training data"] == expected
    assert ", 16.7 h more of `segments`, 23.5 h more of `synthetic`, 2.50 h of wall time" in rows["Before it, step 1"]


def test_metadata_are_complete_and_survive_writing_and_reading(model_dir: Path, tmp_path: Path) -> None:
    other = _evaluation(dataset={"config": "other", "num_utterances": 2939}, metrics={"wer": 0.5})
    write_card(model_dir, tmp_path, [EVALUATION, other], "alice/bigru")
    data = ModelCard.load(tmp_path / "README.md").data
    assert (data.language, data.license, data.library_name) == ("en", "apache-2.0", "transformers")
    assert data.pipeline_tag == "automatic-speech-recognition"
    assert data.datasets == ["openslr/librispeech_asr"]
    assert data.metrics == ["wer", "cer"]
    assert data.model_name == "bigru"
    assert [(r.dataset_config, r.metric_type, r.metric_value) for r in data.eval_results] == [
        ("clean", "wer", 25.12),
        ("clean", "cer", 8.34),
        ("other", "wer", 50.0),
        ("other", "cer", 8.34),
    ]
    assert all(isinstance(result, EvalResult) and result.dataset_split == "test" for result in data.eval_results)


def test_records_are_in_the_current_form(model_dir: Path, tmp_path: Path) -> None:
    other = _evaluation(dataset={"config": "other", "num_utterances": 2939})
    write_card(model_dir, tmp_path, [EVALUATION, other], "alice/bigru")
    paths = sorted((tmp_path / ".eval_results").iterdir())
    assert [path.name for path in paths] == ["librispeech_asr_clean_test.yaml", "librispeech_asr_other_test.yaml"]
    (entry,) = parse_eval_result_entries(yaml.safe_load(paths[0].read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("openslr/librispeech_asr", "clean_test", 25.12)
    assert entry.date == "2026-01-02T03:04:05Z"
    assert entry.notes == "WER in percent; greedy decoding; 2,620 utterances; CER 8.34 %; commit 0123abc"


def test_two_decodings_of_one_split_share_a_record() -> None:
    beam = _evaluation(decoding={"method": "beam"}, metrics={"wer": 0.2})
    ((path, text),) = evaluation_records([EVALUATION, beam]).items()
    assert path == ".eval_results/librispeech_asr_clean_test.yaml"
    assert [entry.value for entry in parse_eval_result_entries(yaml.safe_load(text))] == [25.12, 20.0]


def test_a_part_of_a_split_is_no_result_on_the_split(model_dir: Path) -> None:
    own = "17 held-out speakers of train-clean-100"
    part = _evaluation(dataset={"split": "validation", "num_utterances": 146, "description": own})
    first = _evaluation(dataset={"num_utterances": 100}, metrics={"wer": 0.5})

    card = build_card(model_dir, [EVALUATION, part, first], "alice/bigru")

    rows = _table(card.text, "Results")[2:]
    assert [row[0] for row in rows] == [
        "openslr/librispeech_asr clean test",
        own,
        "100 utterances of openslr/librispeech_asr clean test",
    ]
    assert f"fitted on {own}; figures on it are a little too good" in card.text
    assert ["Validation data", own] in _table(card.text, "Training")
    assert [result.metric_value for result in card.data.eval_results] == [25.12, 8.34]
    assert list(evaluation_records([part, first])) == []


def test_utterances_that_failed_belong_to_the_split() -> None:
    assert evaluation_records([_evaluation(dataset={"num_utterances": 2617, "num_failed": 3})])
    assert not evaluation_records([_evaluation(dataset={"num_utterances": 2617, "num_failed": 0})])


def test_what_is_not_in_the_name_of_the_data_is_told(model_dir: Path) -> None:
    encoded = _evaluation(dataset={"description": "encoded as Ogg Opus at 24 kbit/s"})
    text = build_card(model_dir, [encoded], "alice/bigru").text
    assert "\n1. openslr/librispeech_asr clean test (encoded as Ogg Opus at 24 kbit/s), command" in text
    assert _table(text, "Results")[2][0] == "openslr/librispeech_asr clean test"
    ((_, record),) = evaluation_records([encoded]).items()
    (entry,) = parse_eval_result_entries(yaml.safe_load(record))
    assert "; 2,620 utterances; encoded as Ogg Opus at 24 kbit/s; CER" in entry.notes


def test_several_grids_of_frames_are_told_apart(model_dir: Path) -> None:
    grids = EVALUATION | {"num_offsets": 3}

    text = build_card(model_dir, [EVALUATION, grids], "alice/bigru").text

    assert [row[1] for row in _table(text, "Results")[2:4]] == ["greedy", "greedy, 3 grids"]
    explanation = "averaged over as many passes of the network"
    assert explanation in text
    assert explanation not in build_card(model_dir, [EVALUATION], "alice/bigru").text


@pytest.mark.parametrize("name", ["/data/mine", "mine", "./data/mine"])
def test_data_that_are_not_on_the_hub_have_no_record(model_dir: Path, name: str) -> None:
    local = _evaluation(dataset={"name": name})
    assert evaluation_records([local]) == {}
    assert _table(build_card(model_dir, [local], "alice/bigru").text, "Results")[2][0] == f"{name} clean test"


def test_local_folder_can_be_called_by_its_hub_id(model_dir: Path) -> None:
    (model_dir / "training.json").write_text(json.dumps({**TRAINING, "dataset": {"name": "/data/mine"}}))
    (model_dir / "evaluation.json").write_text(json.dumps(_evaluation(dataset={"name": "/data/mine"})))
    evaluation = load_evaluation(model_dir / "evaluation.json", "openslr/librispeech_asr")
    assert list(evaluation_records([evaluation])) == [".eval_results/librispeech_asr_clean_test.yaml"]
    text = build_card(model_dir, [evaluation], "alice/bigru", "openslr/librispeech_asr").text
    assert "| Training data | openslr/librispeech_asr |" in text
    assert "/data/mine" not in text


def test_hub_id_in_a_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(EVALUATION))
    assert load_evaluation(tmp_path / "evaluation.json", "another/name") == EVALUATION


def test_folder_that_looks_like_a_hub_id_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "mine").mkdir(parents=True)
    assert evaluation_records([_evaluation(dataset={"name": "data/mine"})]) == {}


def test_training_on_a_local_folder_leaves_no_path_in_the_metadata(model_dir: Path) -> None:
    (model_dir / "training.json").write_text(json.dumps({**TRAINING, "dataset": {"name": "/data/mine"}}))
    assert build_card(model_dir, [], "alice/bigru").data.datasets == ["openslr/librispeech_asr"]


def test_utterances_that_failed_are_told(model_dir: Path) -> None:
    text = build_card(model_dir, [_evaluation(dataset={"num_failed": 3})], "alice/bigru").text
    assert "clean test (3 further utterances could not be read), command" in text
    assert "could not be read" not in build_card(model_dir, [_evaluation(dataset={"num_failed": 0})], "a/b").text


def test_machine_is_the_one_that_ran(model_dir: Path) -> None:
    for device, shown in (("cuda", "on H100, AMD EPYC"), ("cpu", "on AMD EPYC")):
        measured = _evaluation(machine={"gpu": "H100", "device": device})
        assert shown in build_card(model_dir, [measured], "alice/bigru").text


def test_what_was_not_measured_is_left_out(model_dir: Path) -> None:
    (model_dir / "training.json").unlink()
    bare = {"dataset": {"name": "openslr/librispeech_asr", "split": "test"}, "metrics": {"wer": 0.5}}
    card = build_card(model_dir, [bare], "alice/bigru")
    assert _table(card.text, "Results")[2] == [
        "openslr/librispeech_asr test", "unstated", "50.00", "", "", "", "", "", "", "(1)",
    ]  # fmt: skip
    assert "\n1. openslr/librispeech_asr test\n" in card.text
    assert "## Speed" not in card.text
    assert "| | |" not in card.text
    assert "| Argument |" not in card.text
    assert [result.metric_type for result in card.data.eval_results] == ["wer"]
    for trace in ("None", "nan", "Undefined", "{{", "{%"):
        assert trace not in card.text


def test_speakers_lengths_and_confidences_have_tables(model_dir: Path) -> None:
    measured = _evaluation() | {
        "by_speaker": {"num_speakers": 40, "min": 0.1, "median": 0.25, "max": 0.5},
        "by_duration_s": [
            {"from_s": 0, "to_s": 5, "num_utterances": 3, "wer": 0.3},
            {"from_s": 20, "num_utterances": 2, "wer": 0.2},
        ],
        "confidence": {
            "num_words": 1234,
            "share_wrong": 0.25,
            "expected_calibration_error": 0.021,
            "wrong_words_average_precision": 0.75,
            "bins": [],
        },
    }
    other = _evaluation(dataset={"split": "validation"}) | {
        "by_speaker": {"num_speakers": 2, "min": 0.2, "median": 0.3, "max": 0.4},
        "by_duration_s": [{"from_s": 5, "to_s": 10, "num_utterances": 3, "wer": 0.4}],
    }
    text = build_card(model_dir, [measured, other], "alice/bigru").text
    speakers = _table(text.replace("WER % by speaker", "## BY SPEAKER\n"), "BY SPEAKER")
    assert speakers[0][2:] == ["Speakers", "Best", "Median", "Worst", "0 to 5 s", "5 to 10 s", "over 20 s"]
    assert speakers[2][2:] == ["40", "10.0", "25.0", "50.0", "30.0", "", "20.0"]
    assert speakers[3][2:] == ["2", "20.0", "30.0", "40.0", "", "40.0", ""]
    confidences = _table(text.replace("How true the confidences", "## CONFIDENCES\n"), "CONFIDENCES")
    assert [row[2:] for row in confidences[2:]] == [["1,234", "25.0", "2.1", "75.0"]]


def test_a_language_model_and_pictures_are_shown_if_they_are_there(model_dir: Path) -> None:
    text = build_card(model_dir, [_evaluation()], "alice/bigru").text
    assert "With the language model" not in text
    assert ".png" not in text
    record = {"order": 4, "num_words": 57441, "num_bytes": 12_400_000, "num_running_words": 17_000_000}
    score = {"perplexity": 377.1, "out_of_vocabulary_rate": 0.00999, "num_words": 4704}
    (model_dir / "language_model").mkdir()
    (model_dir / "language_model" / "language_model.json").write_text(json.dumps({**record, "validation": score}))
    for name in ("learning_curve.png", "tuning.png", "reliability.png"):
        (model_dir / name).touch()
    text = build_card(model_dir, [_evaluation()], "alice/bigru").text
    assert "order 4 with its lexicon of 57,441 words (12.4 MB), from 17.0 million words" in text
    assert "On validation its perplexity is 377, and 1.0 % of the words are outside the lexicon." in text
    for name in ("learning_curve.png", "tuning.png", "reliability.png"):
        assert f"]({name})" in text


def test_card_without_figures_says_so(model_dir: Path) -> None:
    card = build_card(model_dir, [], "alice/bigru")
    assert "No figures have been measured for this checkpoint." in card.text
    assert "model-index" not in card.data.to_dict()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("mmi_weight", "the transcript competes with all that"),
        ("word_error_weight", "the expected share of wrong words is a part"),
        ("mwer_weight", "which a beam search with a language model finds"),
    ],
)
def test_what_is_added_to_the_loss_is_told(model_dir: Path, option: str, told: str) -> None:
    assert told not in build_card(model_dir, [], "alice/tiny").text
    earlier = [{"arguments": {option: 0.5}}]
    (model_dir / "training.json").write_text(json.dumps(TRAINING | {"earlier_stages": earlier}))
    assert told in build_card(model_dir, [], "alice/tiny").text


def test_the_prior_of_the_features_is_told(model_dir: Path) -> None:
    assert "as if the utterance had" not in build_card(model_dir, [], "alice/tiny").text
    features = {"prior_frames": 150, "prior_std": [2.0] * 128}
    (model_dir / "processor_config.json").write_text(json.dumps({"feature_extractor": features}))
    assert "as if the utterance had 150 more frames" in build_card(model_dir, [], "alice/tiny").text


def test_card_names_the_repository_and_the_size(model_dir: Path) -> None:
    text = build_card(model_dir, [EVALUATION], "alice/bigru").text
    assert "\n# bigru\n" in text
    assert "3,007 parameters" in text
    assert text.count('"alice/bigru"') == 6
    assert "https://huggingface.co/alice/bigru}" in text


def test_every_python_example_compiles(model_dir: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", build_card(model_dir, [], "alice/bigru").text, re.DOTALL)
    assert len(examples) == 5
    for example in examples:
        compile(example, "model_card.md", "exec")


def test_template_lies_in_the_wheel_or_at_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert template_path() == REPOSITORY / "model_card.md"
    package = tmp_path / "hf_bigru_asr"
    package.mkdir()
    monkeypatch.setattr(card_module, "__file__", str(package / "card.py"))
    with pytest.raises(FileNotFoundError, match=r"model_card\.md is neither in .*; reinstall hf_bigru_asr"):
        template_path()
    for folder in (tmp_path, package):
        (folder / "model_card.md").touch()
        assert template_path() == folder / "model_card.md"


def test_evaluations_are_found_beside_the_model(model_dir: Path) -> None:
    for name in ("evaluation_other.json", "evaluation_clean.json", "eval.json"):
        (model_dir / name).write_text(json.dumps(EVALUATION))
    found = find_evaluations(model_dir)
    assert [path.name for path in found] == ["evaluation_clean.json", "evaluation_other.json"]
    assert load_evaluation(found[0]) == EVALUATION


def _without(section: str, key: str) -> dict[str, Any]:
    evaluation = copy.deepcopy(EVALUATION)
    del evaluation[section][key]
    return evaluation


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is broken: Expecting property name"),
        ("[]", "is broken: it holds a JSON list instead of an object"),
        ("{}", r"has no dataset\.name; give a file that scripts/evaluate\.py wrote"),
        (json.dumps(_without("dataset", "split")), r"has no dataset\.split"),
        (json.dumps(_without("metrics", "wer")), r"has no metrics\.wer"),
        (json.dumps(_evaluation(metrics={"wer": float("nan")})), r"metrics\.wer = nan; it must be a finite fraction"),
        (json.dumps(_evaluation(metrics={"wer": "25 %"})), r"metrics\.wer = '25 %'"),
        (json.dumps(_evaluation(metrics={"cer": -0.1})), r"metrics\.cer = -0\.1; .* at least 0\. Run"),
        (json.dumps(_evaluation(metrics={"f1": 79.7})), r"metrics\.f1 = 79\.7; .* at least 0 and at most 1"),
    ],
    ids=["broken", "list", "empty", "no split", "no wer", "nan", "text", "negative", "percent"],
)
def test_bad_evaluation_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"evaluation\.json .*{message}"):
        load_evaluation(path)


def test_wer_above_one_is_a_wer(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(_evaluation(metrics={"wer": 1.25})))
    assert load_evaluation(tmp_path / "evaluation.json")["metrics"]["wer"] == 1.25


def test_missing_files_are_refused_by_name(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no file .*nothing\.json"):
        load_evaluation(tmp_path / "nothing.json")
    (model_dir / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"There is no file .*model\.safetensors"):
        build_card(model_dir, [], "alice/bigru")


def test_same_evaluation_twice_is_refused(model_dir: Path) -> None:
    with pytest.raises(ValueError, match="two evaluations of openslr/librispeech_asr clean test with greedy decoding"):
        build_card(model_dir, [EVALUATION, EVALUATION], "alice/bigru")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("license", "mit", "has license: 'mit'; it must be 'apache-2.0'"),
        ("pipeline_tag", None, "has pipeline_tag: None"),
        ("language", "de", "has language: 'de'; it must be 'en'"),
        ("tags", [], "has no tags"),
        ("datasets", None, "has no datasets"),
    ],
)
def test_check_refuses_wrong_metadata(model_dir: Path, name: str, value: object, message: str) -> None:
    card = build_card(model_dir, [EVALUATION], "alice/bigru")
    card.data[name] = value
    with pytest.raises(ValueError, match=message):
        check_card(card)
