"""The JSON files of a model, checked when they are read: each alone, and whether they belong together.

Nothing here needs torch. The classes of the library check what they are made with by the same rules.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from .field_rules_bigru_ctc import FLAG, TEXT, Rule, check_fields, choice, list_of, number, optional, shown, whole

__all__ = [
    "CONFIG_NAME",
    "CONFIG_RULES",
    "FEATURE_RULES",
    "MODEL_TYPE",
    "TOKENIZER_NAME",
    "TOKENIZER_RULES",
    "VOCABULARY_NAME",
    "check_alike",
    "check_features",
    "check_model_files",
    "check_symbols",
    "facts_of_config",
    "facts_of_features",
    "facts_of_vocabulary",
    "library_errors_named",
    "local_folder",
    "read_config",
    "read_feature_settings",
    "read_model_json",
    "read_tokenizer",
    "read_vocabulary",
]

MODEL_TYPE = "bigru_ctc"
CONFIG_NAME, VOCABULARY_NAME, TOKENIZER_NAME = "config.json", "vocab.json", "tokenizer_config.json"
PROCESSOR_NAME, EXTRACTOR_NAME = "processor_config.json", "preprocessor_config.json"

_REMEDY = "Take the file as its script wrote it, or run the script again."
_MODEL_REMEDY = "Save model and processor again, together, or download them again."

_COUNT = whole(0, 1_000_000)
CONFIG_RULES: Mapping[str, Rule] = {
    "vocab_size": whole(1, 1_000_000),
    "num_mel_bins": whole(1, 1024),
    "hidden_size": whole(1, 16_384),
    "num_hidden_layers": whole(1, 256),
    "hidden_dropout": number(0, 1),
    "pad_token_id": whole(0, 999_999),
    "ctc_loss_reduction": choice("mean", "sum"),
    "ctc_zero_infinity": FLAG,
    "inputs_to_logits_ratio": whole(1, 65_536),
    "max_silence_frames": optional(whole(1, 1_000_000)),
    "apply_spec_augment": FLAG,
    "mask_time_prob": number(0, 1),
    "mask_time_length": whole(1, 1_000_000),
    "mask_time_min_masks": _COUNT,
    "mask_feature_prob": number(0, 1),
    "mask_feature_length": whole(1, 1_000_000),
    "mask_feature_min_masks": _COUNT,
}
"""Fields of a configuration. The upper limits keep out what no memory holds."""

_CONFIG_FILE_RULES: Mapping[str, Rule] = {
    **CONFIG_RULES,
    "return_dict": Rule("true: recognition reads results by their names", lambda value: value is True),
    "output_hidden_states": FLAG,
}

FEATURE_RULES: Mapping[str, Rule] = {
    "feature_size": whole(1, 1024),
    "sampling_rate": whole(100, 768_000),
    "hop_length": whole(1, 65_536),
    "win_length": whole(1, 65_536),
    "n_fft": whole(1, 65_536),
    "fmin": number(),
    "fmax": optional(number()),
    "mel_floor": number(0, 1000, is_open=True),
    "normalization": choice("speech", "utterance", "none"),
    "prior_frames": whole(0, 1_000_000_000),
    "prior_std": optional(list_of(number(0, is_open=True))),
    "prior_mean": optional(list_of(number())),
    "num_offsets": whole(1, 8),
    "padding_value": number(),
    "padding_side": choice("right"),
    "return_attention_mask": FLAG,
}
"""Fields of a feature extractor."""

TOKENIZER_RULES: Mapping[str, Rule] = {
    "do_upper_case": FLAG,
    "language": TEXT,
    "pad_token": TEXT,
    "pause_frames": optional(whole(1, 1_000_000)),
    "word_delimiter_token": TEXT,
    "added_tokens_decoder": Rule(
        "an object of tokens with a content, by their ids",
        lambda value: isinstance(value, dict) and all(map(_is_added, value, value.values())),
    ),
}
"""Fields of a tokenizer."""

CONFIG_DEFAULTS = {"vocab_size": 29, "num_mel_bins": 128, "inputs_to_logits_ratio": 320, "pad_token_id": 0}
"""What a file stands for that lacks these fields."""


def read_model_json(path: Path, *names: str) -> dict[str, Any]:
    """The values of a JSON file.

    Args:
        path: The file.
        names: Values that it must have.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON object, has a number that is none (JSON knows no NaN and no Infinity), or a value
            is missing; the message names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; give the path of a file that exists.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError(f"{path} is broken: it is nested too deeply. {_REMEDY}") from error
    except ValueError as error:
        raise ValueError(f"{path} is broken: {error}. {_REMEDY}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} is broken: it holds a JSON {type(values).__name__} instead of an object. {_REMEDY}")
    if missing := [name for name in names if name not in values]:
        raise ValueError(f"{path} is broken: it has no {', '.join(missing)}. {_REMEDY}")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def read_config(path: Path) -> dict[str, Any]:
    """The configuration of a model, checked.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is broken, belongs to another type of model, or a field is out of range.
    """
    config = read_model_json(path)
    if config.get("model_type") != MODEL_TYPE:
        raise ValueError(
            f"{path.parent} holds a model of the type {config.get('model_type')!r} by its {path.name}; give one of "
            f"{MODEL_TYPE!r}."
        )
    check_fields(config, _CONFIG_FILE_RULES, f"{path}: ")
    blank, num_classes = (config.get(name, CONFIG_DEFAULTS[name]) for name in ("pad_token_id", "vocab_size"))
    if blank >= num_classes:
        raise ValueError(
            f"{path}: pad_token_id is {blank}; it is the CTC blank and must be one of the {num_classes} classes."
        )
    return config


