"""The network with weights and states in 8 bits, compiled with the package: on the whole, and layer by layer."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..native.network import CompiledNetwork
from .frame_store import Frames
from .layer_runners import Direction
from .onnx_graph import Weights
from .silence import SilenceRule

__all__ = ["SAME_INT8_STATE", "Int8LayerRunner", "Int8Network"]

SAME_INT8_STATE = 2e-2
"""Largest difference between two states that count as one, as in `SAME_STATE`.

Two states that differ in the integers of some units go on differing so: by 0.008 in the unit that differs most, on
real speech with the bundled network, and by more than this in 0.5 % of the frames.
"""

Mask = npt.NDArray[np.bool_]

_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_DIRECTIONS = ("", "_reverse")


class Int8Network:
    """A [`CompiledNetwork`] that leaves out silent frames as the model does. Threads can share it.

    Args:
        weights: Those of the model, see [`recognizer_graph`].
        silence: What the network leaves out; `None` if nothing.
        kernel: Instructions, see [`CompiledNetwork`]; `None` takes the fastest.

    Raises:
        ImportError: If the compiled part of the package is not there.
        ValueError: If `weights` are not those of a `BiGRUForCTC`, or the processor has not these instructions.
    """

    def __init__(self, weights: Weights, silence: SilenceRule | None = None, kernel: str | None = None) -> None:
        num_layers = sum(re.fullmatch(r"bigru\.layers\.\d+\.weight_hh_l0", name) is not None for name in weights)
        names = [
            f"bigru.layers.{layer}.{part}{direction}"
            for layer in range(num_layers)
            for direction in _DIRECTIONS
            for part in _PARTS
        ]
        if not names or sorted(weights) != sorted([*names, "lm_head.weight", "lm_head.bias"]):
            raise ValueError("The weights are not those of a BiGRUForCTC. Save the model again with save_pretrained.")
        arrays = [weights[name] for name in names]
        self.compiled = CompiledNetwork(arrays, weights["lm_head.weight"], weights["lm_head.bias"], kernel)
        self.silence = silence

    def log_probs(self, features: Sequence[Frames]) -> list[Frames]:
        """Log-probabilities `(frames, classes)` of utterances; those of similar lengths run together.

        Args:
            features: Normalised frames `(frames, mels)` of each utterance.

        Raises:
            MemoryError: If memory is lacking.
            ValueError: If the features have another size.
        """
        rule = self.silence
        if rule is None:
            return self.compiled.log_probs(features)
        heard: list[Mask] = [rule.heard((each != 0).any(axis=1)) for each in features]
        of_heard = self.compiled.log_probs([each[rows] for each, rows in zip(features, heard, strict=True)])
        return [self._in_places(rows, scores, rule) for rows, scores in zip(heard, of_heard, strict=True)]

    def _in_places(self, heard: Mask, scores: Frames, rule: SilenceRule) -> Frames:
        if heard.all():
            return scores
        log_probs = rule.blanks(len(heard), self.compiled.num_classes)
        log_probs[heard] = scores
        return log_probs

    def layer_runner(self) -> "Int8LayerRunner":
        """Runs the network layer by layer, for recordings of any length."""
        return Int8LayerRunner(self.compiled, self.silence)


class Int8LayerRunner:
    """A [`LayerRunner`] on a compiled network.

    Args:
        network: The network.
        silence: What the network leaves out; `None` if nothing.
    """

    same_state = SAME_INT8_STATE
    max_segments = 1
    """Rounded states that started differently never meet exactly: one segment is as one pass."""

    def __init__(self, network: CompiledNetwork, silence: SilenceRule | None = None) -> None:
        self._network = network
        self.num_layers, self.hidden_size = network.num_layers, network.hidden_size
        self.silence = silence

    def __call__(self, layer: int, direction: Direction, inputs: Frames, states: Frames) -> tuple[Frames, Frames]:
        """Run a direction; see [`LayerRunner`]."""
        return self._network.run_layer(layer, inputs, states, backward=direction == "backward")

    def log_probs(self, hidden_states: Frames) -> Frames:
        """Score every frame; see [`LayerRunner`]."""
        return self._network.run_head(hidden_states)
