"""The training step: against packed sequences, against the machine's ceiling, and with several processes.

    python scripts/benchmark.py --training

Measured are the median times of forward, loss and backward on a batch of noise, and by torch's profiler the shares of
the processor's time that kinds of operators take. The profiler adds to every operator, so small ones look larger than
they are.
"""

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hf_bigru_asr.audio.loading import SAMPLING_RATE
from hf_bigru_asr.model.configuration_bigru_ctc import BiGRUCTCConfig
from hf_bigru_asr.model.modeling_bigru_ctc import BiGRUForCTC

__all__ = [
    "Batch",
    "PackedGRUForCTC",
    "data_parallel_speedup",
    "matrix_product_gflops",
    "measure_training",
    "median_time_s",
    "step_shares",
    "training_gflop",
    "training_step",
]

LABELS_PER_S = 14.6
"""Characters per second of LibriSpeech's speech, on which the cost of the CTC loss depends."""
REPEATS = 3
LOOP_PRODUCTS, PRODUCTS, LOSS, OTHER = "products_of_a_frame", "products_of_all_frames", "ctc_loss", "gates_and_copies"
"""Kinds of operators: matrix products of the recurrence, other ones, the loss, and all else."""


@dataclass(frozen=True)
class Batch:
    """Random utterances to train on.

    Args:
        input_features: `(batch, frames, mels)`.
        attention_mask: `(batch, frames)`.
        labels: `(batch, labels)`.
    """

    input_features: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor

    @classmethod
    def random(cls, num_utterances: int, num_frames: int, config: BiGRUCTCConfig) -> "Batch":
        """Utterances of 70 % to 100 % of `num_frames`, the first one full."""
        generator = torch.Generator().manual_seed(0)
        lengths = torch.randint(int(0.7 * num_frames), num_frames + 1, (num_utterances,), generator=generator)
        lengths[0] = num_frames
        frame_s = config.inputs_to_logits_ratio / SAMPLING_RATE
        num_labels = max(1, int(LABELS_PER_S * frame_s * 0.7 * num_frames))
        return cls(
            torch.randn(num_utterances, num_frames, config.num_mel_bins, generator=generator),
            (torch.arange(num_frames)[None, :] < lengths[:, None]).long(),
            torch.randint(1, config.vocab_size, (num_utterances, num_labels), generator=generator),
        )


