"""The layers of a torch model, and of any model, for the exact pass over long recordings."""

from typing import Any

import torch

from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..runtime.frame_store import Frames
from ..runtime.layer_runners import SAME_STATE, Direction, LayerRunner
from ..runtime.silence import silence_rule

__all__ = ["TorchLayerRunner", "runner_of", "shows_layers"]


class TorchLayerRunner:
    """A [`LayerRunner`] on the weights of a torch model, on its device and in its precision.

    Args:
        model: The recogniser.
    """

    def __init__(self, model: BiGRUForCTC) -> None:
        self.model = model
        self.num_layers = len(model.bigru.layers)
        self.hidden_size = int(model.config.hidden_size)
        self.same_state = SAME_STATE[str(model.dtype).removeprefix("torch.")]
        self.silence = silence_rule(model.config.to_dict())

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


def shows_layers(model: Any) -> bool:  # noqa: ANN401 - models of several runtimes, and from the Hub
    """Whether [`runner_of`] gives a runner of this model's layers."""
    return hasattr(model, "layer_runner") or (hasattr(model, "bigru") and hasattr(model, "lm_head"))


def runner_of(model: Any) -> LayerRunner | None:  # noqa: ANN401 - the same
    """The result of a model's `layer_runner()`, or a runner of a torch model's layers; `None` without either."""
    if not shows_layers(model):
        return None
    return model.layer_runner() if hasattr(model, "layer_runner") else TorchLayerRunner(model)
