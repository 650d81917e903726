"""A stream as the `Trainer` takes its data, and what it says of the run."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..data.filtering import FilterReport
from ..data.streaming import SpeechStream
from ..storage.writing import write_json
from .arguments import CTCTrainingArguments
from .stream_plan import StreamState
from .stream_reading import ReadingSettings, StreamReader

__all__ = ["LOSS_SCALE", "STREAM_NAME", "StreamLoader", "StreamProgress"]

LOSS_SCALE = "loss_scale"
"""Key of a batch with the factor of its loss."""
STREAM_NAME = "stream.json"
"""Where the epoch of a stream stands, in a checkpoint."""
_EMPTY_FRAMES = 100
"""Frames of a batch without utterances: enough for any mask."""

Collate = Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]


class _Given(Dataset[Any]):
    """Lets a loader collate, in its workers, what its sampler gives."""

    def __getitems__(self, given: Any) -> Any:  # noqa: ANN401 - as the sampler gives it
        return given


class _Collate:
    """Makes the batch of a step; without utterances one that the network can take, for the factor 0.

    Args:
        collate: Makes batches of utterances.
        num_mel_bins: Bins of a frame.
        token_id: A class that is not the blank.
    """

    def __init__(self, collate: Collate, num_mel_bins: int, token_id: int) -> None:
        self.collate = collate
        self.num_mel_bins = num_mel_bins
        self.token_id = token_id

    def __call__(self, given: tuple[list[dict[str, Any]], float]) -> dict[str, torch.Tensor]:
        examples, loss_scale = given
        if examples:
            batch = self.collate(examples)
        else:
            batch = {
                "input_features": torch.zeros(1, _EMPTY_FRAMES, self.num_mel_bins),
                "attention_mask": torch.ones(1, _EMPTY_FRAMES, dtype=torch.int64),
                "labels": torch.tensor([[self.token_id]]),
            }
        return batch | {LOSS_SCALE: torch.tensor(loss_scale)}


class _Steps:
    """The steps of a reader as a batch sampler, which sets the epoch of the collator."""

    def __init__(self, reader: StreamReader, collator: Any) -> None:  # noqa: ANN401 - the collator
        self.reader = reader
        self.collator = collator

    def __iter__(self) -> Iterator[tuple[list[dict[str, Any]], float]]:
        for step in self.reader:
            self.collator.epoch = self.reader.state.epoch
            yield step.own.examples, step.loss_scale


class StreamLoader:
    """The batches of one process, an epoch each time that it is iterated.

    It has no length. A batch has `loss_scale`, the factor of its loss, which [`CTCTrainer`] applies.

    Args:
        reader: Gives the steps.
        collator: A [`DataCollatorForCTC`]. Its epoch is set.
        options: Of `DataLoader`: workers and memory.
    """

    def __init__(self, reader: StreamReader, collator: Any, **options: Any) -> None:  # noqa: ANN401 - the collator
        self.reader = reader
        self.num_heard_before = 0
        """Utterances that were trained on before a resume."""
        processor = collator.processor
        blank = processor.tokenizer.pad_token_id
        collate = _Collate(collator, processor.feature_extractor.feature_size, 1 if blank != 1 else 0)
        self._loader: DataLoader[Any] = DataLoader(
            _Given(),
            batch_sampler=_Steps(reader, collator),  # type: ignore[arg-type]
            collate_fn=collate,  # type: ignore[arg-type]
            generator=torch.Generator(),  # the global one is what dropout draws from, and a resume must not move it
            **options,
        )

    @classmethod
    def of_trainer(cls, trainer: Trainer, stream: SpeechStream, batch_size: int) -> "StreamLoader":
        """The loader for the arguments of a trainer.

        Args:
            trainer: Its collator makes the batches.
            stream: What is read.
            batch_size: Utterances of a batch in this process.
        """
        args: CTCTrainingArguments = trainer.args  # type: ignore[assignment]
        model: Any = trainer.model
        settings = ReadingSettings(
            batch_size=batch_size,
            batch_seconds=args.per_device_train_batch_seconds,
            buffer_size=max(args.stream_buffer_size, batch_size * args.gradient_accumulation_steps),
            num_accumulated=args.gradient_accumulation_steps,
            by_length=args.train_sampling_strategy == "group_by_length",
            is_mean=model.config.ctc_loss_reduction == "mean",
            seed=args.seed if args.data_seed is None else args.data_seed,
        )
        reader = StreamReader(stream, settings, process=args.process_index, num_processes=args.world_size)
        return cls(
            reader,
            trainer.data_collator,
            num_workers=args.dataloader_num_workers,
            pin_memory=args.dataloader_pin_memory,
            persistent_workers=args.dataloader_persistent_workers,
            prefetch_factor=args.dataloader_prefetch_factor,
            multiprocessing_context=args.dataloader_multiprocessing_context,
        )

    def restore(self, checkpoint: str | Path) -> None:
        """Go on where a checkpoint left the stream, with any number of processes.

        Raises:
            ValueError: If the checkpoint is not of a stream.
        """
        self.reader.restore(_read_state(checkpoint))
        self.num_heard_before = self.num_heard

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """The batches of the epoch that is next, or goes on."""
        for batch in self._loader:
            self.reader.finish_step()
            yield batch

    def reports(self) -> dict[str, FilterReport]:
        """Of every source, what was trained on and left out in the last whole epoch, or else in the first so far."""
        state = self.reader.state
        counts = state.counts if state.last_counts is None else state.last_counts
        return {name: each.report() for name, each in zip(self.reader.stream.names, counts, strict=True)}

    @property
    def heard_s(self) -> float:
        """Seconds of audio that all processes have trained on, also before a resume."""
        return sum(counts.seconds for counts in self.reader.state.heard)

    @property
    def num_heard(self) -> int:
        """Utterances that all processes have trained on, every time that one came."""
        return sum(counts.num_utterances for counts in self.reader.state.heard)

    def heard(self) -> dict[str, Any]:
        """All that was trained on, for the record of the run."""
        epochs = self.reader.epochs
        return {
            "num_utterances": self.num_heard,
            "hours": self.heard_s / 3600,
            "epochs": round(epochs, 4),
            "whole_epochs": int(epochs),
        }

    def save(self, folder: Path, is_writer: bool) -> None:
        """Write where the epoch stands into a checkpoint; all processes call it together."""
        state = self.reader.gather_state()
        if is_writer:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / STREAM_NAME, asdict(state))


def _read_state(checkpoint: str | Path) -> StreamState:
    """Where the epoch of a stream stood.

    Args:
        checkpoint: Folder.

    Raises:
        ValueError: If the checkpoint is not of a stream.
    """
    path = Path(checkpoint) / STREAM_NAME
    if not path.is_file():
        raise ValueError(
            f"{checkpoint} has no {STREAM_NAME}: its run did not stream its data. Leave --streaming out to go on with "
            "it, or give another --output_dir to begin anew."
        )
    return StreamState.of_json(json.loads(path.read_text(encoding="utf-8")))


class StreamProgress(TrainerCallback):
    """Sets the epoch of the run, which the `Trainer` cannot know of a stream.

    Args:
        loader: Gives the batches of the run.
    """

    def __init__(self, loader: StreamLoader) -> None:
        self._loader = loader

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Set the epoch before it is logged."""
        state.epoch = self._loader.reader.epochs

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Set it when an epoch is whole, before the evaluation."""
        state.epoch = self._loader.reader.epochs