class PackedGRUForCTC(nn.Module):
    """The same network with `nn.GRU` on packed sequences, the usual way to write it."""

    def __init__(self, config: BiGRUCTCConfig) -> None:
        super().__init__()
        self.config = config
        self.gru = nn.GRU(
            config.num_mel_bins,
            config.hidden_size,
            config.num_hidden_layers,
            batch_first=True,
            dropout=config.hidden_dropout,
            bidirectional=True,
        )
        self.lm_head = nn.Linear(2 * config.hidden_size, config.vocab_size)

    def load_weights(self, model: BiGRUForCTC) -> None:
        """Take the weights of a [`BiGRUForCTC`] with the same configuration."""
        for index, layer in enumerate(model.bigru.layers):
            for name, parameter in layer.named_parameters():
                getattr(self.gru, name.replace("_l0", f"_l{index}")).data.copy_(parameter.data)
        self.lm_head.load_state_dict(model.lm_head.state_dict())

    def forward(self, batch: Batch) -> torch.Tensor:
        """CTC loss of a batch, averaged as [`BiGRUForCTC`] does."""
        lengths = batch.attention_mask.sum(-1)
        log_probs = self.log_probs(batch.input_features, lengths).transpose(0, 1)
        num_labels = torch.full((len(lengths),), batch.labels.shape[1])
        return nn.functional.ctc_loss(
            log_probs, batch.labels, lengths, num_labels, blank=self.config.pad_token_id or 0, zero_infinity=True
        )

    def log_probs(self, input_features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """`(batch, frames, classes)` of `(batch, frames, mels)` with lengths `(batch,)`."""
        packed = pack_padded_sequence(input_features, lengths, batch_first=True, enforce_sorted=False)
        hidden_states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.lm_head(hidden_states).log_softmax(-1)


def measure_training(
    num_utterances: int, num_frames: int, packed_repeats: int, num_processes: int
) -> dict[str, float]:
    """A training step on one thread, against packed sequences and the machine's ceiling; and processes against one.

    Args:
        num_utterances: Utterances of the batch.
        num_frames: Frames of its longest utterance.
        packed_repeats: Steps of `nn.GRU` on packed sequences, which take minutes; none if 0.
        num_processes: Data-parallel processes to compare with one; none if 0.

    Returns:
        Figures by name, times in seconds.
    """
    torch.set_num_threads(1)
    config = BiGRUCTCConfig(apply_spec_augment=False)
    batch = Batch.random(num_utterances, num_frames, config)
    model = BiGRUForCTC(config).train()
    ceiling = matrix_product_gflops()
    ours_s = median_time_s(training_step(model, batch), REPEATS)
    with torch.autocast("cpu", torch.bfloat16):
        mixed_s = median_time_s(training_step(model, batch), REPEATS)
    gflops = training_gflop(config, num_utterances * num_frames) / ours_s
    audio_s = int(batch.attention_mask.sum()) * config.inputs_to_logits_ratio / SAMPLING_RATE
    figures = {
        "step_s": ours_s,
        "audio_s_per_s": audio_s / ours_s,
        "step_gflops": gflops,
        "ceiling_gflops": ceiling,
        "share_of_ceiling": gflops / ceiling,
        "bfloat16_step_s": mixed_s,
        "bfloat16_speedup": ours_s / mixed_s,
    }
    shares = step_shares(training_step(model, batch), num_utterances)
    figures |= {f"share_of_{kind}": share for kind, share in shares.items()}
    if packed_repeats:
        packed = PackedGRUForCTC(config).train()
        packed.load_weights(model)
        figures["packed_step_s"] = median_time_s(training_step(packed, batch), packed_repeats, warmup=0)
        figures["speedup_over_packed"] = figures["packed_step_s"] / ours_s
    if num_processes:
        speedup = data_parallel_speedup(num_processes, num_utterances, num_frames, REPEATS)
        figures |= {"num_processes": num_processes, "data_parallel_speedup": speedup}
    return figures


def training_step(model: nn.Module, batch: Batch) -> Callable[[], float]:
    """A function that runs forward, loss and backward once and returns the loss."""

    def step() -> float:
        model.zero_grad(set_to_none=True)
        if isinstance(model, PackedGRUForCTC):
            loss = model(batch)
        else:
            loss = model(batch.input_features, attention_mask=batch.attention_mask, labels=batch.labels).loss
        loss.backward()
        return float(loss.detach())

    return step


def step_shares(step: Callable[[], object], num_utterances: int) -> dict[str, float]:
    """Shares of the processor's time by the kinds of operators, which sum to 1.

    Args:
        step: One training step; one before it is not counted.
        num_utterances: Utterances of its batch: so many rows has a product of the recurrence.
    """
    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profiler:
        step()
    times = dict.fromkeys((LOOP_PRODUCTS, PRODUCTS, LOSS, OTHER), 0.0)
    for event in profiler.key_averages(group_by_input_shape=True):
        times[_kind_of(event.key, event.input_shapes, num_utterances)] += event.self_cpu_time_total
    total = sum(times.values())
    return {kind: time_us / total for kind, time_us in times.items()}


def _kind_of(operator: str, shapes: Sequence[Sequence[int]], num_utterances: int) -> str:
    if "ctc_loss" in operator:
        return LOSS
    if operator not in ("aten::mm", "aten::addmm", "aten::bmm"):
        return OTHER
    factors = [shape for shape in shapes if len(shape) > 1]
    return LOOP_PRODUCTS if factors[0][0] == num_utterances else PRODUCTS


def median_time_s(function: Callable[[], object], repeats: int, warmup: int = 1) -> float:
    """Median seconds of `repeats` calls, after `warmup` calls that do not count."""
    for _ in range(warmup):
        function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return median(times)


def training_gflop(config: BiGRUCTCConfig, num_frames: int) -> float:
    """Billions of operations of the matrix products in a training step of `num_frames` frames of a batch in all.

    Forward, gradient of the inputs and gradient of the weights: three products of two operations per weight.
    """
    width = 2 * config.hidden_size
    weights = config.vocab_size * width
    for index in range(config.num_hidden_layers):
        weights += 2 * 3 * config.hidden_size * ((width if index else config.num_mel_bins) + config.hidden_size)
    return 3 * 2 * weights * num_frames / 1e9


def matrix_product_gflops(size: int = 2048, repeats: int = 5) -> float:
    """Billions of operations per second of a square float32 product with torch's threads: the ceiling of a step."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / median_time_s(lambda: left @ right, repeats) / 1e9


def data_parallel_speedup(num_processes: int, num_utterances: int, num_frames: int, repeats: int) -> float:
    """Throughput of `num_processes` data-parallel processes, one thread each, over that of one process.

    Args:
        num_processes: Processes, which talk through gloo on the loopback interface.
        num_utterances: Utterances of each process.
        num_frames: Frames of the longest utterance.
        repeats: Steps timed.
    """
    context = mp.get_context("spawn")
    times = {}
    for count in (1, num_processes):
        results = context.SimpleQueue()
        arguments = (count, _free_port(), num_utterances, num_frames, repeats, results)
        mp.spawn(_timed_worker, args=arguments, nprocs=count, join=True)
        times[count] = max(results.get() for _ in range(count))
    return num_processes * times[1] / times[num_processes]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _timed_worker(
    rank: int,
    num_processes: int,
    port: int,
    num_utterances: int,
    num_frames: int,
    repeats: int,
    results: "mp.SimpleQueue[float]",
) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=num_processes)
    config = BiGRUCTCConfig()
    model = DistributedDataParallel(BiGRUForCTC(config).train())
    step = training_step(model, Batch.random(num_utterances, num_frames, config))
    results.put(median_time_s(step, repeats))
    torch.distributed.destroy_process_group()
