"""Forced alignment: when each word of a known text is spoken in a recording, and whether it is."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from ..audio.findings import damage_is_refused
from ..audio.loading import load_audio, to_mono_float32
from ..backends.loading import check_parts, check_weights
from ..bundled import BUNDLED, resolve_model
from ..model.checked_files_bigru_ctc import library_errors_named
from ..model.loaded_weights_bigru_ctc import check_is_whole
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..transcription.network import Network
from .aligned_text import AlignedWord, Alignment, OnUnknown, SpokenText

__all__ = ["AlignedWord", "Aligner", "Alignment", "align"]


class Aligner:
    """Aligns texts with recordings. Threads can share it.

    Args:
        model: A trained model; it is set to evaluation mode.
        processor: Its processor.

    Raises:
        ValueError: If the processor is that of another model.

    Example:
        >>> aligner = Aligner.from_pretrained("bundled")
        >>> text = open("tests/data/samples/easy.txt").read()
        >>> alignment = aligner.align("tests/data/samples/easy.flac", text)
        >>> [(word.text, round(word.end_s, 1)) for word in alignment.words[:3]]
        [('THEREFORE', 0.9), ('HER', 1.0), ('MAJESTY', 1.6)]
    """

    def __init__(self, model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
        check_parts(model, processor.feature_extractor, processor.tokenizer)
        self.model = model.eval()
        self.processor = processor
        self.sampling_rate: int = processor.feature_extractor.sampling_rate
        self.frame_s: float = model.config.inputs_to_logits_ratio / self.sampling_rate

    @classmethod
    def from_pretrained(cls, model: str | Path = BUNDLED, *, device: str | None = None, **kwargs: Any) -> "Aligner":
        """Load model and processor.

        Args:
            model: Folder, name on the Hub, or `"bundled"`.
            device: Where to run the network: `"cpu"`, `"cuda"`, ...
            kwargs: For both `from_pretrained`, such as `revision`.

        Raises:
            FileNotFoundError: If the folder holds an ONNX graph only.
            ValueError: If a file of the model is broken, or weights are missing, NaN or infinite.
        """
        name = resolve_model(model)
        check_weights(name)
        with library_errors_named(name, of_values=True):
            network = BiGRUForCTC.from_pretrained(name, **kwargs)
            check_is_whole(network, name)
            if device is not None:
                network.to(torch.device(device))
            return cls(network, BiGRUCTCProcessor.from_pretrained(name, **kwargs))

    def align(
        self,
        audio: str | os.PathLike[str] | bytes | BinaryIO | Any,  # noqa: ANN401 - or samples in any form
        text: str,
        *,
        sampling_rate: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> Alignment:
        """Times of the words and characters of a text in a recording.

        Args:
            audio: Path, bytes or open file as for [`load_audio`], or samples as for [`to_mono_float32`].
            text: The spoken text, from beginning to end, in the ordinary spelling of the model's language
                ([`normalize_transcript`] for English).
            sampling_rate: Rate of samples in hertz; files have their own.
            on_unknown: Refuse characters that cannot be normalised, `"error"`, or `"remove"` them.

        Raises:
            ValueError: If the text is empty, has characters that cannot be normalised, or is too long for the
                recording; if `sampling_rate` is missing for samples or given for a file.
            AudioError: If the audio is empty, broken or otherwise unusable.
            FileNotFoundError: If there is no such file.
        """
        spoken = SpokenText.of(text, on_unknown, self.processor.tokenizer)
        waveform = self._load(audio, sampling_rate)
        duration_s = len(waveform) / self.sampling_rate
        return spoken.align(self.log_probs(waveform), self.processor.tokenizer, self.frame_s, duration_s)

    def align_log_probs(self, log_probs: torch.Tensor, text: str, *, on_unknown: OnUnknown = "error") -> Alignment:
        """As [`align`], of log-probabilities `(frames, classes)` of one recording without padding."""
        tokenizer = self.processor.tokenizer
        return SpokenText.of(text, on_unknown, tokenizer).align(log_probs, tokenizer, self.frame_s)

    def log_probs(self, waveform: np.ndarray) -> torch.Tensor:
        """Log-probabilities `(frames, classes)` of mono samples of any length at the rate of the model."""
        return self.log_probs_of_batch([waveform])[0]

    def log_probs_of_batch(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        """As `log_probs`, of several recordings; those of up to two minutes run through the network together."""
        network = Network(self.model, self.processor.feature_extractor)
        return [found.checked() for found in network.run(network.read(waveform) for waveform in waveforms)]

    def _load(self, audio: Any, sampling_rate: int | None) -> np.ndarray:  # noqa: ANN401 - see `align`
        if isinstance(audio, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(audio, "read"):
            if sampling_rate is not None:
                raise ValueError(f"sampling_rate is {sampling_rate}, but files have their own rate; leave it out.")
            with damage_is_refused():
                return load_audio(audio, sampling_rate=self.sampling_rate)
        if sampling_rate is None:
            raise ValueError("audio has samples and no rate; give sampling_rate= in hertz, such as 16000.")
        return to_mono_float32(audio, sampling_rate, self.sampling_rate)


def align(
    audio: str | os.PathLike[str] | bytes | BinaryIO | Any,  # noqa: ANN401 - or samples in any form
    text: str,
    *,
    sampling_rate: int | None = None,
    model: str | Path = BUNDLED,
) -> Alignment:
    """Times of the words and characters of a text in a recording; see [`Aligner.align`], which loads the model once.

    Example:
        >>> text = open("tests/data/samples/easy.txt").read()
        >>> align("tests/data/samples/easy.flac", text).words[6].text
        'TO'
    """
    return Aligner.from_pretrained(model).align(audio, text, sampling_rate=sampling_rate)
