"""The network alone on every runtime, against packed `nn.GRU` and against the machine's matrix products.

    python scripts/benchmark.py --runtimes torch onnx --batch_sizes 1 16

Measured are the times of calls on batches of noise and the peak memory, each network in a process of its own. The
ceiling of a runtime is a large matrix product of the same library.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from benchmarks.memory import peak_memory_mib, reset_peak_memory
from benchmarks.training import PackedGRUForCTC, matrix_product_gflops, median_time_s, training_gflop
from benchmarks.workers import Worker
from hf_bigru_asr.backends.base import RuntimeModel
from hf_bigru_asr.backends.loading import load_model
from hf_bigru_asr.backends.openvino import openvino_core
from hf_bigru_asr.model.configuration_bigru_ctc import BiGRUCTCConfig
from hf_bigru_asr.model.modeling_bigru_ctc import BiGRUForCTC
from hf_bigru_asr.runtime.onnx_builder import GraphBuilder

__all__ = [
    "PACKED",
    "NetworkTiming",
    "available_networks",
    "inference_gflop",
    "load_network",
    "measure_ceilings",
    "measure_networks",
]

PACKED = "torch, packed nn.GRU"
PRODUCT_SIZE = 2048
MIN_UTTERANCES = 16
"""Utterances of a turn, at least: one call is too short to be timed."""


@dataclass
class NetworkTiming:
    """One network, on batches of one size.

    Args:
        name: Runtime and number format.
        batch_size: Utterances that run together.
        duration_s: Length of each, in seconds of audio.
        times_s: Seconds of every call.
        peak_memory_mib: Peak memory of the whole process during the calls; `None` where unknown.
    """

    name: str
    batch_size: int
    duration_s: float
    times_s: list[float] = field(default_factory=list)
    peak_memory_mib: float | None = None

    @property
    def median_s(self) -> float:
        """Median seconds of a call."""
        return float(np.median(self.times_s))

    @property
    def real_time_factor(self) -> float:
        """Seconds of audio per second, by the median."""
        return self.batch_size * self.duration_s / self.median_s

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable, without the single times."""
        row = {name: value for name, value in asdict(self).items() if name != "times_s"}
        return row | {
            "real_time_factor": self.real_time_factor,
            "latency_median_s": self.median_s,
            "latency_p95_s": float(np.percentile(self.times_s, 95)),
            "num_calls": len(self.times_s),
        }


def available_networks(runtimes: Iterable[str]) -> dict[str, tuple[str, str]]:
    """What can be measured here: runtime and number format by name, packed `nn.GRU` first.

    Args:
        runtimes: Some of `RUNTIMES`.

    Raises:
        ImportError: If the extra of a runtime is not installed.
    """
    networks = {PACKED: ("packed", "float32")}
    for runtime in runtimes:
        networks[f"{runtime} float32"] = (runtime, "float32")
        if runtime == "openvino" and "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            networks["openvino bfloat16"] = (runtime, "bfloat16")
    return networks


def measure_networks(
    workers: Mapping[str, Worker], sizes: Sequence[tuple[int, float]], frame_s: float, repeats: int
) -> list[NetworkTiming]:
    """Time networks in turns.

    Args:
        workers: Processes by the name of their network, each of which has loaded [`load_network`].
        sizes: Batch sizes, and seconds of audio of each utterance.
        frame_s: Seconds per frame.
        repeats: Turns.
    """
    timings = []
    for batch_size, duration_s in sizes:
        rows = [NetworkTiming(name, batch_size, duration_s) for name in workers]
        for _ in range(repeats):
            for row in rows:
                times_s, peak = workers[row.name].run(_time_calls, batch_size, round(duration_s / frame_s))
                row.times_s += times_s
                row.peak_memory_mib = None if peak is None else max(peak, row.peak_memory_mib or 0.0)
        timings += rows
    return timings


def measure_ceilings(workers: Mapping[str, Worker], repeats: int) -> dict[str, float]:
    """Billions of operations per second of a large matrix product of each network's library, by the network's name."""
    products: dict[str, list[float]] = {name: [] for name in workers if name != PACKED}
    for _ in range(repeats):
        for name, speeds in products.items():
            speeds.append(workers[name].run(_time_product))
    return {name: float(np.median(speeds)) for name, speeds in products.items()}


def inference_gflop(config: BiGRUCTCConfig, num_frames: int) -> float:
    """Billions of operations of the matrix products of the network for `num_frames` frames."""
    return training_gflop(config, num_frames) / 3


# In the worker

Network = BiGRUForCTC | RuntimeModel | PackedGRUForCTC


def load_network(model: str, runtime: str, dtype: str, num_threads: int) -> Network:
    """A network, ready in this process.

    Args:
        model: Model folder or model on the Hub.
        runtime: One of `RUNTIMES`, or `"packed"` for `nn.GRU` on packed sequences.
        dtype: Number format.
        num_threads: Threads it may take.
    """
    torch.set_num_threads(num_threads)
    if runtime != "packed":
        return load_model(model, runtime, device="cpu", num_threads=num_threads, dtype=dtype)
    whole = BiGRUForCTC.from_pretrained(model)
    packed = PackedGRUForCTC(BiGRUCTCConfig.from_pretrained(model)).eval()
    packed.load_weights(whole)
    return packed


@torch.inference_mode()
def _time_calls(network: Network, batch_size: int, num_frames: int) -> tuple[list[float], float | None]:
    features = torch.randn(batch_size, num_frames, network.config.num_mel_bins)
    mask = torch.ones(batch_size, num_frames, dtype=torch.long)

    def call() -> object:
        if isinstance(network, PackedGRUForCTC):
            return network.log_probs(features, mask.sum(-1))
        return network(features, attention_mask=mask)

    call()
    reset_peak_memory()
    times_s = []
    for _ in range(max(MIN_UTTERANCES // batch_size, 1)):
        start_s = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - start_s)
    return times_s, peak_memory_mib()


def _time_product(network: Network) -> float:
    if not isinstance(network, RuntimeModel):
        return matrix_product_gflops(PRODUCT_SIZE)
    graph = GraphBuilder()
    left = graph.input("left", np.float32, ["rows", PRODUCT_SIZE])
    values = np.random.default_rng(0).standard_normal((PRODUCT_SIZE, PRODUCT_SIZE), dtype=np.float32)
    output = graph.add("MatMul", left, graph.constant(values), output="product")
    graph.outputs.append((output, np.float32, ["rows", PRODUCT_SIZE]))
    run = network.compile_graph(graph.model("product").SerializeToString(), network.num_threads, ["left"])
    return 2 * PRODUCT_SIZE**3 / median_time_s(lambda: run({"left": values}), 5) / 1e9
