"""Runs one direction of one layer over a piece of a recording, as the exact pass over long recordings needs it."""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Literal, Protocol

import numpy as np

from .frame_store import Frames
from .onnx_graph import Weights, gru_direction_graph, head_graph
from .silence import SilenceRule

__all__ = [
    "SAME_STATE",
    "CheckedRunner",
    "Direction",
    "GraphLayerRunner",
    "LayerRunner",
    "RunGraph",
    "log_probs_of_layers",
]

SAME_STATE = {"float64": 1e-6, "float32": 1e-6, "float16": 2e-3, "bfloat16": 2e-2}
"""Largest difference between two states that count as one, by the number format that they are computed in.

Rounding alone makes some 1e-7 in float32 and some thousandths in bfloat16, and goes on making them.
"""

Direction = Literal["forward", "backward"]
RunGraph = Callable[[Mapping[str, np.ndarray]], dict[str, Frames]]
"""A graph that is ready to run: values of its inputs by their names to those of its outputs."""


class LayerRunner(Protocol):
    """A network, layer by layer. Two threads call it at once, one for each direction.

    A model of another runtime offers one as its method `layer_runner()`.

    Attributes:
        num_layers: Layers of the network.
        hidden_size: Size of a state.
        same_state: Largest difference between two states that count as one, see [`SAME_STATE`].
        silence: What the network leaves out; `None` if nothing.

    An attribute `max_segments` may say how many segments run side by side at the most: 1 where states that started
    differently never meet exactly, so that the result is that of one pass all the same.
    """

    num_layers: int
    hidden_size: int
    same_state: float
    silence: SilenceRule | None

    def __call__(self, layer: int, direction: Direction, inputs: Frames, states: Frames) -> tuple[Frames, Frames]:
        """Run one direction of one layer over pieces of several segments of a recording.

        Args:
            layer: Number of the layer, from 0.
            direction: Which of its two GRUs.
            inputs: `(frames, segments, features)` in the order in which the direction takes the frames: for
                `"backward"` the last one comes first.
            states: `(segments, hidden_size)` before the first of these frames.

        Returns:
            Outputs `(frames, segments, hidden_size)` in the same order, and the states after the last frame.
        """

    def log_probs(self, hidden_states: Frames) -> Frames:
        """Log-probabilities `(frames, classes)` of the outputs of the last layer, `(frames, 2 * hidden_size)`."""


class GraphLayerRunner:
    """A [`LayerRunner`] on ONNX graphs of the layers, in a runtime.

    Args:
        weights: Those of the model, see [`recognizer_graph`].
        compile_graph: Makes a serialised graph ready, given the names of what it takes.
        precision: Number format that the runtime computes in, one of `SAME_STATE`.
        silence: What the network leaves out; `None` if nothing.

    Raises:
        ImportError: If the package `onnx` is not installed.
    """

    def __init__(
        self,
        weights: Weights,
        compile_graph: Callable[[bytes, Sequence[str]], RunGraph],
        precision: str = "float32",
        silence: SilenceRule | None = None,
    ) -> None:
        self.silence = silence
        self.same_state = SAME_STATE[precision]
        self.hidden_size = weights["lm_head.weight"].shape[1] // 2
        self.num_layers = sum(re.fullmatch(r"bigru\.layers\.\d+\.weight_hh_l0", name) is not None for name in weights)
        directions: tuple[Direction, ...] = ("forward", "backward")
        self._directions = {
            (layer, direction): compile_graph(
                gru_direction_graph(weights, layer, backward=direction == "backward").SerializeToString(),
                ("inputs", "states"),
            )
            for layer in range(self.num_layers)
            for direction in directions
        }
        self._head = compile_graph(head_graph(weights).SerializeToString(), ("hidden_states",))

    def __call__(self, layer: int, direction: Direction, inputs: Frames, states: Frames) -> tuple[Frames, Frames]:
        """Run a direction; see [`LayerRunner`]."""
        values = {"inputs": np.ascontiguousarray(inputs), "states": np.ascontiguousarray(states)}
        results = self._directions[layer, direction](values)
        return results["outputs"], results["last_states"]

    def log_probs(self, hidden_states: Frames) -> Frames:
        """Score every frame; see [`LayerRunner`]."""
        return self._head({"hidden_states": np.ascontiguousarray(hidden_states)})["log_probs"]


class CheckedRunner:
    """A [`LayerRunner`] that can be stopped.

    Args:
        runner: The network.
        check: Called before every piece; raises when the results are no longer wanted.
    """

    def __init__(self, runner: LayerRunner, check: Callable[[], None]) -> None:
        self._runner, self._check = runner, check
        self.num_layers, self.hidden_size, self.same_state = runner.num_layers, runner.hidden_size, runner.same_state
        self.silence = runner.silence
        if hasattr(runner, "max_segments"):
            self.max_segments = runner.max_segments

    def __call__(self, layer: int, direction: Direction, inputs: Frames, states: Frames) -> tuple[Frames, Frames]:
        """Run a direction; see [`LayerRunner`]."""
        self._check()
        return self._runner(layer, direction, inputs, states)

    def log_probs(self, hidden_states: Frames) -> Frames:
        """Score every frame; see [`LayerRunner`]."""
        self._check()
        return self._runner.log_probs(hidden_states)


def log_probs_of_layers(runner: LayerRunner, features: Frames, threads: Executor) -> Frames:
    """Run utterances of one length through the layers, the two directions of each at once.

    Args:
        runner: The network.
        features: `(batch, frames, features)`; every frame is valid and read.
        threads: Where the backward directions run; the forward ones run in the calling thread.

    Returns:
        Log-probabilities `(batch, frames, classes)`.
    """
    hidden = features.transpose(1, 0, 2)
    states = np.zeros((len(features), runner.hidden_size), dtype=np.float32)
    for layer in range(runner.num_layers):
        backward = threads.submit(runner, layer, "backward", hidden[::-1], states)
        ahead, _ = runner(layer, "forward", hidden, states)
        behind, _ = backward.result()
        hidden = np.concatenate([ahead, behind[::-1]], axis=2)
    num_frames, batch_size, size = hidden.shape
    log_probs = runner.log_probs(hidden.reshape(-1, size))
    return log_probs.reshape(num_frames, batch_size, -1).transpose(1, 0, 2)
