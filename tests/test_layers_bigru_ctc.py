import pytest
import torch
from torch import nn

from hf_bigru_asr.layers_bigru_ctc import GRUFunction, reversal_index, reverse_frames


@pytest.mark.parametrize(("num_frames", "batch_size"), [(1, 1), (4, 2), (3, 1)])
def test_gradient_of_one_direction_is_right(num_frames: int, batch_size: int) -> None:
    features, hidden = 3, 4
    shapes = [
        (num_frames, batch_size, features),
        (3 * hidden, features),
        (3 * hidden, hidden),
        (3 * hidden,),
        (3 * hidden,),
    ]
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(GRUFunction.apply, inputs)


def test_one_direction_needs_no_gradient_of_its_inputs() -> None:
    gru = nn.GRU(3, 4)
    weights = [gru.weight_ih_l0, gru.weight_hh_l0, gru.bias_ih_l0, gru.bias_hh_l0]
    features = torch.randn(6, 2, 3)
    output = GRUFunction.apply(features, *weights)
    torch.testing.assert_close(output, gru(features)[0], atol=1e-6, rtol=0)
    output.sum().backward()
    assert all(bool(weight.grad.abs().sum() > 0) for weight in weights)


def test_reversal_turns_sequences_around_inside_their_length() -> None:
    index = reversal_index(torch.tensor([4, 1, 0, 3]), 4)
    assert index.tolist() == [[3, 2, 1, 0], [0, 1, 2, 3], [0, 1, 2, 3], [2, 1, 0, 3]]
    frames = torch.randn(4, 4, 2)
    expected = torch.stack([row[order] for row, order in zip(frames, index, strict=True)])
    assert torch.equal(reverse_frames(frames, index), expected)
    assert torch.equal(reverse_frames(expected, index), frames)
