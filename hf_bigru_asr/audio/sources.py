"""The bytes of a file, an open file or a pipe: read once, and kept in bounded memory."""

import io
import os
import stat
import tempfile
import threading
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .findings import AudioError

__all__ = [
    "Bytes",
    "FileBytes",
    "Part",
    "Source",
    "can_be_opened_again",
    "has_content",
    "open_part",
    "open_source",
    "open_stream",
]

MAX_IN_MEMORY = 8 << 20
"""Bytes of a recording that are kept in memory; what is larger stays in its file, or goes to a temporary one."""

_COPY_BYTES = 1 << 20


class FileBytes:
    """The bytes of a seekable file behind a position, sliced and searched like `bytes`. Several threads may read."""

    def __init__(self, file: BinaryIO, start: int = 0, *, owns_file: bool = True) -> None:
        """Measure the file.

        Args:
            file: Open for binary reading.
            start: The first byte.
            owns_file: Whether the file is closed when this object is no longer used.
        """
        self._file, self._start, self._owns_file, self._lock = file, start, owns_file, threading.Lock()
        self._size = max(file.seek(0, io.SEEK_END) - start, 0)
        self._whole: FileBytes | None = None

    def __del__(self) -> None:
        """Close the file."""
        if self._owns_file:
            self._file.close()

    def behind(self, position: int) -> "FileBytes":
        """Return the bytes from a position on, of the same file."""
        rest = copy(self)
        rest._owns_file, rest._whole = False, self  # the file stays open as long as one of both is used
        rest._start, rest._size = self._start + position, max(self._size - position, 0)
        return rest

    def __len__(self) -> int:
        """Return the number of bytes."""
        return self._size

    def __getitem__(self, key: slice) -> bytes:
        """Return a stretch; its step must be one."""
        first, end, _ = key.indices(self._size)
        with self._lock:
            self._file.seek(self._start + first)
            return self._file.read(max(end - first, 0))

    def find(self, word: bytes, first: int = 0, end: int | None = None) -> int:
        """Return the position of a word, or -1."""
        end = self._size if end is None else min(end, self._size)
        while first < end:
            block = self[first : min(first + _COPY_BYTES, end)]
            found = block.find(word)
            if found >= 0:
                return first + found
            first += max(len(block) - len(word) + 1, 1)
        return -1


Bytes = bytes | FileBytes


def has_content(data: Bytes, first: int) -> bool:
    """Whether there is another byte than zero from a position on."""
    return any(data[start : start + _COPY_BYTES].strip(b"\0") for start in range(first, len(data), _COPY_BYTES))


@dataclass(frozen=True)
class Part:
    """A stretch of a file that a decoder gets as a file of its own.

    Args:
        start: Its first byte.
        end: The byte behind its last one.
        prefix: What the decoder gets before it, such as a corrected header.
        skip_frames: Decoded samples per channel that are dropped at the beginning.
        num_frames: Decoded samples per channel behind those; what is more is dropped. `None` takes all.
    """

    start: int
    end: int
    prefix: bytes = b""
    skip_frames: int = 0
    num_frames: int | None = None

    @property
    def num_bytes(self) -> int:
        """What the decoder gets."""
        return len(self.prefix) + self.end - self.start


class _PartReader(io.RawIOBase):
    """A [`Part`] as a file."""

    def __init__(self, data: Bytes, part: Part) -> None:
        self._data, self._part, self._position = data, part, 0
        self._size = part.num_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(origin + offset, 0)
        return self._position

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override] # typeshed's buffer has a private name
        first, prefix = self._position, self._part.prefix
        if first < len(prefix):
            block = prefix[first : first + len(buffer)]
        else:
            start = self._part.start + first - len(prefix)
            block = self._data[start : min(start + len(buffer), self._part.end)]
        buffer[: len(block)] = block
        self._position += len(block)
        return len(block)


def open_part(data: Bytes, part: Part) -> BinaryIO:
    """Return a seekable stream of a part."""
    if isinstance(data, bytes) and not part.prefix:
        return io.BytesIO(data if (part.start, part.end) == (0, len(data)) else data[part.start : part.end])
    return io.BufferedReader(_PartReader(data, part))


