#!/usr/bin/env bash
# onnx 1.23.2: the reference evaluator cannot run a MaxPool with padding in one dimension.
#
# Guess: `onnx.reference.ReferenceEvaluator` follows the operators' definition, so `pads=[2, 2]` with a kernel of 5 keeps
# the length of a `(batch, channels, length)` input, as ONNX Runtime and `onnx.shape_inference` have it. Seen: with a
# stride of 1 the padding is left out of the length of the result, which is then too short (IndexError) or negative
# (RuntimeError). AveragePool, two dimensions, a stride of 2, and a Pad node before the MaxPool are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "onnx==1.23.2" "onnxruntime==1.32.0" "numpy==2.3.5"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, shape_inference
from onnx.reference import ReferenceEvaluator


def model_of(operator: str, kernel: list[int], **attributes: object):
    node = helper.make_node(operator, ["x"], ["y"], kernel_shape=kernel, pads=[2] * 2 * len(kernel), **attributes)
    shapes = [["batch", "channels", *(f"{name}{axis}" for axis in range(len(kernel)))] for name in "xy"]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip("xy", shapes, strict=True)]
    graph = helper.make_graph([node], "pool", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def compare(operator: str, shape: tuple[int, ...], **attributes: object) -> tuple[object, object]:
    model = model_of(operator, [5] * (len(shape) - 2), **attributes)
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": x})[0]
    try:
        found = ReferenceEvaluator(model).run(None, {"x": x})[0]
    except (IndexError, RuntimeError) as error:
        found = type(error).__name__
    same = isinstance(found, np.ndarray) and found.shape == expected.shape and np.allclose(found, expected)
    shown = found.shape if isinstance(found, np.ndarray) else found
    print(f"{operator} of {shape} {attributes}: reference {shown}, ONNX Runtime {expected.shape}, same: {same}")
    return shown, expected.shape


assert compare("MaxPool", (1, 1, 6)) == ("IndexError", (1, 1, 6))
assert compare("AveragePool", (1, 1, 6), count_include_pad=1) == ((1, 1, 6), (1, 1, 6))
assert compare("MaxPool", (1, 1, 3)) == ("RuntimeError", (1, 1, 3))
assert compare("MaxPool", (1, 1, 6, 6)) == ((1, 1, 6, 6), (1, 1, 6, 6))
assert compare("MaxPool", (1, 1, 6), strides=[2]) == ((1, 1, 3), (1, 1, 3))

inferred = shape_inference.infer_shapes(
    helper.make_model(
        helper.make_graph(
            [helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[5], pads=[2, 2])],
            "pool",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 6])],
            [helper.make_empty_tensor_value_info("y")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
)
assert [each.dim_value for each in inferred.graph.output[0].type.tensor_type.shape.dim] == [1, 1, 6]
print("shape_inference: (1, 1, 6)")
PYTHON
