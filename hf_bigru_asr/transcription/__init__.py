"""From recordings to transcripts: one recording, many, or long ones, with or without a language model."""

from .pipeline import BeamSearchPipeline
from .recognizer import load_recognizer, parse_hotwords, transcribe

__all__ = ["BeamSearchPipeline", "load_recognizer", "parse_hotwords", "transcribe"]
