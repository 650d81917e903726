"""The stock `Trainer` with our collator, interrupted and accumulated, and what the script adds to it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import jiwer
import numpy as np
import pytest
import torch
from datasets import Dataset
from repository import REPOSITORY
from safetensors.torch import load_file
from small_language_model import write_language_model
from speech_rows import RATE_HZ, flac, make_rows, make_waveform, write_parquet
from transformers import (
    EvalPrediction,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC
from hf_bigru_asr.data.teacher_features import pack_features
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.training.collator import DataCollatorForCTC, EpochCallback
from hf_bigru_asr.training.distillation import TaughtBiGRUForCTC
from hf_bigru_asr.training.trainer import (
    CTCMetrics,
    CTCTrainer,
    CTCTrainingArguments,
    ElapsedTime,
    KeepReadings,
    build_model,
    build_processor,
    keep_token_ids,
    training_record,
)
from recipe.segmentation import write_segments

Weights = dict[str, torch.Tensor]

QUIET = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "remove_unused_columns": False}


def make_examples(num: int) -> list[dict[str, object]]:
    """Utterances of different lengths and texts, with the columns that `filter_utterances` adds."""
    texts = ["HELLO", "IT'S ME", "A", "NO MORE", "TOO", "BAT"]
    return [
        {
            "audio": {"bytes": flac(make_waveform(index, 4000 + 1111 * index)), "path": None},
            "text": texts[index],
            "index": index,
            "length": 13 + 4 * index,
        }
        for index in range(num)
    ]


def weights_of(model: BiGRUForCTC) -> Weights:
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def assert_equal(weights: Weights, expected: Weights) -> None:
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


# Gradient accumulation


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


# Resuming


class Interruption(TrainerCallback):
    """Ends the training after a step, as a killed process does that has just saved a checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        if state.global_step == self.step:
            control.should_save = control.should_training_stop = True


