"""One bidirectional GRU layer, exact behind any padding and fast to train on a CPU."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.utils.parametrize import is_parametrized
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

NUM_GATES = 3
"""Reset, update and new gate: the order of the row blocks in `nn.GRU`'s weights."""

LOOP_BATCH_SIZE = 8
"""Batch size from which, without a gradient, several threads run the loop of training faster than `torch.gru`."""


def reversal_index(lengths: torch.Tensor, num_frames: int) -> torch.Tensor:
    """Index that reverses every sequence inside its own length and leaves its padding in place.

    Args:
        lengths: `(batch,)` valid frames.
        num_frames: Frames of the padded batch.

    Returns:
        `(batch, frames)` int64; applying it twice is the identity.
    """
    position = torch.arange(num_frames, device=lengths.device)[None, :]
    mirrored = lengths[:, None] - 1 - position
    return torch.where(mirrored >= 0, mirrored, position)


def reverse_frames(hidden_states: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """`hidden_states` `(batch, frames, features)` in the order of `index` `(batch, frames)`."""
    batch_size, num_frames, features = hidden_states.shape
    row = torch.arange(batch_size, device=index.device)[:, None] * num_frames
    # Whole rows: the gradient of index_select is several times faster than that of gather on every element.
    flat = hidden_states.reshape(batch_size * num_frames, features).index_select(0, (index + row).reshape(-1))
    return flat.view(batch_size, num_frames, features)


class GRUFunction(torch.autograd.Function):
    """One direction of one GRU layer with a gradient that is cheap on a CPU.

    Autograd on `torch.gru` computes a gradient of the size of the weights at every frame. Here the gradient of the
    weights is one matrix product over all frames, and the gates' part is computed for all frames at once. Only the
    recurrence itself is a loop.

    Matrix products are computed in `product_dtype`; states, gates and sums keep the dtype of the inputs.

    Source: the equations of `torch.nn.GRU`, with the state `h' = n + z * (h - n)`.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's context takes attributes that its class does not declare
        inputs: torch.Tensor,
        weight_ih: torch.Tensor,
        weight_hh: torch.Tensor,
        bias_ih: torch.Tensor,
        bias_hh: torch.Tensor,
        product_dtype: torch.dtype,
    ) -> torch.Tensor:
        """`(frames, batch, hidden)` outputs of `(frames, batch, features)` inputs, from a state of zeros."""
        num_frames, batch_size, _ = inputs.shape
        hidden = weight_hh.shape[1]
        factors = inputs.reshape(num_frames * batch_size, -1).to(product_dtype)
        # Reset gate, update gate and new gate, one after another; first the inputs' share, in the end their values.
        gates = torch.addmm(bias_ih.to(product_dtype), factors, weight_ih.t().to(product_dtype)).to(inputs.dtype)
        gates = gates.view(num_frames, batch_size, NUM_GATES * hidden)
        gates[..., : 2 * hidden] += bias_hh[: 2 * hidden]
        recurrent_new = inputs.new_empty(num_frames, batch_size, hidden)
        states = inputs.new_zeros(num_frames + 1, batch_size, hidden)
        # The state before each frame as a factor of its product.
        is_mixed = product_dtype != inputs.dtype
        state_factors = torch.empty_like(states[:-1], dtype=product_dtype) if is_mixed else states[:-1]
        product = inputs.new_empty(batch_size, NUM_GATES * hidden, dtype=product_dtype)
        product_reset_update, product_new = product[:, : 2 * hidden], product[:, 2 * hidden :]
        bias_new = bias_hh[2 * hidden :]
        # With contiguous rows the small products of the loop take half the time.
        recurrent_weight = weight_hh.t().to(product_dtype).contiguous()
        reset, update, new = (gate.unbind() for gate in gates.chunk(NUM_GATES, dim=-1))
        frames = zip(
            states[:-1].unbind(),
            states[1:].unbind(),
            state_factors.unbind(),
            gates[..., : 2 * hidden].unbind(),
            reset,
            update,
            new,
            recurrent_new.unbind(),
            strict=True,
        )
        for state, next_state, factor, reset_update_t, reset_t, update_t, new_t, recurrent_new_t in frames:
            if is_mixed:
                factor.copy_(state)
            torch.mm(factor, recurrent_weight, out=product)
            reset_update_t.add_(product_reset_update).sigmoid_()
            torch.add(product_new, bias_new, out=recurrent_new_t)
            new_t.addcmul_(reset_t, recurrent_new_t).tanh_()
            torch.lerp(new_t, state, update_t, out=next_state)
        ctx.save_for_backward(factors, weight_ih, weight_hh, gates, recurrent_new, states, state_factors)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401 - the same
        grad_output: torch.Tensor,
    ) -> tuple[torch.Tensor | None, ...]:
        """Gradients of the five tensors."""
        factors, weight_ih, weight_hh, gates, recurrent_new, states, state_factors = ctx.saved_tensors
        num_frames, batch_size, hidden = grad_output.shape
        dtype, product_dtype = grad_output.dtype, factors.dtype
        reset, update, new = gates.chunk(NUM_GATES, dim=-1)
        # Derivatives of the state by the gates' arguments; the last block by the recurrent share of the new gate.
        new_slope = (1 - update) * (1 - new * new)
        slopes = torch.stack(
            [
                new_slope * recurrent_new * reset * (1 - reset),
                (states[:-1] - new) * update * (1 - update),
                new_slope * reset,
            ],
            dim=2,
        )
        grad_states = torch.empty_like(grad_output, memory_format=torch.contiguous_format)
        grad_recurrent = torch.empty_like(slopes, dtype=product_dtype)
        grad_previous = grad_output.new_zeros(batch_size, hidden)
        product = grad_output.new_empty(batch_size, hidden, dtype=product_dtype)
        recurrent_weight = weight_hh.to(product_dtype)
        grad_recurrent_rows = grad_recurrent.view(num_frames, batch_size, -1)
        frames = zip(
            grad_states.unbind(),
            grad_output.unbind(),
            grad_recurrent.unbind(),
            grad_recurrent_rows.unbind(),
            slopes.unbind(),
            update.unbind(),
            strict=True,
        )
        for grad_state, grad_output_t, grad_recurrent_t, rows_t, slopes_t, update_t in reversed(list(frames)):
            torch.add(grad_previous, grad_output_t, out=grad_state)
            torch.mul(slopes_t, grad_state[:, None], out=grad_recurrent_t)
            torch.mul(grad_state, update_t, out=grad_previous)
            torch.mm(rows_t, recurrent_weight, out=product)
            grad_previous.add_(product)
        grad_recurrent = grad_recurrent.view(num_frames * batch_size, -1)
        grad_gates = grad_recurrent.clone()
        grad_gates[:, 2 * hidden :] = (grad_states * new_slope).view(num_frames * batch_size, hidden)
        grad_inputs = None
        if ctx.needs_input_grad[0]:
            grad_inputs = (grad_gates @ weight_ih.to(product_dtype)).to(dtype).view(num_frames, batch_size, -1)
        return (
            grad_inputs,
            (grad_gates.t() @ factors).to(dtype),
            (grad_recurrent.t() @ state_factors.reshape(num_frames * batch_size, hidden)).to(dtype),
            grad_gates.sum(0, dtype=dtype),
            grad_recurrent.sum(0, dtype=dtype),
            None,
        )


class BiGRULayer(nn.GRU):
    """One bidirectional GRU layer whose result never depends on padding.

    The parameters and their names are those of a one-layer `nn.GRU(bidirectional=True, batch_first=True)`. On CUDA
    cuDNN runs on a packed sequence. Elsewhere the two directions are two forward GRUs, the second on sequences that
    are reversed inside their own length. The result equals that of packing. Training on a CPU is many times faster:
    the gradient of a packed sequence takes time quadratic in the frames.
    """

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    bias_ih_l0: nn.Parameter
    bias_hh_l0: nn.Parameter
    weight_ih_l0_reverse: nn.Parameter
    weight_hh_l0_reverse: nn.Parameter
    bias_ih_l0_reverse: nn.Parameter
    bias_hh_l0_reverse: nn.Parameter

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, bidirectional=True, batch_first=True)
        self.register_state_dict_post_hook(_copy_shared_weights)

    # torch.compile would unroll the recurrence: a graph of its own for every number of frames, minutes to compile.
    @torch.compiler.disable
    def forward(self, hidden_states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Run both directions.

        Args:
            hidden_states: `(batch, frames, input_size)`, finite on padding too.
            lengths: `(batch,)` valid frames.

        Returns:
            `(batch, frames, 2 * hidden_size)`, the forward direction first; zero on padding.
        """
        # A trace has to serve other lengths and devices: no packing on the CPU, no loop over the frames.
        # cuDNN would take the bare weights of a layer that has adapters on them.
        if hidden_states.is_cuda and not torch.jit.is_tracing() and not is_parametrized(self):
            return self._forward_packed(hidden_states, lengths)
        return self._forward_reversed(hidden_states, lengths)

    def _forward_packed(self, hidden_states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        self.flatten_parameters()
        if not torch.is_autocast_enabled(hidden_states.device.type):
            hidden_states = hidden_states.to(self.weight_ih_l0.dtype)
        packed = pack_padded_sequence(
            hidden_states, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        output, _ = super().forward(packed)
        padded, _ = pad_packed_sequence(output, batch_first=True, total_length=hidden_states.shape[1])
        return padded.masked_fill((lengths == 0)[:, None, None], 0.0)

    def _forward_reversed(self, hidden_states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        num_frames = hidden_states.shape[1]
        index = reversal_index(lengths, num_frames)
        forward_weights = [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0]
        backward_weights = [
            self.weight_ih_l0_reverse,
            self.weight_hh_l0_reverse,
            self.bias_ih_l0_reverse,
            self.bias_hh_l0_reverse,
        ]
        device_type = hidden_states.device.type
        is_mixed = torch.is_autocast_enabled(device_type)
        product_dtype = torch.get_autocast_dtype(device_type) if is_mixed else self.weight_ih_l0.dtype
        # The CPU kernel fails on mixed dtypes under autocast, so only the products of `GRUFunction` follow it.
        with torch.autocast(device_type, enabled=False):
            inputs = hidden_states.to(self.weight_ih_l0.dtype)
            ahead = self._one_direction(inputs, forward_weights, product_dtype)
            behind = self._one_direction(reverse_frames(inputs, index), backward_weights, product_dtype)
            behind = reverse_frames(behind, index)
        padded = torch.arange(num_frames, device=lengths.device)[None, :] >= lengths[:, None]
        return torch.cat([ahead, behind], dim=-1).masked_fill(padded[..., None], 0.0)

    def _one_direction(
        self, inputs: torch.Tensor, weights: Sequence[torch.Tensor], product_dtype: torch.dtype
    ) -> torch.Tensor:
        if _has_fast_loop(inputs):
            return GRUFunction.apply(inputs.transpose(0, 1), *weights, product_dtype).transpose(0, 1)
        state = inputs.new_zeros(1, inputs.shape[0], self.hidden_size)
        output, _ = torch.gru(
            inputs,
            state,
            list(weights),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )
        return output


def _has_fast_loop(inputs: torch.Tensor) -> bool:
    """Whether [`GRUFunction`] is faster than `torch.gru` for `(batch, frames, features)` inputs; never in a graph."""
    if inputs.device.type != "cpu" or torch.jit.is_tracing() or torch.compiler.is_exporting():
        return False
    if torch.is_grad_enabled():
        return True
    return inputs.shape[0] >= LOOP_BATCH_SIZE and torch.get_num_threads() > 1


def _copy_shared_weights(module: nn.Module, state_dict: dict[str, torch.Tensor], prefix: str, *args: object) -> None:
    """Give every weight in a layer's state dict a storage of its own.

    cuDNN keeps the weights of a layer in one storage, and accelerate saves only the first of tensors that share one.
    """
    for name, _ in module.named_parameters(recurse=False):
        weight = state_dict.get(prefix + name)
        # With keep_vars=True the caller wants the parameters themselves.
        if weight is None or isinstance(weight, nn.Parameter) or weight.untyped_storage().nbytes() == weight.nbytes:
            continue
        state_dict[prefix + name] = weight.clone()


__all__ = ["BiGRULayer", "GRUFunction", "reversal_index", "reverse_frames"]
