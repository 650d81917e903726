"""From recordings to transcripts: one recording, many, or long ones, with or without a language model."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .pipeline import BeamSearchPipeline
    from .recognizer import load_recognizer, parse_hotwords, transcribe

__all__ = ["BeamSearchPipeline", "load_recognizer", "parse_hotwords", "transcribe"]


def __getattr__(name: str) -> object:
    # When asked for: a worker process should not import what its calls do not need.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "pipeline" if name == "BeamSearchPipeline" else "recognizer"
    return getattr(import_module(f".{module}", __name__), name)
