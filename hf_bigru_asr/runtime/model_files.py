"""Settings, symbols and weights from the folder of a saved model, read with numpy and safetensors."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..model.checked_files_bigru_ctc import (
    CONFIG_NAME,
    TOKENIZER_NAME,
    VOCABULARY_NAME,
    check_alike,
    facts_of_config,
    facts_of_features,
    facts_of_vocabulary,
    read_config,
    read_feature_settings,
    read_tokenizer,
)
from ..model.checked_weights_bigru_ctc import (
    INDEX_NAME,
    WEIGHTS_NAME,
    check_shapes,
    find_weights,
    not_finite,
)
from ..model.ctc_output_bigru_ctc import CTCSymbols
from ..model.language_model_files_bigru_ctc import LANGUAGE_MODEL_DIR, MODEL_NAME
from .graph_contents import GraphContents
from .log_mel import FloatArray, LogMelSettings, mel_filter_bank

__all__ = [
    "GRAPH_NAME",
    "INDEX_NAME",
    "WAVEFORM_GRAPH_NAME",
    "WEIGHTS_NAME",
    "ModelFiles",
    "read_weights",
    "weights_digest",
]

GRAPH_NAME = "model.onnx"
WAVEFORM_GRAPH_NAME = "model_waveform.onnx"

_NUMPY_DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16}


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model.

    Args:
        folder: Written by `save_pretrained` of model and processor, or by `scripts/export.py`.
    """

    folder: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """Configuration of the model.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If it is broken, has a value out of range, or belongs to another type of model.
        """
        return read_config(self._existing(CONFIG_NAME))

    @cached_property
    def feature_settings(self) -> LogMelSettings:
        """Settings of the features.

        Raises:
            FileNotFoundError: If there are none.
            ValueError: If their file is broken or has a value out of range, or they are those of another model.
        """
        name = "processor_config.json"
        if not (self.folder / name).is_file():
            name = "preprocessor_config.json"
        path = self._existing(name)
        values = read_feature_settings(self.folder)
        try:
            settings = LogMelSettings.from_dict(values)
            mel_filter_bank(settings)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        if (self.folder / CONFIG_NAME).is_file():
            check_alike(
                facts_of_config(self.config), str(self.folder / CONFIG_NAME), facts_of_features(settings), name
            )
        return settings

    @cached_property
    def symbols(self) -> list[str]:
        """Text of every class: a character, a space for the word delimiter, an empty string for the blank."""
        return list(self.ctc_symbols.characters)

    @cached_property
    def ctc_symbols(self) -> CTCSymbols:
        """What the classes mean, for the decoders.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a file is broken, the vocabulary has gaps or no word delimiter, or it is another model's.
        """
        path = self._existing(VOCABULARY_NAME)
        self._existing(TOKENIZER_NAME)
        vocabulary, tokenizer = read_tokenizer(self.folder)
        delimiter, blank = tokenizer["word_delimiter_token"], tokenizer["pad_token"]
        symbols = {index: symbol for symbol, index in vocabulary.items()}
        facts = facts_of_vocabulary(len(vocabulary), vocabulary[blank])
        check_alike(facts_of_config(self.config), str(self.folder / CONFIG_NAME), facts, path.name)
        return CTCSymbols(
            tuple(symbols[index] for index in range(len(symbols))),
            self.blank_id,
            vocabulary[delimiter],
            tokenizer.get("pause_frames"),
            tokenizer["do_upper_case"],
            tokenizer.get("language", "en"),
        )

    @property
    def pause_frames(self) -> int | None:
        """Frames without a letter between two letters that make a word boundary; `None` if no number does."""
        return self.ctc_symbols.pause_frames

    @property
    def language_model(self) -> Path | None:
        """Folder of the model's own language model, if it has one."""
        folder = self.folder / LANGUAGE_MODEL_DIR
        return folder if (folder / MODEL_NAME).is_file() else None

    @property
    def blank_id(self) -> int:
        """Id of the CTC blank."""
        return int(self.config.get("pad_token_id", 0))

    @property
    def max_silence_frames(self) -> int | None:
        """Silent frames on each side of a sound that the network reads; all if `None`."""
        value: int | None = self.config.get("max_silence_frames")
        return value

    @property
    def graph_path(self) -> Path:
        """Path of the exported graph, which need not exist."""
        return self.folder / GRAPH_NAME

    @property
    def weights_paths(self) -> list[Path]:
        """Paths of the weights: of the one file, or of its parts; none if there are no weights.

        Raises:
            FileNotFoundError: If a part is missing.
            ValueError: If the list of the parts is broken.
        """
        return find_weights(self.folder)

    def read_weights(self) -> dict[str, FloatArray]:
        """Every weight as float32.

        Raises:
            FileNotFoundError: If there are none.
            ValueError: If a file is damaged, a weight is NaN, infinite, of a type that is no floating-point number, or
                of another network than that of the configuration.
        """
        paths = self.weights_paths
        if not paths:
            raise FileNotFoundError(
                f"{self.folder / WEIGHTS_NAME} does not exist; the weights of a model are saved under this name, or "
                f"in parts with {INDEX_NAME}."
            )
        weights = {name: value for path in paths for name, value in read_weights(path).items()}
        check_shapes({name: value.shape for name, value in weights.items()}, self.config, paths[0])
        return weights

    def check_graph(self, contents: GraphContents, path: object) -> None:
        """Refuse the graph of another model than that of configuration and processor.

        Args:
            contents: Of the graph.
            path: Where it is, for the message.

        Raises:
            ValueError: If they differ in what they must have alike.
        """
        facts = _facts_of_graph(contents, path)
        own_silence, silence = str(self.max_silence_frames), contents.metadata.get("max_silence_frames", "None")
        check_alike(
            {"max_silence_frames": own_silence},
            str(self.folder / CONFIG_NAME),
            {"max_silence_frames": silence},
            str(path),
        )
        check_alike(facts_of_config(self.config), str(self.folder / CONFIG_NAME), facts, str(path))
        if any((self.folder / name).is_file() for name in ("processor_config.json", "preprocessor_config.json")):
            settings = self.feature_settings
            check_alike(facts_of_features(settings), "the processor beside it", facts, str(path))
            stored = facts.get("settings")
            if stored is not None:
                # The number of grids is no part of the graph.
                own = {name: value for name, value in vars(settings).items() if name != "num_offsets"}
                check_alike(own, "the processor beside it", vars(stored), str(path))
        if "symbols" in facts and (self.folder / VOCABULARY_NAME).is_file():
            check_alike({"symbols": self.symbols}, "the vocabulary beside it", facts, str(path))

    def _existing(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} does not exist; give a folder that save_pretrained of model and processor, or "
                "scripts/export.py, wrote."
            )
        return path


