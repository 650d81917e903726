"""Speech data sets: loading, filtering, augmentation.

A name is imported when it is first asked for: most modules here need neither `datasets` nor torch, which take seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .filtering import FilterReport, filter_utterances, join_training_sets
    from .loading import load_speech_dataset
    from .utterances import load_utterance

__all__ = ["FilterReport", "filter_utterances", "join_training_sets", "load_speech_dataset", "load_utterance"]

_MODULES = {
    "FilterReport": "filtering",
    "filter_utterances": "filtering",
    "join_training_sets": "filtering",
    "load_speech_dataset": "loading",
    "load_utterance": "utterances",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
