"""The network on one device, as a rule a GPU: batches to transcribe, and whole steps of training.

    python scripts/benchmark_gpu.py

Measured are times and peak memory in float32 and bfloat16, on batches of noise that lie on the device.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch.utils.benchmark import timer

from benchmarks.network import NetworkTiming
from benchmarks.training import Batch
from hf_bigru_asr.model.modeling_bigru_ctc import BiGRUForCTC

__all__ = ["DTYPES", "measure_inference", "time_training_step"]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MAX_NORM = 1.0


def measure_inference(
    model: str, device: torch.device, sizes: Sequence[tuple[int, float]], frame_s: float, repeats: int
) -> list[NetworkTiming]:
    """Time the network in every number format on batches that lie on the device, in turns.

    Args:
        model: Model folder or model on the Hub.
        device: Where to run.
        sizes: Batch sizes, and seconds of audio of each utterance.
        frame_s: Seconds per frame.
        repeats: Turns.

    Returns:
        One timing for each size and number format. Memory is what torch holds on a CUDA device, weights counted.

    Raises:
        OSError: If there is no such model.
    """
    networks = {}
    for name, dtype in DTYPES.items():
        network = BiGRUForCTC.from_pretrained(model, dtype=dtype).eval()
        network.to(device)
        networks[f"{device.type} {name}"] = network
    timings = []
    for batch_size, duration_s in sizes:
        shape = (batch_size, round(duration_s / frame_s))
        mask = torch.ones(shape, dtype=torch.long, device=device)
        rows = [NetworkTiming(name, batch_size, duration_s) for name in networks]
        for turn in range(repeats + 1):
            for row in rows:
                network = networks[row.name]
                features = torch.randn(*shape, network.config.num_mel_bins, device=device)
                if device.type == "cuda":
                    torch.cuda.reset_peak_memory_stats(device)
                with torch.inference_mode():
                    start_s = timer()  # waits for the device
                    network(features, attention_mask=mask)
                    seconds = timer() - start_s
                if turn:  # the first one warms up
                    row.times_s.append(seconds)
                    row.peak_memory_mib = _peak_memory_mib(device)
        timings += rows
    return timings


def time_training_step(
    model: BiGRUForCTC, batch: Batch, device: torch.device, dtype: str, repeats: int
) -> list[float]:
    """Seconds of whole steps of training: copy to the device, forward, loss, backward, clipping, AdamW.

    Args:
        model: Trained in place, on the device.
        batch: What it is trained on.
        device: Where to train.
        dtype: One of `DTYPES`; with `"bfloat16"` weights stay in float32 (mixed precision).
        repeats: Steps, after one that does not count.
    """
    model.to(device)  # type: ignore[arg-type] # a decorator of the library hides its types
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> float:
        start_s = timer()
        inputs = {
            "input_features": batch.input_features.to(device),
            "attention_mask": batch.attention_mask.to(device),
            "labels": batch.labels.to(device),
        }
        precision = nullcontext() if dtype == "float32" else torch.autocast(device.type, dtype=DTYPES[dtype])
        with precision:
            loss = model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        optimizer.zero_grad()
        return timer() - start_s

    return [step() for _ in range(repeats + 1)][1:]


def _peak_memory_mib(device: torch.device) -> float | None:
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
