"""Frames far from any sound, which the network leaves out, in NumPy; see `model/silence_bigru_ctc.py`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..model.ctc_output_bigru_ctc import UNLIKELY
from .frame_store import Frames

__all__ = ["FrameSource", "HeardFrames", "SilenceRule", "silence_rule"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SilenceRule:
    """What is left out, and what it gets.

    Args:
        max_frames: Silent frames on each side of a sound that the network reads: `max_silence_frames` of the
            configuration.
        blank_id: Class of the others.
    """

    max_frames: int
    blank_id: int

    def heard(self, sounds: Mask) -> Mask:
        """The frames `(frames,)` that the network reads.

        Args:
            sounds: `(frames,)`, whether a frame is no silence.
        """
        counts = np.concatenate([[0], np.cumsum(sounds)])
        frames = np.arange(len(sounds))
        first = np.maximum(frames - self.max_frames, 0)
        last = np.minimum(frames + self.max_frames + 1, len(sounds))
        near: Mask = counts[last] > counts[first]
        return near

    def blanks(self, num_frames: int, num_classes: int) -> Frames:
        """Log-probabilities `(num_frames, num_classes)` of frames that are left out."""
        rows = np.full((num_frames, num_classes), UNLIKELY, dtype=np.float32)
        rows[:, self.blank_id] = 0.0
        return rows


def silence_rule(config: Mapping[str, Any]) -> SilenceRule | None:
    """That of a configuration; `None` if nothing is left out."""
    max_frames = config.get("max_silence_frames")
    return None if max_frames is None else SilenceRule(int(max_frames), int(config.get("pad_token_id") or 0))


class FrameSource(Protocol):
    """Frames that a layer reads."""

    @property
    def width(self) -> int:
        """Features of a frame."""

    def read(self, start: int, stop: int, target: Frames) -> None:
        """Write the frames from `start` to `stop` into `target` `(stop - start, width)`."""


@dataclass(frozen=True)
class HeardFrames:
    """The frames of a recording that the network reads, without the others between them.

    Args:
        source: All frames.
        places: Positions `(heard frames,)` of those that are read, in order.
    """

    source: FrameSource
    places: npt.NDArray[np.intp]

    @property
    def width(self) -> int:
        """Features of a frame."""
        return self.source.width

    def read(self, start: int, stop: int, target: Frames) -> None:
        """Write frames; see [`FrameSource`]."""
        for first, last, place in self._runs(start, stop):
            self.source.read(place, place + last - first, target[first - start : last - start])

    def in_places(
        self, pieces: Iterable[Frames], rule: SilenceRule, num_frames: int, max_frames: int
    ) -> Iterator[Frames]:
        """Log-probabilities of all frames.

        Args:
            pieces: Those `(frames, classes)` of the frames that are read, in pieces of any lengths; at least one
                piece, which may be empty.
            rule: Gives those of the others.
            num_frames: All frames.
            max_frames: Frames of a run of others that come in one piece at the most.
        """
        start = done = num_classes = 0
        for piece in pieces:
            num_classes = piece.shape[1]
            for first, last, place in self._runs(done, done + len(piece)):
                yield from _blanks(rule, place - start, num_classes, max_frames)
                yield piece[first - done : last - done]
                start = place + last - first
            done += len(piece)
        yield from _blanks(rule, num_frames - start, num_classes, max_frames)

    def _runs(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Heard frames that follow each other: number of the first and behind the last, and position of the first."""
        places = self.places[start:stop]
        if len(places) == 0:
            return
        edges = [0, *(np.flatnonzero(np.diff(places) > 1) + 1).tolist(), len(places)]
        for first, last in pairwise(edges):
            yield start + first, start + last, int(places[first])


def _blanks(rule: SilenceRule, num_frames: int, num_classes: int, max_frames: int) -> Iterator[Frames]:
    for first in range(0, num_frames, max_frames):
        yield rule.blanks(min(max_frames, num_frames - first), num_classes)
