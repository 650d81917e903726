"""Sound files and streams to waveforms. Without torch, but for its resampler."""

from .integrity import AudioError
from .loading import iterate_audio, load_audio, to_mono_float32

__all__ = ["AudioError", "iterate_audio", "load_audio", "to_mono_float32"]
