"""Training to look at in TensorBoard: speed, sample transcripts, and spectrograms with what the network hears."""

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import TensorBoardCallback

from ..data.streaming import SpeechStream
from ..extras import needs_extra
from ..model.processing_bigru_ctc import BiGRUCTCProcessor

__all__ = ["TrainingBoard", "posterior_figure"]

SHOWN_FRAMES = 1000
"""Frames of a picture: 20 s at the default hop."""


def posterior_figure(
    features: npt.NDArray[np.float32], probabilities: npt.NDArray[np.float32], symbols: list[str], frame_s: float
) -> Any:  # noqa: ANN401 - a figure of a package without the extra
    """Spectrogram of an utterance above the probabilities of all classes in the same frames.

    Args:
        features: `(frames, mels)` as the network takes them.
        probabilities: `(frames, classes)`.
        symbols: Names of the classes.
        frame_s: Seconds from one frame to the next.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(needs_extra("A picture of the training", "train")) from error
    end_s = len(features) * frame_s
    figure = Figure(figsize=(10, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.imshow(features.T, aspect="auto", origin="lower", extent=(0, end_s, 0, features.shape[1]), cmap="magma")
    above.set(ylabel="mel bin", title="normalised log-mel features")
    below.imshow(
        probabilities.T,
        aspect="auto",
        extent=(0, end_s, len(symbols) - 0.5, -0.5),
        cmap="Blues",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    below.set_yticks(range(len(symbols)), symbols, fontsize=7)
    below.set(xlabel="seconds", title="probabilities of the classes")
    return figure


class TrainingBoard(TrainerCallback):
    """Adds to the run of TensorBoard what the stock callback does not know.

    Scalars `train/hours_heard` and `train/times_real_time`, seconds of audio per second of training without the
    evaluations; `eval/times_real_time`; and of a few utterances at every evaluation, `samples/N` as text, reference
    above hypothesis, and `posteriors/N` as a picture.

    Args:
        tensorboard: The stock callback, whose run it adds to.
        trainer: Gives the evaluation data and the collator.
        epoch_s: Seconds of audio in an epoch; of a stream, whose loader knows what was heard, 0.
        eval_s: Seconds of audio in the evaluation data.
        num_samples: Utterances that are shown.
    """

    def __init__(
        self,
        tensorboard: TensorBoardCallback,
        trainer: Trainer,
        *,
        epoch_s: float,
        eval_s: float,
        num_samples: int = 3,
    ) -> None:
        self._tensorboard = tensorboard
        self._trainer = trainer
        self._eval_dataset: Any = trainer.eval_dataset
        self._epoch_s = epoch_s
        self._eval_s = eval_s
        self._num_samples = num_samples
        self._before_s = 0.0
        self._since_s = time.monotonic()

    @classmethod
    def attach(cls, trainer: Trainer, num_samples: int = 3) -> "TrainingBoard | None":
        """Add it to a trainer that reports to TensorBoard; `None`, and nothing is added, where it does not.

        Args:
            trainer: With data of [`filter_utterances`], whose column `length` has the frames of the utterances, and
                the processor as `processing_class`.
            num_samples: Utterances that are shown at every evaluation.

        Raises:
            ImportError: If matplotlib is not installed, and pictures are wanted.
        """
        callbacks = (each for each in trainer.callback_handler.callbacks if isinstance(each, TensorBoardCallback))
        if (tensorboard := next(callbacks, None)) is None:
            return None
        if num_samples:
            posterior_figure(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32), [""], 1.0)
        frame_s = _frame_s(trainer)
        datasets: tuple[Any, Any] = (trainer.train_dataset, trainer.eval_dataset)
        train, evaluated = (
            0.0 if isinstance(data, SpeechStream) else sum(data["length"]) * frame_s for data in datasets
        )
        board = cls(tensorboard, trainer, epoch_s=train, eval_s=evaluated, num_samples=num_samples)
        trainer.add_callback(board)
        return board

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Start to count where the run does, or goes on."""
        self._before_s, self._since_s = self._heard_s(state), time.monotonic()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: object,
    ) -> None:
        """Hours heard and speed, beside the loss that has just been logged."""
        heard_s, now_s = self._heard_s(state), time.monotonic()
        if "loss" not in (logs or {}) or (writer := self._writer(state)) is None or heard_s <= self._before_s:
            return
        speed = (heard_s - self._before_s) / max(now_s - self._since_s, 1e-9)
        writer.add_scalar("train/hours_heard", heard_s / 3600, state.global_step)
        writer.add_scalar("train/times_real_time", speed, state.global_step)
        self._before_s, self._since_s = heard_s, now_s

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: object,
    ) -> None:
        """Speed of the evaluation, transcripts and pictures."""
        start_s = time.monotonic()
        runtime_s = (metrics or {}).get("eval_runtime", 0.0)
        writer = self._writer(state)
        if writer is not None:
            if runtime_s:
                writer.add_scalar("eval/times_real_time", self._eval_s / runtime_s, state.global_step)
            for number in range(min(self._num_samples, len(self._eval_dataset))):
                self._show(writer, number, state.global_step)
            writer.flush()
        self._since_s += runtime_s + time.monotonic() - start_s  # this is no training

    def _heard_s(self, state: TrainerState) -> float:
        loader = getattr(self._trainer, "stream_loader", None)
        return float(state.epoch or 0) * self._epoch_s if loader is None else float(loader.heard_s)

    def _writer(self, state: TrainerState) -> Any:  # noqa: ANN401 - of TensorBoard
        return self._tensorboard.tb_writer if state.is_world_process_zero else None

    def _show(self, writer: Any, number: int, step: int) -> None:  # noqa: ANN401 - of TensorBoard
        processor: BiGRUCTCProcessor = self._trainer.processing_class  # type: ignore[assignment]
        tokenizer = processor.tokenizer
        collator: Any = self._trainer.data_collator
        batch = collator([self._eval_dataset[number]])
        model: Any = self._trainer.model
        was_training = model.training
        model.eval()
        with torch.no_grad():
            inputs = {name: batch[name].to(self._trainer.args.device) for name in ("input_features", "attention_mask")}
            log_probs = model(**inputs).logits[0, : int(batch["attention_mask"][0].sum())].float().cpu()
        model.train(was_training)
        reference = tokenizer.decode(batch["labels"][0].tolist(), group_tokens=False)
        hypothesis = tokenizer.decode(log_probs.argmax(-1).tolist())
        # TensorBoard shows Markdown: four spaces keep a text as it is.
        writer.add_text(f"samples/{number}", f"    reference:  {reference}\n    hypothesis: {hypothesis}", step)
        features = batch["input_features"][0, :SHOWN_FRAMES].numpy()[: len(log_probs)]
        figure = posterior_figure(
            features, log_probs[:SHOWN_FRAMES].exp().numpy(), _symbols(processor), _frame_s(self._trainer)
        )
        writer.add_figure(f"posteriors/{number}", figure, step)


def _frame_s(trainer: Trainer) -> float:
    extractor: Any = trainer.processing_class.feature_extractor  # type: ignore[union-attr]
    return float(extractor.hop_length / extractor.sampling_rate)


def _symbols(processor: BiGRUCTCProcessor) -> list[str]:
    """Names of the classes in their order, as a picture shows them."""
    tokenizer = processor.tokenizer
    names = {tokenizer.pad_token_id: "blank", tokenizer.convert_tokens_to_ids(tokenizer.word_delimiter_token): "space"}
    return [
        names.get(each, token) for each, token in enumerate(tokenizer.convert_ids_to_tokens(range(len(tokenizer))))
    ]