def check_features(settings: Mapping[str, Any], origin: str = "") -> None:
    """Refuse settings of a feature extractor that are out of range, alone or together.

    Args:
        settings: Its fields; those that are missing do not matter.
        origin: What the message begins with: the file and a colon.

    Raises:
        ValueError: With the field, its value, and what is allowed.
    """
    check_fields(settings, FEATURE_RULES, origin)
    sizes = {name: settings.get(name) for name in ("win_length", "hop_length")}
    n_fft = settings.get("n_fft", 1024)
    if any(size is not None and size > n_fft for size in sizes.values()):
        raise ValueError(
            f"{origin}win_length is {sizes['win_length']} and hop_length {sizes['hop_length']}; neither may exceed "
            f"n_fft ({n_fft})."
        )
    fmin, fmax, rate = settings.get("fmin", 0), settings.get("fmax"), settings.get("sampling_rate", 16_000)
    highest = rate / 2 if fmax is None else fmax
    if not 0 <= fmin < highest <= rate / 2:
        raise ValueError(
            f"{origin}fmin is {fmin} Hz and fmax {highest} Hz; they must satisfy 0 <= fmin < fmax <= {rate / 2} Hz, "
            "half the sampling rate."
        )


def read_feature_settings(folder: Path) -> dict[str, Any]:
    """The settings of a model's feature extractor, checked.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If its file is broken, or a field is out of range.
    """
    path = folder / PROCESSOR_NAME
    if path.is_file():
        values = read_model_json(path, "feature_extractor")["feature_extractor"]
        if not isinstance(values, dict):
            raise ValueError(f"{path}: feature_extractor is {shown(values)}; it must be an object. {_REMEDY}")
    else:
        path = folder / EXTRACTOR_NAME
        values = read_model_json(path)
    check_features(values, f"{path}: ")
    return values


def read_vocabulary(path: Path) -> dict[str, int]:
    """The symbols of a tokenizer with their ids, which count from 0.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is broken, or an id is missing, given twice or no id.
    """
    vocabulary = read_model_json(path)
    check_fields(vocabulary, dict.fromkeys(vocabulary, whole(0, 999_999)), f"{path}: the id of the symbol ")
    if not vocabulary or sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise ValueError(f"{path} has the ids {shown(sorted(vocabulary.values()))}; they must count from 0.")
    if empty := [symbol for symbol in vocabulary if not symbol.strip()]:
        raise ValueError(f"{path} has the symbol {empty[0]!r}, which cannot be seen; the word delimiter is a space.")
    return vocabulary


def read_tokenizer(folder: Path) -> tuple[dict[str, int], dict[str, Any]]:
    """The symbols of a model's tokenizer, those that were added among them, and its settings, checked.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is broken, a field is out of range, or the delimiter or the blank is no symbol.
    """
    path = folder / TOKENIZER_NAME
    settings = read_model_json(path)
    settings = {**settings, **{name: _text_of(settings[name]) for name in _TOKENS if name in settings}}
    check_fields(settings, TOKENIZER_RULES, f"{path}: ")
    settings = {**_TOKENS, "do_upper_case": True, **settings}
    vocabulary = read_vocabulary(folder / VOCABULARY_NAME)
    added = {str(_text_of(token)): int(index) for index, token in settings.get("added_tokens_decoder", {}).items()}
    symbols = {**added, **vocabulary}
    if sorted(symbols.values()) != list(range(len(symbols))):
        raise ValueError(f"{path}: added_tokens_decoder has other ids than those that follow {VOCABULARY_NAME}.")
    check_symbols(symbols, settings, f"{folder / VOCABULARY_NAME} and {path.name}: ")
    return symbols, settings


def check_symbols(vocabulary: Mapping[str, int], settings: Mapping[str, Any], origin: str = "") -> None:
    """Refuse a vocabulary without the word delimiter or the blank, or where both are one.

    Raises:
        ValueError: With the symbol.
    """
    for name in _TOKENS:
        if settings[name] not in vocabulary:
            raise ValueError(
                f"{origin}{name} is {settings[name]!r}, which is not one of the vocabulary's symbols: "
                f"{shown(' '.join(vocabulary))}. Name the symbol that stands for it, or give a vocab_file that has it."
            )
    if settings["pad_token"] == settings["word_delimiter_token"]:
        raise ValueError(
            f"{origin}pad_token and word_delimiter_token are both {settings['pad_token']!r}; the blank is no space."
        )


