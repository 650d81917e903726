"""What the tables of the model card show: strings, empty where a JSON file is silent."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..data.librispeech.index import NUM_UTTERANCES, SUBSETS

LIBRISPEECH = "openslr/librispeech_asr"
RATES = ("wer", "cer")
SHARES = ("precision", "recall", "f1")

HYPERPARAMETERS = (
    "normalization",
    "prior_frames",
    "hidden_dropout",
    "apply_spec_augment",
    "mask_time_prob",
    "mask_time_length",
    "mask_feature_prob",
    "mask_feature_length",
    "consistency_weight",
    "mmi_weight",
    "word_error_weight",
    "word_error_temperature",
    "distillation_weight",
    "speed_factors",
    "warp_range",
    "random_offset",
    "noise_prob",
    "reverberation_prob",
    "silence_prob",
    "telephone_prob",
    "level_prob",
    "speechless_prob",
    "train_repeats",
    "max_duration_in_seconds",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "per_device_train_batch_seconds",
    "gradient_accumulation_steps",
    "learning_rate",
    "lr_scheduler_type",
    "warmup_ratio",
    "warmup_steps",
    "optim",
    "adam_beta1",
    "adam_beta2",
    "weight_decay",
    "max_grad_norm",
    "fp16",
    "bf16",
    "seed",
)
"""Training arguments that the card lists, in its order, if `training.json` has them."""

MAX_LISTED_RUNS = 5
"""Of more runs than these before the last one the card lists no commands, so that it stays short."""

Json = dict[str, Any]
"""A JSON object; its values are of any JSON type."""


def result_row(evaluation: Json) -> dict[str, Any]:
    """What the tables show of one evaluation: strings, empty where the file is silent."""
    dataset, metrics, speed = evaluation["dataset"], evaluation["metrics"], evaluation.get("speed", {})
    row = {name: f"{percent(metrics[name]):.2f}" if name in metrics else "" for name in (*RATES, *SHARES)}
    times = speed.get("time_per_utterance_s", {})
    return row | {
        "dataset": cell(dataset_label(evaluation)),
        "description": cell(dataset.get("description")) if is_whole_split(dataset) else "",
        "decoding": cell(decoding_method(evaluation)),
        "has_grids": _num_offsets(evaluation) > 1,
        "utterances": figure(dataset.get("num_utterances")),
        "failed": figure(dataset.get("num_failed") or None),
        "batch_size": figure(evaluation.get("decoding", {}).get("batch_size")),
        "hours": figure(dataset.get("hours")),
        "real_time_factor": figure(speed.get("real_time_factor")),
        "median_ms": figure(_scaled(times.get("median"), 1000)),
        "p95_ms": figure(_scaled(times.get("p95"), 1000)),
        "machine": cell(_machine(evaluation)),
        "versions": _versions(evaluation),
        "command": _code(evaluation.get("command")),
        "commit": _code(evaluation.get("commit")),
        "date": _line(evaluation.get("date")),
        "by_speaker": {
            name: f"{percent(value):.1f}" if name != "num_speakers" else figure(value)
            for name, value in evaluation.get("by_speaker", {}).items()
        },
        "by_duration": {
            _duration(part): f"{percent(part['wer']):.1f}" for part in evaluation.get("by_duration_s", ())
        },
        "confidence": _confidence(evaluation.get("confidence") or {}),
    }


def _duration(part: Json) -> str:
    return f"{part['from_s']} to {part['to_s']} s" if "to_s" in part else f"over {part['from_s']} s"


def duration_columns(evaluations: Sequence[Json]) -> list[str]:
    """Lengths of utterances that any of the evaluations tells apart, the shortest first."""
    parts = {_duration(part): part["from_s"] for each in evaluations for part in each.get("by_duration_s", ())}
    return sorted(parts, key=parts.__getitem__)


def _confidence(figures: Json) -> dict[str, str]:
    """How well the confidences of words are calibrated, in percent; nothing where that was not measured."""
    error, precision = figures.get("expected_calibration_error"), figures.get("wrong_words_average_precision")
    if error is None or precision is None:
        return {}
    names = {"share_wrong": figures["share_wrong"], "error": error, "precision": precision}
    return {"num_words": figure(figures["num_words"])} | {
        name: f"{percent(value):.1f}" for name, value in names.items()
    }


def training_rows(training: Json, validation_data: str | None = None) -> list[tuple[str, str]]:
    """`(what, value)` for the list of the training, without what `training.json` does not say.

    Args:
        training: Contents of `training.json`; of several runs the rows are of the last one.
        validation_data: What the rows of results call the validation data, if there are results on them.
    """
    dataset, best = training.get("dataset", {}), training.get("best_validation", {})
    kept = dataset.get("train", {})
    amounts = [
        f"{figure(value)} {unit}"
        for value, unit in (
            (kept.get("hours", dataset.get("train_hours")), "h"),
            (kept.get("num_utterances", dataset.get("train_utterances")), "utterances"),
            (dataset.get("train_speakers"), "speakers"),
        )
        if value is not None
    ]
    amounts.append(_more_data(training))
    name = " ".join(str(dataset[key]) for key in ("name", "config", "train_split") if dataset.get(key))
    rates = [f"best {rate.upper()} {percent(best[rate]):.2f} %" for rate in RATES if best.get(rate) is not None]
    machine = [f"{key}: {value}" for key, value in training.get("hardware", {}).items()]
    if validation_data is None and dataset.get("eval_split"):
        validation_data = dataset.get("eval_description") or " ".join(filter(None, validation_source(training)))
    rows = [
        *_rows_of_all_runs(training),
        ("Training data", ", ".join(filter(None, [dataset.get("train_description") or name, *amounts]))),
        ("Validation data", ", ".join(filter(None, [validation_data, *rates]))),
        ("Hardware", ", ".join(filter(None, [*machine, _wall_time(training)]))),
        ("Command", _code(training.get("command"))),
        ("Commit", ", ".join(filter(None, [_code(training.get("commit")), _versions(training)]))),
        ("Settings", ", ".join(f"{setting} {value}" for setting, value in hyperparameters(training))),
        *_rows_of_earlier_runs(training),
    ]
    return [(label, _line(value)) for label, value in rows if value]


def _rows_of_earlier_runs(training: Json) -> list[tuple[str, str]]:
    """The commands of the runs before the last one, unless there are many or a recipe has them."""
    stages = training.get("earlier_stages", [])
    if training.get("recipe") or len(stages) > MAX_LISTED_RUNS:
        return []
    rows = []
    for number, stage in enumerate(stages, 1):
        facts = (
            _code(stage.get("command")),
            f"commit {_code(stage['commit'])}" if stage.get("commit") else "",
            _more_data(stage),
            _wall_time(stage),
        )
        rows.append((f"Before it, step {number}", ", ".join(filter(None, facts))))
    return rows


def recording_rows(recordings: Json) -> list[list[str]]:
    """The table of recordings as people have them, a column each, from `recordings.json`.

    Returns:
        What was done to clips, and a row for each decoding. Its cells have the word error rate in per cent and the
        difference to that of the clips one by one, in points.
    """
    columns = list(dict.fromkeys(each["kind"] for each in recordings.get("results", [])))
    cells = {
        (each["decoding"], each["kind"]): f"{100 * each['wer']:.1f} ({100 * each['difference']:+.1f})"
        for each in recordings.get("results", [])
    }
    rows = [
        [name, *(cells.get((name, kind), "") for kind in columns)] for name in dict.fromkeys(key[0] for key in cells)
    ]
    return [["Decoding", *(kind.partition(": ")[2] or kind for kind in columns)], *rows]


def _wall_time(run: Json) -> str:
    return f"{run['wall_time_s'] / 3600:.2f} h of wall time" if run.get("wall_time_s") else ""


def _rows_of_all_runs(training: Json) -> list[tuple[str, str]]:
    """How many runs there were, how long they took, and what the weights are, where one run is not all."""
    stages = training.get("earlier_stages", [])
    link = training.get("recipe", "")
    recipe = f"every command is in [{link.rsplit('/', 1)[-1]}]({link})" if link else ""
    runs = ""
    if stages:
        hours = sum(stage.get("wall_time_s") or 0 for stage in (training, *stages)) / 3600
        runs = f"{len(stages) + 1}, {figure(hours)} h of wall time in all; what follows is of the last"
    return [("Runs", "; ".join(filter(None, [runs, recipe]))), ("Weights", training.get("notes") or "")]


def validation_source(training: Json) -> tuple[str | None, str | None, str | None]:
    """Data set, configuration and split that the model was chosen on."""
    dataset = training.get("dataset", {})
    name, config = ("eval_name", "eval_config") if "eval_name" in dataset else ("name", "config")
    return dataset.get(name), dataset.get(config), dataset.get("eval_split")


def teacher_names(training: Json) -> list[str]:
    """The teachers that runs had beside the transcripts, each once; those without a name are larger recognisers."""
    arguments = [stage.get("arguments", {}) for stage in (training, *training.get("earlier_stages", []))]
    taught = [run for run in arguments if (run.get("distillation_weight") or 0) > 0]
    return list(dict.fromkeys(cell(run.get("teacher_name") or "a larger recogniser") for run in taught))


def has_in_loss(training: Json, weight: str) -> bool:
    """Whether any of the runs had what an option with a weight adds to its loss, `"mmi_weight"` for example."""
    stages = (training, *training.get("earlier_stages", []))
    return any((stage.get("arguments", {}).get(weight) or 0) > 0 for stage in stages)


def _more_data(stage: Json) -> str:
    """What a run was trained on beside its data set."""
    extras = stage.get("dataset", {}).get("extra", [])
    return ", ".join(f"{figure(extra['hours'])} h more of {_code(extra['name'])}" for extra in extras)


def hyperparameters(training: Json) -> list[tuple[str, str]]:
    """`(name, value)` of the training arguments that the card lists and `training.json` has."""
    arguments = dict(training.get("arguments", {}))
    if _is_set(arguments.get("per_device_train_batch_seconds")):
        arguments.pop("per_device_train_batch_size", None)  # not used then
    return [(name, _code(arguments[name])) for name in HYPERPARAMETERS if _is_set(arguments.get(name))]


def _is_set(argument: object) -> bool:
    # The Trainer writes what it cannot write as JSON as text.
    return argument not in (None, "None", "", [])


def dataset_label(evaluation: Json) -> str:
    """Data set, configuration and split, as rows of results name them; of a part of a split what it is."""
    dataset = evaluation["dataset"]
    name = " ".join(filter(None, (dataset["name"], dataset.get("config"), dataset["split"])))
    if is_whole_split(dataset):
        return name
    return str(dataset.get("description") or f"{figure(dataset['num_utterances'])} utterances of {name}")


def is_whole_split(dataset: Json) -> bool:
    """Whether data that are called a split of LibriSpeech have its size; others are not known to be a part."""
    sizes: dict[tuple[Any, Any], int] = {target: NUM_UTTERANCES[subset] for subset, target in SUBSETS.items()}
    size = sizes.get((dataset.get("config"), dataset.get("split")))
    if dataset["name"] != LIBRISPEECH or size is None or dataset.get("num_utterances") is None:
        return True
    return bool(dataset["num_utterances"] + (dataset.get("num_failed") or 0) == size)


def decoding_method(evaluation: Json) -> str:
    """How the log-probabilities were decoded, and on how many frame grids they were averaged."""
    method = str(evaluation.get("decoding", {}).get("method", "unstated"))
    return f"{method}, {_num_offsets(evaluation)} grids" if _num_offsets(evaluation) > 1 else method


def _num_offsets(evaluation: Json) -> int:
    return int(evaluation.get("num_offsets", 1))


def _machine(evaluation: Json) -> str:
    machine: Mapping[str, Any] = evaluation.get("machine", {})
    threads = f"num_threads: {machine['num_threads']}" if machine.get("num_threads") else None
    gpu = machine.get("gpu") if machine.get("device") != "cpu" else None
    known = [gpu, machine.get("cpu"), threads, machine.get("platform")]
    return ", ".join(str(value) for value in known if value)


def _versions(record: Json) -> str:
    return ", ".join(f"{name} {version}" for name, version in record.get("versions", {}).items())


def percent(fraction: float) -> float:
    """A fraction in percent, to two decimals."""
    return round(100 * fraction, 2)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def figure(value: float | None) -> str:
    """Three figures at least, thousands separated; whole numbers as they are."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())


def cell(value: object) -> str:
    """Text that keeps a Markdown table in one piece."""
    return _line(value).replace("|", "\\|")


def _code(value: object) -> str:
    return f"`{text}`" if (text := _line(value)) else ""


__all__ = [
    "cell",
    "dataset_label",
    "decoding_method",
    "duration_columns",
    "figure",
    "has_in_loss",
    "is_whole_split",
    "percent",
    "result_row",
    "teacher_names",
    "training_rows",
    "validation_source",
]
