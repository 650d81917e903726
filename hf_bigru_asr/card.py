"""The model card and the Hub's evaluation records, filled from measured JSON and from nothing else.

A folder of a trained model holds `config.json`, `model.safetensors` and, if `scripts/train.py` wrote it,
`training.json`; every figure about its accuracy and speed comes from the files that `scripts/evaluate.py` writes.
What a file does not say is left out of the card.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCard, ModelCardData, eval_result_entries_to_yaml
from safetensors import safe_open

from . import __version__
from .model_json import read_model_json
from .processing_bigru_ctc import LANGUAGE_MODEL_DIR, RECORD_NAME

TASK = "automatic-speech-recognition"
LIBRISPEECH = "openslr/librispeech_asr"
CARD_NAME = "README.md"
TEMPLATE_NAME = "model_card.md"
PICTURES = ("learning_curve.png", "tuning.png", "reliability.png")
"""Pictures that the card shows if they lie beside the model."""
TRAINING_NAME = "training.json"
RECORDS_FOLDER = ".eval_results"
RATES = ("wer", "cer")
SHARES = ("precision", "recall", "f1")

HYPERPARAMETERS = (
    "normalization",
    "hidden_dropout",
    "apply_spec_augment",
    "mask_time_prob",
    "mask_time_length",
    "mask_feature_prob",
    "mask_feature_length",
    "consistency_weight",
    "intermediate_ctc_weight",
    "ctc_label_smoothing",
    "speed_factors",
    "warp_range",
    "noise_prob",
    "reverberation_prob",
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

Json = dict[str, Any]
"""A JSON object; its values are of any JSON type."""


def load_evaluation(path: str | Path, dataset_id: str | None = None) -> Json:
    """One evaluation as `scripts/evaluate.py` wrote it, checked.

    Args:
        path: A JSON file with at least `dataset.name`, `dataset.split` and `metrics.wer`.
        dataset_id: Hub id of the data, for a file that names them by a local folder.

    Returns:
        The JSON object. Rates are fractions, times seconds; `speed.real_time_factor` is seconds of audio per second.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not JSON, lacks one of the keys above, or has a rate that cannot be one.
    """
    evaluation = read_model_json(Path(path))
    for section, key in (("dataset", "name"), ("dataset", "split"), ("metrics", "wer")):
        if not isinstance(evaluation.get(section), dict) or key not in evaluation[section]:
            raise ValueError(
                f"{path} has no {section}.{key}; give a file that scripts/evaluate.py wrote (it holds at least "
                "dataset.name, dataset.split and metrics.wer)."
            )
    for name in (*RATES, *SHARES):
        value = evaluation["metrics"].get(name, 0.0)
        limit = math.inf if name in RATES else 1.0
        if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= limit:
            raise ValueError(
                f"{path} has metrics.{name} = {value!r}; it must be a finite fraction of at least 0"
                f"{'' if name in RATES else ' and at most 1'}. Run scripts/evaluate.py again."
            )
    return _with_dataset_id(evaluation, dataset_id)


def find_evaluations(model_dir: str | Path) -> list[Path]:
    """The evaluation files that lie beside a model: `evaluation*.json` in its folder, sorted."""
    return sorted(Path(model_dir).glob("evaluation*.json"))


def build_card(
    model_dir: str | Path, evaluations: Sequence[Json], repo_id: str, dataset_id: str | None = None
) -> ModelCard:
    """The card of a trained model.

    Args:
        model_dir: Folder with `config.json`, `model.safetensors` and perhaps `training.json`.
        evaluations: What `load_evaluation` gave, in the order of the card's table.
        repo_id: Where the model will be found, `NAMESPACE/NAME`; the usage examples name it.
        dataset_id: Hub id of the training data, if `training.json` names them by a local folder.

    Returns:
        The card, whose metadata carry the figures as a model-index too. Its structure has passed `check_card`.

    Raises:
        FileNotFoundError: If `model_dir` has no `config.json` or no `model.safetensors`.
        ValueError: If two evaluations are of the same data with the same decoding.

    Example:
        >>> from hf_bigru_asr import bundled_checkpoint
        >>> card = build_card(bundled_checkpoint(), [], "alice/bigru")
        >>> card.data.license
        'apache-2.0'
    """
    folder = Path(model_dir)
    training = read_model_json(folder / TRAINING_NAME) if (folder / TRAINING_NAME).is_file() else {}
    training = _with_dataset_id(training, dataset_id)
    _check_distinct(evaluations)
    card: ModelCard = ModelCard.from_template(
        _card_data(training, evaluations, repo_id.split("/")[-1]),
        template_path=str(template_path()),
        repo_id=repo_id,
        version=__version__,
        librispeech=LIBRISPEECH,
        config=read_model_json(folder / "config.json"),
        num_parameters=_count_parameters(folder / "model.safetensors"),
        size_mb=(folder / "model.safetensors").stat().st_size / 1e6,
        results=[_result_row(evaluation) for evaluation in evaluations],
        validation_data=_validation_data(training, evaluations),
        duration_columns=_duration_columns(evaluations),
        language_model=_language_model(folder / LANGUAGE_MODEL_DIR),
        pictures=[name for name in PICTURES if (folder / name).is_file()],
        training_rows=_training_rows(training),
        hyperparameters=_hyperparameters(training),
    )
    check_card(card)
    return card


def evaluation_records(evaluations: Sequence[Json]) -> dict[str, str]:
    """The evaluations in the Hub's current form, one YAML file for each split that is on the Hub.

    Args:
        evaluations: What `load_evaluation` gave.

    Returns:
        Path in the repository (`.eval_results/NAME.yaml`) to YAML text; the value of an entry is the WER in percent.
        Data whose name is not a Hub id `NAMESPACE/NAME` have no record.
    """
    entries: dict[str, list[EvalResultEntry]] = {}
    for evaluation in evaluations:
        dataset = evaluation["dataset"]
        if not _is_hub_id(dataset["name"]):
            continue
        task_id = "_".join(filter(None, (dataset.get("config"), dataset["split"]))).replace(".", "_")
        entry = EvalResultEntry(
            dataset_id=dataset["name"],
            task_id=task_id,
            value=_percent(evaluation["metrics"]["wer"]),
            date=evaluation.get("date"),
            notes=_record_notes(evaluation),
        )
        path = f"{RECORDS_FOLDER}/{dataset['name'].split('/')[-1]}_{task_id}.yaml"
        entries.setdefault(path, []).append(entry)
    return {
        path: yaml.safe_dump(eval_result_entries_to_yaml(group), sort_keys=False) for path, group in entries.items()
    }


def write_card(
    model_dir: str | Path,
    target_dir: str | Path,
    evaluations: Sequence[Json],
    repo_id: str,
    dataset_id: str | None = None,
) -> None:
    """Write `README.md` and `.eval_results/*.yaml` into `target_dir`; arguments and errors as in `build_card`."""
    target = Path(target_dir)
    build_card(model_dir, evaluations, repo_id, dataset_id).save(target / CARD_NAME)
    for path, text in evaluation_records(evaluations).items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")


def check_card(card: ModelCard) -> None:
    """Refuse a card whose metadata the Hub or its search could not use; needs no network.

    Raises:
        ValueError: If a field is missing or wrong, or if the metadata do not survive being written and read.
    """
    expected = {"language": "en", "license": "apache-2.0", "library_name": "transformers", "pipeline_tag": TASK}
    metadata = _metadata(ModelCard(card.content))
    for name, value in expected.items():
        if metadata.get(name) != value:
            raise ValueError(f"The card has {name}: {metadata.get(name)!r}; it must be {value!r}. Mend it.")
    for name in ("datasets", "metrics", "tags"):
        if not metadata.get(name):
            raise ValueError(f"The card has no {name}; it must list at least one. Mend {TEMPLATE_NAME}.")
    if metadata != _metadata(card):
        raise ValueError(f"The card's metadata change when they are written and read. Mend {TEMPLATE_NAME}.")


def template_path() -> Path:
    """The template: in the installed package, or at the top of the repository.

    Raises:
        FileNotFoundError: If it is at neither place.
    """
    package = Path(__file__).resolve().parent
    for folder in (package, package.parent):
        if (folder / TEMPLATE_NAME).is_file():
            return folder / TEMPLATE_NAME
    raise FileNotFoundError(
        f"{TEMPLATE_NAME} is neither in {package} nor in {package.parent}; reinstall hf_bigru_asr."
    )


def _metadata(card: ModelCard) -> Json:
    return dict(card.data.to_dict())


def _is_hub_id(name: str) -> bool:
    return re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name) is not None and not Path(name).exists()


def _with_dataset_id(record: Json, dataset_id: str | None) -> Json:
    """`record` with the Hub's name for data that it names by a local folder."""
    dataset = record.get("dataset", {})
    if dataset_id is None or "name" not in dataset or _is_hub_id(dataset["name"]):
        return record
    return record | {"dataset": dataset | {"name": dataset_id}}


