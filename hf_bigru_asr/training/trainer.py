"""What this package adds to the stock `Trainer`: error rates, batches of like duration, SOAP, checked losses."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
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
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, TrainOutput, get_last_checkpoint, rotate_checkpoints
from transformers.utils import logging

from ..data.streaming import SpeechStream
from ..extras import needs_extra
from ..metrics import character_error_counts, word_error_counts
from ..model.decoding_bigru_ctc import ScoredTokens
from ..model.processing_bigru_ctc import LABEL_PADDING
from ..model.tokenization_bigru_ctc import BiGRUCTCTokenizer
from ..storage.disk_errors import naming_the_file
from ..storage.writing import flush_tree, whole_files
from .arguments import SOAP_NAME, CTCTrainingArguments
from .batching import DurationBatchSampler
from .modeling import LossSettings, TrainingBiGRUForCTC
from .stream_loader import LOSS_SCALE, StreamLoader, StreamProgress

logger = logging.get_logger(__name__)

__all__ = ["CTCMetrics", "CTCTrainer", "ElapsedTime", "HypothesisSearch", "KeepHypotheses", "keep_token_ids"]

HypothesisSearch = Callable[[torch.Tensor, torch.Tensor], Sequence[Sequence[ScoredTokens]]]
"""From log-probabilities `(batch, frames, classes)` and lengths `(batch,)` to the hypotheses of every utterance, at
least one and all different: `search` of a [`BeamSearchDecoder`]."""


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


class KeepHypotheses:
    """What [`keep_token_ids`] keeps, and the best hypothesis of a beam search for every utterance.

    Pass it to the `Trainer` as `preprocess_logits_for_metrics`.

    Args:
        search: `search` of a [`BeamSearchDecoder`].
    """

    def __init__(self, search: HypothesisSearch) -> None:
        self.search = search

    def __call__(
        self, logits: torch.Tensor | tuple[torch.Tensor, ...], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both for every utterance of a batch.

        Args:
            logits: `(batch, frames, classes)` log-probabilities of the model.
            labels: Unused.

        Returns:
            `(batch, frames)`, and `(batch, tokens)` of the hypotheses: int64, -100 on padding.
        """
        ids = keep_token_ids(logits, labels)
        log_probs = logits[0] if isinstance(logits, tuple) else logits
        hypotheses = self.search(log_probs, (ids != LABEL_PADDING).sum(-1))
        best = [torch.tensor(found[0][0], dtype=torch.long) for found in hypotheses]
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
            prediction: `predictions` `(utterances, frames)` of [`keep_token_ids`], or the two of [`KeepHypotheses`],
                and `label_ids` `(utterances, labels)`, all padded with -100.

        Returns:
            With the hypotheses of a beam search also their error rates, `lm_wer` and `lm_cer`.
        """
        kept: Any = prediction.predictions
        ids, found_ids = kept if isinstance(kept, tuple) else (kept, None)
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
        if found_ids is not None:
            texts = self._texts(found_ids, group_tokens=False)
            metrics["lm_wer"] = word_error_counts(references, texts).error_rate
            metrics["lm_cer"] = character_error_counts(references, texts).error_rate
        return metrics

    def _texts(self, ids: Any, group_tokens: bool) -> list[str]:  # noqa: ANN401 - as EvalPrediction has it
        rows = (row[row != LABEL_PADDING].tolist() for row in np.asarray(ids))
        return [str(self.tokenizer.decode(row, group_tokens=group_tokens)) for row in rows]


class CTCTrainer(Trainer):
    """The stock `Trainer` with the optimizer SOAP and batches of like duration, where the arguments ask for them.

    A [`SpeechStream`] as `train_dataset` is shared out among the processes: every utterance is trained on once an
    epoch, and a checkpoint has what is left of it, for any number of processes. A step has the gradient of the
    utterances of all processes at once. It needs a [`DataCollatorForCTC`] and `max_steps`.

    For `per_device_train_batch_seconds` it needs the processor as `processing_class`, the column `length` of
    [`filter_utterances`] in the training data, and the callback [`EpochCallback`].

    Its checkpoints have the weights of the teacher heads, for a resume; whatever else it saves or pushes has the
    network alone.

    Raises:
        ValueError: If the losses of [`CTCTrainingArguments`] are not those of the model. When training begins, if
            something that `per_device_train_batch_seconds` needs is missing, or if a batch of that length could be
            without an utterance.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._save_total_limit = self.args.save_total_limit
        self.stream_loader: StreamLoader | None = None
        if isinstance(self.train_dataset, SpeechStream):
            self._prepare_to_stream(self.train_dataset)
        if not isinstance(self.args, CTCTrainingArguments):
            return
        wanted = self.args.loss_settings()
        model: Any = self.model
        if hasattr(model, "get_base_model"):  # adapters of PEFT
            model = model.get_base_model()
        given = model.losses if isinstance(model, TrainingBiGRUForCTC) else LossSettings()
        if wanted != given and not (wanted.is_plain and given.is_plain):
            raise ValueError(
                f"The arguments ask for {wanted} and the model has {given}; give the model that "
                "hf_bigru_asr.training.with_losses(model, args, processor) makes."
            )

    def _prepare_to_stream(self, stream: SpeechStream) -> None:
        if not isinstance(self.args, CTCTrainingArguments):
            raise TypeError(f"A stream needs CTCTrainingArguments; args is a {type(self.args).__name__}.")
        self.args.ignore_data_skip = True  # the loader knows where it goes on
        loader = self.stream_loader = StreamLoader.of_trainer(self, stream, self._train_batch_size)
        self.add_callback(StreamProgress(loader))

    def train(self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any) -> TrainOutput:
        """Train as the stock `Trainer`; of a stream, go on with what is left of its epoch."""
        if self.stream_loader is not None and resume_from_checkpoint:
            if isinstance(resume_from_checkpoint, bool):
                resume_from_checkpoint = get_last_checkpoint(str(self.args.output_dir))
            self.stream_loader.restore(str(resume_from_checkpoint))
        output: TrainOutput = super().train(resume_from_checkpoint, *args, **kwargs)
        return output

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log as the stock `Trainer`; of a stream, the speed of what was heard, and not of full batches."""
        if self.stream_loader is not None and "train_samples_per_second" in logs:
            num_heard = self.stream_loader.num_heard - self.stream_loader.num_heard_before
            logs["train_samples_per_second"] = round(num_heard / max(logs["train_runtime"], 1e-3), 3)
        super().log(logs, start_time)

    def compute_loss(self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as Trainer has it
        """The loss of a batch, as much of that of the step as the batch of a stream has of its utterances."""
        scale = inputs.pop(LOSS_SCALE, None)
        loss: Any = super().compute_loss(model, inputs, *args, **kwargs)
        if scale is None:
            return loss
        return (loss[0] * scale, *loss[1:]) if isinstance(loss, tuple) else loss * scale

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """Save a checkpoint as it is, and a result without the teacher heads, its files whole."""
        folder = Path(output_dir or str(self.args.output_dir))
        if folder.name.startswith(f"{PREFIX_CHECKPOINT_DIR}-"):
            # `_save_checkpoint` has taken the limit away, and the file with the arguments has it.
            limit, self.args.save_total_limit = self.args.save_total_limit, self._save_total_limit
            super()._save(output_dir, state_dict)
            self.args.save_total_limit = limit
            return
        if isinstance(self.model, TrainingBiGRUForCTC):
            state_dict = self.model.plain_state_dict(state_dict)
        with whole_files(folder) as staging:
            super()._save(str(staging), state_dict)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:  # noqa: ANN401 - as Trainer has it
        """Save a checkpoint, and remove older ones when it is on the disk; half a one is not left."""
        run_dir = self._get_output_dir(trial=trial)
        folder = Path(run_dir) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        self.args.save_total_limit = None
        try:
            with naming_the_file(folder):
                if self.args.should_save:
                    (folder / TRAINER_STATE_NAME).unlink(missing_ok=True)  # of an earlier run, which is replaced
                if self.stream_loader is not None:
                    self.stream_loader.save(folder, self.args.should_save)
                super()._save_checkpoint(model, trial)
                if self.args.should_save:
                    flush_tree(folder)
        except OSError:
            if self.args.should_save:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self.args.save_total_limit = self._save_total_limit
        if self.args.should_save:
            rotate_checkpoints(run_dir, self._save_total_limit, self.state.best_model_checkpoint, use_mtime=True)

    def _save_rng_state(self, output_dir: str) -> None:
        """Save the state of the random numbers of this process; the state of the run follows when all have done so."""
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()

    @staticmethod
    def get_optimizer_cls_and_kwargs(args: TrainingArguments, model: PreTrainedModel | None = None) -> tuple[Any, Any]:
        """SOAP of `pytorch-optimizer` for `optim="soap"`, or what the stock `Trainer` takes.

        SOAP is Adam in the eigenbasis of Shampoo's preconditioner, updated every `precondition_frequency` steps.
        `adam_beta1`, `adam_beta2`, `adam_epsilon` and `optim_args` are its settings; `optim_args` is
        `"precondition_frequency=10,max_precondition_dim=512"` for example.

        Source: N. Vyas et al., arXiv 2409.11321, 2024.

        Raises:
            ImportError: If `optim` is `"soap"` and `pytorch-optimizer` is not installed.
            ValueError: If `optim_args` has another setting.
        """
        if args.optim != SOAP_NAME:
            return Trainer.get_optimizer_cls_and_kwargs(args, model)
        try:
            from pytorch_optimizer import SOAP
        except ImportError as error:
            raise ImportError(needs_extra("optim='soap'", "train")) from error
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
        """Training batches for this process: a `DataLoader`, or a [`StreamLoader`].

        Raises:
            ValueError: If something that `per_device_train_batch_seconds` needs is missing, or a batch could be empty.
        """
        if self.stream_loader is not None:
            return self.stream_loader  # type: ignore[return-value]
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
        # Every process has as many batches already, and older versions of accelerate even out those of one size only.
        evens = self.accelerator.even_batches
        self.accelerator.even_batches = False
        try:
            prepared: DataLoader[Any] = self.accelerator.prepare(loader)
            return prepared
        finally:
            self.accelerator.even_batches = evens


class ElapsedTime(TrainerCallback):
    """Adds `elapsed_s`, the seconds of training so far, to every log entry, also across resumes."""

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
