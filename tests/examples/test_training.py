"""The examples that train, in small."""

import importlib
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from repository import REPOSITORY
from speech_rows import make_rows

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.text.languages import Normalizer

TWO_CONFIGURATIONS = """---
configs:
- config_name: mine
  data_files: [{split: train, path: train.parquet}, {split: validation, path: validation.parquet}]
- config_name: other
  data_files: [{split: train, path: train.parquet}]
---
"""
STEPS = (
    "--disable_tqdm",
    "true",
    "--eval_strategy",
    "no",
    "--save_strategy",
    "no",
    "--load_best_model_at_end",
    "false",
)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> "type[Example]":
    monkeypatch.syspath_prepend(str(REPOSITORY / "examples"))
    return Example


class Example:
    """An example, run in this process."""

    def __init__(self, name: str) -> None:
        self.module: ModuleType = importlib.import_module(name)

    def __call__(self, *arguments: object) -> None:
        with mock.patch.object(sys, "argv", [self.module.__name__, *map(str, arguments)]):
            self.module.main()


def test_german_sentences_repeat_and_tests_have_words_of_their_own(example: type[Example]) -> None:
    sentences = example("german_sentences").module.sentences
    train, again, test = (
        [text for text, _ in zip(sentences(3, is_test=is_test), range(400), strict=False)]
        for is_test in (False, False, True)
    )
    assert train == again
    assert not set(train) & set(test)
    words = [{word for text in texts for word in text.split() if word.isalpha()} for texts in (train, test)]
    assert len(words[1] - words[0]) > 20
    normalize = Normalizer("de")
    assert all(normalize(text) for text in (*train, *test))


def test_german_is_learnt_from_synthetic_speech(example: type[Example], tmp_path: Path) -> None:
    """A few steps: the loss falls, and rules and vocabulary are saved with the model."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: apt-get install espeak-ng")
    example("another_language")(
        *("--output_dir", tmp_path, "--minutes", 0.1, "--test_minutes", 0.05, "--max_steps", 5, "--logging_steps", 1),
        *("--per_device_train_batch_size", 2, *STEPS),
    )
    record = json.loads((tmp_path / "model" / "training.json").read_text())
    losses = [entry["loss"] for entry in record["log_history"] if "loss" in entry]
    assert len(losses) == 5
    assert losses[-1] < losses[0] / 1.5
    assert record["arguments"]["language"] == "de"
    tokenizer = BiGRUCTCProcessor.from_pretrained(tmp_path / "model").tokenizer
    text = Normalizer.of(tokenizer)("Zwölf Schüler grüßen Frau Weiß")
    assert tokenizer.decode(tokenizer(text).input_ids, group_tokens=False) == text == "ZWÖLF SCHÜLER GRÜẞEN FRAU WEIẞ"
    assert BiGRUForCTC.from_pretrained(tmp_path / "model").config.vocab_size == len(tokenizer) == 33


def test_fine_tuning_is_measured(example: type[Example], tmp_path: Path) -> None:
    rows = [{"audio": row["audio"], "text": row["text"], "corpus": "mine"} for row in make_rows()]
    (tmp_path / "data").mkdir()
    for split in ("train", "validation"):
        other = rows[0] | {"corpus": "other", "text": "NOT THIS"}
        pq.write_table(pa.Table.from_pylist([*rows[:2], other]), tmp_path / "data" / f"{split}.parquet")
    (tmp_path / "data" / "README.md").write_text(TWO_CONFIGURATIONS)
    data = ("--dataset_name", tmp_path / "data", "--dataset_config_name", "mine", "--where", "corpus=mine")
    example("finetune")(
        *(*data, "--output_dir", tmp_path / "out", "--minutes", 5, "--far_field", "--max_steps", 1, *STEPS),
    )
    (cell,) = json.loads((tmp_path / "out" / "report.json").read_text())
    assert cell["minutes"] == 5
    assert cell["cpu_minutes"] > 0
    measured = [f"{when}_{split}" for when in ("before", "after") for split in ("validation", "test")]
    assert {name: sorted(cell[name]) for name in measured} == {name: ["cer", "wer"] for name in measured}
    written = pq.read_table(tmp_path / "out" / "5_minutes" / "speech" / "train.parquet").to_pylist()
    assert {row["text"] for row in written} == {row["text"] for row in rows[:2]}
    assert all(row["audio"]["bytes"] not in [each["audio"]["bytes"] for each in rows] for row in written)
    chosen, tested = (
        pq.read_table(tmp_path / "out" / "5_minutes" / "speech" / f"{split}.parquet").to_pylist()
        for split in ("validation", "test")
    )
    assert sorted(row["text"] for row in [*chosen, *tested]) == sorted(row["text"] for row in rows[:2])
    with pytest.raises(SystemExit, match="5 minutes to train on and 10 to choose and measure on are more"):
        example("finetune")(
            *(*data, "--output_dir", tmp_path / "one", "--minutes", 5, "--eval_split_name", "train"),
        )