def _check_distinct(evaluations: Sequence[Json]) -> None:
    seen = set()
    for evaluation in evaluations:
        key = (_dataset_label(evaluation), _decoding(evaluation))
        if key in seen:
            raise ValueError(f"There are two evaluations of {key[0]} with {key[1]} decoding; give one of them.")
        seen.add(key)


def _card_data(training: Json, evaluations: Sequence[Json], model_name: str) -> ModelCardData:
    trained_on = training.get("dataset", {}).get("name", LIBRISPEECH)
    return ModelCardData(
        language="en",
        license="apache-2.0",
        library_name="transformers",
        pipeline_tag=TASK,
        datasets=[trained_on if _is_hub_id(trained_on) else LIBRISPEECH],
        metrics=list(RATES),
        tags=[TASK, "speech", "audio", "ctc", "gru", "bigru", "librispeech"],
        model_name=model_name,
        # None, not an empty list: the Hub refuses a model-index without results.
        eval_results=[result for evaluation in evaluations for result in _eval_results(evaluation)] or None,
    )


def _eval_results(evaluation: Json) -> list[EvalResult]:
    """The rates of one evaluation in the older form, in percent."""
    dataset = evaluation["dataset"]
    return [
        EvalResult(
            task_type=TASK,
            task_name="Automatic Speech Recognition",
            dataset_type=dataset["name"],
            dataset_name=_dataset_label(evaluation),
            dataset_config=dataset.get("config"),
            dataset_split=dataset["split"],
            metric_type=rate,
            metric_name=f"{rate.upper()} ({_decoding(evaluation)})",
            metric_value=_percent(evaluation["metrics"][rate]),
        )
        for rate in RATES
        if rate in evaluation["metrics"]
    ]


