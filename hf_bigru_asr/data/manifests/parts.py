"""Parts of recordings: how a data set names them, and how they are read.

A part is written as W3C media fragments do: `talk.wav#t=10.5,14.25` is what lies between these seconds. With
`&channel=1` it is of one channel, from 0, which is an addition. So a column of audio holds paths and parts alike.

Source: W3C, "Media Fragments URI 1.0", section 4.2.1.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ...audio.findings import damage_is_refused
from ...audio.loading import (
    SAMPLING_RATE,
    AudioError,
    Channels,
    UnstatedLengthError,
    audio_duration_s,
    iterate_audio,
    to_mono_float32,
)

__all__ = ["AudioPart", "parse_part"]

_FRAGMENT = re.compile(
    r"(?P<path>.+)#t=(?P<start>\d+(?:\.\d*)?)(?:,(?P<end>\d+(?:\.\d*)?))?(?:&channel=(?P<channel>\d+))?", re.DOTALL
)
_SEEKABLE = ("WAV", "WAVEX", "FLAC", "AIFF", "AU", "CAF", "W64", "RF64", "NIST")
"""Formats of libsndfile in which every sample can be found from the header."""
_EXACT = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
_TOLERANCE_S = 0.05
"""By how much a part may end behind its recording: manifests round, and their lengths come from other programs."""


@dataclass(frozen=True)
class AudioPart:
    """A part of a recording.

    Attributes:
        path: File with the recording.
        start_s: Where it begins.
        end_s: Where it ends; at the end of the recording if `None`.
        channel: Its channel, from 0; all are mixed if `None`.
    """

    path: str
    start_s: float = 0.0
    end_s: float | None = None
    channel: int | None = None

    def __str__(self) -> str:
        """The path with the fragment that [`parse_part`] reads."""
        end = "" if self.end_s is None else f",{_seconds(self.end_s)}"
        channel = "" if self.channel is None else f"&channel={self.channel}"
        return f"{self.path}#t={_seconds(self.start_s)}{end}{channel}"

    def check(self, recording_s: float) -> None:
        """Refuse a part that does not lie in a recording of this length.

        Raises:
            ValueError: If it begins or ends behind the end, or has no length.
        """
        end_s = recording_s if self.end_s is None else self.end_s
        if self.start_s >= recording_s or end_s > recording_s + _TOLERANCE_S:
            raise ValueError(
                f"{self} lies beyond the end of the recording, which has {recording_s:.3f} s; the manifest is of "
                "another recording, or has another unit than seconds."
            )
        if end_s <= self.start_s:
            raise ValueError(f"{self} has no length; its end must come after its beginning.")

    def duration_s(self) -> float:
        """Its length in seconds, from the header of the recording where that has one.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the recording is broken, or the part does not lie in it.
        """
        recording_s = recording_duration_s(self.path)
        self.check(recording_s)
        return min(recording_s, self.end_s if self.end_s is not None else recording_s) - self.start_s

    def load(self, sampling_rate: int = SAMPLING_RATE) -> npt.NDArray[np.float32]:
        """Its samples.

        Of WAV, FLAC, AIFF and the like only the part is read; others are decoded up to its end.

        Args:
            sampling_rate: Rate of the result in hertz.

        Returns:
            `(samples,)` float32.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the recording is broken, or the part does not lie in it.
        """
        with suppress(soundfile.SoundFileError), open(self.path, "rb") as stream, soundfile.SoundFile(stream) as file:
            if file.format in _SEEKABLE and file.subtype in _EXACT and file.frames < 1 << 62:
                return self._read(file, sampling_rate)
        channels: Channels = "mix" if self.channel is None else self.channel
        blocks = iterate_audio(self.path, sampling_rate=sampling_rate, channels=channels)
        return self._cut(blocks, sampling_rate)

    def _read(self, file: soundfile.SoundFile, sampling_rate: int) -> npt.NDArray[np.float32]:
        rate = file.samplerate
        self.check(file.frames / rate)
        first = round(self.start_s * rate)
        end = file.frames if self.end_s is None else min(round(self.end_s * rate), file.frames)
        file.seek(first)
        samples = file.read(end - first, dtype="float32", always_2d=True).T
        if samples.shape[1] != end - first:
            raise AudioError(
                str(self), f"is a part of a truncated file ({samples.shape[1]} of {end - first} samples came)"
            )
        if self.channel is None:
            return to_mono_float32(samples, rate, sampling_rate)
        if self.channel >= len(samples):
            raise AudioError(str(self), f"is of a recording with {len(samples)} channels; the first is 0")
        return to_mono_float32(samples[self.channel], rate, sampling_rate)

    def _cut(self, blocks: Iterator[npt.NDArray[np.float32]], sampling_rate: int) -> npt.NDArray[np.float32]:
        first = round(self.start_s * sampling_rate)
        end = None if self.end_s is None else round(self.end_s * sampling_rate)
        kept, position = [], 0
        for block in blocks:
            kept.append(block[max(first - position, 0) : None if end is None else max(end - position, 0)])
            position += len(block)
            if end is not None and position >= end:
                break
        else:
            self.check(position / sampling_rate)
        return np.concatenate(kept)


def parse_part(path: str | os.PathLike[str]) -> AudioPart | None:
    """The part that a path with a fragment names; `None` if it names a file.

    A file whose own name has such an end is a file.
    """
    found = _FRAGMENT.fullmatch(os.fspath(path)) if "#t=" in os.fspath(path) else None
    if found is None or os.path.exists(path):
        return None
    end, channel = found["end"], found["channel"]
    return AudioPart(
        found["path"],
        float(found["start"]),
        None if end is None else float(end),
        None if channel is None else int(channel),
    )


@damage_is_refused()
def recording_duration_s(path: str | Path) -> float:
    """Length of a file, from its header, or by decoding where the header has none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is broken.
    """
    try:
        return audio_duration_s(path)
    except UnstatedLengthError:  # M4A for example, or FLAC that was written into a pipe
        return sum(map(len, iterate_audio(path))) / SAMPLING_RATE


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