@pytest.mark.parametrize("order", ["random", "group_by_length", "by_seconds", "with_a_teacher", "with_soap"])
@pytest.mark.parametrize("accumulation", [1, 2])
def test_resume_equals_no_interruption(
    order: str, accumulation: int, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    """Bitwise, with dropout, masking and speed perturbation; three steps (with accumulation two) an epoch."""
    has_teacher = order == "with_a_teacher"
    examples = make_examples(6)
    for number, example in enumerate(examples if has_teacher else []):
        example["teacher_features"] = pack_features(np.random.default_rng(number).standard_normal((40, 3)))

    def trainer(folder: str, *callbacks: TrainerCallback) -> CTCTrainer:
        set_seed(0)
        config = BiGRUCTCConfig(
            hidden_size=8, num_hidden_layers=2, hidden_dropout=0.3, mask_time_prob=0.3, mask_feature_prob=0.1
        )
        model = BiGRUForCTC(config)
        if has_teacher:
            model = TaughtBiGRUForCTC.from_student(model, 3)
        arguments = CTCTrainingArguments(
            output_dir=str(tmp_path / folder),
            per_device_train_batch_size=2,
            gradient_accumulation_steps=accumulation,
            num_train_epochs=3,
            **(
                {"per_device_train_batch_seconds": 1.0}
                if order == "by_seconds"
                else {"train_sampling_strategy": order if order == "group_by_length" else "random"}
            ),
            **({"optim": "soap", "optim_args": "precondition_frequency=2"} if order == "with_soap" else {}),
            eval_strategy="no",
            save_strategy="no",
            load_best_model_at_end=False,
            logging_steps=1,
            **QUIET,
        )
        collator = DataCollatorForCTC(
            processor,
            speed_factors=(0.8, 0.9, 1.0, 1.1, 1.2),
            seed=1,
            teacher_size=3 if has_teacher else None,
        )
        result = CTCTrainer(
            model,
            arguments,
            collator,
            train_dataset=Dataset.from_list(examples),
            processing_class=processor,
            callbacks=[EpochCallback(collator), *callbacks],
        )
        torch.rand(len(folder) + len(callbacks))  # what a process has drawn before is another
        return result

    def losses(trained: Trainer) -> list[float]:
        return [entry["loss"] for entry in trained.state.log_history if "loss" in entry]

    whole = trainer("whole")
    whole.train()
    expected = weights_of(whole.model)
    assert len(losses(whole)) == whole.state.global_step == (9 if accumulation == 1 else 6)
    # At an epoch's boundary and in its middle.
    for step in (3, 4) if accumulation == 1 else (2, 3):
        interrupted = trainer(f"at-{step}", Interruption(step))
        interrupted.train()
        assert interrupted.state.global_step == step
        resumed = trainer(f"at-{step}")
        resumed.train(resume_from_checkpoint=True)
        assert losses(resumed) == losses(whole)
        assert_equal(weights_of(resumed.model), expected)


# SOAP


TRAINING_ALONE = QUIET | {"eval_strategy": "no", "load_best_model_at_end": False}


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
    assert arguments.optim == TrainingArguments(output_dir=str(tmp_path)).optim
    optimizer = CTCTrainer(tiny_model, arguments, DataCollatorForCTC(processor)).create_optimizer()
    assert type(optimizer) is torch.optim.AdamW
    with pytest.raises(ValueError, match="soup"):
        CTCTrainingArguments(output_dir=str(tmp_path), optim="soup", **TRAINING_ALONE)


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
    with pytest.raises(ImportError, match="pip install pytorch-optimizer"):
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


def trainer_to_evaluate(
    model: BiGRUForCTC,
    processor: BiGRUCTCProcessor,
    folder: Path,
    examples: list[dict[str, object]],
    **options: object,
) -> Trainer:
    arguments = TrainingArguments(output_dir=str(folder), per_device_eval_batch_size=2, **QUIET)
    return Trainer(model, arguments, DataCollatorForCTC(processor), eval_dataset=examples, **options)


def test_evaluation_keeps_no_logits(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    seen = []

    class Recorder(CTCMetrics):
        def __call__(self, prediction: EvalPrediction) -> dict[str, float]:
            seen.append(prediction)
            return super().__call__(prediction)

    examples = make_examples(5)
    options = {"compute_metrics": Recorder(processor.tokenizer), "preprocess_logits_for_metrics": keep_token_ids}
    metrics = trainer_to_evaluate(tiny_model, processor, tmp_path, examples, **options).evaluate()
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


def test_evaluation_reads_with_a_language_model(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    decoder = processor.beam_search_decoder(write_language_model(tmp_path / "lm"))
    # Loud enough that the language model does not say everything.
    tiny_model.lm_head.weight.data.mul_(20)
    examples = make_examples(5)
    options = {"compute_metrics": CTCMetrics(processor.tokenizer)}
    trainer = trainer_to_evaluate(tiny_model, processor, tmp_path, examples, **options)
    trainer.preprocess_logits_for_metrics = KeepReadings(decoder.search)
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
    # Nothing that is read anywhere is a text too.
    trainer.preprocess_logits_for_metrics = KeepReadings(lambda log_probs, lengths: [[((), 0.0)]] * len(lengths))
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


# Models, processors, the record of a run


def test_a_new_model_fits_its_processor() -> None:
    processor = build_processor(None, hop_length=160, feature_size=40, n_fft=512)
    model = build_model(None, processor, hidden_size=4, num_hidden_layers=1, ctc_zero_infinity=False)
    assert (model.config.num_mel_bins, model.config.inputs_to_logits_ratio) == (40, 160)
    assert (model.config.vocab_size, model.config.pad_token_id) == (29, 0)
    assert model.config.ctc_zero_infinity is False
    inputs = processor(audio=make_waveform(0), sampling_rate=RATE_HZ)
    assert model(**inputs).logits.shape == (1, 50, 29)


def test_the_word_delimiter_is_that_of_the_tokenizer(tmp_path: Path) -> None:
    symbols = ["<pad>", "A", "B", "_"]
    (tmp_path / "vocab.json").write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}))
    tokenizer = BiGRUCTCTokenizer(str(tmp_path / "vocab.json"), word_delimiter_token="_")
    processor = BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(), tokenizer)
    assert build_model(None, processor, hidden_size=4, word_error_weight=1.0).config.word_delimiter_token_id == 3


def test_a_trained_model_goes_on(model_dir: Path, tiny_model: BiGRUForCTC) -> None:
    processor = build_processor(str(model_dir))
    model = build_model(str(model_dir), processor, hidden_dropout=0.4)
    assert model.config.hidden_dropout == 0.4
    assert model.bigru.dropout.p == 0.4
    assert_equal(weights_of(model), weights_of(tiny_model))


