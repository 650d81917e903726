"""Binding of the n-grams."""

import bz2
import ctypes
import gzip
import lzma
import mmap
import zlib
from collections.abc import Sequence
from ctypes import c_char_p, c_float, c_int32, c_size_t, c_uint32, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .library import Owned, required

__all__ = ["NGram"]

_COMPRESSED = {b"\x1f\x8b": gzip.decompress, b"BZ": bz2.decompress, b"\xfd7": lzma.decompress}
"""First bytes of compressed ARPA files, and how they are read."""
_MAX_MESSAGE = 200


class _State(ctypes.Structure):
    _fields_ = (("backoff", c_float * 5), ("words", c_uint32 * 5), ("length", c_uint32))


class NGram(Owned):
    """An n-gram from a file of KenLM. Threads can share it.

    Args:
        path: A trie in KenLM's binary format, or an ARPA file, which may be compressed by gzip, bzip2 or xz.

    Attributes:
        address: Where it is, for other functions of the library.

    Raises:
        ImportError: If the compiled part of the package is not there.
        OSError: If the file cannot be read.
        ValueError: If it is something else, or broken.
    """

    def __init__(self, path: str | Path) -> None:
        library = _library()
        self._library, self._free = library, library.bigru_ngram_close
        if Path(path).stat().st_size == 0:
            raise ValueError(f"{path} is an empty file.")
        with Path(path).open("rb") as stream:
            decompress = _COMPRESSED.get(stream.read(2))
            stream.seek(0)
            if decompress is None:
                self._memory = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                content = np.frombuffer(self._memory, dtype=np.uint8)
            else:
                try:
                    content = np.frombuffer(decompress(stream.read()), dtype=np.uint8)
                except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
                    raise ValueError(f"{path} cannot be decompressed: {error}") from error
        self._content = content  # the library reads it where it is
        message = ctypes.create_string_buffer(_MAX_MESSAGE)
        self.address = library.bigru_ngram_open(content.ctypes.data, len(content), message, _MAX_MESSAGE)
        if not self.address:
            raise ValueError(f"{path} is no n-gram that can be read here: {message.value.decode()}")

    def scores_at_start(self, words: Sequence[str]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Numbers of words, 0 for unknown ones, and their scores at the beginning of a sentence `(words,)`."""
        text = "".join(f"{word}\n" for word in words).encode()
        numbers = np.empty(len(words), dtype=np.uint32)
        scores = np.empty(len(words), dtype=np.float32)
        library = self._library
        library.bigru_vocabulary_indexes(self.address, text, len(text), numbers.ctypes.data, len(words))
        library.bigru_vocabulary_scores(self.address, numbers.ctypes.data, len(words), scores.ctypes.data)
        return numbers, scores

    def scores_of(self, words: Sequence[str]) -> list[float]:
        """Score of every word of a sentence after those before it, base-10 logarithms."""
        numbers, _ = self.scores_at_start(words)
        before, after = _State(), _State()
        self._library.bigru_ngram_begin(self.address, ctypes.byref(before))
        scores = []
        for number in numbers.tolist():
            scores.append(
                self._library.bigru_ngram_score(self.address, ctypes.byref(before), number, ctypes.byref(after))
            )
            before, after = after, before
        return scores


@cache
def _library() -> ctypes.CDLL:
    library = required()
    library.bigru_ngram_close.argtypes = [c_void_p]
    library.bigru_ngram_begin.argtypes = [c_void_p, c_void_p]
    library.bigru_ngram_score.argtypes = [c_void_p, c_void_p, c_uint32, c_void_p]
    library.bigru_ngram_score.restype = c_float
    library.bigru_vocabulary_indexes.argtypes = [c_void_p, c_char_p, c_size_t, c_void_p, c_int32]
    library.bigru_vocabulary_scores.argtypes = [c_void_p, c_void_p, c_int32, c_void_p]
    library.bigru_ngram_open.restype = c_void_p
    library.bigru_ngram_open.argtypes = [c_void_p, c_size_t, c_char_p, c_size_t]
    return library
