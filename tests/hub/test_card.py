"""The model card and the evaluation records."""

import json
import re
from pathlib import Path

import pytest
import yaml
from card_records import EVALUATION, TRAINING, changed_evaluation, table, training_list
from huggingface_hub import EvalResult, ModelCard, parse_eval_result_entries
from repository import REPOSITORY
from speech_prior import SPEECH

from hf_bigru_asr import bundled_checkpoint
from hf_bigru_asr.hub import card as card_module
from hf_bigru_asr.hub.card import (
    build_card,
    evaluation_records,
    find_evaluations,
    load_evaluation,
    template_path,
    write_card,
)
from hf_bigru_asr.hub.card_tables import has_in_loss, teacher_names


def test_metadata_are_complete_and_survive_writing_and_reading(model_dir: Path, tmp_path: Path) -> None:
    other = changed_evaluation(dataset={"config": "other", "num_utterances": 2939}, metrics={"wer": 0.5})
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
    other = changed_evaluation(dataset={"config": "other", "num_utterances": 2939})
    write_card(model_dir, tmp_path, [EVALUATION, other], "alice/bigru")
    paths = sorted((tmp_path / ".eval_results").iterdir())
    assert [path.name for path in paths] == ["librispeech_asr_clean_test.yaml", "librispeech_asr_other_test.yaml"]
    (entry,) = parse_eval_result_entries(yaml.safe_load(paths[0].read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("openslr/librispeech_asr", "clean_test", 25.12)
    assert entry.date == "2026-01-02T03:04:05Z"
    assert entry.notes == "WER in percent; greedy decoding; 2,620 utterances; CER 8.34 %; commit 0123abc"


def test_two_decodings_of_one_split_share_a_record() -> None:
    beam = changed_evaluation(decoding={"method": "beam"}, metrics={"wer": 0.2})
    ((path, text),) = evaluation_records([EVALUATION, beam]).items()
    assert path == ".eval_results/librispeech_asr_clean_test.yaml"
    assert [entry.value for entry in parse_eval_result_entries(yaml.safe_load(text))] == [25.12, 20.0]


def test_a_part_of_a_split_is_no_result_on_the_split(model_dir: Path) -> None:
    own = "17 held-out speakers of train-clean-100"
    part = changed_evaluation(dataset={"split": "validation", "num_utterances": 146, "description": own})
    first = changed_evaluation(dataset={"num_utterances": 100}, metrics={"wer": 0.5})

    card = build_card(model_dir, [EVALUATION, part, first], "alice/bigru")

    rows = table(card.text, "Results")[2:]
    assert [row[0] for row in rows] == [
        "openslr/librispeech_asr clean test",
        own,
        "100 utterances of openslr/librispeech_asr clean test",
    ]
    assert f"fitted on {own}; figures on it are a little too good" in card.text
    assert training_list(card.text)["Validation data"].startswith(f"{own}, best WER")
    assert [result.metric_value for result in card.data.eval_results] == [25.12, 8.34]
    assert list(evaluation_records([part, first])) == []


def test_utterances_that_failed_belong_to_the_split() -> None:
    assert evaluation_records([changed_evaluation(dataset={"num_utterances": 2617, "num_failed": 3})])
    assert not evaluation_records([changed_evaluation(dataset={"num_utterances": 2617, "num_failed": 0})])


@pytest.mark.parametrize("name", ["/data/mine", "mine", "./data/mine"])
def test_data_that_are_not_on_the_hub_have_no_record(model_dir: Path, name: str) -> None:
    local = changed_evaluation(dataset={"name": name})
    assert evaluation_records([local]) == {}
    assert table(build_card(model_dir, [local], "alice/bigru").text, "Results")[2][0] == f"{name} clean test"


def test_local_folder_can_be_called_by_its_hub_id(model_dir: Path) -> None:
    (model_dir / "training.json").write_text(json.dumps({**TRAINING, "dataset": {"name": "/data/mine"}}))
    (model_dir / "evaluation.json").write_text(json.dumps(changed_evaluation(dataset={"name": "/data/mine"})))
    evaluation = load_evaluation(model_dir / "evaluation.json", "openslr/librispeech_asr")
    assert list(evaluation_records([evaluation])) == [".eval_results/librispeech_asr_clean_test.yaml"]
    text = build_card(model_dir, [evaluation], "alice/bigru", "openslr/librispeech_asr").text
    assert training_list(text)["Training data"] == "openslr/librispeech_asr"
    assert "/data/mine" not in text


def test_hub_id_in_a_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(EVALUATION))
    assert load_evaluation(tmp_path / "evaluation.json", "another/name") == EVALUATION


def test_folder_that_looks_like_a_hub_id_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "mine").mkdir(parents=True)
    assert evaluation_records([changed_evaluation(dataset={"name": "data/mine"})]) == {}


def test_training_on_a_local_folder_leaves_no_path_in_the_metadata(model_dir: Path) -> None:
    (model_dir / "training.json").write_text(json.dumps({**TRAINING, "dataset": {"name": "/data/mine"}}))
    assert build_card(model_dir, [], "alice/bigru").data.datasets == ["openslr/librispeech_asr"]


