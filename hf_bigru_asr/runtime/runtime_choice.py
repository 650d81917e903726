"""Which runtime runs the network."""

from .model_files import ModelFiles
from .openvino import PRECISIONS

__all__ = ["DTYPES", "check_dtype", "choose_runtime"]

DTYPES = {"onnx": ("float32",), "openvino": tuple(PRECISIONS), "native": ("int8",)}
"""Number formats that each runtime computes in, its own choice first."""


def choose_runtime(files: ModelFiles, runtime: str, dtype: str | None) -> str:
    """The runtime that is meant.

    Args:
        files: The model.
        runtime: A key of `DTYPES`, or `"auto"`: the compiled part of the package where it is there, the processor is
            made for integers of 8 bits, and the model has no exported graph; otherwise ONNX Runtime.
        dtype: Number format; any if `None`. With `"int8"`, `"auto"` is always the compiled part.
    """
    if runtime != "auto":
        return runtime
    if dtype == "int8":
        return "native"
    from ..native.library import is_available

    if dtype is None and not files.graph_path.is_file() and is_available():
        from ..native.network import QUICK_KERNELS, fastest_kernel

        if fastest_kernel() in QUICK_KERNELS:
            return "native"
    return "onnx"


def check_dtype(runtime: str, dtype: str | None) -> str:
    """The number format of a runtime; its own if `dtype` is `None`.

    Raises:
        ValueError: If there is no such runtime, or it does not have the format.
    """
    if runtime not in DTYPES:
        raise ValueError(f"runtime is {runtime!r}; choose {', '.join(DTYPES)} or auto.")
    own = DTYPES[runtime]
    if dtype is not None and dtype not in own:
        others = [name for name, dtypes in DTYPES.items() if dtype in dtypes]
        advice = f" Choose {' or '.join(others)}." if others else ""
        raise ValueError(f"dtype is {dtype!r}; {runtime} runs this network in {' or '.join(own)}.{advice}")
    return dtype or own[0]
