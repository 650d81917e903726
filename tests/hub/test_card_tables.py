"""What the tables and lists of the model card say of evaluations and of the training."""

import json
from pathlib import Path

import pytest
import yaml
from card_records import EVALUATION, TRAINING, changed_evaluation, table, training_list
from huggingface_hub import parse_eval_result_entries

from hf_bigru_asr.hub.card import (
    build_card,
    evaluation_records,
)


def test_results_table_has_the_measured_figures(model_dir: Path) -> None:
    text = build_card(model_dir, [EVALUATION], "alice/bigru").text
    header, _, row = table(text, "Results")
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
        "Times real time": "131.4",
        "Measured": "(1)",
    }
    assert (
        "\n1. openslr/librispeech_asr clean test, batch size 4, 45.2 ms per utterance (median; 95th percentile 121.3 "
        "ms), command `python scripts/evaluate.py --split test | tee log`, commit `0123abc`, 2026-01-02T03:04:05Z, on "
        "AMD EPYC, num_threads: 2, Linux-6.1, with python 3.11.2, torch 2.14.1, transformers 5.23.0, "
        "hf_bigru_asr 0.1.0\n"
    ) in text


def test_training_section_comes_from_training_json(model_dir: Path) -> None:
    text = build_card(model_dir, [], "alice/bigru").text
    assert training_list(text) == {
        "Training data": "openslr/librispeech_asr clean train.100, 100.6 h, 28,539 utterances",
        "Validation data": "openslr/librispeech_asr clean validation, best WER 26.01 %, best CER 9.02 %",
        "Hardware": "gpu: H100, 2.50 h of wall time",
        "Command": "`python scripts/train.py a|b`",
        "Commit": "`4567def`",
        "Settings": "num_train_epochs `12`, learning_rate `0.002`",
    }
    assert "hf_secret" not in text
    assert "weight_decay" not in text
    assert "optim" not in text


