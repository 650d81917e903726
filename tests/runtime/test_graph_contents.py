"""What is read of a graph without `onnx`, against what `onnx` reads, and graphs that are not whole."""

import numpy as np
import pytest
from runtime_support import needs_onnx, weights_of

from hf_bigru_asr import BiGRUForCTC
from hf_bigru_asr.runtime.graph_contents import read_graph_contents
from hf_bigru_asr.runtime.onnx_graph import recognizer_graph

pytestmark = needs_onnx
METADATA = {"symbols": '["Ä"]', "blank_id": "0"}


@pytest.fixture
def graph(tiny_model: BiGRUForCTC) -> bytes:
    return recognizer_graph(weights_of(tiny_model), 0, METADATA).SerializeToString()


def test_contents(graph: bytes) -> None:
    contents = read_graph_contents(graph, "x")
    assert contents.metadata == METADATA
    assert contents.inputs == {"input_features": (None, None, 128), "lengths": (None,)}
    assert contents.outputs == {"logits": (None, None, 29)}


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "bfloat16"])
@pytest.mark.parametrize("is_raw", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1.0])
def test_weights_have_to_be_numbers(dtype: str, is_raw: bool, value: float) -> None:
    from onnx import TensorProto, helper

    kind = getattr(TensorProto, {"float32": "FLOAT", "float64": "DOUBLE"}.get(dtype, dtype.upper()))
    values: object = [0.0, value]
    if is_raw and dtype == "bfloat16":
        values = (np.array([0.0, value], np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    elif is_raw:
        values = np.array([0.0, value], dtype).tobytes()
    weight = helper.make_tensor("W", kind, [2], values, raw=is_raw)
    output = helper.make_tensor_value_info("y", kind, [2])
    node = helper.make_node("Identity", ["W"], ["y"])
    model = helper.make_model(helper.make_graph([node], "g", [], [output], [weight])).SerializeToString()
    if np.isfinite(value):
        read_graph_contents(model, "FILE")
        return
    with pytest.raises(ValueError, match=r"^FILE: the weight W has values that are NaN or infinite"):
        read_graph_contents(model, "FILE")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_graphs_that_are_not_whole(share: float, graph: bytes) -> None:
    place = int(share * len(graph))
    for broken in (graph[:place], graph[:place] + bytes(len(graph) - place)):
        with pytest.raises(ValueError, match=r"^FILE is no whole ONNX graph: "):
            read_graph_contents(broken, "FILE")


def test_what_is_no_graph() -> None:
    for broken in (b"\x0b", b"\xff" * 40, b"{}", b"\x3a\x03abc"):
        with pytest.raises(ValueError, match=r"^FILE is no whole ONNX graph: "):
            read_graph_contents(broken, "FILE")
