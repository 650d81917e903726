"""The recogniser on ONNX Runtime, with the call and the output of `BiGRUForCTC`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np

from .layer_runners import RunGraph, log_probs_of_layers
from .log_mel import FloatArray
from .runtime import NETWORK_INPUTS, create_session
from .runtime_models import RuntimeModel

__all__ = ["OnnxBiGRUForCTC"]

MIN_PART = 4
"""Utterances that are enough for a thread of their own."""


class OnnxBiGRUForCTC(RuntimeModel):
    """The recogniser on ONNX Runtime (extra `onnx`); arguments are those of [`RuntimeModel`].

    Example:
        >>> import torch
        >>> from hf_bigru_asr import OnnxBiGRUForCTC
        >>> OnnxBiGRUForCTC.from_pretrained("bundled")(torch.zeros(1, 50, 128)).logits.shape
        torch.Size([1, 50, 29])
    """

    extra = "onnx"

    @cached_property
    def _single(self) -> RunGraph:
        """The network on one thread, for parts of a batch."""
        return self.compile_graph(self._graph, 1, NETWORK_INPUTS)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.max_threads, thread_name_prefix="onnx")

    def _score(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        num_parts = self.max_threads
        if self._is_divided or num_parts == 1:
            return super()._score(features, lengths)
        # Threads of which each has work of its own are faster than threads that share every matrix product: the
        # directions of a layer are independent, and so are utterances.
        if len(features) < MIN_PART * num_parts:
            is_one_length = lengths[0] > 0 and (lengths == lengths[0]).all()
            return self._score_layers(features, lengths) if is_one_length else super()._score(features, lengths)
        parts = zip(np.array_split(features, num_parts), np.array_split(lengths, num_parts), strict=True)
        inputs = [{"input_features": part, "lengths": part_lengths} for part, part_lengths in parts]
        return np.concatenate([outputs["logits"] for outputs in self._threads.map(self._single, inputs)])

    def _score_layers(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        """As `_score`, of utterances of one length, the directions of a layer in two threads."""
        log_probs = log_probs_of_layers(self.layer_runner(), features[:, : lengths[0]], self._threads)
        logits = np.empty((*features.shape[:2], log_probs.shape[2]), dtype=np.float32)
        logits[:, : lengths[0]] = log_probs
        self._restore_padding(logits, lengths)
        return logits

    def compile_graph(
        self, graph: bytes, num_threads: int | None, inputs: Sequence[str], num_calls: int = 1
    ) -> RunGraph:
        """Make a graph ready; see [`RuntimeModel.compile_graph`]."""
        if self.precision != "float32":
            raise ValueError(f"dtype is {self.precision!r}; ONNX Runtime runs this network in float32 alone.")
        # The calling thread is one of a session's threads.
        session = create_session(graph, None if num_threads is None else max(num_threads // num_calls, 1), inputs)
        names = [each.name for each in session.get_outputs()]
        return lambda values: dict(zip(names, session.run(names, values), strict=True))