def test_a_language_model_and_pictures_are_shown_if_they_are_there(model_dir: Path) -> None:
    text = build_card(model_dir, [changed_evaluation()], "alice/bigru").text
    assert "language model in the folder" not in text
    assert "beam_search_decoder" not in text
    assert ".png" not in text
    record = {"order": 4, "num_words": 57441, "num_bytes": 12_400_000, "num_running_words": 17_000_000}
    score = {"perplexity": 377.1, "out_of_vocabulary_rate": 0.00999, "num_words": 4704}
    (model_dir / "language_model").mkdir()
    (model_dir / "language_model" / "language_model.json").write_text(json.dumps({**record, "validation": score}))
    for name in ("learning_curve.png", "tuning.png", "reliability.png"):
        (model_dir / name).touch()
    text = build_card(model_dir, [changed_evaluation()], "alice/bigru").text
    assert "word n-gram of order 4 with its lexicon of 57,441 words (12.4 MB), from 17.0 million words" in text
    assert "On validation its perplexity is 377, and 1.0 % of the words are outside the lexicon." in text
    for name in ("learning_curve.png", "tuning.png", "reliability.png"):
        assert f"]({name})" in text


def test_card_without_figures_says_so(model_dir: Path) -> None:
    card = build_card(model_dir, [], "alice/bigru")
    assert "No figures have been measured for this checkpoint." in card.text
    assert "model-index" not in card.data.to_dict()


def test_the_prior_of_the_features_is_told(model_dir: Path) -> None:
    assert "as if the utterance had" not in build_card(model_dir, [], "alice/tiny").text
    features = {"prior_frames": 150, "prior_std": [2.0] * 128}
    (model_dir / "processor_config.json").write_text(json.dumps({"feature_extractor": features}))
    assert "as if the utterance had 150 more frames" in build_card(model_dir, [], "alice/tiny").text
    (model_dir / "processor_config.json").write_text(json.dumps({"feature_extractor": SPEECH}))
    text = build_card(model_dir, [], "alice/tiny").text
    assert "Bins are normalised by mean and standard deviation of the speech around a frame" in text
    assert "as if the utterance had" not in text


def test_card_names_the_repository_and_the_size(model_dir: Path) -> None:
    text = build_card(model_dir, [EVALUATION], "alice/bigru").text
    assert "\n# bigru\n" in text
    assert "3,007 parameters" in text
    assert text.count('"alice/bigru"') == 3
    assert "https://huggingface.co/alice/bigru}" in text


def test_every_python_example_compiles(model_dir: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", build_card(model_dir, [], "alice/bigru").text, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        compile(example, "model_card.md", "exec")


def test_template_lies_in_the_wheel_or_at_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert template_path() == REPOSITORY / "model_card.md"
    package = tmp_path / "hf_bigru_asr"
    package.mkdir()
    monkeypatch.setattr(card_module, "__file__", str(package / "hub" / "card.py"))
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


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "openslr/librispeech_asr"),
        ({"num_utterances": 2619, "num_failed": 1}, "openslr/librispeech_asr"),
        ({"num_utterances": 2619}, "../data/speech"),
        ({"split": "test.mine"}, "../data/speech"),
        ({"config": None}, "../data/speech"),
    ],
)
def test_a_local_copy_of_a_whole_librispeech_split_is_called_by_its_hub_id(
    tmp_path: Path, changes: dict[str, object], name: str
) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(changed_evaluation(dataset={"name": "../data/speech"} | changes)))
    assert load_evaluation(path)["dataset"]["name"] == name
    assert load_evaluation(path, "alice/speech")["dataset"]["name"] == "alice/speech"


def test_the_card_of_the_bundled_model_is_the_generated_one() -> None:
    """Made with: scripts/push_to_hub.py --repo_id ... --dry_run FOLDER."""
    folder = bundled_checkpoint()
    evaluations = [load_evaluation(path) for path in find_evaluations(folder)]
    card = build_card(folder, evaluations, "hf-bigru-asr/bigru-ctc-librispeech")
    written = (folder / "README.md").read_text(encoding="utf-8")
    assert written == str(card)
    assert len(written.splitlines()) <= 150


def test_the_record_of_the_bundled_model_is_a_part_of_that_of_its_whole_training() -> None:
    """The whole record has the logs and the settings of every run."""
    short = json.loads((bundled_checkpoint() / "training.json").read_text())
    whole = json.loads((REPOSITORY / "docs" / "figures" / "training.json").read_text())

    def is_part(part: object, all_of_it: object) -> bool:
        if isinstance(part, dict) and isinstance(all_of_it, dict):
            return all(name in all_of_it and is_part(value, all_of_it[name]) for name, value in part.items())
        if isinstance(part, list) and isinstance(all_of_it, list):
            return len(part) == len(all_of_it) and all(map(is_part, part, all_of_it))
        return part == all_of_it

    assert is_part(short, whole)
    assert has_in_loss(whole, "mmi_weight")
    for told in ("mmi_weight", "word_error_weight", "consistency_weight", "mwer_weight"):
        assert has_in_loss(short, told) == has_in_loss(whole, told)
    assert teacher_names(short) == teacher_names(whole)
