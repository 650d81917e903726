import pytest
import torch
from torch import nn

from hf_bigru_asr.model.layers_bigru_ctc import BiGRULayer, GRUFunction, reversal_index, reverse_frames


def rounded(values: torch.Tensor) -> torch.Tensor:
    return values.to(torch.bfloat16).float()


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
    assert torch.autograd.gradcheck(GRUFunction.apply, (*inputs, torch.float64))


def test_one_direction_needs_no_gradient_of_its_inputs() -> None:
    gru = nn.GRU(3, 4)
    weights = [gru.weight_ih_l0, gru.weight_hh_l0, gru.bias_ih_l0, gru.bias_hh_l0]
    features = torch.randn(6, 2, 3)
    output = GRUFunction.apply(features, *weights, torch.float32)
    torch.testing.assert_close(output, gru(features)[0], atol=1e-6, rtol=0)
    output.sum().backward()
    assert all(bool(weight.grad.abs().sum() > 0) for weight in weights)


def test_products_in_half_precision() -> None:
    """As with factors that are rounded first, which float32 would not be; everything else stays in float32."""
    gru = nn.GRU(3, 4)
    weights = [gru.weight_ih_l0, gru.weight_hh_l0, gru.bias_ih_l0, gru.bias_hh_l0]
    features = torch.randn(30, 2, 3, requires_grad=True)
    signs = torch.randn(30, 2, 4).sign()
    (gru(features)[0] * signs).sum().backward()
    expected = [features.grad, *(weight.grad for weight in weights)]
    features.grad = None
    gru.zero_grad()
    output = GRUFunction.apply(features, *weights, torch.bfloat16)
    (output * signs).sum().backward()

    state = torch.zeros(2, 4)
    with torch.no_grad():
        for frame, found in zip(features, output, strict=True):
            shares = rounded(rounded(frame) @ rounded(weights[0]).t() + rounded(weights[2])).chunk(3, dim=-1)
            recurrent = rounded(rounded(state) @ rounded(weights[1]).t()).chunk(3, dim=-1)
            biases = weights[3].chunk(3)
            reset, update = (torch.sigmoid(shares[i] + recurrent[i] + biases[i]) for i in (0, 1))
            new = torch.tanh(shares[2] + reset * (recurrent[2] + biases[2]))
            state = new + update * (state - new)
            torch.testing.assert_close(found, state, atol=2e-3, rtol=0)
    assert output.dtype == torch.float32
    assert 1e-4 < float((output - gru(features)[0]).abs().max()) < 2e-2
    for gradient, reference in zip([features, *weights], expected, strict=True):
        assert gradient.grad.dtype == torch.float32
        assert float((gradient.grad - reference).norm() / reference.norm()) < 2e-2


def test_a_layer_computes_products_in_the_dtype_of_autocast() -> None:
    layer = BiGRULayer(3, 4)
    features, lengths = torch.randn(2, 20, 3), torch.tensor([20, 7])
    expected = layer(features, lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(features, lengths)
    assert found.dtype == torch.float32
    assert 1e-4 < float((found - expected).abs().max()) < 2e-2


def test_reversal_turns_sequences_around_inside_their_length() -> None:
    index = reversal_index(torch.tensor([4, 1, 0, 3]), 4)
    assert index.tolist() == [[3, 2, 1, 0], [0, 1, 2, 3], [0, 1, 2, 3], [2, 1, 0, 3]]
    frames = torch.randn(4, 4, 2)
    expected = torch.stack([row[order] for row, order in zip(frames, index, strict=True)])
    assert torch.equal(reverse_frames(frames, index), expected)
    assert torch.equal(reverse_frames(expected, index), frames)
