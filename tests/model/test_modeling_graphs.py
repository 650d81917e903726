"""Graphs of the network: `torch.jit.trace`, `torch.compile` and `torch.export` give what the model gives."""

import io
import warnings
from collections.abc import Iterator

import pytest
import torch
from small_network import make_batch, make_model

TOLERANCE = 1e-5
OTHER_LENGTHS = [[1], [5], [30, 3, 17, 30]]


@pytest.fixture(autouse=True)
def no_warnings_of_tracing() -> Iterator[None]:
    """A trace warns of every size that Python compares, and that `torch.jit` is going away."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def inputs(lengths: list[int], num_grids: int = 1, with_mask: bool = True) -> tuple[torch.Tensor, ...]:
    features, mask = make_batch(lengths)
    features = torch.cat([features + grid for grid in range(num_grids)], dim=-1)
    return (features, mask) if with_mask else (features,)


@pytest.mark.parametrize("num_grids", [1, 3])
@pytest.mark.parametrize("with_mask", [True, False], ids=["mask", "no mask"])
@pytest.mark.parametrize("grad", [True, False], ids=["grad", "no_grad"])
def test_a_trace_serves_every_length_and_batch(grad: bool, with_mask: bool, num_grids: int) -> None:
    model = make_model().eval()
    with torch.set_grad_enabled(grad):
        traced = torch.jit.trace(model, inputs([9, 4], num_grids, with_mask), strict=False)
        for lengths in OTHER_LENGTHS:
            batch = inputs(lengths, num_grids, with_mask)
            found, expected = traced(*batch)["logits"], model(*batch).logits
            torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


def test_a_trace_can_be_saved_and_gives_the_gradient_of_the_model() -> None:
    model = make_model().eval()
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(model, inputs([9, 4]), strict=False), file)
    file.seek(0)
    loaded = torch.jit.load(file)
    features, mask = inputs([12, 7])
    for logits in (loaded(features, mask)["logits"], model(features, mask).logits):
        (logits[mask.bool()] ** 2).sum().backward()
    found = {name: parameter.grad for name, parameter in loaded.named_parameters()}
    expected = {name: parameter.grad for name, parameter in model.named_parameters()}
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_a_trace_takes_the_original_layout_and_gives_tuples() -> None:
    model = make_model(return_dict=False).eval()
    traced = torch.jit.trace(model, (inputs([6, 6])[0].transpose(1, 2)[:, None],))
    features, _ = inputs([11])
    (logits,) = traced(features.transpose(1, 2)[:, None])
    torch.testing.assert_close(logits, model(features)[0], atol=TOLERANCE, rtol=0)


def test_a_trace_in_training_with_masks_is_refused() -> None:
    model = make_model(apply_spec_augment=True).train()
    with pytest.raises(ValueError, match=r"repeat the same SpecAugment masks for ever; call model\.eval\(\) before"):
        torch.jit.trace(model, inputs([9, 4]), strict=False)


@pytest.mark.slow
def test_a_compiled_model_runs_its_layers_as_they_are() -> None:
    """Their code is in no graph, where the recurrence would be unrolled frame by frame."""
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, example_inputs: list[torch.Tensor]) -> object:
        graphs.append(graph)
        return graph.forward

    model = make_model().eval()
    torch.compiler.reset()
    compiled = torch.compile(model, backend=backend)
    with torch.no_grad():
        for lengths in ([60, 40], [3, 2]):
            batch = inputs(lengths)
            torch.testing.assert_close(compiled(*batch).logits, model(*batch).logits, atol=TOLERANCE, rtol=0)
    sources = "".join(node.meta.get("stack_trace") or "" for graph in graphs for node in graph.graph.nodes)
    assert "modeling_bigru_ctc.py" in sources
    assert "layers_bigru_ctc.py" not in sources


def test_an_exported_program_serves_every_batch_of_the_same_frames() -> None:
    model = make_model().eval()
    features, mask = inputs([4, 2])
    batch = torch.export.Dim("batch", min=1, max=64)
    with torch.no_grad():
        program = torch.export.export(
            model,
            (features,),
            {"attention_mask": mask},
            dynamic_shapes={"input_features": {0: batch}, "attention_mask": {0: batch}},
            strict=False,
        )
        features, mask = inputs([4, 1, 3])
        found = program.module()(features, attention_mask=mask).logits
        torch.testing.assert_close(found, model(features, mask).logits, atol=TOLERANCE, rtol=0)
        with pytest.raises(AssertionError, match=r"input_features.size\(\)\[1\] == 4"):
            program.module()(inputs([5])[0], attention_mask=inputs([5])[1])
