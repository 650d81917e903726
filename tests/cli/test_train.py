"""`hf-bigru-asr train`: what it refuses before anything heavy is imported, and what it leaves to the parser."""

from pathlib import Path

import pytest
from transformers import TrainingArguments

from hf_bigru_asr.cli import train, train_steps
from hf_bigru_asr.cli.main import command_parser, main


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "the following arguments are required: --dataset-name."),
        ("--num_train_epoch 3", "unknown argument --num_train_epoch; did you mean --num_train_epochs?"),
        ("--dataset-name d --mask-time-length x", "argument --mask-time-length/--mask_time_length: invalid int"),
        ("nowhere.yaml", "There is no file nowhere.yaml."),
        ("nowhere.txt", "nowhere.txt is no JSON or YAML file; options begin with --."),
        ("run.json --seed 3", "run.json holds all arguments; give it alone, or options alone."),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    words: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.json").write_text("{}")
    monkeypatch.setattr(train_steps, "train", lambda *_, **__: pytest.fail("training began"))
    with pytest.raises(SystemExit) as end:
        main(["train", *words.split()])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"hf-bigru-asr train: error: {line}")


@pytest.mark.parametrize(
    "words", ["--dataset_name d --num-train-epochs 3 --fp16 --lr_scheduler_kwargs {}", "run.json"]
)
def test_the_steps_get_the_words(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.json").write_text("{}")
    calls: list[tuple[object, object]] = []
    monkeypatch.setattr(train_steps, "train", lambda given, prog: calls.append((given, prog)))
    assert main(["train", *words.split()]) == 0
    assert calls == [(words.split(), "hf-bigru-asr train")]


def test_the_command_takes_every_option_of_the_script() -> None:
    script = {name for action in train_steps.make_parser()._actions for name in action.option_strings}
    command = set(command_parser("train")._option_string_actions)
    assert command == script
    assert len(script) > len(TrainingArguments.__dataclass_fields__)


def test_without_transformers_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "installed_module", lambda name: None)
    with pytest.raises(SystemExit):
        main(["train", "--dataset-name", "d"])
    assert "error: transformers is not installed; `hf-bigru-asr info` shows the command" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train", "--dataset-name", "d", "--num-train-epochs", "3"])
    assert "unknown argument --num-train-epochs; those of transformers.TrainingArguments" in capsys.readouterr().err