def _result_row(evaluation: Json) -> dict[str, Any]:
    """What the tables show of one evaluation: strings, empty where the file is silent."""
    dataset, metrics, speed = evaluation["dataset"], evaluation["metrics"], evaluation.get("speed", {})
    row = {name: f"{_percent(metrics[name]):.2f}" if name in metrics else "" for name in (*RATES, *SHARES)}
    times = speed.get("time_per_utterance_s", {})
    return row | {
        "dataset": _cell(_dataset_label(evaluation)),
        "decoding": _cell(_decoding(evaluation)),
        "utterances": _number(dataset.get("num_utterances")),
        "failed": _number(dataset.get("num_failed") or None),
        "batch_size": _number(evaluation.get("decoding", {}).get("batch_size")),
        "hours": _number(dataset.get("hours")),
        "real_time_factor": _number(speed.get("real_time_factor")),
        "median_ms": _number(_scaled(times.get("median"), 1000)),
        "p95_ms": _number(_scaled(times.get("p95"), 1000)),
        "machine": _cell(_machine(evaluation)),
        "versions": _versions(evaluation),
        "command": _code(evaluation.get("command")),
        "commit": _code(evaluation.get("commit")),
        "date": _line(evaluation.get("date")),
        "by_speaker": {
            name: f"{_percent(value):.1f}" if name != "num_speakers" else _number(value)
            for name, value in evaluation.get("by_speaker", {}).items()
        },
        "by_duration": {
            _duration(part): f"{_percent(part['wer']):.1f}" for part in evaluation.get("by_duration_s", ())
        },
        "confidence": _confidence(evaluation.get("confidence") or {}),
    }


