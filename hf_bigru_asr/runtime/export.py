"""Export of a model as an ONNX graph, into a file or in memory, without torch and transformers."""

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..bundled import BUNDLED, resolve_model
from ..storage.writing import whole_folder
from .graph_contents import read_graph_contents
from .log_mel import FloatArray
from .model_files import (
    GRAPH_NAME,
    INDEX_NAME,
    WAVEFORM_GRAPH_NAME,
    WEIGHTS_NAME,
    ModelFiles,
    weights_digest,
)

__all__ = ["export_onnx", "export_sherpa_onnx", "graph_metadata", "load_graph", "locate_model"]

MODEL_FILES = (
    "config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "confidence.json",
    "language_model/*",
)
"""Patterns of the files of a model beside its graph and its weights."""
WEIGHT_PARTS = "model-*-of-*.safetensors"
"""Pattern of the weights of a model that was saved in parts."""
TOKENS_NAME = "tokens.txt"
"""The symbols beside a graph for sherpa-onnx."""


def export_onnx(model: str | Path, output_dir: str | Path, *, waveform: bool = False) -> Path:
    """Write the graph of a model, with its settings, vocabulary and language model, into a folder.

    `OnnxBiGRUForCTC.from_pretrained`, `OpenVINOBiGRUForCTC.from_pretrained` and `hf_bigru_asr.runtime` load such a
    folder. The metadata of the graph hold the sampling rate, the settings of the features and the texts of the
    classes, for programs that read nothing else.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        output_dir: Where to write `model.onnx`: a new folder, that of an earlier export, or the model's own.
        waveform: Whether to write `model_waveform.onnx` as well, which takes samples and computes the features.

    Returns:
        Path of `model.onnx`.

    Raises:
        ImportError: If the package `onnx` is not installed.
        FileExistsError: If the folder has files of another model, or of an earlier export, that would stay there.
        FileNotFoundError: If a file of the model is missing.
        ValueError: If it is not a BiGRU-CTC model.

    Example:
        >>> export_onnx("bundled", "exported").name
        'model.onnx'
    """
    from .onnx_graph import recognizer_graph, waveform_recognizer_graph

    files = ModelFiles(locate_model(model))
    blank_id, settings = files.blank_id, files.feature_settings
    target = Path(output_dir)
    copied: list[str] = []
    if target.resolve() != files.folder.resolve():
        copied = _files_in(files.folder, MODEL_FILES)
        _check_no_leftovers(target, [*copied, WAVEFORM_GRAPH_NAME] if waveform else copied)
    weights = files.read_weights()
    metadata = _full_metadata(files, weights)
    graphs = {GRAPH_NAME: recognizer_graph(weights, blank_id, metadata, files.max_silence_frames)}
    if waveform:
        graphs[WAVEFORM_GRAPH_NAME] = waveform_recognizer_graph(
            weights, settings, blank_id, metadata, files.max_silence_frames
        )
    with whole_folder(target) as staging:
        for name in copied:
            (staging / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(files.folder / name, staging / name)
        for name, graph in graphs.items():
            (staging / name).write_bytes(graph.SerializeToString())
    return target / GRAPH_NAME


def export_sherpa_onnx(model: str | Path, output_dir: str | Path) -> Path:
    """Write what sherpa-onnx runs: a graph that takes samples, and `tokens.txt`.

    Its greedy search gives the words of this package, with times of letters in steps of 20 ms. Spaces that separate
    nothing stay in its text. It subtracts the mean of the samples before, so a recording with an offset can differ in
    some letters. It gives no text to less than 25 ms.

    Args:
        model: As for `export_onnx`.
        output_dir: Where to write `model.onnx` and `tokens.txt`: a new folder, or that of an earlier such export.

    Returns:
        Path of `model.onnx`.

    Raises:
        ImportError: If the package `onnx` is not installed.
        FileExistsError: If the folder has files of a model, or of another export.
        FileNotFoundError: If a file of the model is missing.
        ValueError: If it is not a BiGRU-CTC model, or one that sherpa-onnx cannot run, as [`sherpa_graph`] says.

    Example:
        >>> path = export_sherpa_onnx("bundled", "for_sherpa_onnx")
        >>> path.with_name("tokens.txt").read_text(encoding="utf-8").splitlines()[:3]
        ['<blk> 0', '▁ 1', "' 2"]
    """
    from .sherpa_onnx import FRAME_SAMPLES, sherpa_graph, sherpa_tokens

    files = ModelFiles(locate_model(model))
    target = Path(output_dir)
    blank_id, symbols = files.blank_id, files.symbols
    tokens = sherpa_tokens(symbols)
    _check_no_leftovers(target, [TOKENS_NAME])
    weights = files.read_weights()
    metadata = _full_metadata(files, weights) | {"inputs_to_logits_ratio": str(FRAME_SAMPLES)}
    graph = sherpa_graph(
        weights,
        files.feature_settings,
        symbols,
        blank_id,
        files.pause_frames,
        metadata,
        files.max_silence_frames,
    )
    with whole_folder(target) as staging:
        (staging / TOKENS_NAME).write_text(tokens, encoding="utf-8")
        (staging / GRAPH_NAME).write_bytes(graph.SerializeToString())
    return target / GRAPH_NAME


def _files_in(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Sorted paths, relative to `folder`, of the files that are there."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _check_no_leftovers(target: Path, written: Collection[str]) -> None:
    """Refuse a folder that holds files of a model other than those that are `written`."""
    present = _files_in(
        target, [*MODEL_FILES, WAVEFORM_GRAPH_NAME, WEIGHTS_NAME, INDEX_NAME, WEIGHT_PARTS, TOKENS_NAME]
    )
    if leftovers := [name for name in present if name not in written]:
        raise FileExistsError(
            f"{target} holds {', '.join(leftovers)}, which another model or an earlier export left and this one does "
            "not replace; remove them, or name another folder."
        )


def graph_metadata(config: Mapping[str, Any], weights: Mapping[str, FloatArray]) -> dict[str, str]:
    """Metadata of every graph: model type, blank, audio samples per frame, what is left out, digest of the weights."""
    return {
        "model_type": str(config["model_type"]),
        "blank_id": str(config.get("pad_token_id", 0)),
        "inputs_to_logits_ratio": str(config.get("inputs_to_logits_ratio")),
        "max_silence_frames": str(config.get("max_silence_frames")),
        "weights_digest": weights_digest(weights),
    }


def _full_metadata(files: ModelFiles, weights: Mapping[str, FloatArray]) -> dict[str, str]:
    """Metadata of an exported graph, with all that a program needs which reads nothing else."""
    settings = files.feature_settings
    metadata = graph_metadata(files.config, weights) | {
        "sampling_rate": str(settings.sampling_rate),
        "feature_settings": json.dumps(vars(settings)),
        "symbols": json.dumps(files.symbols),
    }
    if files.pause_frames is not None:
        metadata["pause_frames"] = str(files.pause_frames)
    return metadata


def load_graph(files: ModelFiles) -> bytes:
    """Serialised graph of a model: the file in its folder, or else a graph built from its weights in memory.

    Raises:
        FileNotFoundError: If the folder has neither a graph nor weights.
        ImportError: If there is no graph and the package `onnx` is not installed.
        ValueError: If the graph is not whole, was made from other weights than those beside it, or belongs to another
            model than the configuration and the processor beside it; or as `ModelFiles` says.
    """
    paths = files.weights_paths
    has_weights = bool(paths)
    if not has_weights and not files.graph_path.is_file():
        raise FileNotFoundError(
            f"{files.folder} has neither {GRAPH_NAME} nor {WEIGHTS_NAME}; give the folder of a model."
        )
    if not files.graph_path.is_file():
        from .onnx_graph import recognizer_graph

        weights = files.read_weights()
        # Metadata are for graphs that are kept.
        model = recognizer_graph(weights, files.blank_id, max_silence_frames=files.max_silence_frames)
        del weights  # which take as much memory as the graph
        return model.SerializeToString()
    graph = files.graph_path.read_bytes()
    contents = read_graph_contents(graph, files.graph_path)
    files.check_graph(contents, files.graph_path)
    if has_weights and weights_digest(files.read_weights()) != contents.metadata.get("weights_digest"):
        raise ValueError(
            f"{files.graph_path} was not made from the {paths[0].name} beside it; remove it, or write it again with "
            "scripts/export.py."
        )
    return graph


def locate_model(model: str | Path, **hub_options: Any) -> Path:
    """Local folder of a model; of a model on the Hub, the files that the runtimes need are downloaded.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        hub_options: `revision`, `token`, `cache_dir` and whatever else `huggingface_hub.snapshot_download` takes.

    Raises:
        FileNotFoundError: If a local path does not exist, or the download fails.
    """
    name = resolve_model(model)
    if Path(name).is_dir():
        return Path(name)
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.constants import HF_HUB_OFFLINE
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise FileNotFoundError(
            f"{name} is not a folder, and without the package huggingface_hub nothing is downloaded; give the "
            f"folder of a model, or {BUNDLED!r}."
        ) from error
    patterns = [*MODEL_FILES, GRAPH_NAME, WEIGHTS_NAME, INDEX_NAME, WEIGHT_PARTS]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns, **hub_options))
    except LocalEntryNotFoundError as error:  # whose message is a paragraph
        why = "HF_HUB_OFFLINE is set" if HF_HUB_OFFLINE else "the Hub was not reached"
        raise FileNotFoundError(
            f"{name} is neither a folder nor a model that could be downloaded: it is not in the cache, and {why}."
        ) from error
    except (HFValidationError, HfHubHTTPError) as error:
        raise FileNotFoundError(f"{name} is neither a folder nor a model that could be downloaded: {error}") from error
