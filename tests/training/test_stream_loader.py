"""A stream in the `Trainer`: a resume is bitwise, and a batch without utterances has no gradient."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from training_support import TRAINING_ALONE, assert_equal, losses_of, make_examples, weights_of
from transformers import TrainingArguments, set_seed

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.data.filtering import UtteranceRules
from hf_bigru_asr.data.streaming import SpeechStream
from hf_bigru_asr.training.arguments import CTCTrainingArguments
from hf_bigru_asr.training.collator import DataCollatorForCTC, EpochCallback
from hf_bigru_asr.training.modeling import LossSettings, TrainingBiGRUForCTC
from hf_bigru_asr.training.stream_loader import LOSS_SCALE, StreamLoader
from hf_bigru_asr.training.stream_reading import ReadingSettings, StreamReader
from hf_bigru_asr.training.trainer import CTCTrainer


@pytest.fixture
def stream(processor: BiGRUCTCProcessor) -> SpeechStream:
    return SpeechStream({"train": Dataset.from_list(make_examples(6))}, UtteranceRules(processor))


def make_trainer(stream: SpeechStream, folder: Path, max_steps: int, **options: Any) -> CTCTrainer:
    set_seed(0)
    arguments = CTCTrainingArguments(
        output_dir=str(folder),
        max_steps=max_steps,
        lr_scheduler_type="constant",
        per_device_train_batch_size=1,
        stream_buffer_size=4,
        gradient_accumulation_steps=2,
        save_strategy="steps",
        save_steps=2,
        save_total_limit=None,
        logging_steps=1,
        **options,
        **TRAINING_ALONE,
    )
    sizes = {"hidden_size": 8, "num_hidden_layers": 2}
    config = BiGRUCTCConfig(**sizes, hidden_dropout=0.3, mask_time_prob=0.3, mask_feature_prob=0.1)
    collator = DataCollatorForCTC(stream.rules.processor, speed_factors=(0.8, 0.9, 1.0, 1.1, 1.2), seed=1)
    return CTCTrainer(
        BiGRUForCTC(config),
        arguments,
        collator,
        train_dataset=stream,
        processing_class=stream.rules.processor,
        callbacks=[EpochCallback(collator)],
    )


def test_resume_equals_no_interruption(stream: SpeechStream, tmp_path: Path) -> None:
    """Three optimizer steps an epoch, stopped within the second one; workers read ahead after the resume."""
    whole = make_trainer(stream, tmp_path / "whole", 6)
    whole.train()
    assert [entry["epoch"] for entry in whole.state.log_history if "loss" in entry][2::3] == [1.0, 2.0]
    make_trainer(stream, tmp_path / "stopped", 4).train()
    resumed = make_trainer(stream, tmp_path / "stopped", 6, dataloader_num_workers=1)
    torch.rand(5)  # another process has drawn other numbers
    resumed.train(resume_from_checkpoint=True)
    assert losses_of(resumed) == losses_of(whole)
    assert_equal(weights_of(resumed.model), weights_of(whole.model))
    assert resumed.stream_loader is not None
    assert resumed.stream_loader.heard() == {
        "num_utterances": 12,
        "hours": pytest.approx(2 * sum(4000 + 1111 * number for number in range(6)) / 16_000 / 3600),
        "epochs": 2.0,
        "whole_epochs": 2,
    }


def test_a_checkpoint_of_another_kind_of_run_is_refused(stream: SpeechStream, tmp_path: Path) -> None:
    (tmp_path / "checkpoint-1").mkdir()
    with pytest.raises(ValueError, match=r"checkpoint-1 has no stream\.json: its run did not stream its data"):
        make_trainer(stream, tmp_path, 1).train(str(tmp_path / "checkpoint-1"))


def test_a_stream_needs_the_arguments_of_the_package(
    stream: SpeechStream, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path), max_steps=1, report_to="none", use_cpu=True)
    with pytest.raises(TypeError, match="A stream needs CTCTrainingArguments; args is a TrainingArguments"):
        CTCTrainer(tiny_model, arguments, DataCollatorForCTC(processor), train_dataset=stream)


LOSSES: list[dict[str, float]] = [{}, {"consistency_weight": 0.2}, {"mmi_weight": 0.5}, {"word_error_weight": 1.0}]


@pytest.mark.parametrize("losses", LOSSES, ids=lambda losses: "-".join(losses) or "ctc")
def test_a_batch_without_utterances_has_no_gradient(
    losses: dict[str, float], stream: SpeechStream, processor: BiGRUCTCProcessor
) -> None:
    """The process has no data of its own: the other one has taken all."""

    def exchange(value: object) -> list[Any]:
        is_told = isinstance(value, list)
        return [value, [{0: (1, 1.0)}]] if is_told else [value, 1 if isinstance(value, int) else value]

    reader = StreamReader(stream, ReadingSettings(batch_size=2), exchange, 0, 2)
    reader.stream.units = lambda num_processes: ([], False)  # type: ignore[method-assign]
    batch = next(iter(StreamLoader(reader, DataCollatorForCTC(processor))))
    scale = batch.pop(LOSS_SCALE)
    assert scale == 0.0
    config = BiGRUCTCConfig(hidden_size=8, num_hidden_layers=1)
    lm = torch.full((28**2, 28), 1 / 28)
    model = TrainingBiGRUForCTC(config, LossSettings(**losses), denominator_lm=lm).train()
    loss = model(**batch).loss
    assert torch.isfinite(loss)
    (loss * scale).backward()
    assert all(weight.grad is not None and not weight.grad.any() for weight in model.parameters())
