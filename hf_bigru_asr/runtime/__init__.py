"""Recognition without torch and transformers, by numpy and ONNX Runtime, and the export of the ONNX graphs.

`python -m hf_bigru_asr.runtime FILE ...` transcribes files.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .recognizer import OnnxRecognizer

__all__ = ["OnnxRecognizer"]


def __getattr__(name: str) -> object:
    # When asked for: a process that searches alone needs neither the network nor what reads sound.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .recognizer import OnnxRecognizer

    return OnnxRecognizer
