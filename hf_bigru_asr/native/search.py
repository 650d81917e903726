"""Bindings of the beam search: the tree of a lexicon, hotwords, and the search itself, on arrays."""

import ctypes
from ctypes import POINTER, byref, c_double, c_int32, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .library import Owned, required
from .ngram import NGram

__all__ = ["MAX_CLASSES", "Lexicon", "Phrases", "Search"]

MAX_CLASSES = 255
IntArray = npt.NDArray[np.integer[Any]]


class _Settings(ctypes.Structure):
    _fields_ = (
        ("lm_weight", c_double),
        ("word_score", c_double),
        ("beam_threshold", c_double),
        ("beam_size", c_int32),
        ("beam_size_token", c_int32),
        ("log_add", c_int32),
        ("blank", c_int32),
        ("delimiter", c_int32),
    )


class Lexicon(Owned):
    """The spellings of words as a prefix tree. Threads can share it.

    Args:
        num_classes: Classes of the network, at most `MAX_CLASSES`.
        classes: Classes of all spellings, one behind the other.
        ends: Where each spelling ends in `classes` `(spellings,)`.
        numbers: Word of each spelling `(spellings,)`.
        scores: Score of every word at the beginning of a sentence `(words,)`, base-10 logarithms.
        vocabulary: Number of every word in the n-gram `(words,)`.

    Raises:
        ValueError: If a number is out of range, or arrays do not fit together.
    """

    def __init__(
        self,
        num_classes: int,
        classes: IntArray,
        ends: IntArray,
        numbers: IntArray,
        scores: npt.NDArray[np.float32],
        vocabulary: IntArray,
    ) -> None:
        library = _library()
        self._free = library.bigru_lexicon_free
        arrays = [_as(each, np.int32) for each in (classes, ends, numbers)]
        words = [_as(scores, np.float32), _as(vocabulary, np.uint32)]
        self.num_words = len(words[0])
        self.num_classes = num_classes
        _check_lengths("The lexicon", arrays[1], arrays[0])
        if len(arrays[1]) != len(arrays[2]) or len(words[0]) != len(words[1]):
            raise ValueError("The lexicon has ends and numbers, or scores and vocabulary, of different lengths.")
        self.address = library.bigru_lexicon_new(
            num_classes, len(arrays[2]), *map(_address, arrays), self.num_words, *map(_address, words)
        )
        if not self.address:
            raise ValueError("The lexicon has a class, a word or a spelling that is out of range.")