def _facts_of_graph(contents: GraphContents, path: object) -> dict[str, Any]:
    """What a graph says of itself: by its metadata as far as it has them, and by its inputs and outputs."""
    found: dict[str, Any] = {}
    names = {
        "inputs_to_logits_ratio": "samples per frame",
        "blank_id": "class of the blank",
        "sampling_rate": "sampling rate",
    }
    try:
        for name, fact in names.items():
            if contents.metadata.get(name, "None") != "None":
                found[fact] = int(contents.metadata[name])
        if "feature_settings" in contents.metadata:
            found["settings"] = LogMelSettings.from_dict(json.loads(contents.metadata["feature_settings"]))
        if "symbols" in contents.metadata:
            found["symbols"] = json.loads(contents.metadata["symbols"])
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} has broken metadata ({error}); write it again with scripts/export.py, or download it again."
        ) from error
    sizes = {"mel bins": contents.inputs.get("input_features"), "classes": contents.outputs.get("logits")}
    return found | {fact: each[-1] for fact, each in sizes.items() if each and each[-1] is not None}


def read_weights(path: str | Path) -> dict[str, FloatArray]:
    """Every weight of a safetensors file as float32.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged, or a weight is NaN, infinite, or not float64, float32, float16 or bfloat16.
    """
    from safetensors import SafetensorError, deserialize

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; the weights of a model are saved as {WEIGHTS_NAME}.")
    try:
        tensors = deserialize(path.read_bytes())
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is no readable safetensors file ({error}); save or download it again.") from error
    weights = {name: _float32(name, tensor, path) for name, tensor in tensors}
    for name, values in weights.items():
        if not np.isfinite(values).all():
            raise not_finite(name, path)
    return weights


def _float32(name: str, tensor: Mapping[str, Any], path: Path) -> FloatArray:
    if tensor["dtype"] == "BF16":  # numpy has no bfloat16; it is the upper half of a float32
        values = (np.frombuffer(tensor["data"], dtype="<u2").astype(np.uint32) << 16).view(np.float32)
    elif tensor["dtype"] in _NUMPY_DTYPES:
        values = np.frombuffer(tensor["data"], dtype=_NUMPY_DTYPES[tensor["dtype"]]).astype(np.float32, copy=False)
    else:
        raise ValueError(
            f"{path}: the weight {name} has numbers of the type {tensor['dtype']}; floating-point is needed."
        )
    return values.reshape(tensor["shape"])


def weights_digest(weights: Mapping[str, FloatArray]) -> str:
    """Hexadecimal digest of names and values, which ties a graph to the weights that it was built from."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights[name], dtype="<f4").tobytes())
    return digest.hexdigest()
