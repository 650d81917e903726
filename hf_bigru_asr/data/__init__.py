"""Speech data sets: loading, filtering, augmentation."""

from .filtering import FilterReport, filter_utterances, join_training_sets
from .loading import load_speech_dataset
from .utterances import load_utterance

__all__ = ["FilterReport", "filter_utterances", "join_training_sets", "load_speech_dataset", "load_utterance"]
