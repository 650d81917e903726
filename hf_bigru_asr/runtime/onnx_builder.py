"""Builder of an ONNX graph, node by node."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..extras import needs_package

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["GraphBuilder"]

OPSET = 17
IR_VERSION = 8
"""Both from 2022, so that older runtimes read the graph too; nothing later is needed."""


class GraphBuilder:
    """Collects nodes and constants; values are referred to by name."""

    def __init__(self) -> None:
        try:
            from onnx import helper, numpy_helper
        except ImportError as error:
            raise ImportError(
                f"{needs_package('Writing the network as an ONNX graph', 'onnx')} A folder that scripts/export.py "
                "wrote has its graph already."
            ) from error
        self._onnx, self._numpy_helper = helper, numpy_helper
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self.outputs: list[tuple[str, Any, Sequence[str | int]]] = []

    def input(self, name: str, dtype: npt.DTypeLike, shape: Sequence[str | int]) -> str:
        """Add an input of the graph and return its name."""
        self._inputs.append(self._value(name, dtype, shape))
        return name

    def constant(self, value: npt.ArrayLike) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self._constants)}"
        self._constants[name] = self._numpy_helper.from_array(
            np.ascontiguousarray(value).reshape(np.shape(value)), name
        )
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output and return the name of the output."""
        return self.add_all(operator, inputs, names=None if output is None else [output], **attributes)[0]

    def add_all(
        self,
        operator: str,
        inputs: Sequence[str],
        num_outputs: int = 1,
        names: list[str] | None = None,
        **attributes: Any,
    ) -> list[str]:
        """Add a node and return the names of its outputs."""
        outputs = names or [f"{operator.lower()}_{len(self._nodes)}_{number}" for number in range(num_outputs)]
        self._nodes.append(self._onnx.make_node(operator, list(inputs), outputs, **attributes))
        return outputs

    def unsqueeze(self, value: str, axis: int) -> str:
        """Insert an axis of length one into `value`."""
        return self.add("Unsqueeze", value, self.constant(np.array([axis])))

    def squeeze(self, value: str, axis: int) -> str:
        """Remove an axis of length one from `value`."""
        return self.add("Squeeze", value, self.constant(np.array([axis])))

    def size(self, value: str, axis: int) -> str:
        """Length of an axis, a scalar."""
        return self.add("Gather", self.add("Shape", value), self.constant(np.int64(axis)))

    def model(self, name: str, metadata: Mapping[str, str] | None = None) -> "ModelProto":
        """The finished model, checked by `onnx.checker`; the builder has no constants any more."""
        from onnx import checker

        helper = self._onnx
        outputs = [self._value(*output) for output in self.outputs]
        graph = helper.make_graph(self._nodes, name, self._inputs, outputs)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="hf_bigru_asr")
        # They are moved one by one: `make_graph` and `make_model` would copy all of them.
        for constant in list(self._constants):
            model.graph.initializer.append(self._constants.pop(constant))
        helper.set_model_props(model, dict(metadata or {}))
        checker.check_model(model)
        return model

    def _value(self, name: str, dtype: npt.DTypeLike, shape: Sequence[str | int]) -> Any:  # noqa: ANN401 - onnx is optional
        return self._onnx.make_tensor_value_info(name, self._onnx.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
