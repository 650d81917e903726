"""Settings, symbols and weights from the folder of a saved model, read with numpy and safetensors."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..model.ctc_output_bigru_ctc import CTCSymbols
from ..model.language_model_files_bigru_ctc import LANGUAGE_MODEL_DIR, MODEL_NAME
from .log_mel import FloatArray, LogMelSettings

__all__ = ["GRAPH_NAME", "WAVEFORM_GRAPH_NAME", "WEIGHTS_NAME", "ModelFiles", "read_weights", "weights_digest"]

MODEL_TYPE = "bigru_ctc"
CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
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
            ValueError: If it belongs to another type of model.
        """
        config = self._read_json(CONFIG_NAME)
        if config.get("model_type") != MODEL_TYPE:
            raise ValueError(
                f"{self.folder} holds a model of the type {config.get('model_type')!r}; give one of {MODEL_TYPE!r}."
            )
        return config

    @cached_property
    def feature_settings(self) -> LogMelSettings:
        """Settings of the features."""
        if (self.folder / "processor_config.json").is_file():
            values = self._read_json("processor_config.json")["feature_extractor"]
        else:
            values = self._read_json("preprocessor_config.json")
        return LogMelSettings.from_dict(values)

    @cached_property
    def symbols(self) -> list[str]:
        """Text of every class: a character, a space for the word delimiter, an empty string for the blank."""
        return list(self.ctc_symbols.characters)

    @cached_property
    def ctc_symbols(self) -> CTCSymbols:
        """What the classes mean, for the decoders.

        Raises:
            ValueError: If the vocabulary has gaps, or no word delimiter.
        """
        path = self.folder / "vocab.json"
        vocabulary: dict[str, int] = self._read_json(path.name)
        tokenizer = self._read_json("tokenizer_config.json")
        delimiter = tokenizer.get("word_delimiter_token", "|")
        symbols = {index: symbol for symbol, index in vocabulary.items()}
        if sorted(symbols) != list(range(len(symbols))):
            raise ValueError(f"{path} has the ids {sorted(symbols)}; they must count from 0.")
        if delimiter not in vocabulary:
            raise ValueError(f"{path} lacks the word delimiter {delimiter!r} that tokenizer_config.json names.")
        return CTCSymbols(
            tuple(symbols[index] for index in range(len(symbols))),
            self.blank_id,
            vocabulary[delimiter],
            tokenizer.get("pause_frames"),
            tokenizer.get("do_upper_case", True),
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
    def graph_path(self) -> Path:
        """Path of the exported graph, which need not exist."""
        return self.folder / GRAPH_NAME

    @property
    def weights_path(self) -> Path:
        """Path of the weights, which need not exist."""
        return self.folder / WEIGHTS_NAME

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} does not exist; give a folder that save_pretrained of model and processor, or "
                "scripts/export.py, wrote."
            )
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return values


def read_weights(path: str | Path) -> dict[str, FloatArray]:
    """Every weight of a safetensors file as float32.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged, or a weight is not float64, float32, float16 or bfloat16.
    """
    from safetensors import SafetensorError, deserialize

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; the weights of a model are saved as {WEIGHTS_NAME}.")
    try:
        tensors = deserialize(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{path} is no readable safetensors file ({error}); save or download it again.") from error
    return {name: _float32(name, tensor) for name, tensor in tensors}


def _float32(name: str, tensor: Mapping[str, Any]) -> FloatArray:
    if tensor["dtype"] == "BF16":  # numpy has no bfloat16; it is the upper half of a float32
        values = (np.frombuffer(tensor["data"], dtype="<u2").astype(np.uint32) << 16).view(np.float32)
    elif tensor["dtype"] in _NUMPY_DTYPES:
        values = np.frombuffer(tensor["data"], dtype=_NUMPY_DTYPES[tensor["dtype"]]).astype(np.float32, copy=False)
    else:
        raise ValueError(f"The weight {name} has numbers of the type {tensor['dtype']}; floating-point is needed.")
    return values.reshape(tensor["shape"])


def weights_digest(weights: Mapping[str, FloatArray]) -> str:
    """Hexadecimal digest of names and values, which ties a graph to the weights that it was built from."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights[name], dtype="<f4").tobytes())
    return digest.hexdigest()