def test_training_on_leaves_out_the_confidences_of_the_network_before(model_dir: Path, tmp_path: Path) -> None:
    folder = write_language_model(model_dir / "language_model")
    confidence = ConfidenceModel((1.0,) * len(FEATURES), 0.0)
    for each in (model_dir, folder):
        confidence.save(each)
    BiGRUCTCProcessor.from_pretrained(model_dir).save_pretrained(tmp_path / "as_it_is")
    assert len(list((tmp_path / "as_it_is").rglob("confidence.json"))) == 2
    build_processor(str(model_dir)).save_pretrained(tmp_path / "trained")
    saved = BiGRUCTCProcessor.from_pretrained(tmp_path / "trained")
    assert saved.beam_search_decoder().confidence is saved.greedy_decoder().confidence is None
    assert saved.beam_search_decoder().settings.beam_size == 200


def test_a_trained_model_goes_on_with_other_frames(model_dir: Path, tiny_model: BiGRUForCTC, tmp_path: Path) -> None:
    processor = build_processor(str(model_dir), hop_length=480, win_length=640)
    build_model(str(model_dir), processor).save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    model, saved = BiGRUForCTC.from_pretrained(tmp_path), BiGRUCTCProcessor.from_pretrained(tmp_path)
    assert_equal(weights_of(model), weights_of(tiny_model))
    assert model.config.inputs_to_logits_ratio == 480
    expected = BiGRUCTCFeatureExtractor(hop_length=480, win_length=640)(make_waveform(0), RATE_HZ).input_features
    assert np.array_equal(saved.feature_extractor(make_waveform(0), RATE_HZ).input_features, expected)


def test_elapsed_time_goes_on_after_a_resume(tmp_path: Path) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path), **QUIET)
    state = TrainerState(log_history=[{"elapsed_s": 100.0}, {"elapsed_s": 250.0}])
    clock = ElapsedTime()
    clock.on_train_begin(arguments, state, TrainerControl())
    state.log_history.append({"loss": 1.0})
    clock.on_log(arguments, state, TrainerControl())
    assert 250.0 <= state.log_history[-1]["elapsed_s"] < 310.0


def test_the_record_names_the_best_evaluation() -> None:
    state = TrainerState(
        log_history=[
            {"loss": 3.0, "elapsed_s": 5.0},
            {"eval_wer": 0.5, "eval_cer": 0.2, "eval_loss": 1.0, "eval_blank_rate": 0.7, "epoch": 1.0, "step": 10},
            {"eval_wer": 0.4, "eval_cer": 0.1, "eval_loss": 1.5, "eval_blank_rate": 0.8, "epoch": 2.0, "step": 20},
            {"eval_wer": 0.6, "eval_cer": 0.3, "eval_loss": 0.9, "eval_blank_rate": 0.9, "elapsed_s": 90.0},
        ]
    )
    record = training_record(state, {"seed": 1}, {"name": "x"})
    json.dumps(record)
    assert record["best_validation"] == {
        "wer": 0.4,
        "cer": 0.1,
        "loss": 1.5,
        "blank_rate": 0.8,
        "epoch": 2.0,
        "step": 20,
    }
    assert record["wall_time_s"] == 90.0
    assert record["arguments"] == {"seed": 1}
    assert record["log_history"] == state.log_history
    assert {"hardware", "versions", "command", "commit"} <= record.keys()
    assert training_record(TrainerState(), {}, {})["best_validation"]["wer"] is None
    lm = {"eval_lm_wer": 0.3, "eval_lm_cer": 0.2, "eval_wer": 0.7, "step": 40}
    state.log_history += [lm, lm | {"eval_lm_wer": 0.35, "eval_wer": 0.35}]
    assert training_record(state, {"metric_for_best_model": "wer"}, {})["best_validation"]["wer"] == 0.35
    best = training_record(state, {"metric_for_best_model": "lm_wer"}, {})["best_validation"]
    assert (best["lm_wer"], best["lm_cer"], best["wer"], best["step"]) == (0.3, 0.2, 0.7, 40)


def test_arguments_default_to_the_recipe(tmp_path: Path) -> None:
    arguments = CTCTrainingArguments(output_dir=str(tmp_path))
    assert (arguments.learning_rate, arguments.adam_beta1, arguments.adam_beta2) == (2e-3, 0.9, 0.98)
    assert arguments.remove_unused_columns is False
    assert arguments.metric_for_best_model == "wer"
    assert arguments.greater_is_better is False
    assert str(arguments.device.type) == ("cuda" if torch.cuda.is_available() else "cpu")


