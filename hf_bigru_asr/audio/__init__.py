"""Sound files and streams to waveforms. Without torch, but for its resampler."""

from .findings import AudioError, AudioWarning
from .loading import iterate_audio, load_audio, to_mono_float32

__all__ = ["AudioError", "AudioWarning", "iterate_audio", "load_audio", "to_mono_float32"]
