"""Whether a run may go on from the checkpoints in its folder: data, model and settings must be those of that run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers.trainer import TRAINER_STATE_NAME

from ..data.streaming import SpeechStream
from ..data.utterances import utterance_source
from ..storage.writing import write_json
from .checkpoints import check_checkpoint, last_whole_checkpoint
from .modeling import LossSettings

__all__ = ["RECORD_NAME", "RUN_NAME", "RunStart", "data_digest", "start_run", "weights_digest"]

RUN_NAME = "run.json"
"""What a run began with, beside its checkpoints."""
RECORD_NAME = "training.json"
"""The record of a run, written when it is done."""

_SAMPLED_ROWS = 16
_TRAINER_SETTINGS = {
    *("learning_rate", "optim", "optim_args", "adam_beta1", "adam_beta2", "adam_epsilon", "weight_decay"),
    *(
        "max_grad_norm",
        "lr_scheduler_type",
        "lr_scheduler_kwargs",
        "warmup_steps",
        "seed",
        "data_seed",
        "bf16",
        "fp16",
    ),
    *("per_device_train_batch_size", "per_device_train_batch_seconds", "gradient_accumulation_steps"),
    *("train_sampling_strategy", "stream_buffer_size", "metric_for_best_model", "mmi_lm"),
    *(each.name for each in fields(LossSettings)),
}
_MAY_CHANGE = {
    *("cache_audio", "early_stopping_patience", "num_sample_transcripts", "teacher_name", "model_name_or_path"),
    *("dataset_name", "dataset_config_name", "train_split_name", "audio_column_name", "text_column_name"),
    *("eval_dataset_name", "eval_dataset_config_name", "eval_split_name"),
    *("extra_dataset_name", "extra_dataset_config_name", "extra_split_name"),
}
"""Settings of the command that do not make the weights, and names: what they name is compared itself."""
_LENGTH_SETTINGS = ("num_train_epochs", "max_steps")


@dataclass(frozen=True)
class RunStart:
    """Where a run begins.

    Args:
        checkpoint: Folder to go on from; `None` for the beginning.
        is_finished: Whether nothing is left to do.
        resumes: The times that the run was resumed, for its record.
    """

    checkpoint: str | None = None
    is_finished: bool = False
    resumes: list[dict[str, Any]] = field(default_factory=list)


def weights_digest(model: torch.nn.Module) -> str:
    """SHA-256 of the weights of a network, heads of a teacher left out."""
    digest = hashlib.sha256()
    for name, values in sorted(model.state_dict().items()):
        if "teacher_heads." not in name:
            digest.update(name.encode())
            digest.update(values.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def data_digest(dataset: Any, audio_column: str, text_column: str) -> str | None:  # noqa: ANN401 - any data set
    """SHA-256 of the texts and lengths of all utterances, and of the audio of sixteen; of a stream see its `digest`.

    Args:
        dataset: Utterances from `filter_utterances`, or a [`SpeechStream`]; `None` for other kinds.
        audio_column: Column with the audio.
        text_column: Column with the transcript.
    """
    if isinstance(dataset, SpeechStream):
        return dataset.digest()
    if not isinstance(dataset, Dataset):
        return None
    digest = hashlib.sha256()
    for name in (text_column, "length"):
        if name in dataset.column_names:
            digest.update(json.dumps(list(dataset[name])).encode())
    rows = range(0, len(dataset), max(len(dataset) // _SAMPLED_ROWS, 1))
    for row in dataset.select(rows).select_columns([audio_column]):
        source = utterance_source(row[audio_column], 1)
        if isinstance(source, str | Path):
            digest.update(_content(source))
        else:
            digest.update(source if isinstance(source, bytes) else source.tobytes())
    return digest.hexdigest()


def _content(path: Any) -> bytes:  # noqa: ANN401 - a path in any form
    return Path(path).read_bytes()


def start_run(
    output_dir: str | Path,
    named_checkpoint: str | None,
    *,
    command: Mapping[str, Any],
    trainer: Mapping[str, Any],
    digests: Mapping[str, str | None],
    is_writer: bool = True,
) -> RunStart:
    """Choose where a run begins, and write down what it began with.

    Args:
        output_dir: Folder of the run.
        named_checkpoint: Checkpoint that the user names; without it the last whole one in the folder.
        command: Settings of the model and the data.
        trainer: Settings of the `Trainer`.
        digests: Of `model` (`None` for random weights), `train` and `eval`.
        is_writer: Whether this process writes; in a run of several one does.

    Raises:
        FileNotFoundError: If the checkpoint that is named does not exist.
        ValueError: If it is not whole, or if data, model or settings are not those of the run that left it.
    """
    folder = Path(output_dir)
    if named_checkpoint is not None:
        check_checkpoint(named_checkpoint)
    checkpoint = Path(named_checkpoint) if named_checkpoint is not None else last_whole_checkpoint(folder)
    run = _described(command, trainer, digests)
    if checkpoint is None:
        if is_writer:
            write_json(folder / RUN_NAME, run | {"resumes": []})
        return RunStart()
    before = _read(checkpoint.parent / RUN_NAME)
    if before is not None or named_checkpoint is None:
        _check_alike(checkpoint, before, run)
    step = int((_read(checkpoint / TRAINER_STATE_NAME) or {}).get("global_step", 0))
    resumes = [*(before or {}).get("resumes", [])]
    if _is_finished(folder, step, run["lengths"]):
        return RunStart(str(checkpoint), True, resumes)
    resumes.append({"step": step, "checkpoint": str(checkpoint), **run["lengths"]})
    if is_writer:
        write_json(folder / RUN_NAME, run | {"resumes": resumes})
    return RunStart(str(checkpoint), False, resumes)


def _described(
    command: Mapping[str, Any], trainer: Mapping[str, Any], digests: Mapping[str, str | None]
) -> dict[str, Any]:
    """What a run begins with, as JSON has it."""
    settings = {name: value for name, value in command.items() if name not in _MAY_CHANGE}
    settings |= {name: value for name, value in trainer.items() if name in _TRAINER_SETTINGS}
    names = {name: command[name] for name in sorted(_MAY_CHANGE & command.keys()) if name.endswith(("_name", "_path"))}
    lengths = {name: trainer[name] for name in _LENGTH_SETTINGS if name in trainer}
    run = {"settings": settings, "names": names, "digests": digests, "lengths": lengths}
    described: dict[str, Any] = json.loads(json.dumps(run))
    return described


def _check_alike(checkpoint: Path, before: Mapping[str, Any] | None, run: Mapping[str, Any]) -> None:
    if before is None:
        raise ValueError(
            f"{checkpoint} was left by a run without a {RUN_NAME}, by an earlier release for example. Name it with "
            "--resume_from_checkpoint to go on from it all the same, or give another --output_dir to begin anew."
        )
    if differences := _differences(before, run):
        raise ValueError(
            f"{checkpoint} was left by another run: {'; '.join(differences)}. Give what that run had to go on with "
            "it, or another --output_dir to begin anew."
        )


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def _differences(before: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """What is not as it was, each in words."""
    old, new = before["settings"], run["settings"]
    # A setting that only one release knows has no value to compare.
    found = [f"{name} {old[name]!r}, now {new[name]!r}" for name in old if name in new and old[name] != new[name]]
    places = {"train": ("dataset_name", "train_split_name"), "eval": ("eval_dataset_name", "eval_split_name")}
    for part, (dataset, split) in places.items():
        if before["digests"].get(part) != run["digests"].get(part):
            was, now = (
                f"{names.get(dataset) or names.get('dataset_name')} {names.get(split)}"
                for names in (before["names"], run["names"])
            )
            same = " (with other contents)" if was == now else ""
            found.append(f"{part} data {was}, now {now}{same}")
    if before["digests"].get("model") != run["digests"].get("model"):
        was, now = (names.get("model_name_or_path") or "random weights" for names in (before["names"], run["names"]))
        found.append(f"model {was}, now {now}{' (with other weights)' if was == now else ''}")
    return found


def _is_finished(folder: Path, step: int, lengths: Mapping[str, Any]) -> bool:
    """Whether the record of the run is of this very step, and no more steps are asked for."""
    record = _read(folder / RECORD_NAME)
    if record is None:
        return False
    last = max((int(entry.get("step", 0)) for entry in record["log_history"]), default=0)
    return last == step and all(record["arguments"].get(name) == value for name, value in lengths.items())
