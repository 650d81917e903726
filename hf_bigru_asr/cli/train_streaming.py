"""What `hf-bigru-asr train --streaming` reads, and what it cannot do."""

from pathlib import Path
from typing import Any

from datasets import Audio, Dataset, IterableDataset, Value

from ..data.filtering import UtteranceRules
from ..data.librispeech.sources import holds_librispeech
from ..data.loading import is_stored, load_speech_dataset
from ..data.manifests.rows import BadRows
from ..data.streaming import SpeechStream
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..training.arguments import CTCTrainingArguments
from .train_arguments import DataArguments, ModelArguments

__all__ = ["check_streaming", "is_manifest", "load_in_memory", "open_stream"]


def check_streaming(model_args: ModelArguments, data_args: DataArguments, args: CTCTrainingArguments) -> None:
    """Refuse what cannot be done while the data are read.

    Raises:
        ValueError: If there is something like that; it says what to do instead.
    """
    whole = {
        "cache_audio": (data_args.cache_audio, "it would keep all audio in memory"),
        "train_repeats": (data_args.train_repeats > 1, "an epoch ends where the stream does; give more --max_steps"),
        "max_train_samples": (data_args.max_train_samples is not None, "--max_steps says how long a run is"),
        "prior_frames": (
            bool(model_args.prior_frames),
            "the prior is fitted to all of the data. Train a step without --streaming on a part of them, and give "
            "the result as --model_name_or_path",
        ),
        "vocabulary_from_data": (
            bool(data_args.vocabulary_from_data),
            "all transcripts would be read first. Train a step without --streaming on a part of the data, and give "
            "the result as --model_name_or_path",
        ),
        "distillation_weight": (args.distillation_weight > 0, "features of a teacher are for data on the disk"),
    }
    for name, (is_given, why) in whole.items():
        if is_given:
            value = {**vars(model_args), **vars(data_args), **vars(args)}[name]
            raise ValueError(f"{name} is {value} and cannot be combined with streaming: {why}.")
    if args.max_steps <= 0:
        raise ValueError(
            "streaming needs max_steps: how many utterances a stream has is not known before it was read, and the "
            "learning rate falls over all steps. A step has per_device_train_batch_size utterances of every process."
        )
    if args.train_sampling_strategy not in ("group_by_length", "random"):
        raise ValueError(
            f"train_sampling_strategy is {args.train_sampling_strategy!r}; of a stream it must be 'group_by_length' "
            "or 'random'."
        )
    seconds = args.per_device_train_batch_seconds
    if seconds is not None and seconds < data_args.max_duration_in_seconds:
        raise ValueError(
            f"per_device_train_batch_seconds is {seconds:g} and max_duration_in_seconds "
            f"{data_args.max_duration_in_seconds:g}: a batch must have room for the longest utterance. Give more "
            "seconds, or leave out long utterances."
        )


def open_stream(data_args: DataArguments, processor: BiGRUCTCProcessor, *, is_verbose: bool = True) -> SpeechStream:
    """The training data, those of the extra data sets too; nothing of their audio is read yet.

    Args:
        data_args: What is read.
        processor: Gives the frames of the audio and the ids of the text.
        is_verbose: Whether to print what there is.

    Raises:
        ValueError: If a data set cannot be read, or has nothing to read.
    """
    sources = {"train": (data_args.dataset_name, data_args.dataset_config_name, data_args.train_split_name)}
    for name in data_args.extra_dataset_name:
        sources[f"extra {name}"] = (name, data_args.extra_dataset_config_name, data_args.extra_split_name)
    streams: dict[str, Dataset | IterableDataset] = {}
    bad_rows: list[BadRows] = []
    for key, (name, config, split) in sources.items():
        reading = data_args.reading()
        streams[key] = load_speech_dataset(
            name, config, split, streaming=not is_manifest(name, config), **data_args.columns, **reading
        )
        bad_rows.append(reading["bad_rows"])
    rules = UtteranceRules(
        processor,
        min_duration_s=data_args.min_duration_in_seconds,
        max_duration_s=data_args.max_duration_in_seconds,
        max_speed=max(data_args.speed_factors, default=1.0),
        **data_args.columns,
    )
    stream = SpeechStream(streams, rules, bad_rows)
    if is_verbose:
        for (name, _, split), num_shards in zip(sources.values(), stream.num_shards, strict=True):
            print(f"{name} {split}: streamed from {num_shards} shards")
    return stream


def is_manifest(name: str, config: str | None) -> bool:
    """Whether a data set is a local manifest: its rows are in memory anyhow, and their audio is not."""
    path = Path(name).expanduser()
    return path.exists() and not is_stored(path, config) and not holds_librispeech(path)


def load_in_memory(name: str, config: str | None, split: str, limit: int | None, **options: Any) -> Dataset:
    """A split of a data set without a copy of the others on the disk: what it streams is kept in memory.

    Args:
        name: Of the data set, which is no manifest.
        config: Its configuration.
        split: The split.
        limit: Utterances to take; all if `None`.
        options: Of [`load_speech_dataset`].
    """
    stream = load_speech_dataset(name, config, split, streaming=True, **options)
    rows = list(stream if limit is None else stream.take(limit))
    features = stream.features.copy()
    for column, feature in features.items():
        if isinstance(feature, Audio):  # which would be encoded, with torchcodec
            features[column] = {"bytes": Value("binary"), "path": Value("string")}
    return Dataset.from_list(rows, features=features)