def test_training_with_a_teacher_on_another_data_set_than_that_of_thechanged_evaluation(model_dir: Path) -> None:
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
    assert training_list(text)["Validation data"].startswith("openslr/librispeech_asr clean test, best WER")
    assert "fitted on openslr/librispeech_asr clean test; figures on it are a little too good" in text
    assert text.count("Whisper") == 1
    training["dataset"] |= {"name": "./taught", "eval_name": "../librispeech_asr"}
    path.write_text(json.dumps(training))
    assert build_card(model_dir, [EVALUATION], "alice/bigru", dataset_id=EVALUATION["dataset"]["name"]).text == (
        text.replace("Training data: taught train.100", "Training data: ./taught train.100")
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
    assert "per_device_train_batch_size `8`" in text
    assert "batch_seconds" not in text
    training["arguments"]["per_device_train_batch_seconds"] = 100.0
    path.write_text(json.dumps(training))
    text = build_card(model_dir, [], "alice/bigru").text
    assert "per_device_train_batch_seconds `100.0`" in text
    assert "per_device_train_batch_size" not in text


def test_figures_on_what_the_model_was_chosen_on_are_said_to_be_so(model_dir: Path) -> None:
    on_validation = changed_evaluation(dataset={"split": "validation", "num_utterances": 2703})
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
    rows = training_list(build_card(model_dir, [], "alice/bigru").text)
    assert rows["Before it, step 1"] == "`train.py --first`, commit `1230abc`, 1.50 h of wall time"
    assert rows["Before it, step 2"] == "`train.py --second`, commit `1231abc`, 23.5 h more of `synthetic`"
    assert rows["Runs"] == "3, 4 h of wall time in all; what follows is of the last"
    assert "Weights" not in rows
    path.write_text(json.dumps(training | {"notes": "The mean of two runs."}))
    rows = training_list(build_card(model_dir, [], "alice/bigru").text)
    assert rows["Weights"] == "The mean of two runs."
    assert "Runs" not in rows


def test_the_other_data_sets_of_a_run_are_named(model_dir: Path) -> None:
    path = model_dir / "training.json"
    training = json.loads(path.read_text())
    training["dataset"]["extra"] = [{"name": "segments", "hours": 16.7}, {"name": "synthetic", "hours": 23.5}]
    path.write_text(json.dumps(training | {"earlier_stages": [training | {"commit": None}]}))
    rows = training_list(build_card(model_dir, [], "alice/bigru").text)
    expected = "openslr/librispeech_asr clean train.100, 100.6 h, 28,539 utterances"
    expected += ", 16.7 h more of `segments`, 23.5 h more of `synthetic`"
    assert rows["Training data"] == expected
    # The run has no commit, and nothing stands in its place.
    assert rows["Before it, step 1"] == (
        "`python scripts/train.py a|b`, 16.7 h more of `segments`, 23.5 h more of `synthetic`, 2.50 h of wall time"
    )


def test_what_is_not_in_the_name_of_the_data_is_told(model_dir: Path) -> None:
    encoded = changed_evaluation(dataset={"description": "encoded as Ogg Opus at 24 kbit/s"})
    text = build_card(model_dir, [encoded], "alice/bigru").text
    assert "\n1. openslr/librispeech_asr clean test (encoded as Ogg Opus at 24 kbit/s), batch size 4" in text
    assert table(text, "Results")[2][0] == "openslr/librispeech_asr clean test"
    ((_, record),) = evaluation_records([encoded]).items()
    (entry,) = parse_eval_result_entries(yaml.safe_load(record))
    assert "; 2,620 utterances; encoded as Ogg Opus at 24 kbit/s; CER" in entry.notes


def test_several_grids_of_frames_are_told_apart(model_dir: Path) -> None:
    grids = EVALUATION | {"num_offsets": 3}

    text = build_card(model_dir, [EVALUATION, grids], "alice/bigru").text

    assert [row[1] for row in table(text, "Results")[2:4]] == ["greedy", "greedy, 3 grids"]
    explanation = "averaged over as many passes of the network"
    assert explanation in text
    assert explanation not in build_card(model_dir, [EVALUATION], "alice/bigru").text


def test_utterances_that_failed_are_told(model_dir: Path) -> None:
    text = build_card(model_dir, [changed_evaluation(dataset={"num_failed": 3})], "alice/bigru").text
    assert "clean test (3 further utterances could not be read), batch size 4" in text
    assert (
        "could not be read" not in build_card(model_dir, [changed_evaluation(dataset={"num_failed": 0})], "a/b").text
    )


def test_machine_is_the_one_that_ran(model_dir: Path) -> None:
    for device, shown in (("cuda", "on H100, AMD EPYC"), ("cpu", "on AMD EPYC")):
        measured = changed_evaluation(machine={"gpu": "H100", "device": device})
        assert shown in build_card(model_dir, [measured], "alice/bigru").text


def test_what_was_not_measured_is_left_out(model_dir: Path) -> None:
    (model_dir / "training.json").unlink()
    bare = {"dataset": {"name": "openslr/librispeech_asr", "split": "test"}, "metrics": {"wer": 0.5}}
    card = build_card(model_dir, [bare], "alice/bigru")
    assert table(card.text, "Results")[2] == [
        "openslr/librispeech_asr test", "unstated", "50.00", "", "", "", "", "", "", "(1)",
    ]  # fmt: skip
    assert "\n1. openslr/librispeech_asr test\n" in card.text
    assert "real time" not in card.text
    assert "per utterance" not in card.text
    assert training_list(card.text) == {}
    assert [result.metric_type for result in card.data.eval_results] == ["wer"]
    for trace in ("None", "nan", "Undefined", "{{", "{%"):
        assert trace not in card.text


def test_speakers_lengths_and_confidences_have_tables(model_dir: Path) -> None:
    measured = changed_evaluation() | {
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
    other = changed_evaluation(dataset={"split": "validation"}) | {
        "by_speaker": {"num_speakers": 2, "min": 0.2, "median": 0.3, "max": 0.4},
        "by_duration_s": [{"from_s": 5, "to_s": 10, "num_utterances": 3, "wer": 0.4}],
    }
    text = build_card(model_dir, [measured, other], "alice/bigru").text
    header, _, *rows = table(text.replace("WER % by speaker", "## BY SPEAKER\n"), "BY SPEAKER")
    lengths = ["0 to 5 s", "5 to 10 s", "over 20 s"]
    confidences = ["Words", "Wrong %", "Expected calibration error %", "Average precision %"]
    assert header[2:] == ["Speakers", "Best", "Median", "Worst", *lengths, *confidences]
    assert [row[2:] for row in rows] == [
        ["40", "10.0", "25.0", "50.0", "30.0", "", "20.0", "1,234", "25.0", "2.1", "75.0"],
        ["2", "20.0", "30.0", "40.0", "", "40.0", "", "", "", "", ""],
    ]
    text = build_card(model_dir, [other], "alice/bigru").text
    header, _, row = table(text.replace("WER % by speaker", "## BY SPEAKER\n"), "BY SPEAKER")
    assert header[2:] == ["Speakers", "Best", "Median", "Worst", "5 to 10 s"]
    assert row[2:] == ["2", "20.0", "30.0", "40.0", "40.0"]


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("consistency_weight", "two masked views of every utterance also had to agree"),
        ("mmi_weight", "the transcript competes with all label sequences"),
        ("word_error_weight", "the expected share of wrong words is a part"),
    ],
)
def test_what_is_added_to_the_loss_is_told(model_dir: Path, option: str, told: str) -> None:
    assert told not in build_card(model_dir, [], "alice/tiny").text
    earlier = [{"arguments": {option: 0.5}}]
    (model_dir / "training.json").write_text(json.dumps(TRAINING | {"earlier_stages": earlier}))
    assert told in build_card(model_dir, [], "alice/tiny").text


