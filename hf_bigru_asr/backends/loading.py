"""Loads a recogniser on the runtime that was asked for, or on the best one that is installed."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCTC

from ..bundled import resolve_model
from ..model.checked_files_bigru_ctc import (
    check_alike,
    check_model_files,
    facts_of_config,
    facts_of_features,
    facts_of_vocabulary,
    library_errors_named,
)
from ..model.configuration_bigru_ctc import BiGRUCTCConfig
from ..model.loaded_weights_bigru_ctc import check_is_whole
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..runtime.model_files import GRAPH_NAME
from .base import PRECISIONS, RuntimeModel
from .onnx import OnnxBiGRUForCTC
from .openvino import OpenVINOBiGRUForCTC

__all__ = [
    "RUNTIMES",
    "check_options",
    "check_parts",
    "check_weights",
    "choose_runtime",
    "installed_runtimes",
    "load_model",
    "precision_of",
]

RUNTIMES = ("torch", "onnx", "openvino")
_MODELS: dict[str, type[RuntimeModel]] = {"onnx": OnnxBiGRUForCTC, "openvino": OpenVINOBiGRUForCTC}
_PACKAGES = {"onnx": ("onnxruntime", "onnx"), "openvino": ("openvino", "onnx")}


def installed_runtimes() -> list[str]:
    """Names of the runtimes that can run here, torch first."""
    return ["torch", *(name for name, packages in _PACKAGES.items() if all(map(find_spec, packages)))]


def choose_runtime(runtime: str, device: str | None = None) -> str:
    """Name of the runtime to take.

    Args:
        runtime: One of `RUNTIMES`, or `"auto"`: torch on a GPU, and on the CPU the first of ONNX Runtime, OpenVINO
            and torch that is installed.
        device: Where to run; the GPU, if there is one, if `None`.

    Raises:
        ValueError: If there is no such runtime or kind of device, or the one does not run on the other.
    """
    wants_gpu = torch.cuda.is_available() if device is None else _kind_of_device(device) != "cpu"
    if runtime == "auto":
        if wants_gpu:
            return "torch"
        return (*installed_runtimes()[1:], "torch")[0]
    if runtime not in RUNTIMES:
        raise ValueError(f"runtime is {runtime!r}; choose one of {', '.join(RUNTIMES)}, auto.")
    if runtime != "torch" and device is not None and wants_gpu:
        raise ValueError(f"The runtime {runtime!r} runs on the CPU and not on {device}; choose 'torch' for a GPU.")
    return runtime


def _kind_of_device(device: str) -> str:
    try:
        return torch.device(device).type
    except RuntimeError as error:
        raise ValueError(f"device is {device!r}; choose 'cpu', 'cuda', 'cuda:1', ...") from error


def check_options(
    *, device: str | None = None, num_threads: int | None = None, dtype: str | None = None, runtime: str = "torch"
) -> None:
    """Refuse what a model cannot run with; arguments are those of [`load_model`].

    Raises:
        ValueError: If an argument is out of range, or torch is to run on a device that is not there.
    """
    if num_threads is not None and num_threads < 1:
        raise ValueError(f"num_threads is {num_threads}; it must be at least 1, or None for the runtime's own choice.")
    if dtype is not None and dtype not in PRECISIONS:
        raise ValueError(f"dtype is {dtype!r}; choose {' or '.join(PRECISIONS)}.")
    if runtime == "torch" and device is not None:
        _kind_of_device(device)
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:  # the latter from a torch that is made for the CPU alone
            raise ValueError(f"device is {device!r}, which torch cannot use here; choose 'cpu', or None.") from error


def check_parts(model: Any, feature_extractor: Any, tokenizer: Any) -> None:  # noqa: ANN401 - of any make
    """Refuse a network with the feature extractor or the tokenizer of another model.

    Args:
        model: A network of this package, on any runtime; others are not looked at.
        feature_extractor: What makes its features.
        tokenizer: What its classes mean.

    Raises:
        ValueError: With what differs.
    """
    config = getattr(model, "config", None)
    if getattr(config, "model_type", None) != BiGRUCTCConfig.model_type or not hasattr(feature_extractor, "extract"):
        return
    facts = facts_of_features(feature_extractor) | facts_of_vocabulary(len(tokenizer), tokenizer.pad_token_id)
    check_alike(facts_of_config(config), "The network", facts, "its processor")


def check_weights(model: str) -> None:
    """Refuse the folder of an exported model, which torch cannot run, and one with broken files.

    Raises:
        FileNotFoundError: If it holds an ONNX graph and no weights.
        ValueError: As [`check_model_files`].
    """
    folder = Path(model)
    if folder.is_dir():
        check_model_files(folder)
    if (folder / GRAPH_NAME).is_file() and not (any(folder.glob("*.safetensors*")) or any(folder.glob("*.bin*"))):
        raise FileNotFoundError(
            f"{model} holds an ONNX graph only; give --runtime onnx (runtime='onnx'), or the exported model."
        )


def load_model(
    model: str | Path,
    runtime: str = "torch",
    *,
    device: str | None = None,
    num_threads: int | None = None,
    dtype: str | None = None,
    trust_remote_code: bool = False,
) -> BiGRUForCTC | RuntimeModel:
    """A recogniser on a runtime, ready for inference.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        runtime: See [`choose_runtime`].
        device: Where torch runs; a GPU if there is one, if `None`.
        num_threads: Threads; as the runtime sees fit if `None`. For torch it holds for the whole process.
        dtype: `"float32"` or `"bfloat16"`; the runtime's own choice, float32 unless saved otherwise, if `None`.
        trust_remote_code: Whether torch runs the code that comes with a model on the Hub.

    Raises:
        FileNotFoundError: If torch is to run a folder that holds an ONNX graph only.
        ValueError: If the runtime does not run so, or a file of the model is broken or lacks weights.
    """
    runtime = choose_runtime(runtime, device)
    check_options(device=device, num_threads=num_threads, dtype=dtype, runtime=runtime)
    if runtime != "torch":
        return _MODELS[runtime].from_pretrained(model, num_threads=num_threads, dtype=dtype or "float32")
    if num_threads is not None:
        torch.set_num_threads(num_threads)
    options = {} if dtype is None else {"dtype": dtype}
    name = resolve_model(model)
    check_weights(name)
    with library_errors_named(name):
        loaded = AutoModelForCTC.from_pretrained(name, trust_remote_code=trust_remote_code, **options)
    check_is_whole(loaded, name)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return loaded.to(device).eval()


def precision_of(model: BiGRUForCTC | RuntimeModel) -> str:
    """Number format that a model computes with: `"float32"` or `"bfloat16"`."""
    return model.precision if isinstance(model, RuntimeModel) else str(model.dtype).removeprefix("torch.")
