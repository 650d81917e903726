"""`scripts/train.py --streaming` in one, two and four processes, from files of 1, 7 and 20 utterances."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from script_runs import run_script
from stream_processes import write_shards
from training_launches import run_in_processes
from training_support import weights_of

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC

SHARDS = (1, 7, 20)
NOTE_IDS = """
from hf_bigru_asr.training.collator import DataCollatorForCTC
collate = DataCollatorForCTC.__call__

def collate_and_note(self, examples):
    folder = sys.argv[sys.argv.index("--output_dir") + 1]
    with open(f"{folder}.ids", "a") as file:
        print(*(f"{self.epoch}:{example['id']}" for example in examples if "index" in example), file=file)
    return collate(self, examples)

DataCollatorForCTC.__call__ = collate_and_note
"""
QUIET = "--report_to none --disable_tqdm true --streaming"
NO_EVALUATION = "--eval_strategy no --save_strategy no --load_best_model_at_end false"
DESCENT = f"--optim sgd --learning_rate 0.1 --lr_scheduler_type constant --max_grad_norm 0 {NO_EVALUATION}"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    write_shards(tmp_path / "data", (3,), split="validation")
    return write_shards(tmp_path / "data", SHARDS, rows_per_group=5)


@pytest.fixture
def plain_dir(processor: BiGRUCTCProcessor, tmp_path: Path) -> Path:
    """A network whose training draws nothing."""
    torch.manual_seed(0)
    config = BiGRUCTCConfig(hidden_size=8, num_hidden_layers=2, hidden_dropout=0.0, apply_spec_augment=False)
    BiGRUForCTC(config).save_pretrained(tmp_path / "plain")
    processor.save_pretrained(tmp_path / "plain")
    return tmp_path / "plain"


@pytest.mark.slow
def test_two_and_four_processes_hear_every_utterance_once(
    data_dir: Path, plain_dir: Path, run_in_fork: Callable[..., str], tmp_path: Path
) -> None:
    """Two processes are stopped within the epoch and four go on; the gradient is that of one process on all."""
    common = f"--model_name_or_path {plain_dir} --dataset_name {data_dir} {QUIET}"
    stopped = f"""{common} --output_dir {tmp_path / "stopped"} --per_device_train_batch_size 3 --save_strategy steps
        --save_steps 2 --eval_strategy no --load_best_model_at_end false --warmup_steps 0 --logging_steps 1"""

    def descend(num_processes: int, *, num_steps: int = 1) -> str:
        return f"""{common} {DESCENT} --output_dir {tmp_path / f"descent-{num_processes}"} --max_steps 1
            --per_device_train_batch_size {28 // num_steps} --gradient_accumulation_steps {num_steps}"""

    run_in_processes(
        run_in_fork,
        (2, [descend(2, num_steps=2), f"{stopped} --max_steps 2"]),
        (4, [descend(4), f"{stopped} --max_steps 5"]),
        prelude=NOTE_IDS,
    )
    check_the_ids(tmp_path)
    check_the_records(tmp_path)
    assert run_script("train.py", *descend(1).split()).returncode == 0
    before = weights_of(BiGRUForCTC.from_pretrained(plain_dir))
    alone, *others = (load_file(tmp_path / f"descent-{number}" / "model.safetensors") for number in (1, 2, 4))
    assert max((alone[name] - before[name]).abs().max() for name in before) > 1e-3
    for weights in others:
        torch.testing.assert_close(weights, alone, atol=1e-5, rtol=0)


def check_the_ids(folder: Path) -> None:
    once = Counter(str(number) for number in range(sum(SHARDS)))
    for name in ("descent-2", "descent-4", "stopped"):
        ids = [each.split(":") for each in (folder / f"{name}.ids").read_text().split()]
        assert Counter(name for epoch, name in ids if epoch == "0") == once
    assert {epoch for epoch, _ in ids} == {"0", "1"}


def check_the_records(folder: Path) -> None:
    first, last = (json.loads((folder / f"stopped-{number}.json").read_text()) for number in (0, 1))
    heard = [len((folder / "stopped.ids").read_text().split()), first["dataset"]["heard"]["num_utterances"]]
    assert 0 < heard[1] < sum(SHARDS) < heard[0]
    assert first["dataset"]["train"]["num_utterances"] == heard[1]
    assert (last["dataset"]["heard"]["num_utterances"], last["dataset"]["heard"]["whole_epochs"]) == (heard[0], 1)
    seconds = sum(0.3 + 0.01 * (number % 7) for number in range(28))
    assert last["dataset"]["train"] == {
        "num_utterances": 28,
        "hours": pytest.approx(seconds / 3600),
        "num_rejected": {},
    }
    epochs = [entry["epoch"] for entry in last["log_history"] if "loss" in entry]
    assert epochs == sorted(epochs)
    assert [entry["step"] for entry in last["resumes"]] == [2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "streaming needs max_steps: how many utterances a stream has is not known before"),
        ("--max_steps 1 --cache_audio", "cache_audio is True and cannot be combined with streaming"),
        ("--max_steps 1 --train_repeats 2", "train_repeats is 2 and cannot be combined with streaming: an epoch ends"),
        ("--max_steps 1 --max_train_samples 2", "max_train_samples is 2 and cannot be combined"),
        ("--max_steps 1 --prior_frames 9", "prior_frames is 9 and cannot be combined with streaming: the prior is"),
        ("--max_steps 1 --distillation_weight 1", "distillation_weight is 1.0 and cannot be combined"),
        ("--max_steps 1 --vocabulary_from_data", "vocabulary_from_data is True and cannot be combined"),
        ("--max_steps 1 --language de", "language is 'de' and the model's 'en': the vocabulary would be"),
        ("--max_steps 1 --per_device_train_batch_seconds 9", "is 9 and max_duration_in_seconds 20: a batch must"),
        ("--max_steps 1 --train_sampling_strategy sequential", "'sequential'; of a stream it must be"),
        ("--max_steps 1 --stream_buffer_size 0", "stream_buffer_size is 0; it must be at least 1."),
    ],
)
def test_what_a_stream_cannot_be_is_refused(options: str, message: str, tmp_path: Path) -> None:
    result = run_script(
        *("train.py", "--dataset_name", tmp_path / "nowhere", "--output_dir", tmp_path / "out", "--streaming"),
        *options.split(),
    )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


def test_a_stream_that_has_nothing_to_hear_is_one_line(data_dir: Path, tmp_path: Path) -> None:
    arguments: tuple[Any, ...] = ("--dataset_name", data_dir, "--output_dir", tmp_path / "out", "--max_steps", 1)
    result = run_script("train.py", *arguments, *QUIET.split(), "--min_duration_in_seconds", 5)
    assert result.returncode == 2
    last = result.stderr.splitlines()[-1]
    assert "No utterance of the stream can be used. train: 0 utterances, 0.00 hours; left out: 28 shorter" in last