def _duration(part: Json) -> str:
    return f"{part['from_s']} to {part['to_s']} s" if "to_s" in part else f"over {part['from_s']} s"


def _duration_columns(evaluations: Sequence[Json]) -> list[str]:
    """Lengths of utterances that any of the evaluations tells apart, the shortest first."""
    parts = {_duration(part): part["from_s"] for each in evaluations for part in each.get("by_duration_s", ())}
    return sorted(parts, key=parts.__getitem__)


def _confidence(figures: Json) -> dict[str, str]:
    """How true the confidences of words are, in percent; nothing where that was not measured."""
    error, precision = figures.get("expected_calibration_error"), figures.get("wrong_words_average_precision")
    if error is None or precision is None:
        return {}
    names = {"share_wrong": figures["share_wrong"], "error": error, "precision": precision}
    return {"num_words": _number(figures["num_words"])} | {
        name: f"{_percent(value):.1f}" for name, value in names.items()
    }


def _language_model(folder: Path) -> Json:
    """What the files of a language model say of it; nothing if there is none."""
    if not (folder / RECORD_NAME).is_file():
        return {}
    record = read_model_json(folder / RECORD_NAME)
    scores = {split: score for split, score in record.items() if isinstance(score, dict) and "perplexity" in score}
    return record | {"scores": scores}


def _validation_data(training: Json, evaluations: Sequence[Json]) -> str | None:
    """The data that the model was chosen on, as a row of results names them, if there are results on them."""
    dataset = training.get("dataset", {})
    chosen_on = (dataset.get("name"), dataset.get("config"), dataset.get("eval_split"))
    for evaluation in evaluations:
        data = evaluation["dataset"]
        if (data["name"], data.get("config"), data["split"]) == chosen_on:
            return _cell(_dataset_label(evaluation))
    return None


def _training_rows(training: Json) -> list[tuple[str, str]]:
    """`(what, value)` for the training table, without what `training.json` does not say."""
    dataset, best = training.get("dataset", {}), training.get("best_validation", {})
    kept = dataset.get("train", {})
    amounts = [
        f"{_number(value)} {unit}"
        for value, unit in (
            (kept.get("hours", dataset.get("train_hours")), "h"),
            (kept.get("num_utterances", dataset.get("train_utterances")), "utterances"),
            (dataset.get("train_speakers"), "speakers"),
        )
        if value is not None
    ]
    amounts.append(_more_data(training))
    name = " ".join(str(dataset[key]) for key in ("name", "config") if dataset.get(key))
    rates = [f"{rate.upper()} {_percent(best[rate]):.2f} %" for rate in RATES if best.get(rate) is not None]
    wall_time_s = training.get("wall_time_s")
    rows = [
        ("Training data", ", ".join(filter(None, [f"{name} {dataset.get('train_split', '')}".strip(), *amounts]))),
        ("Validation data", f"{name} {dataset['eval_split']}" if dataset.get("eval_split") else ""),
        ("Best on the validation data", ", ".join(rates)),
        ("Hardware", ", ".join(f"{key}: {value}" for key, value in training.get("hardware", {}).items())),
        ("Wall time", "" if wall_time_s is None else f"{wall_time_s / 3600:.2f} h"),
        ("Versions", _versions(training)),
        ("Command", _code(training.get("command"))),
        ("Commit", _code(training.get("commit"))),
    ]
    for number, stage in enumerate(training.get("earlier_stages", []), 1):
        facts = (
            _code(stage.get("command")),
            f"commit {_code(stage.get('commit'))}",
            _more_data(stage),
            f"{stage['wall_time_s'] / 3600:.2f} h of wall time" if stage.get("wall_time_s") else "",
        )
        rows.append((f"Before it, step {number}", ", ".join(filter(None, facts))))
    return [(label, _cell(value)) for label, value in rows if value]