class Phrases(Owned):
    """Hotwords as an automaton over words. Threads can share it.

    Args:
        ends: Where the arcs of each state end `(states,)`.
        words: Word of each arc, in order within a state `(arcs,)`.
        nexts: State after each arc `(arcs,)`.
        gains: Change of the score by each arc in nats `(arcs,)`.
        failures: State in which a word without an arc is looked up again `(states,)`; of the first one itself.
        failure_gains: Change of the score on the way there `(states,)`.
        finish_gains: Change of the score at the end of a hypothesis `(states,)`.
        num_words: Words of the lexicon.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        ends: IntArray,
        words: IntArray,
        nexts: IntArray,
        gains: npt.NDArray[np.float64],
        failures: IntArray,
        failure_gains: npt.NDArray[np.float64],
        finish_gains: npt.NDArray[np.float64],
        num_words: int,
    ) -> None:
        library = _library()
        self._free = library.bigru_phrases_free
        arrays = [
            _as(ends, np.uint32),
            _as(words, np.int32),
            _as(nexts, np.uint32),
            _as(gains, np.float64),
            _as(failures, np.uint32),
            _as(failure_gains, np.float64),
            _as(finish_gains, np.float64),
        ]
        self.num_words = num_words
        _check_lengths("The hotwords", arrays[0], *arrays[1:4])
        if len({len(arrays[place]) for place in (0, 4, 5, 6)}) != 1:
            raise ValueError("The hotwords have states with ends, failures or gains of different lengths.")
        self.address = library.bigru_phrases_new(len(arrays[0]), *map(_address, arrays), num_words)
        if not self.address:
            raise ValueError("The hotwords have a state or a word that is out of range.")


class Search(Owned):
    """One search. It belongs to one thread; other threads run while it computes.

    Args:
        ngram: The language model.
        lexicon: The words.
        phrases: Hotwords; `None` without any.
        settings: Values of the fields of `bigru_search_settings` in sources/search.h.

    Raises:
        MemoryError: If memory is lacking, here and later.
        ValueError: If a setting is out of range.
    """

    def __init__(self, ngram: NGram, lexicon: Lexicon, phrases: Phrases | None, settings: dict[str, float]) -> None:
        self._library = _library()
        self._free = self._library.bigru_search_free
        self._used = ngram, lexicon, phrases  # the library keeps their addresses
        if phrases and phrases.num_words != lexicon.num_words:
            raise ValueError(
                f"The hotwords are for {phrases.num_words} words and the lexicon has {lexicon.num_words}."
            )
        given = _Settings(**settings)
        self.address = self._library.bigru_search_new(
            ngram.address, lexicon.address, phrases.address if phrases else None, byref(given)
        )
        if not self.address:
            raise ValueError(
                f"The search cannot begin with {settings}; sizes must be positive, classes those of the lexicon, "
                "and weights finite."
            )
        self._num_frames = 0
        self._num_classes = lexicon.num_classes
        self._is_over = False

    def step(self, scores: npt.NDArray[np.float32]) -> None:
        """Take some more frames `(frames, classes)`.

        Raises:
            ValueError: If the classes are not those of the lexicon.
            RuntimeError: If the search has ended.
        """
        scores = _as(scores, np.float32)
        if scores.ndim != 2 or scores.shape[1] != self._num_classes:
            raise ValueError(f"Scores of shape {scores.shape} are not (frames, {self._num_classes}).")
        self._check_is_on()
        if self._library.bigru_search_step(self.address, _address(scores), len(scores)):
            self._is_over = True
            raise MemoryError("The search lacks memory.")
        self._num_frames += len(scores)

    def finish(self, num_paths: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int16], npt.NDArray[np.int32]]:
        """End the search.

        Args:
            num_paths: Paths that are returned at most.

        Returns:
            Scores `(paths,)`, the best first; classes and words `(paths, frames + 2)`, -1 where no word ends. None at
            all if the scores of all were NaN.

        Raises:
            RuntimeError: If the search has ended.
        """
        self._check_is_on()
        self._is_over = True
        num_found = self._library.bigru_search_finish(self.address)
        if num_found < 0:
            raise MemoryError("The search lacks memory.")
        num_found = max(0, min(num_found, num_paths))
        scores = np.empty(num_found)
        classes = np.empty((num_found, self._num_frames + 2), dtype=np.int16)
        words = np.empty(classes.shape, dtype=np.int32)
        self._library.bigru_search_paths(self.address, num_found, _address(scores), _address(classes), _address(words))
        return scores, classes, words

    def _check_is_on(self) -> None:
        if self._is_over:
            raise RuntimeError("The search has ended; begin another one.")

    @property
    def num_bytes(self) -> int:
        """Bytes that the search takes."""
        return int(self._library.bigru_search_memory(self.address))


def _check_lengths(name: str, ends: IntArray, *arrays: npt.NDArray[Any]) -> None:
    """Refuse arrays that are not as long as the last end says."""
    if any(each.ndim != 1 for each in (ends, *arrays)) or not len(ends):
        raise ValueError(f"{name} has arrays of other than one dimension, or none.")
    if any(len(each) != ends[-1] for each in arrays):
        raise ValueError(f"{name} ends out of range, at {ends[-1]} of {', '.join(str(len(each)) for each in arrays)}.")


def _as(values: Any, dtype: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - arrays of several types
    return np.ascontiguousarray(values, dtype=dtype)


def _address(values: npt.NDArray[Any]) -> int:
    return values.ctypes.data


@cache
def _library() -> ctypes.CDLL:
    library = required()
    library.bigru_lexicon_free.argtypes = [c_void_p]
    library.bigru_phrases_free.argtypes = [c_void_p]
    library.bigru_search_free.argtypes = [c_void_p]
    library.bigru_phrases_new.argtypes = [c_uint32, *[c_void_p] * 7, c_int32]
    library.bigru_phrases_new.restype = c_void_p
    library.bigru_search_new.argtypes = [c_void_p, c_void_p, c_void_p, POINTER(_Settings)]
    library.bigru_search_new.restype = c_void_p
    library.bigru_search_step.argtypes = [c_void_p, c_void_p, c_int32]
    library.bigru_search_finish.argtypes = [c_void_p]
    library.bigru_search_paths.argtypes = [c_void_p, c_int32, c_void_p, c_void_p, c_void_p]
    library.bigru_search_memory.argtypes = [c_void_p]
    library.bigru_search_memory.restype = c_uint64
    library.bigru_lexicon_new.restype = c_void_p
    library.bigru_lexicon_new.argtypes = [c_int32, c_int32, c_void_p, c_void_p, c_void_p, c_int32, *[c_void_p] * 2]
    return library
