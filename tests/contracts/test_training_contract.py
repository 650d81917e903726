"""Contract 4: the stock `Trainer` works, and what its run leaves is a model of the library.

A plain `Trainer` with our collator trains any model that was saved. Accumulation over k batches equals one batch k
times as large. Stop and resume equals no interruption. An evaluation keeps token ids and no logits.
"""

import json
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import save_file
from speech_rows import RATE_HZ
from training_support import QUIET, TRAINING_ALONE, Weights, assert_equal, losses_of, make_examples, weights_of
from transformers import (
    AutoModelForCTC,
    AutoProcessor,
    EvalPrediction,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.data.teacher_features import pack_features
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.training.arguments import CTCTrainingArguments
from hf_bigru_asr.training.building import with_losses
from hf_bigru_asr.training.collator import DataCollatorForCTC, EpochCallback
from hf_bigru_asr.training.mmi import TRANSITIONS_NAME
from hf_bigru_asr.training.trainer import CTCMetrics, CTCTrainer, keep_token_ids


def test_the_stock_trainer_trains_it(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, waveforms: list[np.ndarray], tmp_path: Path
) -> None:
    tiny_model.lm_head.weight.data /= 30
    tiny_model.config.hidden_dropout = 0.0
    examples = [
        {"audio": {"array": waveforms[index], "sampling_rate": RATE_HZ}, "text": text}
        for index, text in ((0, "hello"), (2, "it's me"))
    ]
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=60,
        learning_rate=0.03,
        per_device_train_batch_size=2,
        remove_unused_columns=False,
        logging_steps=10,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(tiny_model, arguments, DataCollatorForCTC(processor), train_dataset=examples)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < 0.5 * losses[0]
    assert losses[-1] < 1.5


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_accumulation_equals_one_batch(reduction: str, processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    """One step of plain gradient descent on six utterances: at once, and as three batches of two.

    The Trainer averages over the batches, so with "sum" the big batch has three times the gradient.
    """

    def train(batch_size: int, steps: int, learning_rate: float) -> Weights:
        set_seed(0)
        config = BiGRUCTCConfig(
            hidden_size=8, hidden_dropout=0.0, apply_spec_augment=False, ctc_loss_reduction=reduction
        )
        arguments = TrainingArguments(
            output_dir=str(tmp_path),
            per_device_train_batch_size=batch_size,
            gradient_accumulation_steps=steps,
            max_steps=1,
            learning_rate=learning_rate,
            lr_scheduler_type="constant",
            optim="sgd",
            max_grad_norm=0.0,
            save_strategy="no",
            **QUIET,
        )
        model = BiGRUForCTC(config)
        before = weights_of(model)
        Trainer(model, arguments, DataCollatorForCTC(processor), train_dataset=make_examples(6)).train()
        return {name: weight - before[name] for name, weight in weights_of(model).items()}

    rate = 0.1 if reduction == "mean" else 0.001
    at_once = train(6, 1, rate)
    in_parts = train(2, 3, rate if reduction == "mean" else 3 * rate)
    assert max(change.abs().max() for change in at_once.values()) > 1e-3
    torch.testing.assert_close(in_parts, at_once, atol=2e-6, rtol=0)


class Interruption(TrainerCallback):
    """Saves a checkpoint after some steps, and ends the training after the last of them as a killed process does."""

    def __init__(self, *steps: int) -> None:
        self.steps = steps

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        control.should_save = state.global_step in self.steps
        control.should_training_stop = state.global_step == self.steps[-1]


RUNS: dict[str, dict[str, Any]] = {
    "random": {"train_sampling_strategy": "random"},
    "group_by_length": {},
    "by_seconds": {"per_device_train_batch_seconds": 1.0},
    "with_a_teacher": {"train_sampling_strategy": "random", "distillation_weight": 1.0},
    "with_soap": {"train_sampling_strategy": "random", "optim": "soap", "optim_args": "precondition_frequency=2"},
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("accumulation", [1, 2])
def test_resume_equals_no_interruption(
    run: str, accumulation: int, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    """Bitwise, with dropout, masking and speed perturbation; three steps (with accumulation two) an epoch."""
    teacher_size = 3 if run == "with_a_teacher" else None
    examples = make_examples(6)
    for number, example in enumerate(examples if teacher_size else []):
        example["teacher_features"] = pack_features(np.random.default_rng(number).standard_normal((40, 3)))

    def trainer(*callbacks: TrainerCallback, num_drawn_before: int = 5) -> CTCTrainer:
        set_seed(0)
        arguments = CTCTrainingArguments(
            output_dir=str(tmp_path),
            per_device_train_batch_size=2,
            gradient_accumulation_steps=accumulation,
            num_train_epochs=2,
            save_strategy="no",
            logging_steps=1,
            **RUNS[run],
            **TRAINING_ALONE,
        )
        sizes = {"hidden_size": 8, "num_hidden_layers": 2}
        config = BiGRUCTCConfig(**sizes, hidden_dropout=0.3, mask_time_prob=0.3, mask_feature_prob=0.1)
        collator = DataCollatorForCTC(
            processor, speed_factors=(0.8, 0.9, 1.0, 1.1, 1.2), seed=1, teacher_size=teacher_size
        )
        result = CTCTrainer(
            with_losses(BiGRUForCTC(config), arguments, processor, teacher_size),
            arguments,
            collator,
            train_dataset=Dataset.from_list(examples),
            processing_class=processor,
            callbacks=[EpochCallback(collator), *callbacks],
        )
        torch.rand(num_drawn_before)
        return result

    whole = trainer()
    whole.train()
    expected = weights_of(whole.model)
    num_steps = 6 if accumulation == 1 else 4
    assert len(losses_of(whole)) == whole.state.global_step == num_steps
    # At an epoch's boundary and in the middle of the next one.
    steps = (3, 4) if accumulation == 1 else (2, 3)
    interrupted = trainer(Interruption(*steps))
    interrupted.train()
    assert losses_of(interrupted) == losses_of(whole)[: steps[-1]]
    for step in steps:
        resumed = trainer(num_drawn_before=step)  # another process has drawn other numbers
        resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{step}"))
        assert losses_of(resumed) == losses_of(whole)
        assert_equal(weights_of(resumed.model), expected)


def test_evaluation_keeps_no_logits(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    seen = []

    class Recorder(CTCMetrics):
        def __call__(self, prediction: EvalPrediction) -> dict[str, float]:
            seen.append(prediction)
            return super().__call__(prediction)

    examples = make_examples(5)
    metrics = Trainer(
        tiny_model,
        TrainingArguments(output_dir=str(tmp_path), per_device_eval_batch_size=2, **QUIET),
        DataCollatorForCTC(processor),
        eval_dataset=examples,
        compute_metrics=Recorder(processor.tokenizer),
        preprocess_logits_for_metrics=keep_token_ids,
    ).evaluate()
    (prediction,) = seen
    assert prediction.predictions.dtype == np.int64
    assert prediction.predictions.shape == (5, 27)
    assert prediction.label_ids.shape == (5, 7)
    # The text of an utterance is what the model alone makes of it.
    hypotheses = []
    for example in examples:
        inputs = processor(audio=load_utterance(example["audio"], RATE_HZ), sampling_rate=RATE_HZ)
        with torch.no_grad():
            hypotheses.append(processor.decode(tiny_model(**inputs).logits[0].argmax(-1)))
    references = [example["text"] for example in examples]
    assert len(set(hypotheses)) > 2
    assert metrics["eval_wer"] == pytest.approx(jiwer.wer(references, hypotheses))
    assert metrics["eval_cer"] == pytest.approx(jiwer.cer(references, hypotheses))


def test_a_model_of_any_training_is_fine_tuned_by_the_stock_trainer(
    model_dir: Path, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    """Whatever losses a run had, what it saves names none of them and needs nothing of them."""
    save_file({TRANSITIONS_NAME: torch.full((28**2, 28), 1 / 28)}, tmp_path / "lm.safetensors")
    losses = {"mmi_weight": 1.0, "word_error_weight": 1.0, "consistency_weight": 0.2, "distillation_weight": 1.0}
    arguments = CTCTrainingArguments(
        output_dir=str(tmp_path / "out"),
        mmi_lm=str(tmp_path / "lm.safetensors"),
        max_steps=1,
        per_device_train_batch_size=2,
        **losses,
        **TRAINING_ALONE,
    )
    taught = [row | {"teacher_features": pack_features(np.ones((40, 3)))} for row in make_examples(2)]
    trainer = CTCTrainer(
        with_losses(BiGRUForCTC.from_pretrained(model_dir), arguments, processor, teacher_size=3),
        arguments,
        DataCollatorForCTC(processor, teacher_size=3),
        train_dataset=Dataset.from_list(taught),
        processing_class=processor,
    )
    trainer.train()
    trainer.save_model()

    for folder in (tmp_path / "out", tmp_path / "out" / "checkpoint-1"):
        config = json.loads((folder / "config.json").read_text())
        assert config["architectures"] == ["BiGRUForCTC"]
        # The Trainer itself writes use_cache.
        assert config.keys() - {"use_cache"} == json.loads((model_dir / "config.json").read_text()).keys()
        model = AutoModelForCTC.from_pretrained(folder)
        before = weights_of(model)
        stock = TrainingArguments(
            output_dir=str(tmp_path / "again"), max_steps=1, per_device_train_batch_size=2, save_strategy="no", **QUIET
        )
        collator = DataCollatorForCTC(AutoProcessor.from_pretrained(folder))
        Trainer(model, stock, collator, train_dataset=make_examples(2)).train()
        assert any(not torch.equal(weight, before[name]) for name, weight in weights_of(model).items())
