"""Forced alignment: when each word of a known text is spoken in a recording, and whether it is."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import torch

from ..audio.loading import load_audio, to_mono_float32
from ..backends.loading import check_weights
from ..bundled import BUNDLED, resolve_model
from ..model.ctc_alignment_bigru_ctc import CharacterSpan, best_path, encode_text, label_spans
from ..model.ctc_output_bigru_ctc import as_array
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..text.normalization import normalize_transcript
from ..text.written_words import WrittenWord, written_words
from ..transcription.network import Network
from .word_times import word_characters

__all__ = ["AlignedWord", "Aligner", "Alignment", "align"]

OnUnknown = Literal["error", "remove"]


@dataclass(frozen=True)
class AlignedWord:
    """One word of a text and its time.

    Args:
        text: The word as it is written in the given text.
        normalized: Its spoken form in the alphabet of the model: several words for `$5` or `well-known`.
        start_s: Where it begins, in seconds.
        end_s: Where it ends.
        score: How well it matches what the network recognises there, from 0 to 1. It is the probability of its path
            over that of the best path through the same frames, as a geometric mean over its characters. 1 is a word
            that the network would have written itself; a word that is not spoken is mostly far below 0.1.
        characters: The characters of `normalized`, which fill the time of the word without gaps; the `score` of each
            is the highest probability that the network gives it.
    """

    text: str
    normalized: str
    start_s: float
    end_s: float
    score: float
    characters: tuple[CharacterSpan, ...] = field(repr=False)


@dataclass(frozen=True)
class Alignment:
    """A text and its times.

    Args:
        words: The words in order. They do not overlap; there are gaps where there are pauses.
        duration_s: Length of the recording.
        score: As that of a word, over the whole recording; speech in pauses, missing from the text, counts too.
        is_as_written: Whether the words are those of the given text. If these cannot be matched with the normalised
            text, the words are those of the normalised one.
    """

    words: tuple[AlignedWord, ...] = field(repr=False)
    duration_s: float
    score: float
    is_as_written: bool = True


class Aligner:
    """Aligns texts with recordings.

    Args:
        model: A trained model; it is set to evaluation mode.
        processor: Its processor.

    Example:
        >>> aligner = Aligner.from_pretrained("bundled")
        >>> text = open("tests/data/speech_sample.txt").read()
        >>> alignment = aligner.align("tests/data/speech_sample.flac", text)
        >>> [(word.text, round(word.end_s, 1)) for word in alignment.words[:3]]
        [('The', 0.4), ('old', 0.7), ('man', 1.0)]
    """

    def __init__(self, model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
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
        """
        name = resolve_model(model)
        check_weights(name)
        network = BiGRUForCTC.from_pretrained(name, **kwargs)
        if device is not None:
            network.to(torch.device(device))  # type: ignore[arg-type] # a decorator of the library hides its types
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
            text: The spoken text, from beginning to end, in ordinary English ([`normalize_transcript`]).
            sampling_rate: Rate of samples in hertz; files have their own.
            on_unknown: Refuse characters that cannot be normalised, `"error"`, or `"remove"` them.

        Raises:
            ValueError: If the text is empty, has characters that cannot be normalised, or is too long for the
                recording; if `sampling_rate` is missing for samples or given for a file.
            AudioError: If the audio is empty, broken or otherwise unusable.
            FileNotFoundError: If there is no such file.
        """
        words, is_as_written = _words_of(text, on_unknown)
        waveform = self._load(audio, sampling_rate)
        duration_s = len(waveform) / self.sampling_rate
        return self._align(self.log_probs(waveform), duration_s, words, is_as_written)

    def align_log_probs(self, log_probs: torch.Tensor, text: str, *, on_unknown: OnUnknown = "error") -> Alignment:
        """As [`align`], of log-probabilities `(frames, classes)` of one recording without padding."""
        return self._align(log_probs, len(log_probs) * self.frame_s, *_words_of(text, on_unknown))

    def log_probs(self, waveform: np.ndarray) -> torch.Tensor:
        """Log-probabilities `(frames, classes)` of mono samples of any length at the rate of the model."""
        return self.log_probs_of_batch([waveform])[0]

    def log_probs_of_batch(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        """As [`log_probs`], of several recordings; those of up to two minutes run through the network together."""
        network = Network(self.model, self.processor.feature_extractor)
        return [found.checked() for found in network.run(network.read(waveform) for waveform in waveforms)]

    def _load(self, audio: Any, sampling_rate: int | None) -> np.ndarray:  # noqa: ANN401 - see `align`
        if isinstance(audio, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(audio, "read"):
            if sampling_rate is not None:
                raise ValueError(f"sampling_rate is {sampling_rate}, but files have their own rate; leave it out.")
            return load_audio(audio, sampling_rate=self.sampling_rate)
        if sampling_rate is None:
            raise ValueError("audio has samples and no rate; give sampling_rate= in hertz, such as 16000.")
        return to_mono_float32(audio, sampling_rate, self.sampling_rate)

    def _align(
        self, log_probs: torch.Tensor, duration_s: float, words: Sequence[WrittenWord], is_as_written: bool
    ) -> Alignment:
        frames = as_array(log_probs)
        blank = self.processor.tokenizer.pad_token_id
        text = " ".join(word.normalized for word in words)
        path = best_path(frames, encode_text(text, self.processor.tokenizer, len(frames), self.frame_s), blank)
        chosen = frames[np.arange(len(path)), path]
        spans = label_spans(path, blank)
        peaks = [float(np.exp(chosen[span.start : span.end].max())) for span in spans]
        characters = iter(word_characters(text, spans, peaks, self.frame_s, duration_s))
        costs = np.concatenate([[0.0], np.cumsum(frames.max(-1) - chosen, dtype=np.float64)])
        aligned = []
        position = 0
        for word in words:
            parts = [next(characters) for _ in word.normalized.split(" ")]
            after = position + len(word.normalized)
            cost = costs[spans[after - 1].end] - costs[spans[position].start]
            score = float(np.exp(-cost / len(word.normalized)))
            aligned.append(
                AlignedWord(
                    word.text,
                    word.normalized,
                    parts[0][0].start_s,
                    parts[-1][-1].end_s,
                    score,
                    _with_spaces(parts, peaks, position),
                )
            )
            position = after + 1
        return Alignment(tuple(aligned), duration_s, float(np.exp(-costs[-1] / len(text))), is_as_written)


def align(
    audio: str | os.PathLike[str] | bytes | BinaryIO | Any,  # noqa: ANN401 - or samples in any form
    text: str,
    *,
    sampling_rate: int | None = None,
    model: str | Path = BUNDLED,
) -> Alignment:
    """Times of the words and characters of a text in a recording; see [`Aligner.align`], which loads the model once.

    Example:
        >>> text = open("tests/data/speech_sample.txt").read()
        >>> align("tests/data/speech_sample.flac", text).words[6].text
        'to'
    """
    return Aligner.from_pretrained(model).align(audio, text, sampling_rate=sampling_rate)


def _words_of(text: str, on_unknown: OnUnknown) -> tuple[list[WrittenWord], bool]:
    """Words to align, and whether they are those of `text` as it is written."""
    normalized = normalize_transcript(text, on_unknown=on_unknown)
    if not normalized:
        raise ValueError(f"text is {text[:60]!r}, in which nothing is said; give the words of the recording.")
    words = written_words(text, on_unknown=on_unknown)
    return words or [WrittenWord(word, word) for word in normalized.split()], words is not None


def _with_spaces(
    parts: Sequence[tuple[CharacterSpan, ...]], peaks: Sequence[float], position: int
) -> tuple[CharacterSpan, ...]:
    """Characters of words that are written as one, with the spaces between them.

    Args:
        parts: Characters of each of the words.
        peaks: Highest probability of every character of the text.
        position: Where in the text the first word begins.
    """
    characters = list(parts[0])
    for part in parts[1:]:
        score = peaks[position + len(characters)]
        characters += [CharacterSpan(" ", characters[-1].end_s, part[0].start_s, score), *part]
    return tuple(characters)
