"""The model card and the Hub's evaluation records, filled from measured JSON and from nothing else.

A folder of a trained model holds `config.json`, `model.safetensors` and, if `scripts/train.py` wrote it,
`training.json`; every figure about its accuracy and speed comes from the files that `scripts/evaluate.py` writes.
What a file does not say is left out of the card.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCard, ModelCardData, eval_result_entries_to_yaml
from safetensors import safe_open

from .. import __version__
from ..data.librispeech.index import SUBSETS
from ..model.language_model_files_bigru_ctc import LANGUAGE_MODEL_DIR, RECORD_NAME, read_model_json
from ..runtime.log_mel import LogMelSettings
from ..runtime.model_files import ModelFiles
from ..storage.writing import whole_file, write_text
from .card_tables import (
    LIBRISPEECH,
    RATES,
    SHARES,
    Json,
    cell,
    dataset_label,
    decoding_method,
    duration_columns,
    figure,
    has_in_loss,
    is_whole_split,
    percent,
    recording_rows,
    result_row,
    teacher_names,
    training_rows,
    validation_source,
)
from .record_rules import (
    EVALUATION_SHAPE,
    LANGUAGE_MODEL_SHAPE,
    RECORDINGS_SHAPE,
    SCORE_SHAPE,
    TRAINING_SHAPE,
    check_record,
    is_score,
)

TASK = "automatic-speech-recognition"
CARD_NAME = "README.md"
TEMPLATE_NAME = "model_card.md"
PICTURES = ("learning_curve.png", "tuning.png", "reliability.png")
"""Pictures that the card shows if they lie beside the model."""
TRAINING_NAME = "training.json"
RECORDINGS_NAME = "recordings.json"
RECORDS_FOLDER = ".eval_results"


def load_evaluation(path: str | Path, dataset_id: str | None = None) -> Json:
    """One evaluation as `scripts/evaluate.py` wrote it, checked.

    Args:
        path: A JSON file with at least `dataset.name`, `dataset.split` and `metrics.wer`.
        dataset_id: Hub id of the data, for a file that names them by a local folder. Without it, a local folder with
            the configuration, split and number of utterances of a LibriSpeech split is LibriSpeech's.

    Returns:
        The JSON object. Rates are fractions, times seconds; `speed.real_time_factor` is seconds of audio per second.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not JSON, lacks one of the keys above, or has a rate that cannot be one.
    """
    evaluation = read_model_json(Path(path))
    check_record(evaluation, EVALUATION_SHAPE, f"{path}: ")
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
    check_record(training, TRAINING_SHAPE, f"{folder / TRAINING_NAME}: ")
    training = _with_dataset_id(training, dataset_id)
    _check_distinct(evaluations)
    validation_data = _validation_data(training, evaluations)
    rows = [result_row(evaluation) for evaluation in evaluations]
    card: ModelCard = ModelCard.from_template(
        _card_data(training, evaluations, repo_id.split("/")[-1]),
        template_path=str(template_path()),
        repo_id=repo_id,
        version=__version__,
        librispeech=LIBRISPEECH,
        config=read_model_json(folder / "config.json"),
        features=_feature_settings(folder),
        num_parameters=_count_parameters(folder / "model.safetensors"),
        size_mb=(folder / "model.safetensors").stat().st_size / 1e6,
        results=rows,
        validation_data=validation_data,
        duration_columns=duration_columns(evaluations),
        has_confidence=any(row["confidence"] for row in rows),
        has_speed=any(row["real_time_factor"] for row in rows),
        language_model=_language_model(folder / LANGUAGE_MODEL_DIR),
        pictures=[name for name in PICTURES if (folder / name).is_file()],
        teachers=teacher_names(training),
        other_data=training.get("other_data", []),
        recordings=_recordings(folder),
        has_mmi=has_in_loss(training, "mmi_weight"),
        has_word_errors=has_in_loss(training, "word_error_weight"),
        has_consistency=has_in_loss(training, "consistency_weight"),
        training_rows=training_rows(training, validation_data),
    )
    check_card(card)
    return card


def _recordings(folder: Path) -> Json:
    path = folder / RECORDINGS_NAME
    if not path.is_file():
        return {}
    record = read_model_json(path)
    check_record(record, RECORDINGS_SHAPE, f"{path}: ")
    return record | {"rows": recording_rows(record)}


def _feature_settings(folder: Path) -> LogMelSettings:
    """Those of the feature extractor, if it is there."""
    names = ("processor_config.json", "preprocessor_config.json")
    has_features = any((folder / name).is_file() for name in names)
    return ModelFiles(folder).feature_settings if has_features else LogMelSettings()


def evaluation_records(evaluations: Sequence[Json]) -> dict[str, str]:
    """The evaluations in the Hub's current form, one YAML file for each split that is on the Hub.

    Args:
        evaluations: What `load_evaluation` gave.

    Returns:
        Path in the repository (`.eval_results/NAME.yaml`) to YAML text; the value of an entry is the WER in percent.
        Data whose name is not a Hub id `NAMESPACE/NAME`, or that are a part of a split, have no record.
    """
    entries: dict[str, list[EvalResultEntry]] = {}
    for evaluation in evaluations:
        dataset = evaluation["dataset"]
        if not (_is_hub_id(dataset["name"]) and is_whole_split(dataset)):
            continue
        task_id = "_".join(filter(None, (dataset.get("config"), dataset["split"]))).replace(".", "_")
        entry = EvalResultEntry(
            dataset_id=dataset["name"],
            task_id=task_id,
            value=percent(evaluation["metrics"]["wer"]),
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
    with whole_file(target / CARD_NAME) as staging:
        build_card(model_dir, evaluations, repo_id, dataset_id).save(staging)
    for path, text in evaluation_records(evaluations).items():
        write_text(target / path, text)


def check_card(card: ModelCard) -> None:
    """Refuse a card whose metadata the Hub or its search could not use; needs no network.

    Raises:
        ValueError: If a field is missing or wrong, or if the metadata do not survive being written and read.
    """
    expected = {"language": "en", "license": "apache-2.0", "library_name": "transformers", "pipeline_tag": TASK}
    metadata = _metadata(ModelCard(card.content))
    for name, value in expected.items():
        if metadata.get(name) != value:
            raise ValueError(f"The card has {name}: {metadata.get(name)!r}; it must be {value!r}. Correct it.")
    for name in ("datasets", "metrics", "tags"):
        if not metadata.get(name):
            raise ValueError(f"The card has no {name}; it must list at least one. Correct {TEMPLATE_NAME}.")
    if metadata != _metadata(card):
        raise ValueError(f"The card's metadata change when they are written and read. Correct {TEMPLATE_NAME}.")


def template_path() -> Path:
    """The template: in the installed package, or at the top of the repository.

    Raises:
        FileNotFoundError: If it is at neither place.
    """
    package = Path(__file__).resolve().parents[1]
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
    """`record` with the Hub's name for data that it names by a local folder; not for splits that LibriSpeech lacks."""
    dataset = record.get("dataset", {})
    splits = {
        "name": (dataset.get("config"), dataset.get("split", dataset.get("train_split"))),
        "eval_name": (dataset.get("eval_config"), dataset.get("eval_split")),
    }
    if dataset_id is None and _is_whole_librispeech_split(dataset):
        dataset_id = LIBRISPEECH
    local = [
        key
        for key, (config, split) in splits.items()
        if key in dataset
        and not _is_hub_id(dataset[key])
        and (dataset_id != LIBRISPEECH or split is None or (config, split) in SUBSETS.values())
    ]
    if dataset_id is None or not local:
        return record
    return record | {"dataset": dataset | dict.fromkeys(local, dataset_id)}


