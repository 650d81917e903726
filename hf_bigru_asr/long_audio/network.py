"""A recording of any length through a model of any backend, as exactly as in one pass, in bounded memory.

How it is done without torch is in `runtime/long_audio.py`. Here torch tensors go in and out, and the features are
those of the feature extractor, to the last bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.found_path_bigru_ctc import Check, no_check
from ..model.waveforms_bigru_ctc import AudioArray, mono_waveform
from ..runtime.frame_store import Frames
from ..runtime.layer_runners import CheckedRunner, LayerRunner
from ..runtime.log_mel import FloatArray, LogMelSettings
from ..runtime.long_audio import log_probs_in_pieces
from .layer_runners import TorchLayerRunner, runner_of

__all__ = ["log_probs_of_long_audio"]

CHUNK_S = 5.0
"""Longer than in the runtime without torch, because every call of torch costs more, most of all on a GPU."""
BLOCK_SAMPLES = 1 << 20


def log_probs_of_long_audio(
    model: Any,  # noqa: ANN401 - a torch model, one of another runtime, one from the Hub
    feature_extractor: BiGRUCTCFeatureExtractor,
    audio: AudioArray | Iterator[AudioArray],
    *,
    sampling_rate: int,
    chunk_s: float = CHUNK_S,
    num_segments: int | None = None,
    runner: LayerRunner | None = None,
    check: Check = no_check,
) -> torch.Tensor:
    """Log-probabilities of a recording of any length, equal to those of the model on the whole within 1e-4.

    Args:
        model: The recogniser, in evaluation mode.
        feature_extractor: Computes its features.
        audio: The samples, `(samples,)` or `(channels, samples)`, or an iterator over successive blocks of them.
        sampling_rate: Their sampling rate in Hz; it must be the extractor's own.
        chunk_s: Length of the chunks. It changes memory and speed, not the result.
        num_segments: Segments of the recording that run side by side; `None` chooses by its length.
        runner: Runs the layers; those of the model if `None`.
        check: Called before every chunk of every layer; what it raises ends the work.

    Returns:
        `(frames, classes)` float32 on the CPU.

    Raises:
        ValueError: If the audio is empty or otherwise unusable, see [`BiGRUCTCFeatureExtractor`]; if the sampling rate
            is another one, a length is not positive, or the model shows no layers.
        OSError: If there is no room for the temporary file.
    """
    if sampling_rate != feature_extractor.sampling_rate:
        raise ValueError(
            f"The audio has a sampling rate of {sampling_rate} Hz; this feature extractor takes "
            f"{feature_extractor.sampling_rate} Hz. Resample it, or read the file with "
            "hf_bigru_asr.audio.iterate_audio."
        )
    runner = runner_of(model) if runner is None else runner
    if runner is None:
        raise ValueError(
            f"A {type(model).__name__} does not show its layers; give a BiGRUForCTC, or a runner= for its layers."
        )

    def extract(padded: FloatArray, settings: LogMelSettings) -> Frames:
        frames: Frames = feature_extractor.log_mel(torch.from_numpy(padded)).numpy()
        return frames

    with _threads(runner) as num_parallel:
        pieces = log_probs_in_pieces(
            CheckedRunner(runner, check),
            _blocks(audio),
            LogMelSettings.from_dict(feature_extractor.to_dict()),
            extract=extract,
            chunk_s=chunk_s,
            num_segments=num_segments,
            num_parallel=num_parallel,
        )
        return torch.from_numpy(np.concatenate(list(pieces)))


def _blocks(audio: AudioArray | Iterator[AudioArray]) -> Iterator[AudioArray]:
    if isinstance(audio, Iterator):
        return audio
    is_plain = isinstance(audio, np.ndarray | torch.Tensor) and audio.ndim == 1
    whole: Any = audio if is_plain else mono_waveform(audio)
    return (whole[first : first + BLOCK_SAMPLES] for first in range(0, len(whole), BLOCK_SAMPLES))


@contextmanager
def _threads(runner: LayerRunner) -> Iterator[int]:
    """How many directions run at once, with torch's threads divided between them."""
    available = torch.get_num_threads()
    if not isinstance(runner, TorchLayerRunner):
        yield 2
        return
    torch.set_num_threads(max(available // 2, 1))
    try:
        yield min(available, 2)
    finally:
        torch.set_num_threads(available)