def _more_data(stage: Json) -> str:
    """What a run was trained on beside its data set."""
    extras = stage.get("dataset", {}).get("extra", [])
    return ", ".join(f"{_number(extra['hours'])} h more of {_code(extra['name'])}" for extra in extras)


def _hyperparameters(training: Json) -> list[tuple[str, str]]:
    arguments = dict(training.get("arguments", {}))
    if _is_set(arguments.get("per_device_train_batch_seconds")):
        arguments.pop("per_device_train_batch_size", None)  # not used then
    return [(name, _cell(_code(arguments[name]))) for name in HYPERPARAMETERS if _is_set(arguments.get(name))]


def _is_set(argument: object) -> bool:
    # The Trainer writes what it cannot write as JSON as text.
    return argument not in (None, "None", "", [])


def _count_parameters(weights: Path) -> int:
    """Numbers in a safetensors file, from its header alone."""
    if not weights.is_file():
        raise FileNotFoundError(f"There is no file {weights}; give a model folder that save_pretrained wrote.")
    with safe_open(str(weights), framework="numpy") as tensors:
        return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118


def _dataset_label(evaluation: Json) -> str:
    dataset = evaluation["dataset"]
    return " ".join(filter(None, (dataset["name"], dataset.get("config"), dataset["split"])))


def _decoding(evaluation: Json) -> str:
    return str(evaluation.get("decoding", {}).get("method", "unstated"))


def _record_notes(evaluation: Json) -> str:
    notes = ["WER in percent", f"{_decoding(evaluation)} decoding"]
    if evaluation["dataset"].get("num_utterances") is not None:
        notes.append(f"{_number(evaluation['dataset']['num_utterances'])} utterances")
    if "cer" in evaluation["metrics"]:
        notes.append(f"CER {_percent(evaluation['metrics']['cer']):.2f} %")
    if evaluation.get("commit"):
        notes.append(f"commit {evaluation['commit']}")
    return "; ".join(notes)


def _machine(evaluation: Json) -> str:
    machine: Mapping[str, Any] = evaluation.get("machine", {})
    threads = f"num_threads: {machine['num_threads']}" if machine.get("num_threads") else None
    gpu = machine.get("gpu") if machine.get("device") != "cpu" else None
    known = [gpu, machine.get("cpu"), threads, machine.get("platform")]
    return ", ".join(str(value) for value in known if value)


def _versions(record: Json) -> str:
    return ", ".join(f"{name} {version}" for name, version in record.get("versions", {}).items())


def _percent(fraction: float) -> float:
    return round(100 * fraction, 2)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _number(value: float | None) -> str:
    """Three figures at least, thousands separated; whole numbers as they are."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())


def _cell(value: object) -> str:
    """Text that keeps a Markdown table in one piece."""
    return _line(value).replace("|", "\\|")


def _code(value: object) -> str:
    return f"`{text}`" if (text := _line(value)) else ""


__all__ = [
    "build_card",
    "check_card",
    "evaluation_records",
    "find_evaluations",
    "load_evaluation",
    "template_path",
    "write_card",
]
