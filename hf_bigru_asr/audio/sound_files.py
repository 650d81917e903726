"""Sound files: opened, measured and decoded block by block.

WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus and MP3 are read with `soundfile`, every other container through the `ffmpeg`
program. The container is checked before it is decoded, since libsndfile returns the readable part of a cut WAV, Ogg or
MP3 file without an error.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from .ffmpeg import ffmpeg_blocks
from .integrity import RE_ENCODE, AudioError, checked_parts, container_of

__all__ = ["MAX_CHANNELS", "UnstatedLengthError", "audio_duration_s", "decoded_blocks", "read_source"]

MAX_CHANNELS = 2
READ_WITHOUT_FFMPEG = "WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus and MP3"

_BLOCK_FRAMES = 1 << 20
_MP3_TOLERANCE_FRAMES = 4 * 1152
_UNKNOWN_FRAMES = (1 << 63) - 1  # SF_COUNT_MAX of libsndfile: a FLAC file that was written to a pipe


class UnstatedLengthError(AudioError):
    """Audio whose header has no length, or has a format that is not read here; decode it to find the length."""


def audio_duration_s(source: str | os.PathLike[str] | bytes | BinaryIO) -> float:
    """Return the length of a file in seconds without decoding it.

    Only the header is read. MP3 and Ogg files are read whole: the length of an MP3 file is its number of frames, and
    an Ogg file may be a chain of several. An open file keeps its position.

    Args:
        source: As in `audio.load_audio`. WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus and MP3 only.

    Returns:
        Seconds, 0.0 for a file without samples.

    Raises:
        FileNotFoundError: There is no such file.
        UnstatedLengthError: Another format, or a header without a length.
        AudioError: A folder, or an empty or damaged file.
        TypeError: `source` is of another type.

    Example:
        >>> import io, numpy, soundfile
        >>> file = io.BytesIO()
        >>> soundfile.write(file, numpy.zeros(24_000), 16_000, format="WAV")
        >>> audio_duration_s(file.getvalue())
        1.5
    """
    if isinstance(source, bytes | bytearray | memoryview | str | os.PathLike):
        name, stream = _open_source(source)
        with stream:
            return _stream_duration_s(stream, name)
    name, stream = _open_source(source)
    if not stream.seekable():
        raise AudioError(name, "cannot be read twice; give its bytes (source.read()) to both functions")
    position = stream.tell()
    try:
        return _stream_duration_s(stream, name)
    finally:
        stream.seek(position)


def _stream_duration_s(stream: BinaryIO, name: str) -> float:
    start = stream.tell()
    head = stream.read(16)
    if not head:
        raise AudioError(name, "is empty (0 bytes); give a file with audio in it")
    container = container_of(head)
    if container is None:
        raise UnstatedLengthError(
            name,
            f"its length is not in a header that can be read here; allowed are {READ_WITHOUT_FFMPEG}: "
            "use len(load_audio(...)) / sampling_rate, or convert the file",
        )
    if container in ("MP3", "Ogg"):
        parts: list[BinaryIO] = list(map(io.BytesIO, checked_parts(head + stream.read(), name, container)))
    elif start > 0:  # libsndfile would start at the beginning of the stream
        parts = [io.BytesIO(head + stream.read())]
    else:
        stream.seek(0)
        parts = [stream]
    return sum(_header_duration_s(part, name, container) for part in parts)


def _header_duration_s(stream: BinaryIO, name: str, container: str) -> float:
    try:
        info = soundfile.info(stream)
    except soundfile.SoundFileError as error:
        raise AudioError(name, f"is a broken or truncated {container} file ({error}); {RE_ENCODE}") from error
    if info.frames == _UNKNOWN_FRAMES:
        raise UnstatedLengthError(name, "its header does not say its length; use len(load_audio(...)) / sampling_rate")
    return float(info.frames / info.samplerate)


def _open_source(source: object) -> tuple[str, BinaryIO]:
    """Return a name for messages and a binary stream; an open file keeps its position."""
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


def read_source(source: object) -> tuple[str, bytes]:
    """Return a name for messages and the bytes of a file.

    Args:
        source: As in `audio.load_audio`.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: A folder, a file that cannot be opened, or an empty one.
        TypeError: `source` is of another type.
    """
    name, stream = _open_source(source)
    if isinstance(source, str | os.PathLike):
        with stream:
            data = stream.read()
    else:
        data = stream.read()
        if not isinstance(data, bytes):
            raise TypeError(f"{name} gives {type(data).__name__}; it must give bytes: open it for binary reading")
    if not data:
        raise AudioError(name, "is empty (0 bytes); give a file with audio in it")
    return name, data


class _ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc] # soundfile ships no types
    """A sound file that never seeks; libsndfile cannot seek in a FLAC file without a stated length."""

    def seekable(self) -> bool:
        return False


def decoded_blocks(data: bytes, name: str) -> Iterator[tuple[npt.NDArray[np.float32], int]]:
    """Yield float32 samples of shape `(samples, channels)` and their rate in hertz, block by block.

    Args:
        data: The whole file.
        name: Name of the file for error messages.

    Raises:
        AudioError: The file is damaged or cut, or its format is not supported.
    """
    container = container_of(data)
    if container is None:
        yield from ffmpeg_blocks(data, name, READ_WITHOUT_FFMPEG, _BLOCK_FRAMES)
        return
    for part in checked_parts(data, name, container):
        yield from _part_blocks(part, name, container)


def _part_blocks(part: bytes, name: str, container: str) -> Iterator[tuple[npt.NDArray[np.float32], int]]:
    num_read = 0
    try:
        with _ForwardSoundFile(io.BytesIO(part)) as file:
            if file.channels > MAX_CHANNELS:  # before decoding: a header may claim 1,024 channels
                yield np.empty((0, file.channels), dtype=np.float32), file.samplerate
                return
            while True:
                # One sample more than the header promises: a short file needs no buffer of a full block.
                num_wanted = min(_BLOCK_FRAMES, max(file.frames - num_read, 0) + 1)
                block = file.read(num_wanted, dtype="float32", always_2d=True)
                if len(block) == 0:
                    break
                num_read += len(block)
                yield block, int(file.samplerate)
            num_promised = file.frames
    except soundfile.SoundFileError as error:
        raise AudioError(name, f"is a broken or truncated {container} file ({error}); {RE_ENCODE}") from error
    # MP3 decoders drop up to the encoder delay and the last frame; every other format is exact.
    tolerance = _MP3_TOLERANCE_FRAMES if container == "MP3" else 0
    if num_promised != _UNKNOWN_FRAMES and num_read + tolerance < num_promised:
        raise AudioError(
            name,
            f"is a broken or truncated {container} file (its header promises {num_promised} frames, "
            f"{num_read} came); {RE_ENCODE}",
        )
