"""What the tests of the runtimes share: the runtimes that are installed, and batches with awkward padding."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from speech_prior import SPEECH

from hf_bigru_asr import BiGRUForCTC
from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.backends.openvino import openvino_core

if TYPE_CHECKING:
    from onnx import ModelProto

needs_onnx = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None,
    reason="the package `onnx` is not installed",
)
needs_openvino = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("openvino") is None,
    reason="the extra `openvino` is not installed",
)
RUNTIME_CASES = [pytest.param("onnx", marks=needs_onnx), pytest.param("openvino", marks=needs_openvino)]

EXTRACTORS: dict[str, dict[str, Any]] = {
    "utterance": {},
    "none": {"normalization": "none"},
    "80 bins": {"feature_size": 80},
    "prior": {"prior_frames": 60, "prior_std": [1.0 + mel / 50 for mel in range(128)]},
    "speech": SPEECH,
    "speech, another hop": {**SPEECH, "hop_length": 336},
    "long hop": {"hop_length": 600, "win_length": 400},
    "telephone": {"fmin": 200.0, "fmax": 3400.0, "feature_size": 40},
}
"""Settings of feature extractors that differ in every step of the computation."""


def run_graph(runtime: str, graph: "ModelProto", **inputs: np.ndarray) -> list[np.ndarray]:
    """Outputs of an ONNX model on a runtime with one thread, float32; `"reference"` is onnx's own evaluator."""
    if runtime == "reference":
        from onnx.reference import ReferenceEvaluator

        return ReferenceEvaluator(graph).run(None, inputs)
    if runtime == "onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(None, inputs)
    core = openvino_core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(core.read_model(graph.SerializeToString()), "CPU", options)
    results = compiled(inputs)
    return [results[name] for name in (output.name for output in graph.graph.output)]


def weights_of(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """Weights of a model as the graph builders take them."""
    return {name: value.numpy() for name, value in model.state_dict().items()}


def padded_batch(lengths: list[int], num_mels: int = 128, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random features and their mask; padding has loud noise, and NaN on its last frame."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(lengths), max(lengths), num_mels, generator=generator)
    mask = (torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]).long()
    features[mask == 0] *= 100
    if not mask[-1, -1]:
        features[-1, -1] = torch.nan
    return features, mask


def real_waveforms(data_dir: Path, count: int | None = None, step: int = 1) -> list[np.ndarray]:
    """The first utterances of `validation` of the LibriSpeech in a folder, or all, or every so many of them."""
    paths = sorted((data_dir / "librispeech_asr" / "clean").glob("validation-*.parquet"))
    rows = pa.concat_tables([pq.read_table(path, columns=["audio"]) for path in paths])[:count]
    return [load_audio(row["audio"]["bytes"]) for row in rows.to_pylist()[::step]]


def randomise_biases(model: BiGRUForCTC) -> None:
    """Make a new model like a trained one: with biases of zero, padding of zeros leaves a GRU's state as it is."""
    for name, parameter in model.named_parameters():
        if "bias" in name:
            torch.nn.init.uniform_(parameter, -1, 1)