# The script


@pytest.mark.slow
def test_two_processes_train_with_a_teacher_of_part_of_the_speech(
    model_dir: Path, run_in_child: Callable[..., str], tmp_path: Path
) -> None:
    """What comes out is the network alone."""
    data_dir = write_parquet(tmp_path / "librispeech")
    taught = [row | {"teacher_features": pack_features(np.ones((50, 3)))} for row in make_rows()]
    write_segments([taught], tmp_path / "taught")
    write_segments([make_rows()], tmp_path / "more")
    out = tmp_path / "out"
    code = "import runpy; runpy.run_module('torch.distributed.run', run_name='__main__')"
    arguments = f"""
        --standalone --nproc_per_node 2 {REPOSITORY / "scripts" / "train.py"}
        --model_name_or_path {model_dir} --dataset_name {tmp_path / "taught"} --extra_dataset_name {tmp_path / "more"}
        --eval_dataset_name {data_dir} --eval_dataset_config_name clean --eval_split_name validation
        --output_dir {out} --per_device_train_batch_size 1 --max_steps 4 --distillation_weight 1.5
        --eval_strategy no --save_strategy steps --save_steps 4 --load_best_model_at_end false
        --logging_steps 1 --report_to none --disable_tqdm true
    """.split()
    run_in_child(code, *arguments)
    record = json.loads((out / "training.json").read_text())
    assert record["arguments"]["distillation_weight"] == 1.5
    assert record["dataset"]["eval_name"] == str(data_dir)
    assert (record["dataset"]["train"]["num_utterances"], record["dataset"]["eval"]["num_utterances"]) == (4, 1)
    heads = {name for name in load_file(out / "checkpoint-4" / "model.safetensors") if "teacher" in name}
    assert len(heads) == 4
    weights = load_file(out / "model.safetensors")
    assert weights.keys() == load_file(model_dir / "model.safetensors").keys()
    assert json.loads((out / "config.json").read_text())["architectures"] == ["BiGRUForCTC"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("batch", "steps"),
    [("--per_device_train_batch_size 1", 2), ("--per_device_train_batch_seconds 60", 1)],
    ids=["by number", "by seconds"],
)
def test_two_processes_train_and_resume(
    batch: str, steps: int, model_dir: Path, run_in_child: Callable[..., str], tmp_path: Path
) -> None:
    data_dir = write_parquet(tmp_path / "librispeech")
    out = tmp_path / "out"
    code = "import runpy; runpy.run_module('torch.distributed.run', run_name='__main__')"
    arguments = f"""
        --standalone --nproc_per_node 2 {REPOSITORY / "scripts" / "train.py"}
        --model_name_or_path {model_dir} --dataset_name {data_dir} --dataset_config_name clean
        --train_split_name train.100 --eval_split_name validation --output_dir {out}
        {batch} --per_device_eval_batch_size 1 --speed_factors 0.9 1.0 1.1
        --logging_steps 1 --report_to none --disable_tqdm true
    """.split()

    first = run_in_child(code, *arguments, "--num_train_epochs", "1")
    assert first.count("train.100: 4 utterances") == 1
    record = json.loads((out / "training.json").read_text())
    assert record["dataset"]["train"]["num_utterances"] == len(make_rows())
    assert [entry["step"] for entry in record["log_history"] if "loss" in entry] == list(range(1, steps + 1))

    run_in_child(code, *arguments, "--num_train_epochs", "2")
    again = json.loads((out / "training.json").read_text())
    assert [entry["step"] for entry in again["log_history"] if "loss" in entry] == list(range(1, 2 * steps + 1))
    assert again["log_history"][0] == record["log_history"][0]
    assert [entry["epoch"] for entry in again["log_history"] if "eval_wer" in entry] == [1.0, 2.0]
    model = BiGRUForCTC.from_pretrained(out)
    assert all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())
    assert BiGRUCTCProcessor.from_pretrained(out).tokenizer("A").input_ids == [3]
    leftovers = {path.suffix for path in out.iterdir() if path.is_file()}
    assert leftovers <= {".json", ".safetensors", ".py", ".bin"}
