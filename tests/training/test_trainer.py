"""What `CTCTrainer` adds to the stock `Trainer`; the contract of training stands in tests/contracts."""

import sys
from pathlib import Path

import jiwer
import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from small_language_model import write_language_model
from speech_rows import RATE_HZ
from training_support import QUIET, TRAINING_ALONE, make_examples
from transformers import EvalPrediction, Trainer, TrainerControl, TrainerState, TrainingArguments

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.data.teacher_features import pack_features
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.training.arguments import CTCTrainingArguments
from hf_bigru_asr.training.building import with_losses
from hf_bigru_asr.training.collator import DataCollatorForCTC, EpochCallback
from hf_bigru_asr.training.modeling import LossSettings, TrainingBiGRUForCTC
from hf_bigru_asr.training.trainer import CTCMetrics, CTCTrainer, ElapsedTime, KeepHypotheses, keep_token_ids

# SOAP


def test_soap_takes_the_settings_of_adam(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    soap = pytest.importorskip("pytorch_optimizer").SOAP
    arguments = CTCTrainingArguments(
        output_dir=str(tmp_path),
        optim="soap",
        optim_args="precondition_frequency=7, max_precondition_dim=512",
        adam_beta1=0.8,
        adam_beta2=0.7,
        adam_epsilon=1e-5,
        weight_decay=0.3,
        learning_rate=0.125,
        **TRAINING_ALONE,
    )
    assert arguments.optim == arguments.to_sanitized_dict()["optim"] == "soap"
    optimizer = CTCTrainer(tiny_model, arguments, DataCollatorForCTC(processor)).create_optimizer()
    assert isinstance(optimizer, soap)
    matrices, biases = optimizer.param_groups
    assert {parameter.ndim for parameter in matrices["params"]} == {2}
    assert {parameter.ndim for parameter in biases["params"]} == {1}
    assert (matrices["weight_decay"], biases["weight_decay"]) == (0.3, 0.0)
    for group in (matrices, biases):
        assert (group["lr"], group["betas"], group["eps"]) == (0.125, (0.8, 0.7), 1e-5)
        assert (group["precondition_frequency"], group["max_precondition_dim"]) == (7, 512)


def test_other_optimizers_are_those_of_transformers(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    arguments = CTCTrainingArguments(output_dir=str(tmp_path), **TRAINING_ALONE)
    optimizer = CTCTrainer(tiny_model, arguments, DataCollatorForCTC(processor)).create_optimizer()
    assert type(optimizer) is torch.optim.AdamW


@pytest.mark.parametrize(
    "setting", ["preconditon_frequency=7", "precondition_frequency=often", "max_precondition_dim"]
)
def test_soap_refuses_other_settings(
    setting: str, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    pytest.importorskip("pytorch_optimizer")
    arguments = CTCTrainingArguments(output_dir=str(tmp_path), optim="soap", optim_args=setting, **TRAINING_ALONE)
    trainer = CTCTrainer(tiny_model, arguments, DataCollatorForCTC(processor))
    with pytest.raises(ValueError, match=f"optim_args has '{setting}': .* takes precondition_frequency=N"):
        trainer.create_optimizer()


def test_soap_says_what_it_needs(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    arguments = CTCTrainingArguments(output_dir=str(tmp_path), optim="soap", **TRAINING_ALONE)
    trainer = CTCTrainer(tiny_model, arguments, DataCollatorForCTC(processor))
    with pytest.raises(ImportError, match="pip install accelerate pytorch-optimizer"):
        trainer.create_optimizer()


def test_batches_by_seconds_say_what_they_need(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    arguments = CTCTrainingArguments(output_dir=str(tmp_path), per_device_train_batch_seconds=60.0, **QUIET)
    dataset = Dataset.from_list(make_examples(2))
    for given in (
        {"train_dataset": dataset.remove_columns("length"), "processing_class": processor},
        {"train_dataset": dataset},
    ):
        trainer = CTCTrainer(tiny_model, arguments, DataCollatorForCTC(processor), eval_dataset=dataset, **given)
        with pytest.raises(ValueError, match=r"filter_utterances, which adds the column 'length', and the processor"):
            trainer.get_train_dataloader()


# Losses


TEACHER = LossSettings(distillation_weight=0.5)


@pytest.mark.parametrize(
    ("asked", "given"),
    [({"word_error_weight": 1.0}, None), ({}, TEACHER), ({"distillation_weight": 0.4}, TEACHER)],
    ids=["only asked", "only given", "different"],
)
def test_other_losses_than_those_of_the_model_are_refused(
    asked: dict[str, float], given: LossSettings | None, tiny_model: BiGRUForCTC, tmp_path: Path
) -> None:
    arguments = CTCTrainingArguments(output_dir=str(tmp_path), **TRAINING_ALONE, **asked)
    model = tiny_model if given is None else TrainingBiGRUForCTC.from_model(tiny_model, given, teacher_size=3)
    with pytest.raises(
        ValueError, match=r"ask for LossSettings\(.*model has LossSettings\(.*with_losses\(model, args"
    ):
        CTCTrainer(model, arguments)


def test_losses_that_agree_or_are_not_asked_for_are_accepted(tiny_model: BiGRUForCTC, tmp_path: Path) -> None:
    # A temperature without a weight is no loss.
    CTCTrainer(
        tiny_model, CTCTrainingArguments(output_dir=str(tmp_path), word_error_temperature=0.5, **TRAINING_ALONE)
    )
    taught = TrainingBiGRUForCTC.from_model(tiny_model, TEACHER, teacher_size=3)
    CTCTrainer(taught, CTCTrainingArguments(output_dir=str(tmp_path), distillation_weight=0.5, **TRAINING_ALONE))
    CTCTrainer(taught, TrainingArguments(output_dir=str(tmp_path), **QUIET))


def test_checkpoints_have_the_heads_and_the_best_result_has_not(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    """Also in bfloat16, and with evaluations in between."""
    examples = make_examples(2)
    for number, example in enumerate(examples):
        example["teacher_features"] = pack_features(np.random.default_rng(number).standard_normal((40, 3)))
    arguments = CTCTrainingArguments(
        output_dir=str(tmp_path),
        per_device_train_batch_size=2,
        num_train_epochs=2,
        learning_rate=0.05,
        distillation_weight=1.0,
        save_only_model=True,
        bf16=True,
        metric_for_best_model="loss",
        **QUIET,
    )
    model = BiGRUForCTC(BiGRUCTCConfig(hidden_size=4, num_hidden_layers=2))
    collator = DataCollatorForCTC(processor, teacher_size=3)
    dataset = Dataset.from_list(examples)
    trainer = CTCTrainer(
        with_losses(model, arguments, processor, 3),
        arguments,
        collator,
        train_dataset=dataset,
        eval_dataset=dataset.remove_columns("index"),
        callbacks=[EpochCallback(collator)],
    )
    trainer.train()
    trainer.save_model()
    best = Path(trainer.state.best_model_checkpoint)
    checkpoint, result = load_file(best / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    heads = {name for name in checkpoint if name.startswith("teacher_heads.")}
    assert len(heads) == 4
    assert any(bool(checkpoint[name].any()) for name in heads)
    assert result.keys() == checkpoint.keys() - heads == model.state_dict().keys()
    assert all(torch.equal(result[name], checkpoint[name]) for name in result)
    assert (best / "config.json").read_text() == (tmp_path / "config.json").read_text()
    assert "distillation" not in (tmp_path / "config.json").read_text()
    files = {path.name for path in best.iterdir()}
    assert "modeling_bigru_ctc.py" in files & {path.name for path in tmp_path.iterdir()}


# Evaluation


def test_kept_ids_are_the_best_classes_and_padding(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    batch = DataCollatorForCTC(processor)(make_examples(3))
    logits = tiny_model(batch["input_features"], attention_mask=batch["attention_mask"]).logits
    for form in (logits, (logits, torch.zeros(3))):
        ids = keep_token_ids(form, batch["labels"])
        assert ids.dtype == torch.int64
        valid = batch["attention_mask"].bool()
        assert torch.equal(ids[valid], logits.argmax(-1)[valid])
        assert (ids[~valid] == -100).all()


def test_evaluation_decodes_with_a_language_model(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    decoder = processor.beam_search_decoder(write_language_model(tmp_path / "lm"))
    # Loud enough that the language model does not say everything.
    tiny_model.lm_head.weight.data.mul_(20)
    examples = make_examples(5)
    trainer = Trainer(
        tiny_model,
        TrainingArguments(output_dir=str(tmp_path), per_device_eval_batch_size=2, **QUIET),
        DataCollatorForCTC(processor),
        eval_dataset=examples,
        compute_metrics=CTCMetrics(processor.tokenizer),
        preprocess_logits_for_metrics=KeepHypotheses(decoder.search),
    )
    metrics = trainer.evaluate()
    hypotheses = []
    for example in examples:
        inputs = processor(audio=load_utterance(example["audio"], RATE_HZ), sampling_rate=RATE_HZ)
        with torch.no_grad():
            hypotheses.append(decoder(tiny_model(**inputs).logits)[0][0].text)
    references = [example["text"] for example in examples]
    assert len(set(hypotheses)) > 2
    assert metrics["eval_lm_wer"] == pytest.approx(jiwer.wer(references, hypotheses))
    assert metrics["eval_lm_cer"] == pytest.approx(jiwer.cer(references, hypotheses))
    trainer.preprocess_logits_for_metrics = keep_token_ids
    greedy = trainer.evaluate()
    assert {name: metrics[name] for name in ("eval_wer", "eval_cer", "eval_blank_rate")} == {
        name: greedy[name] for name in ("eval_wer", "eval_cer", "eval_blank_rate")
    }
    assert greedy["eval_cer"] != metrics["eval_lm_cer"]
    # An empty hypothesis for every utterance.
    trainer.preprocess_logits_for_metrics = KeepHypotheses(lambda log_probs, lengths: [[((), 0.0)]] * len(lengths))
    assert trainer.evaluate()["eval_lm_wer"] == 1.0


def test_metrics_of_a_small_case(processor: BiGRUCTCProcessor) -> None:
    """HELLO A and A against HELO A and A: one of three words, one of eight characters; 4 of 13 frames are blank."""
    tokenizer = processor.tokenizer
    hello, a = tokenizer("HELLO A").input_ids, tokenizer("A").input_ids
    frames = [*hello[:2], 0, hello[2], hello[2], hello[4], *hello[5:], 0]
    prediction = EvalPrediction(
        predictions=np.array([frames, [0, a[0], a[0], 0, *[-100] * 5]]),
        label_ids=np.array([hello, [*a, *[-100] * 6]]),
    )
    metrics = CTCMetrics(tokenizer, num_samples=0)(prediction)
    assert metrics == {
        "wer": pytest.approx(1 / 3),
        "cer": pytest.approx(1 / 8),
        "blank_rate": pytest.approx(4 / 13),
    }


def test_elapsed_time_goes_on_after_a_resume(tmp_path: Path) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path), **QUIET)
    state = TrainerState(log_history=[{"elapsed_s": 100.0}, {"elapsed_s": 250.0}])
    clock = ElapsedTime()
    clock.on_train_begin(arguments, state, TrainerControl())
    state.log_history.append({"loss": 1.0})
    clock.on_log(arguments, state, TrainerControl())
    assert 250.0 <= state.log_history[-1]["elapsed_s"] < 310.0
