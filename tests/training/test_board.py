"""What a run shows in TensorBoard, read back with TensorBoard's own reader."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from training_support import QUIET, make_examples

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.training.arguments import CTCTrainingArguments
from hf_bigru_asr.training.board import TrainingBoard, posterior_figure
from hf_bigru_asr.training.collator import DataCollatorForCTC, EpochCallback
from hf_bigru_asr.training.trainer import CTCMetrics, CTCTrainer, keep_token_ids

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
pytest.importorskip("matplotlib")


def make_trainer(
    model: BiGRUForCTC, processor: BiGRUCTCProcessor, folder: Path, report_to: str = "tensorboard"
) -> CTCTrainer:
    options: dict[str, Any] = QUIET | {"report_to": report_to, "max_steps": 4, "logging_steps": 2}
    arguments = CTCTrainingArguments(
        output_dir=str(folder), eval_strategy="steps", eval_steps=2, save_strategy="no",
        load_best_model_at_end=False, per_device_train_batch_size=2, **options,
    )  # fmt: skip
    collator = DataCollatorForCTC(processor)
    data = Dataset.from_list(make_examples(4))
    return CTCTrainer(
        model=model,
        args=arguments,
        data_collator=collator,
        train_dataset=data,
        eval_dataset=data.remove_columns("index"),
        processing_class=processor,
        compute_metrics=CTCMetrics(processor.tokenizer, 0),
        preprocess_logits_for_metrics=keep_token_ids,
        callbacks=[EpochCallback(collator)],
    )


def test_a_run_can_be_looked_at(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    trainer = make_trainer(tiny_model, processor, tmp_path)
    assert TrainingBoard.attach(trainer, num_samples=1) is not None
    trainer.train()

    events = event_accumulator.EventAccumulator(str(tmp_path / "board")).Reload()
    tags = events.Tags()
    assert {
        *("train/loss", "train/learning_rate", "train/grad_norm", "train/hours_heard", "train/times_real_time"),
        *("eval/loss", "eval/wer", "eval/cer", "eval/blank_rate", "eval/times_real_time"),
    } <= set(tags["scalars"])
    epoch_s = sum(trainer.train_dataset["length"]) * 0.02
    heard = events.Scalars("train/hours_heard")
    assert [each.step for each in heard] == [2, 4]
    assert [each.value for each in heard] == pytest.approx([epoch_s / 3600, 2 * epoch_s / 3600])
    assert all(each.value > 0 for each in events.Scalars("train/times_real_time"))
    assert tags["images"] == ["posteriors/0"]
    images = events.Images("posteriors/0")
    assert [each.step for each in images] == [2, 4]
    assert images[0].encoded_image_string.startswith(b"\x89PNG")
    texts = events.Tensors("samples/0/text_summary")
    assert [each.step for each in texts] == [2, 4]
    assert b"reference:  HELLO\n    hypothesis: " in texts[0].tensor_proto.string_val[0]


def test_it_changes_nothing_of_the_training(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    trainer = make_trainer(tiny_model, processor, tmp_path, report_to="none")
    before = len(trainer.callback_handler.callbacks)
    assert TrainingBoard.attach(trainer) is None
    assert len(trainer.callback_handler.callbacks) == before


def test_what_is_missing_is_named_before_training(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tiny_model, processor, tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="A picture of the training needs the extra `train`: pip install accelerate"):
        TrainingBoard.attach(trainer)
    assert TrainingBoard.attach(trainer, num_samples=0) is not None


def test_a_picture_has_the_features_above_the_probabilities() -> None:
    features = np.arange(12, dtype=np.float32).reshape(4, 3)
    probabilities = np.eye(4, 2, dtype=np.float32)
    above, below = posterior_figure(features, probabilities, ["blank", "A"], 0.02).axes
    assert np.array_equal(above.images[0].get_array(), features.T)
    assert np.array_equal(below.images[0].get_array(), probabilities.T)
    assert [label.get_text() for label in below.get_yticklabels()] == ["blank", "A"]
    assert below.images[0].get_extent()[:2] == [0, 0.08]
