"""Graphs on OpenVINO, without torch."""

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from ..extras import needs_extra
from .graph_contents import GraphError
from .layer_runners import RunGraph
from .log_mel import FloatArray

__all__ = ["PRECISIONS", "compile_on_openvino", "openvino_core"]

PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
"""Names of number formats in OpenVINO."""


def compile_on_openvino(
    graph: bytes, num_threads: int | None = None, *, precision: str = "float32", num_calls: int = 1
) -> tuple[RunGraph, list[str]]:
    """Make a graph ready on OpenVINO.

    Args:
        graph: Serialised ONNX model.
        num_threads: `None` leaves the choice to OpenVINO.
        precision: A key of `PRECISIONS`.
        num_calls: Calls that run at once. Several threads may call it in any case.

    Returns:
        The graph, and the names of its inputs.

    Raises:
        ImportError: If the extra `openvino` is not installed.
        ValueError: If the graph is broken, or the processor does not compute in `precision`.
    """
    core = openvino_core()
    if precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ValueError(
            f"dtype is 'bfloat16', and {core.get_property('CPU', 'FULL_DEVICE_NAME')} does not compute with it; "
            "choose 'float32'."
        )
    # Without a hint OpenVINO takes bfloat16 by itself where the processor has it.
    # Pinned, the single threads of several graphs that run at once would all have the first core.
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": PRECISIONS[precision], "ENABLE_CPU_PINNING": False}
    if num_threads is not None:
        options["INFERENCE_NUM_THREADS"] = num_threads
    if num_calls > 1:
        options["NUM_STREAMS"] = num_calls
    try:
        compiled = core.compile_model(core.read_model(graph), "CPU", options)
    except RuntimeError as error:
        raise GraphError(f"OpenVINO cannot read the graph: {error} Write it anew with scripts/export.py.") from error
    requests = threading.local()

    def run(values: Mapping[str, np.ndarray]) -> dict[str, FloatArray]:
        if not hasattr(requests, "own"):  # a request serves one call at a time
            requests.own = compiled.create_infer_request()
        results = requests.own.infer(values)
        return {output.any_name: results[output] for output in compiled.outputs}

    return run, [each.any_name for each in compiled.inputs]


def openvino_core() -> Any:  # noqa: ANN401 - of a package without type information
    """The one `openvino.Core` of this process, which is never given back.

    OpenVINO 2026.4 sets a signal stack with every core and restores the one that was there when the core goes. Cores
    that go in another order than the reverse of their coming leave a stack that is freed already: the next signal
    with a handler, Ctrl-C for one, ends the process with a segmentation fault.

    Raises:
        ImportError: If the extra `openvino` is not installed.
    """
    try:
        from openvino import Core, Tensor
    except ImportError as error:
        raise ImportError(needs_extra("OpenVINO", "openvino")) from error
    return _only_one(Core, Tensor)


@cache
def _only_one(kind: type, tensor: type) -> Any:  # noqa: ANN401 - an instance of `kind`
    # Two threads that took the first array of a tensor at once have been seen to wait for ever there, in OpenVINO's
    # binding: so the first one is taken here, before there are threads.
    _ = tensor(np.zeros(1, dtype=np.float32)).data
    return kind()
