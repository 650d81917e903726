"""The recogniser on ONNX Runtime, with the call and the output of `BiGRUForCTC`."""

from collections.abc import Sequence

import numpy as np

from ..runtime.layer_runners import RunGraph, log_probs_of_layers
from ..runtime.log_mel import FloatArray
from ..runtime.recognizer import create_session
from .base import RuntimeModel

__all__ = ["OnnxBiGRUForCTC"]


class OnnxBiGRUForCTC(RuntimeModel):
    """The recogniser on ONNX Runtime; arguments are those of [`RuntimeModel`].

    Example:
        >>> import torch
        >>> from hf_bigru_asr import OnnxBiGRUForCTC
        >>> OnnxBiGRUForCTC.from_pretrained("bundled")(torch.zeros(1, 50, 128)).logits.shape
        torch.Size([1, 50, 29])
    """

    runtime_name = "onnx"

    def _score_together(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        # The directions of a layer are independent, and two threads of which each has one are faster than two that
        # share every matrix product.
        is_one_length = lengths[0] > 0 and (lengths == lengths[0]).all()
        if (
            self._is_divided
            or self.max_threads == 1
            or not is_one_length
            or not self._reads_all(features[:, : lengths[0]])
        ):
            return super()._score_together(features, lengths)
        return self._score_layers(features, lengths)

    def _reads_all(self, features: FloatArray) -> bool:
        """Whether the network leaves out no frame of utterances of one length."""
        rule = self.layer_runner().silence
        return rule is None or all(rule.heard((each != 0).any(axis=-1)).all() for each in features)

    def _score_layers(self, features: FloatArray, lengths: np.ndarray) -> FloatArray:
        """Log-probabilities of utterances of one length, the directions of a layer in two threads."""
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