def test_many_runs_and_runs_with_a_recipe_are_not_listed(model_dir: Path) -> None:
    run = {"command": "train.py --first", "commit": "1230abc", "wall_time_s": 3600}
    for record, runs in (
        ({"earlier_stages": 6 * [run]}, "7, 8.5 h of wall time in all; what follows is of the last"),
        (
            {"earlier_stages": [run], "recipe": "https://a.b/all.sh"},
            "2, 3.5 h of wall time in all; what follows is of the last; every command is in [all.sh](https://a.b/all.sh)",
        ),
        ({"recipe": "https://a.b/all.sh"}, "every command is in [all.sh](https://a.b/all.sh)"),
    ):
        (model_dir / "training.json").write_text(json.dumps(TRAINING | record))
        said = training_list(build_card(model_dir, [], "alice/bigru").text)
        assert said["Runs"] == runs
        assert not [label for label in said if label.startswith("Before it")]


def test_data_are_called_by_their_description(model_dir: Path) -> None:
    described = {"train_description": "a part of LibriSpeech", "eval_description": "17 speakers"}
    record = TRAINING | {"dataset": TRAINING["dataset"] | described}
    (model_dir / "training.json").write_text(json.dumps(record))
    said = training_list(build_card(model_dir, [], "alice/bigru").text)
    assert said["Training data"] == "a part of LibriSpeech, 100.6 h, 28,539 utterances"
    assert said["Validation data"] == "17 speakers, best WER 26.01 %, best CER 9.02 %"


def test_former_settings_of_training_are_not_told(model_dir: Path) -> None:
    former = {"mwer_weight": 1.0, "mwer_nbest": 20, "ctc_label_smoothing": 0.1, "intermediate_ctc_weight": 0.3}
    (model_dir / "training.json").write_text(json.dumps(TRAINING | {"arguments": former | {"seed": 1}}))
    assert training_list(build_card(model_dir, [], "alice/bigru").text)["Settings"] == "seed `1`"


def test_the_card_names_what_was_trained_on_beside_the_data_set(model_dir: Path) -> None:
    assert "Beside it" not in build_card(model_dir, [EVALUATION], "alice/bigru").text
    (model_dir / "training.json").write_text(json.dumps(TRAINING | {"other_data": ["One (CC0)", "Two (CC BY 4.0)"]}))
    text = build_card(model_dir, [EVALUATION], "alice/bigru").text
    assert "Beside it: One (CC0); Two (CC BY 4.0)." in text
    assert "Trained on LibriSpeech for the most part" in text


def test_the_card_has_the_table_of_recordings(model_dir: Path) -> None:
    assert "| Decoding | 4 s" not in build_card(model_dir, [EVALUATION], "alice/bigru").text
    result = {"kind": "a: 4 s of zeros", "audio_s": 600.0, "wer": 0.4, "difference": -0.012}
    results = [result | {"decoding": "greedy"}, result | {"decoding": "lm", "wer": 0.25, "difference": 0.001}]
    record = {"command": "python recordings.py", "commit": "abc", "results": results}
    (model_dir / "recordings.json").write_text(json.dumps(record))
    text = build_card(model_dir, [EVALUATION], "alice/bigru").text
    shown = "| Decoding | 4 s of zeros |\n|---|---|\n| greedy | 40.0 (-1.2) |\n| lm | 25.0 (+0.1) |\n"
    assert f"commit `abc`):\n\n{shown}" in text
    (model_dir / "recordings.json").write_text(json.dumps(record | {"results": [{"kind": 3}]}))
    with pytest.raises(ValueError, match=r"recordings\.json: results\[0\]\.kind is 3; it must be a text"):
        build_card(model_dir, [EVALUATION], "alice/bigru")