_TOKENS = {"pad_token": "<pad>", "word_delimiter_token": "|"}
"""Symbols with a meaning, and what they are where a file does not say."""


def _is_added(index: str, token: object) -> bool:
    is_id = index.isascii() and index.isdigit() and len(index) < 7
    return is_id and isinstance(token, dict) and isinstance(token.get("content"), str) and bool(token["content"])


def _text_of(token: Any) -> Any:  # noqa: ANN401 - whatever a file has there
    """Text of a token, which older files write as an object."""
    return token.get("content") if isinstance(token, dict) else token


def facts_of_config(config: Any) -> dict[str, Any]:  # noqa: ANN401 - a configuration, or its fields
    """What a network must have alike with its processor."""
    values = config if isinstance(config, Mapping) else vars(config)
    found = {name: values.get(name, default) for name, default in CONFIG_DEFAULTS.items()}
    return {
        "samples per frame": found["inputs_to_logits_ratio"],
        "mel bins": found["num_mel_bins"],
        "classes": found["vocab_size"],
        "class of the blank": found["pad_token_id"],
    }


def facts_of_features(settings: Any) -> dict[str, Any]:  # noqa: ANN401 - settings, or an extractor of any release
    """What a feature extractor must have alike with its network."""
    return {
        "samples per frame": settings.hop_length,
        "mel bins": settings.feature_size,
        "sampling rate": settings.sampling_rate,
    }


def facts_of_vocabulary(num_classes: int, blank: int) -> dict[str, Any]:
    """What a tokenizer must have alike with its network."""
    return {"classes": num_classes, "class of the blank": blank}


def check_alike(one: Mapping[str, Any], name: str, other: Mapping[str, Any], other_name: str) -> None:
    """Refuse two parts that belong to different models.

    Args:
        one: Facts of the one; those that both have must be equal.
        name: What it is called.
        other: Facts of the other.
        other_name: What that is called.

    Raises:
        ValueError: With the fact, and both values.
    """
    for fact, value in one.items():
        if fact in other and other[fact] != value:
            raise ValueError(
                f"{name} and {other_name} belong to different models: {fact} {shown(value)} against "
                f"{shown(other[fact])}. {_MODEL_REMEDY}"
            )


def check_model_files(folder: str | Path) -> None:
    """Read and compare what there is of configuration, feature extractor and tokenizer in a folder of a model.

    Files that are missing are not asked for; a model of another type is not looked at.

    Raises:
        ValueError: If one is broken or out of range, or they belong to different models.
    """
    folder = Path(folder)
    config: dict[str, Any] | None = None
    if (folder / CONFIG_NAME).is_file():
        if read_model_json(folder / CONFIG_NAME).get("model_type") != MODEL_TYPE:
            return
        config = read_config(folder / CONFIG_NAME)
    facts: dict[str, Any] = {}
    if (folder / PROCESSOR_NAME).is_file() or (folder / EXTRACTOR_NAME).is_file():
        settings = read_feature_settings(folder)
        names = {"hop_length": "samples per frame", "feature_size": "mel bins"}
        facts |= {fact: settings[name] for name, fact in names.items() if name in settings}
    if (folder / TOKENIZER_NAME).is_file() and (folder / VOCABULARY_NAME).is_file():
        symbols, tokenizer = read_tokenizer(folder)
        facts |= facts_of_vocabulary(len(symbols), symbols[tokenizer["pad_token"]])
    if config is not None:
        check_alike(facts_of_config(config), f"{folder / CONFIG_NAME}", facts, "the processor beside it")


@contextmanager
def library_errors_named(model: object, *, of_values: bool = False) -> Iterator[None]:
    """Turn what the library raises about the contents of a file into a ValueError that names the model.

    Errors that say themselves what is wrong (ValueError, OSError, ImportError), and those of memory and devices, stay
    as they are.

    Args:
        model: Folder or name on the Hub.
        of_values: Whether a ValueError gets the name too, if it lacks it.

    Raises:
        ValueError: In place of other exceptions.
    """
    try:
        yield
    except (OSError, ImportError, MemoryError):
        raise
    except ValueError as error:
        if not of_values or str(model) in str(error):
            raise
        raise ValueError(f"{model} cannot be loaded: {error}") from error
    except Exception as error:  # the library reads files without a look at their types, so any can come
        if "conflicts with the method" in str(error):  # an argument of the caller; a common test of the library
            raise
        is_of_a_file = not isinstance(error, RuntimeError) or isinstance(error, RecursionError)
        if not is_of_a_file and "mismatch" not in str(error):
            raise
        raise ValueError(
            f"{model} cannot be loaded: {type(error).__name__}: {error}. A file of it is broken, or of another "
            f"release. {_MODEL_REMEDY}"
        ) from error


def local_folder(model: object, load_options: Mapping[str, Any]) -> Path | None:
    """Folder that `from_pretrained(model, **load_options)` reads, if it is on this machine and no name on the Hub."""
    if not isinstance(model, str | os.PathLike) or not Path(model).is_dir():
        return None
    return Path(model) / (load_options.get("subfolder") or "")