@dataclass(frozen=True)
class Source:
    """A recording whose bytes can be read as often as needed, also if they came through a pipe.

    Args:
        name: What messages call it.
        data: All its bytes.
        path: The file that has them, if there is one that can be opened again.
        suffix: Ending of its name, with the dot; empty if it has none.
    """

    name: str
    data: Bytes
    path: Path | None = None
    suffix: str = ""


def open_source(source: object) -> Source:
    """Open a recording; streams are read to their end.

    Args:
        source: As in `audio.load_audio`.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: A folder, a file that cannot be opened, or an empty one.
        TypeError: `source` is of another type.
    """
    if isinstance(source, Source):
        return source
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    name, stream = open_stream(source)
    data: Bytes
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    elif path is not None and can_be_opened_again(path):
        data = FileBytes(stream)
        if len(data) <= MAX_IN_MEMORY:
            data = data[:]
            stream.close()
    else:
        data = _spooled(name, stream)
        if path is not None:
            stream.close()
        path = None
    if len(data) == 0:
        raise AudioError(name, "is empty (0 bytes); give a file with audio in it")
    suffix = Path(str(getattr(source, "name", "") if path is None else path)).suffix.lower()
    return Source(name, data, path, suffix)


def can_be_opened_again(source: object) -> bool:
    """Whether a recording can be read from its beginning twice: no pipe, device or open file.

    What does not exist counts too, for it can be tried as often as wanted. /dev/stdin may be a plain file whose
    position is shared.
    """
    if not isinstance(source, str | os.PathLike):
        return not hasattr(source, "read")
    path = Path(source)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return True
    return (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and path.parts[:2] != ("/", "dev")


def _spooled(name: str, stream: BinaryIO) -> Bytes:
    """Return what is left of a stream, from a temporary file if it is much."""
    blocks, size, file = [], 0, None
    while block := stream.read(_COPY_BYTES):
        if not isinstance(block, bytes):
            raise TypeError(f"{name} gives {type(block).__name__}; it must give bytes: open it for binary reading")
        size += len(block)
        if file is not None:
            file.write(block)
            continue
        blocks.append(block)
        if size > MAX_IN_MEMORY:
            file = tempfile.TemporaryFile(prefix="hf_bigru_asr-")  # noqa: SIM115 - lives as long as its FileBytes
            file.writelines(blocks)
            blocks.clear()
    if block is not None and not isinstance(block, bytes):
        raise TypeError(f"{name} gives {type(block).__name__}; it must give bytes: open it for binary reading")
    return b"".join(blocks) if file is None else FileBytes(file)


def open_stream(source: object) -> tuple[str, BinaryIO]:
    """Return a name for messages and a binary stream; an open file keeps its position.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: A folder, or a file that cannot be opened.
        TypeError: `source` is of another type.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return f"audio of {len(source)} bytes", io.BytesIO(source)
    if isinstance(source, str | os.PathLike):
        name = f"audio file {os.fspath(source)!r}"
        path = Path(source)
        if path.is_dir():
            raise AudioError(name, "is a folder; give the path of one file in it")
        try:
            return name, path.open("rb")
        except FileNotFoundError as error:
            remedy = "download it first" if "://" in str(source) else f"check the path (working folder: {Path.cwd()})"
            raise FileNotFoundError(f"{name}: there is no such file; {remedy}") from error
        except (OSError, ValueError) as error:
            raise AudioError(name, f"cannot be opened ({error}); check the path and its permissions") from error
    if hasattr(source, "read"):
        if isinstance(source, io.TextIOBase):
            raise TypeError(f"source {source!r} is open as text; open it for binary reading: open(path, 'rb')")
        stream: BinaryIO = source  # type: ignore[assignment]
        return f"open file {getattr(source, 'name', None) or type(source).__name__!r}", stream
    raise TypeError(
        f"source is a {type(source).__name__}; it must be a path, bytes or an open binary file: "
        "for samples in memory use to_mono_float32(array, sampling_rate_from)"
    )
