"""What `scripts/train.py` adds to the stock `Trainer`: defaults, metrics, transcripts and the record of a run."""

import os
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import (
    EvalPrediction,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import logging

from .batching import DurationBatchSampler
from .bundled import resolve_model
from .configuration_bigru_ctc import BiGRUCTCConfig
from .environment import command_line, git_commit, machine, versions
from .feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from .metrics import character_error_counts, word_error_counts
from .modeling_bigru_ctc import BiGRUForCTC
from .mwer_bigru_ctc import ReadingSearch
from .processing_bigru_ctc import LABEL_PADDING, BiGRUCTCProcessor
from .tokenization_bigru_ctc import BiGRUCTCTokenizer

logger = logging.get_logger(__name__)

SOAP_NAME = "soap"
"""Value of `optim` for the optimizer SOAP."""

__all__ = [
    "CTCMetrics",
    "CTCTrainer",
    "CTCTrainingArguments",
    "ElapsedTime",
    "KeepReadings",
    "build_model",
    "build_processor",
    "keep_token_ids",
    "training_record",
]


@dataclass
class CTCTrainingArguments(TrainingArguments):
    """`TrainingArguments` with defaults under which the network leaves the blank plateau at once.

    Everything can be set as usual. Without a GPU the CPU is used and processes talk through gloo, so that one command
    works for both.
    """

    output_dir: str = field(default="outputs", metadata={"help": "Folder for checkpoints, logs and the model."})
    optim: str = field(
        default=str(TrainingArguments.default_optim),
        metadata={"help": "Optimizer: soap (N. Vyas et al., arXiv 2409.11321), or one of those of transformers."},
    )
    learning_rate: float = field(default=2e-3, metadata={"help": "Peak learning rate."})
    adam_beta2: float = field(default=0.98, metadata={"help": "Second beta of AdamW; for soap 0.95 is better."})
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of AdamW and soap."})
    lr_scheduler_type: str = field(default="cosine", metadata={"help": "Learning-rate schedule."})
    warmup_steps: float = field(default=0.05, metadata={"help": "Warm-up: steps, or below 1 a share of all steps."})
    max_grad_norm: float = field(default=1.0, metadata={"help": "Gradient norm to clip to."})
    train_sampling_strategy: str = field(
        default="group_by_length", metadata={"help": "Order of the training data: by like length, or random."}
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When to evaluate."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save a checkpoint."})
    save_total_limit: int | None = field(default=2, metadata={"help": "Checkpoints to keep."})
    metric_for_best_model: str | None = field(default="wer", metadata={"help": "Metric that chooses the model."})
    greater_is_better: bool | None = field(default=False, metadata={"help": "Whether more of the metric is better."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Whether the best checkpoint is the result."})
    remove_unused_columns: bool = field(default=False, metadata={"help": "The collator needs all columns."})
    report_to: str | None = field(default="tensorboard", metadata={"help": "Where to log: tensorboard, none, ..."})
    per_device_train_batch_seconds: float | None = field(
        default=None,
        metadata={"help": "Seconds of audio of a training batch, instead of its number of utterances."},
    )
    ddp_find_unused_parameters: bool | None = field(default=False, metadata={"help": "Every parameter is used."})

    def __post_init__(self) -> None:
        """Take the CPU and gloo where there is no accelerator."""
        if not (torch.cuda.is_available() or torch.backends.mps.is_available()):
            self.use_cpu = True
            # With a backend, accelerate takes a single process for one of several and fails.
            if int(os.environ.get("WORLD_SIZE", "1")) > 1:
                self.ddp_backend = self.ddp_backend or "gloo"
        optim = self.optim
        if optim == SOAP_NAME:  # which TrainingArguments does not know
            self.optim = self.default_optim
        super().__post_init__()
        if optim == SOAP_NAME:
            self.optim = optim


def keep_token_ids(logits: torch.Tensor | tuple[torch.Tensor, ...], labels: torch.Tensor) -> torch.Tensor:
    """Best class of every frame, -100 on padding: all that an evaluation keeps of the logits.

    Pass it to the `Trainer` as `preprocess_logits_for_metrics`.

    Args:
        logits: `(batch, frames, classes)` log-probabilities of the model.
        labels: Unused.

    Returns:
        `(batch, frames)` int64.
    """
    log_probs = logits[0] if isinstance(logits, tuple) else logits
    # Only on padding is a class impossible: see BiGRUForCTC.
    padding = log_probs.amin(-1) == torch.finfo(log_probs.dtype).min
    return log_probs.argmax(-1).masked_fill(padding, LABEL_PADDING)


class KeepReadings:
    """What [`keep_token_ids`] keeps, and the best readings of a beam search; `preprocess_logits_for_metrics` as well.

    Args:
        search: `search` of a [`BeamSearchDecoder`].
    """

    def __init__(self, search: ReadingSearch) -> None:
        self.search = search

    def __call__(
        self, logits: torch.Tensor | tuple[torch.Tensor, ...], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both for every utterance of a batch.

        Args:
            logits: `(batch, frames, classes)` log-probabilities of the model.
            labels: Unused.

        Returns:
            `(batch, frames)`, and `(batch, tokens)` of the readings: int64, -100 on padding.
        """
        ids = keep_token_ids(logits, labels)
        log_probs = logits[0] if isinstance(logits, tuple) else logits
        readings = self.search(log_probs, (ids != LABEL_PADDING).sum(-1))
        best = [torch.tensor(found[0][0], dtype=torch.long) for found in readings]
        return ids, pad_sequence(best, batch_first=True, padding_value=LABEL_PADDING).to(ids.device)


class CTCMetrics:
    """Word and character error rate and the rate of blank output; pass it to the `Trainer` as `compute_metrics`.

    Args:
        tokenizer: Decodes ids.
        num_samples: Transcripts to log at every evaluation, reference above hypothesis.
    """

    def __init__(self, tokenizer: BiGRUCTCTokenizer, num_samples: int = 3) -> None:
        self.tokenizer = tokenizer
        self.num_samples = num_samples

    def __call__(self, prediction: EvalPrediction) -> dict[str, float]:
        """Fractions `wer`, `cer` and `blank_rate` (of the frames that are no padding).

        Args:
            prediction: `predictions` `(utterances, frames)` of [`keep_token_ids`], or the two of [`KeepReadings`],
                and `label_ids` `(utterances, labels)`, all padded with -100.

        Returns:
            With readings of a beam search also `lm_wer` and `lm_cer`, which are theirs.
        """
        kept: Any = prediction.predictions
        ids, readings = kept if isinstance(kept, tuple) else (kept, None)
        hypotheses = self._texts(ids, group_tokens=True)
        references = self._texts(prediction.label_ids, group_tokens=False)
        for reference, hypothesis in zip(references[: self.num_samples], hypotheses, strict=False):
            logger.warning(f"reference:  {reference}\nhypothesis: {hypothesis}")
        frames = np.asarray(ids)[np.asarray(ids) != LABEL_PADDING]
        metrics = {
            "wer": word_error_counts(references, hypotheses).error_rate,
            "cer": character_error_counts(references, hypotheses).error_rate,
            "blank_rate": float((frames == self.tokenizer.pad_token_id).mean()),
        }
        if readings is not None:
            texts = self._texts(readings, group_tokens=False)
            metrics["lm_wer"] = word_error_counts(references, texts).error_rate
            metrics["lm_cer"] = character_error_counts(references, texts).error_rate
        return metrics

    def _texts(self, ids: Any, group_tokens: bool) -> list[str]:  # noqa: ANN401 - as EvalPrediction has it
        rows = (row[row != LABEL_PADDING].tolist() for row in np.asarray(ids))
        return [str(self.tokenizer.decode(row, group_tokens=group_tokens)) for row in rows]


class CTCTrainer(Trainer):
    """The stock `Trainer`, with the optimizer SOAP and with batches of like seconds of audio where they are asked for.

    For `per_device_train_batch_seconds` it needs the processor as `processing_class`, the column `length` of
    [`filter_utterances`] in the training data, and the callback [`EpochCallback`].

    Raises:
        ValueError: When training begins, if one of these is missing, or if a batch of that length could be without an
            utterance.
    """

    @staticmethod
    def get_optimizer_cls_and_kwargs(args: TrainingArguments, model: PreTrainedModel | None = None) -> tuple[Any, Any]:
        """SOAP of `pytorch-optimizer`, or what the stock `Trainer` takes.

        Adam in the eigenbases of the mean products of every matrix's gradient with itself, which are followed every
        `precondition_frequency` steps: see N. Vyas et al., arXiv 2409.11321, 2024. `adam_beta1`, `adam_beta2`,
        `adam_epsilon` and `optim_args` (`"precondition_frequency=10,max_precondition_dim=512"`) are its settings.

        Raises:
            ImportError: If `optim` is `"soap"` and `pytorch-optimizer` is not installed.
            ValueError: If `optim_args` has another setting.
        """
        if args.optim != SOAP_NAME:
            return Trainer.get_optimizer_cls_and_kwargs(args, model)
        try:
            from pytorch_optimizer import SOAP
        except ImportError as error:
            raise ImportError("optim='soap' needs pytorch-optimizer: pip install pytorch-optimizer") from error
        kwargs: dict[str, Any] = {
            "lr": args.learning_rate,
            "betas": (args.adam_beta1, args.adam_beta2),
            "eps": args.adam_epsilon,
        }
        for setting in filter(None, (args.optim_args or "").replace(" ", "").split(",")):
            name, _, value = setting.partition("=")
            # SOAP itself ignores names that it does not know.
            if name not in ("precondition_frequency", "max_precondition_dim") or not value.isdecimal():
                raise ValueError(
                    f"optim_args has {setting!r}: with optim='soap' it takes precondition_frequency=N and "
                    "max_precondition_dim=N, with commas between them."
                )
            kwargs[name] = int(value)
        return SOAP, kwargs

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches for this process."""
        seconds = getattr(self.args, "per_device_train_batch_seconds", None)
        if seconds is None:
            stock: DataLoader[Any] = super().get_train_dataloader()
            return stock
        dataset: Any = self.train_dataset
        processor: Any = self.processing_class
        if "length" not in getattr(dataset, "column_names", ()) or not hasattr(processor, "feature_extractor"):
            raise ValueError(
                "per_device_train_batch_seconds needs the lengths of the utterances in frames and the length of a "
                "frame: give train_dataset from filter_utterances, which adds the column 'length', and the processor "
                "as processing_class."
            )
        frame_s = processor.feature_extractor.hop_length / processor.feature_extractor.sampling_rate
        sampler = DurationBatchSampler(
            [frames * frame_s for frames in dataset["length"]],
            seconds,
            multiple_of=self.args.world_size,
            seed=self.args.seed,
        )
        loader = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            persistent_workers=self.args.dataloader_persistent_workers,
            prefetch_factor=self.args.dataloader_prefetch_factor,
        )
        # The number of batches is even, and older versions of accelerate even out batches of one size only.
        evens = self.accelerator.even_batches
        self.accelerator.even_batches = False
        try:
            prepared: DataLoader[Any] = self.accelerator.prepare(loader)
            return prepared
        finally:
            self.accelerator.even_batches = evens


class ElapsedTime(TrainerCallback):
    """Adds `elapsed_s`, the seconds of training so far, to every log entry; it goes on counting after a resume."""

    def __init__(self) -> None:
        self._start_s = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Start where the log of an interrupted run ends."""
        before = max((entry.get("elapsed_s", 0.0) for entry in state.log_history), default=0.0)
        self._start_s = time.monotonic() - before

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object) -> None:
        """Stamp the entry that has just been made."""
        state.log_history[-1]["elapsed_s"] = round(time.monotonic() - self._start_s, 1)


def build_processor(model_name_or_path: str | None, **feature_kwargs: Any) -> BiGRUCTCProcessor:
    """Processor for training: that of a trained model, without confidences and with one grid of frames, or a new one.

    Args:
        model_name_or_path: A model on the Hub, a folder or `"bundled"`; `None` for a new processor.
        feature_kwargs: Settings of the feature extractor to set, `hop_length` for example, in either case.
    """
    if model_name_or_path is None:
        return BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(**feature_kwargs), BiGRUCTCTokenizer())
    processor = BiGRUCTCProcessor.from_pretrained(resolve_model(model_name_or_path))
    processor.forget_confidences()
    processor.feature_extractor.set_num_offsets(1)
    if feature_kwargs:
        values = processor.feature_extractor.to_dict() | feature_kwargs
        processor.feature_extractor = BiGRUCTCFeatureExtractor.from_dict(values)
    return processor


def build_model(model_name_or_path: str | None, processor: BiGRUCTCProcessor, **config_kwargs: Any) -> BiGRUForCTC:
    """Trained model to go on with, or a new one that fits the processor.

    Args:
        model_name_or_path: A model on the Hub, a folder or `"bundled"`; `None` for random weights.
        processor: Gives the length of a frame and the word delimiter, and the sizes of the input and the output of a
            new model.
        config_kwargs: Fields of [`BiGRUCTCConfig`] to set, in either case.
    """
    config_kwargs["inputs_to_logits_ratio"] = processor.feature_extractor.hop_length
    tokenizer = processor.tokenizer
    config_kwargs["word_delimiter_token_id"] = tokenizer.encoder[tokenizer.word_delimiter_token]
    if model_name_or_path is not None:
        return BiGRUForCTC.from_pretrained(resolve_model(model_name_or_path), **config_kwargs)
    config = BiGRUCTCConfig(
        num_mel_bins=processor.feature_extractor.feature_size,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        **config_kwargs,
    )
    return BiGRUForCTC(config)


def training_record(state: TrainerState, arguments: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """All that tells how a model came about, for `training.json` beside its weights.

    Args:
        state: State of the trainer after training.
        arguments: Every setting, JSON-serialisable.
        dataset: Names and sizes of the data.

    Returns:
        Settings, data, the best evaluation, hardware, wall time in seconds, versions, command, commit and log.
    """
    # The error rate that chooses the model, or that of greedy decoding if something else does.
    chosen_by = str(arguments.get("metric_for_best_model")).removeprefix("eval_")
    metric = f"eval_{chosen_by}" if chosen_by in ("cer", "lm_wer", "lm_cer") else "eval_wer"
    evaluations = [entry for entry in state.log_history if metric in entry]
    best = min(evaluations, key=lambda entry: entry[metric], default={})
    return {
        "arguments": {name: value for name, value in arguments.items() if name != "hub_token"},
        "dataset": dataset,
        "best_validation": {name: best.get(f"eval_{name}") for name in ("wer", "cer", "loss", "blank_rate")}
        | {name: best[f"eval_{name}"] for name in ("lm_wer", "lm_cer") if f"eval_{name}" in best}
        | {"epoch": best.get("epoch"), "step": best.get("step")},
        "hardware": machine(),
        "wall_time_s": max((entry.get("elapsed_s", 0.0) for entry in state.log_history), default=0.0),
        "versions": versions(),
        "command": command_line(),
        "commit": git_commit(),
        "log_history": state.log_history,
    }
