"""Runs one direction of one layer over a piece of a recording: what a long recording needs of a network."""

from typing import Any, Literal, Protocol

import torch

from .frame_store import Frames
from .modeling_bigru_ctc import BiGRUForCTC

__all__ = ["Direction", "LayerRunner", "TorchLayerRunner", "runner_of"]

Direction = Literal["forward", "backward"]


class LayerRunner(Protocol):
    """A network in its layers. It is called from two threads at once, one for each direction.

    A model of another runtime offers one as its method `layer_runner()`.
    """

    num_layers: int
    hidden_size: int

    def __call__(self, layer: int, direction: Direction, inputs: Frames, states: Frames) -> tuple[Frames, Frames]:
        """Run one direction of one layer over pieces of several stretches of a recording.

        Args:
            layer: Number of the layer, from 0.
            direction: Which of its two GRUs.
            inputs: `(frames, stretches, features)` in the order in which the direction takes the frames: for
                `"backward"` the last one comes first.
            states: `(stretches, hidden_size)` before the first of these frames.

        Returns:
            Outputs `(frames, stretches, hidden_size)` in the same order, and the states after the last frame.
        """

    def log_probs(self, hidden_states: Frames) -> Frames:
        """Log-probabilities `(frames, classes)` of what the last layer gives, `(frames, 2 * hidden_size)`."""


class TorchLayerRunner:
    """A [`LayerRunner`] on the weights of a torch model, on its device and in its precision.

    Args:
        model: The recogniser.
    """

    def __init__(self, model: BiGRUForCTC) -> None:
        self.model = model
        self.num_layers = len(model.bigru.layers)
        self.hidden_size = int(model.config.hidden_size)

    @torch.inference_mode()
    def __call__(self, layer: int, direction: Direction, inputs: Frames, states: Frames) -> tuple[Frames, Frames]:
        """Run a direction; see [`LayerRunner`]."""
        suffix = "_reverse" if direction == "backward" else ""
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights = [getattr(self.model.bigru.layers[layer], name + suffix) for name in names]
        outputs, last = torch.gru(
            torch.from_numpy(inputs).to(weights[0]),
            torch.from_numpy(states)[None].to(weights[0]),
            weights,
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=False,
            bidirectional=False,
            batch_first=False,
        )
        return outputs.float().cpu().numpy(), last[0].float().cpu().numpy()

    @torch.inference_mode()
    def log_probs(self, hidden_states: Frames) -> Frames:
        """Score every frame; see [`LayerRunner`]."""
        head = self.model.lm_head
        logits = head(torch.from_numpy(hidden_states).to(head.weight))
        return torch.log_softmax(logits, dim=-1, dtype=torch.float32).cpu().numpy()


def runner_of(model: Any) -> LayerRunner | None:  # noqa: ANN401 - models of several runtimes, and from the Hub
    """What a model's method `layer_runner` gives, or a runner of a torch model's layers; `None` without either."""
    if hasattr(model, "layer_runner"):
        return model.layer_runner()
    if hasattr(model, "bigru") and hasattr(model, "lm_head"):
        return TorchLayerRunner(model)
    return None
