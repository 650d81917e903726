"""What the writers of all formats take: a transcript with the times of its words, without torch."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Protocol

__all__ = ["RecognizedWord", "RecognizerFacts", "TimedTranscript", "TimedWord", "readable"]

ROUNDING = 1e-3
"""How far a confidence may lie outside of 0 to 1, as sums of float32 do. It is written with three decimals."""


class RecognizedWord(Protocol):
    """What a decoder gives for a word, such as [`DecodedWord`][hf_bigru_asr.model.decoding_bigru_ctc.DecodedWord]."""

    @property
    def text(self) -> str:
        """Spelling of the word."""

    @property
    def start_s(self) -> float:
        """Where it begins, in seconds."""

    @property
    def end_s(self) -> float:
        """Where it ends."""

    @property
    def confidence(self) -> float | None:
        """Probability that it is right, if there is one."""


@dataclass(frozen=True)
class TimedWord:
    """One word and its time.

    Args:
        text: The word as it is shown. A word of an aligned text may hold spaces (`$2 million`).
        start_s: Where it begins, in seconds from the start of the recording.
        end_s: Where it ends; not before its start.
        confidence: Probability that it is right, from 0 to 1; `None` if there is none.
        channel: Number of its channel, from 0.
        normalized: The words that are spoken, in the alphabet of the model, where `text` is written otherwise.

    Raises:
        ValueError: If the text is blank, a time or the confidence is not a number in its range, or the channel is
            below 0.

    Example:
        >>> TimedWord("HELLO", 0.5, 1.0, confidence=0.93)
        TimedWord(text='HELLO', start_s=0.5, end_s=1.0, confidence=0.93, channel=0, normalized=None)
    """

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None
    channel: int = 0
    normalized: str | None = None

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError(f"The word at {self.start_s} s has no text; leave it out.")
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and 0 <= self.start_s <= self.end_s):
            raise ValueError(
                f"The word {self.text!r} lasts from {self.start_s} to {self.end_s} s; times are finite, not negative, "
                "and in this order."
            )
        if self.confidence is not None and not -ROUNDING < self.confidence < 1 + ROUNDING:
            raise ValueError(
                f"The confidence of {self.text!r} is {self.confidence}; it is a probability from 0 to 1, or None."
            )
        if self.channel < 0:
            raise ValueError(f"The channel of {self.text!r} is {self.channel}; channels are counted from 0.")


@dataclass(frozen=True)
class RecognizerFacts:
    """What made a transcript.

    Args:
        model: Name or folder of the model.
        language_model: Name or folder of the language model; `None` for greedy decoding.
        runtime: What ran the network, such as `onnxruntime 1.23.2`.
        version: Version of this package.
    """

    model: str
    language_model: str | None
    runtime: str
    version: str


@dataclass(frozen=True)
class TimedTranscript:
    """What is said in a recording, and when, or why it could not be transcribed.

    Args:
        source: Name of the recording: a path, an address, or `-` for standard input.
        duration_s: Its length in seconds; 0 if it could not be read.
        words: The words, in order of time; words of several channels may overlap.
        text: The whole text; the words joined by spaces if it is left out. `None` after an error.
        channels: Numbers of the channels, where each was transcribed on its own.
        warnings: What was odd about the recording, or damaged.
        error: Why there is no transcript, if there is none.
        recognizer: What made it.

    Raises:
        ValueError: If the duration is not a number from 0, a word lies on another channel, or there are words
            after an error.

    Example:
        >>> transcript = TimedTranscript("talk.wav", 2.0, (TimedWord("WORLD", 1, 1.5), TimedWord("HELLO", 0.5, 1)))
        >>> transcript.text, transcript.name
        ('HELLO WORLD', 'talk')
    """

    source: str
    duration_s: float
    words: tuple[TimedWord, ...] = field(default=(), repr=False)
    text: str | None = None
    channels: tuple[int, ...] = (0,)
    warnings: tuple[str, ...] = ()
    error: str | None = None
    recognizer: RecognizerFacts | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration_s) and self.duration_s >= 0):
            raise ValueError(f"The duration of {self.source} is {self.duration_s} s; it is a finite number from 0.")
        if self.error is not None and (self.words or self.text is not None):
            raise ValueError(f"{self.source} has a text and an error ({self.error}); give one of them.")
        strange = {word.channel for word in self.words} - set(self.channels)
        if strange or not self.channels:
            raise ValueError(
                f"Words of {self.source} are on the channels {sorted(strange)}, which are not among its channels "
                f"{list(self.channels)}; give the numbers of all."
            )
        words = tuple(sorted(self.words, key=lambda word: (word.start_s, word.end_s)))
        object.__setattr__(self, "words", words)
        if self.error is None and self.text is None:
            object.__setattr__(self, "text", " ".join(" ".join(word.text.split()) for word in words))

    @classmethod
    def from_channels(
        cls,
        source: str | os.PathLike[str],
        duration_s: float,
        channels: Sequence[Iterable[RecognizedWord]],
        *,
        warnings: Sequence[str] = (),
        recognizer: RecognizerFacts | None = None,
    ) -> "TimedTranscript":
        """The transcript of a recording from the words that a recogniser gives for each of its channels.

        Args:
            source: Name of the recording.
            duration_s: Its length in seconds.
            channels: Words of every channel; those of the mix alone if the channels were not transcribed apart.
            warnings: What was odd about the recording.
            recognizer: What made the transcript.

        Raises:
            ValueError: If there is no channel, or as [`TimedWord`].
        """
        words = tuple(
            TimedWord(word.text, word.start_s, word.end_s, word.confidence, number)
            for number, spoken in enumerate(channels)
            for word in spoken
        )
        numbers = tuple(range(len(channels)))
        return cls(os.fspath(source), duration_s, words, None, numbers, tuple(warnings), recognizer=recognizer)

    @property
    def name(self) -> str:
        """Name of the recording without folders and ending, as CTM, STM and RTTM have it; `stdin` for `-`."""
        if self.source == "-":
            return "stdin"
        path = self.source.split("?")[0].split("#")[0] if "://" in self.source else self.source
        return readable(PurePath(path.rstrip("/")).stem) or "recording"


def readable(text: str) -> str:
    r"""A name in Unicode: file systems allow bytes that are none, which become `\udcff` and the like."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
