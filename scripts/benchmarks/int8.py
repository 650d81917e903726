"""Eight-bit weights against float32, in each runtime that makes them: error rate, speed and size.

    python scripts/compare_int8.py --dataset_name openslr/librispeech_asr --dataset_config_name clean

Measured are the word error rate of greedy decoding, the bytes of the weights, and times of calls on noise.
"""

import io
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from benchmarks.training import PackedGRUForCTC
from hf_bigru_asr.extras import needs_package
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.model.configuration_bigru_ctc import BiGRUCTCConfig
from hf_bigru_asr.model.modeling_bigru_ctc import BiGRUForCTC
from hf_bigru_asr.model.processing_bigru_ctc import BiGRUCTCProcessor
from hf_bigru_asr.runtime.export import load_graph, locate_model
from hf_bigru_asr.runtime.model_files import ModelFiles
from hf_bigru_asr.runtime.recognizer import NETWORK_INPUTS, create_session

__all__ = ["Int8Network", "greedy_wer", "int8_networks", "quantize_graph", "time_networks"]

LogProbs = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Int8Network:
    """A network in one number format.

    Args:
        log_probs: Gives `(batch, frames, classes)` for features `(batch, frames, mels)` without padding.
        num_bytes: Of its weights, as they are stored.
        num_float_grus: GRUs, of one direction each, that still have float32 weights.
    """

    log_probs: LogProbs
    num_bytes: int
    num_float_grus: int


def int8_networks(model: str | Path, num_threads: int) -> dict[str, Int8Network]:
    """The same network in float32 and with eight-bit weights, by name.

    torch makes them of `nn.GRU` on packed sequences, ONNX Runtime of the exported graph, which runs in one session;
    both compute the scales of what is multiplied with them when they run.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        num_threads: Threads of ONNX Runtime.

    Raises:
        FileNotFoundError: If there is no such model.
        ImportError: If the package `onnx` is not installed.
    """
    files = ModelFiles(locate_model(model))
    whole = BiGRUForCTC.from_pretrained(files.folder)
    config = cast("BiGRUCTCConfig", whole.config)
    packed = PackedGRUForCTC(config).eval()
    packed.load_weights(whole)
    with warnings.catch_warnings():
        # Torch announces that its quantised tensors will be removed.
        warnings.simplefilter("ignore")
        quantized = torch.ao.quantization.quantize_dynamic(packed, {nn.GRU, nn.Linear}, dtype=torch.qint8)
    graph = load_graph(files)
    small_graph = quantize_graph(graph)
    return {
        "torch, packed nn.GRU, float32": Int8Network(_packed(packed), _num_bytes(packed), _float_gru_layers(packed)),
        "torch, packed nn.GRU, int8": Int8Network(
            _packed(quantized), _num_bytes(quantized), _float_gru_layers(quantized)
        ),
        "ONNX Runtime, float32": Int8Network(_session(graph, num_threads), len(graph), _float_grus(graph)),
        "ONNX Runtime, int8": Int8Network(
            _session(small_graph, num_threads), len(small_graph), _float_grus(small_graph)
        ),
    }


def quantize_graph(graph: bytes) -> bytes:
    """A serialised ONNX graph with eight-bit weights in every operator for which ONNX Runtime has some.

    Raises:
        ImportError: If the package `onnx` is not installed.
    """
    try:
        from onnx import load_model_from_string
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise ImportError(needs_package("Quantising a graph", "onnx", "onnxruntime")) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        quantize_dynamic(load_model_from_string(graph), path, weight_type=QuantType.QInt8)
        return path.read_bytes()


@torch.inference_mode()
def greedy_wer(
    network: Int8Network, processor: BiGRUCTCProcessor, waveforms: Sequence[np.ndarray], references: Sequence[str]
) -> float:
    """Word error rate of greedy decoding, a fraction.

    Args:
        network: Gives the log-probabilities.
        processor: Of the model.
        waveforms: `(samples,)` each, at the sampling rate of its feature extractor.
        references: Their transcripts, normalised.

    Raises:
        ValueError: If there are not as many references as waveforms.
    """
    extractor = processor.feature_extractor
    texts = []
    for waveform in waveforms:
        features = extractor(waveform, sampling_rate=extractor.sampling_rate, return_tensors="pt").input_features
        texts += processor.batch_decode(network.log_probs(features).argmax(-1))
    return word_error_counts(references, texts).error_rate


@torch.inference_mode()
def time_networks(
    networks: Mapping[str, Int8Network], batch_size: int, num_frames: int, num_mel_bins: int, repeats: int
) -> dict[str, float]:
    """Median seconds of a call of each network, in turns, on a batch of noise.

    Args:
        networks: By name.
        batch_size: Utterances of a call.
        num_frames: Frames of each.
        num_mel_bins: Features of a frame.
        repeats: Turns that count, after one that does not.
    """
    features = torch.randn(batch_size, num_frames, num_mel_bins, generator=torch.Generator().manual_seed(0))
    times_s: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(repeats + 1):
        for name, network in networks.items():
            start_s = time.perf_counter()
            network.log_probs(features)
            if turn > 0:  # the first one warms up
                times_s[name].append(time.perf_counter() - start_s)
    return {name: float(np.median(each)) for name, each in times_s.items()}


def _packed(network: PackedGRUForCTC) -> LogProbs:
    return lambda features: network.log_probs(features, torch.full((len(features),), features.shape[1]))


def _session(graph: bytes, num_threads: int) -> LogProbs:
    session = create_session(graph, num_threads, NETWORK_INPUTS)

    def log_probs(features: torch.Tensor) -> torch.Tensor:
        lengths = np.full(len(features), features.shape[1])
        (logits,) = session.run(["logits"], {"input_features": features.numpy(), "lengths": lengths})
        return torch.from_numpy(logits)

    return log_probs


def _num_bytes(network: nn.Module) -> int:
    stored = io.BytesIO()
    torch.save(network.state_dict(), stored)
    return len(stored.getvalue())


def _float_gru_layers(network: nn.Module) -> int:
    """Recurrent weights of a network that are parameters: those with eight bits are packed in objects of their own."""
    return sum("weight_hh" in name for name, _ in network.named_parameters())


def _float_grus(graph: bytes) -> int:
    """GRU nodes of a graph: the operator takes float32 weights."""
    from onnx import load_model_from_string

    return sum(node.op_type == "GRU" for node in load_model_from_string(graph).graph.node)