def _is_whole_librispeech_split(dataset: Json) -> bool:
    """Whether data of any name have the configuration, the split and the size of a split of LibriSpeech."""
    is_named = (dataset.get("config"), dataset.get("split")) in SUBSETS.values()
    is_counted = dataset.get("num_utterances") is not None
    return is_named and is_counted and is_whole_split(dataset | {"name": LIBRISPEECH})


def _check_distinct(evaluations: Sequence[Json]) -> None:
    seen = set()
    for evaluation in evaluations:
        key = (dataset_label(evaluation), decoding_method(evaluation))
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
        tags=["speech", "ctc", "gru", "bigru"],
        model_name=model_name,
        # None, not an empty list: the Hub refuses a model-index without results.
        eval_results=[
            result
            for evaluation in evaluations
            if is_whole_split(evaluation["dataset"])
            for result in _eval_results(evaluation)
        ]
        or None,
    )


def _eval_results(evaluation: Json) -> list[EvalResult]:
    """The rates of one evaluation in the older form, in percent."""
    dataset = evaluation["dataset"]
    return [
        EvalResult(
            task_type=TASK,
            task_name="Automatic Speech Recognition",
            dataset_type=dataset["name"],
            dataset_name=dataset_label(evaluation),
            dataset_config=dataset.get("config"),
            dataset_split=dataset["split"],
            metric_type=rate,
            metric_name=f"{rate.upper()} ({decoding_method(evaluation)})",
            metric_value=percent(evaluation["metrics"][rate]),
        )
        for rate in RATES
        if rate in evaluation["metrics"]
    ]


def _language_model(folder: Path) -> Json:
    """What the files of a language model say of it; nothing if there is none."""
    if not (folder / RECORD_NAME).is_file():
        return {}
    path = folder / RECORD_NAME
    record = read_model_json(path, *LANGUAGE_MODEL_SHAPE)
    check_record(record, LANGUAGE_MODEL_SHAPE, f"{path}: ")
    scores = {split: score for split, score in record.items() if is_score(score)}
    for split, score in scores.items():
        check_record(score, SCORE_SHAPE, f"{path}: {split}.")
    return record | {"scores": scores}


def _validation_data(training: Json, evaluations: Sequence[Json]) -> str | None:
    """The data that the model was chosen on, as a row of results names them, if there are results on them."""
    chosen_on = validation_source(training)
    for evaluation in evaluations:
        data = evaluation["dataset"]
        if (data["name"], data.get("config"), data["split"]) == chosen_on:
            return cell(dataset_label(evaluation))
    return None


def _count_parameters(weights: Path) -> int:
    """Numbers in a safetensors file, from its header alone."""
    if not weights.is_file():
        raise FileNotFoundError(f"There is no file {weights}; give a model folder that save_pretrained wrote.")
    with safe_open(str(weights), framework="numpy") as tensors:
        return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118


def _record_notes(evaluation: Json) -> str:
    method, *grids = decoding_method(evaluation).split(", ")
    notes = ["WER in percent", ", ".join([f"{method} decoding", *grids])]
    if evaluation["dataset"].get("num_utterances") is not None:
        notes.append(f"{figure(evaluation['dataset']['num_utterances'])} utterances")
    if evaluation["dataset"].get("description"):
        notes.append(str(evaluation["dataset"]["description"]))
    if "cer" in evaluation["metrics"]:
        notes.append(f"CER {percent(evaluation['metrics']['cer']):.2f} %")
    if evaluation.get("commit"):
        notes.append(f"commit {evaluation['commit']}")
    return "; ".join(notes)


__all__ = [
    "build_card",
    "check_card",
    "evaluation_records",
    "find_evaluations",
    "load_evaluation",
    "template_path",
    "write_card",
]
