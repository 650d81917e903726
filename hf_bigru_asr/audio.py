"""Speech as the model takes it, mono float32 at one sampling rate, from a file, bytes, an open file or an array.

WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus and MP3 are read with `soundfile`, every other container through the `ffmpeg`
program. A damaged file is refused: libsndfile returns the readable part of a cut WAV, Ogg or MP3 file without a word,
so the container is checked before it is decoded.
"""

import io
import math
import operator
import os
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from .registration import check_torchaudio

__all__ = ["SAMPLING_RATE", "AudioError", "audio_duration_s", "load_audio", "to_mono_float32"]

SAMPLING_RATE = 16_000
MAX_CHANNELS = 2
# Lossy decoders and hot float mixes pass 1.0 by some decibels and are clipped; beyond 6 dB the scale itself is wrong.
MAX_PEAK = 2.0
# torchaudio's polyphase kernel holds about (from / gcd) * (to / gcd) float64 values: 800 MB here. Every common rate
# stays far below; two rates without a common divisor, 44,101 and 16,000 Hz, would take 5.6 GB.
MAX_RESAMPLING_KERNEL = 100_000_000

READ_WITHOUT_FFMPEG = "WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus and MP3"
RE_ENCODE = "record or download it again, or save what is left with `ffmpeg -i INPUT OUTPUT.flac`"

_BLOCK_FRAMES = 1 << 20
_UNKNOWN_RIFF_SIZE = 0x7FFF_F000  # from here on a size field means "written to a pipe, up to the end of the file"
_UNKNOWN_FRAMES = (1 << 63) - 1  # SF_COUNT_MAX of libsndfile: a FLAC file that was written to a pipe
_INTEGER_SCALES = {"int8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}


class AudioError(ValueError):
    """Audio that cannot be used; `source` names it and `problem` says what came and what to do."""

    def __init__(self, source: str, problem: str) -> None:
        """Keep both parts as arguments, so that the error survives pickling between worker processes."""
        super().__init__(source, problem)
        self.source = source
        self.problem = problem

    def __str__(self) -> str:
        """Return `source: problem`."""
        return f"{self.source}: {self.problem}"


def load_audio(
    source: str | os.PathLike[str] | bytes | BinaryIO, *, sampling_rate: int = SAMPLING_RATE
) -> npt.NDArray[np.float32]:
    """Return the audio of one file as mono float32 samples.

    Two channels are averaged. Peaks up to 6 dB over full scale, as lossy decoders make them, are clipped.

    Args:
        source: Path of a file, the bytes of a file, or a file open for binary reading (read from where it stands).
        sampling_rate: Rate of the result in hertz.

    Returns:
        Array of shape `(samples,)`, float32 in [-1, 1], at least one sample.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: A folder, an empty, damaged or cut file, a format that nothing here reads, no samples, NaN or
            infinite samples, float samples that are not scaled to [-1, 1], or more than two channels.
        TypeError: `source` or `sampling_rate` is of another type.

    Example:
        >>> import io, numpy, soundfile
        >>> file = io.BytesIO()
        >>> soundfile.write(file, numpy.zeros((48_000, 2)), 48_000, format="FLAC")
        >>> load_audio(file.getvalue()).shape
        (16000,)
    """
    rate = _checked_rate(sampling_rate, "sampling_rate")
    name, data = _read_source(source)
    samples, source_rate = _decode(data, name)
    return _convert(samples, source_rate, rate, name)


def to_mono_float32(
    array: Any,  # noqa: ANN401 - numpy arrays, torch tensors (without importing torch) and nested lists alike
    sampling_rate_from: int,
    sampling_rate_to: int = SAMPLING_RATE,
) -> npt.NDArray[np.float32]:
    """Return samples held in memory as mono float32 samples at another rate.

    Two channels are averaged. Floating-point samples are taken as they are, int8, int16 and int32 are divided by
    2**7, 2**15 and 2**31, uint8 is read as in WAV files (128 is silence).

    Args:
        array: Samples of shape `(samples,)`, `(1, samples)` or `(2, samples)`: a numpy array, a torch tensor or lists.
        sampling_rate_from: Rate of `array` in hertz.
        sampling_rate_to: Rate of the result in hertz.

    Returns:
        Array of shape `(samples,)`, float32 in [-1, 1], at least one sample. Never a view of `array`.

    Raises:
        AudioError: No samples, channels last, more than two channels, NaN or infinite samples, or floating-point
            samples that are not scaled to [-1, 1].
        TypeError: The samples are neither floating-point nor int8, int16, int32 or uint8.

    Example:
        >>> import numpy
        >>> to_mono_float32(numpy.array([[0, 16384], [0, -16384]], dtype=numpy.int16), 16_000)
        array([0., 0.], dtype=float32)
    """
    rate_from = _checked_rate(sampling_rate_from, "sampling_rate_from")
    rate_to = _checked_rate(sampling_rate_to, "sampling_rate_to")
    if hasattr(array, "detach"):  # a torch tensor, perhaps on a GPU, perhaps bfloat16, which numpy does not know
        array = array.detach().cpu()
        array = (array.float() if array.is_floating_point() else array).numpy()
    values = np.asarray(array)
    if values.size == 0:
        raise AudioError("array", f"has no samples (shape {values.shape}); give at least one sample")
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused below
            samples = values.astype(np.float32)
    elif values.dtype.name in _INTEGER_SCALES:
        samples = (values / _INTEGER_SCALES[values.dtype.name]).astype(np.float32)
    elif values.dtype == np.uint8:
        samples = (values.astype(np.float32) - 128.0) / 128.0
    else:
        raise TypeError(
            f"array has dtype {values.dtype}; allowed are floating-point samples in [-1, 1] and int8, int16, int32, "
            "uint8 at full scale: convert it, for example with array.astype('int16')"
        )
    if samples.ndim == 1:
        samples = samples[np.newaxis]
    if samples.ndim != 2:
        raise AudioError(
            "array",
            f"has shape {values.shape}; allowed are (samples,), (1, samples) and (2, samples): "
            "pass the clips of a batch one by one",
        )
    num_rows, num_columns = samples.shape
    if num_rows > MAX_CHANNELS and num_columns < num_rows:
        raise AudioError(
            "array",
            f"has shape {values.shape}, channels last; allowed is (channels, samples): transpose it with `array.T`",
        )
    return _convert(samples.T, rate_from, rate_to, "array")


def audio_duration_s(source: str | os.PathLike[str] | bytes | BinaryIO) -> float:
    """Return the length of a file in seconds without decoding it.

    Only the header is read; MP3 files are read whole, because their length is the number of their frames. An open
    file is left where it stood.

    Args:
        source: As in `load_audio`. WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus and MP3 only.

    Returns:
        Seconds, 0.0 for a file without samples.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: A folder, an empty or damaged file, another format, or a header without a length.
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
    container = _container_of(head)
    if container is None:
        raise AudioError(
            name,
            f"its length is not in a header that can be read here; allowed are {READ_WITHOUT_FFMPEG}: "
            "use len(load_audio(...)) / sampling_rate, or convert the file",
        )
    if container == "MP3":
        stream = io.BytesIO(_checked_mp3(head + stream.read(), name))
    elif start > 0:  # libsndfile would start at the beginning of the stream
        stream = io.BytesIO(head + stream.read())
    else:
        stream.seek(0)
    try:
        info = soundfile.info(stream)
    except soundfile.SoundFileError as error:
        raise AudioError(name, f"is a broken or truncated {container} file ({error}); {RE_ENCODE}") from error
    if info.frames == _UNKNOWN_FRAMES:
        raise AudioError(name, "its header does not say its length; use len(load_audio(...)) / sampling_rate")
    return float(info.frames / info.samplerate)


def _checked_rate(value: int, name: str) -> int:
    try:
        rate = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name} is {value!r}; it must be an integer in hertz, such as 16000") from error
    if rate <= 0 or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}; it must be a positive integer in hertz, such as 16000")
    return rate


def _open_source(source: object) -> tuple[str, BinaryIO]:
    """Return a name for messages and a binary stream; one that was open already keeps its position."""
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


def _read_source(source: object) -> tuple[str, bytes]:
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


def _convert(
    samples: npt.NDArray[np.float32], source_rate: int, sampling_rate: int, name: str
) -> npt.NDArray[np.float32]:
    """Check float32 `samples` of shape `(samples, channels)`, average the channels and resample."""
    num_samples, num_channels = samples.shape
    if num_channels > MAX_CHANNELS:
        raise AudioError(
            name, f"has {num_channels} channels; allowed are 1 and 2: choose one or mix down to mono before"
        )
    if num_samples == 0:
        raise AudioError(name, "has no samples; give at least one sample")
    if not np.isfinite(samples).all():
        num_bad = int(np.count_nonzero(~np.isfinite(samples)))
        raise AudioError(
            name,
            f"has {num_bad} samples that are NaN or infinite; allowed are finite samples: repair or drop the clip",
        )
    peak = float(np.abs(samples).max())
    if peak > MAX_PEAK:
        raise AudioError(
            name,
            f"has floating-point samples up to {peak:g}; allowed is [-1, 1]: divide by the full scale (32768 for "
            "16-bit values) or give an int16 array",
        )
    mono: npt.NDArray[np.float32] = samples.mean(axis=1, dtype=np.float32)
    if source_rate != sampling_rate:
        mono = _resample(mono, source_rate, sampling_rate, name)
    return mono.clip(-1.0, 1.0)


def _resample(
    mono: npt.NDArray[np.float32], source_rate: int, sampling_rate: int, name: str
) -> npt.NDArray[np.float32]:
    divisor = math.gcd(source_rate, sampling_rate)
    if (source_rate // divisor) * (sampling_rate // divisor) > MAX_RESAMPLING_KERNEL:
        raise AudioError(
            name,
            f"cannot be resampled from {source_rate} Hz to {sampling_rate} Hz: the two rates have too small a common "
            f"divisor ({divisor}); save it at a usual rate first, such as {sampling_rate} Hz",
        )
    check_torchaudio()
    import torch  # here, because reading a file that has the right rate already does not need the seconds it takes
    from torchaudio.functional import resample

    resampled: npt.NDArray[np.float32] = resample(torch.from_numpy(mono), source_rate, sampling_rate).numpy()
    return resampled


class _ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc] # soundfile ships no types
    """A sound file that is never asked to seek, which libsndfile cannot do in a FLAC file of unstated length."""

    def seekable(self) -> bool:
        return False


def _decode(data: bytes, name: str) -> tuple[npt.NDArray[np.float32], int]:
    """Return float32 samples of shape `(samples, channels)` and their rate."""
    container = _container_of(data)
    if container is None:
        container, data = "WAV", _ffmpeg_wav(data, name)
    else:
        data = _CHECKS[container](data, name)
    blocks = []
    try:
        with _ForwardSoundFile(io.BytesIO(data)) as file:
            if file.channels > MAX_CHANNELS:  # before decoding: a header may claim 1,024 channels
                return np.empty((0, file.channels), dtype=np.float32), file.samplerate
            while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
                blocks.append(block)
            num_promised, num_channels, rate = file.frames, file.channels, file.samplerate
    except soundfile.SoundFileError as error:
        raise AudioError(name, f"is a broken or truncated {container} file ({error}); {RE_ENCODE}") from error
    samples: npt.NDArray[np.float32] = (
        np.concatenate(blocks) if blocks else np.empty((0, num_channels), dtype=np.float32)
    )
    # MP3 decoders drop up to the encoder delay and the last frame; every other format is exact.
    tolerance = _MP3_TOLERANCE_FRAMES if container == "MP3" else 0
    if num_promised != _UNKNOWN_FRAMES and len(samples) + tolerance < num_promised:
        raise AudioError(
            name,
            f"is a broken or truncated {container} file (its header promises {num_promised} frames, "
            f"{len(samples)} came); {RE_ENCODE}",
        )
    return samples, int(rate)


def _container_of(data: bytes) -> str | None:
    """Name the container by its first bytes; None for one that `soundfile` is not used for."""
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return "WAV"
    if data[:4] == b"FORM" and data[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    if data[:4] == b"fLaC":
        return "FLAC"
    if data[:4] == b"OggS":
        return "Ogg"
    # Eleven sync bits and layer III; AAC in ADTS has the same sync bits and layer 0.
    if data[:3] == b"ID3" or (data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xE6 == 0xE2):
        return "MP3"
    return None


def _checked_chunks(data: bytes, name: str) -> bytes:
    """Refuse a WAV or AIFF file that ends before its chunk of samples does."""
    order, wanted = ("big", b"SSND") if data[:4] == b"FORM" else ("little", b"data")
    position = 12
    while position + 8 <= len(data):
        identifier = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], order)  # type: ignore[arg-type]
        if identifier == wanted:
            num_present = len(data) - position - 8
            if size < _UNKNOWN_RIFF_SIZE and num_present < size:
                raise AudioError(
                    name, f"is truncated: its header promises {size} bytes of samples, {num_present} came; {RE_ENCODE}"
                )
            return data
        if identifier == b"ds64":  # RF64: the sizes of more than 32 bits
            size_64 = int.from_bytes(data[position + 16 : position + 24], "little")
            position_of_data = data.find(b"data\xff\xff\xff\xff", position + 8 + size)
            if position_of_data >= 0 and len(data) - position_of_data - 8 < size_64:
                raise AudioError(name, f"is truncated: its header promises {size_64} bytes of samples; {RE_ENCODE}")
        position += 8 + size + size % 2
    raise AudioError(name, f"is broken or truncated: it has no chunk of samples; {RE_ENCODE}")


def _checked_flac(data: bytes, name: str) -> bytes:
    """Accept: FLAC states its length and its frames carry checksums, so the decoder finds every damage."""
    return data


def _reverse_bits(value: int, num_bits: int) -> int:
    return int(f"{value:0{num_bits}b}"[::-1], 2)


_BIT_REVERSED_BYTES = bytes(_reverse_bits(byte, 8) for byte in range(256))


def _ogg_checksum(page: bytes) -> int:
    """Return the CRC of an Ogg page: polynomial 0x04C11DB7, start 0, most significant bit first.

    zlib's CRC has the same polynomial with the bits of every byte and of the result reversed, and inverts the
    register before and after. Source: RFC 3533, section 6, field 7.
    """
    reversed_crc = zlib.crc32(page.translate(_BIT_REVERSED_BYTES), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return _reverse_bits(reversed_crc, 32)


def _checked_ogg(data: bytes, name: str) -> bytes:
    """Refuse an Ogg file with a damaged, missing or cut page; libogg would skip such a page without a word.

    A last page without the end-of-stream flag is accepted, as RFC 7845, section 4, asks of a decoder. What follows
    the end of all streams is ignored.
    """
    position = 0
    open_streams: set[int] = set()
    next_numbers: dict[int, int] = {}
    while position < len(data):
        header = data[position : position + 27]
        serial, number, crc = (int.from_bytes(header[first : first + 4], "little") for first in (14, 18, 22))
        body = position + 27 + header[26] if len(header) == 27 else len(data) + 1
        end = body + sum(data[position + 27 : body])
        if header[:4] != b"OggS" or end > len(data):
            raise AudioError(
                name, f"is a broken or truncated Ogg file (no whole page at byte {position}); {RE_ENCODE}"
            )
        page = data[position : position + 22] + bytes(4) + data[position + 26 : end]
        if _ogg_checksum(page) != crc or next_numbers.get(serial, number) != number:
            raise AudioError(name, f"is a broken Ogg file (damage at byte {position}); {RE_ENCODE}")
        next_numbers[serial] = number + 1
        open_streams.add(serial)
        if header[5] & 4:  # the end-of-stream flag
            open_streams.discard(serial)
            if not open_streams:
                break
        position = end
    return data


# Kilobits per second by bitrate index, for layer III. Source: ISO/IEC 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3.
_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1_RATES = (44_100, 48_000, 32_000)
_MP3_TOLERANCE_FRAMES = 4 * 1152
_MP3_TRAILERS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")


def _mp3_frame_size(header: bytes) -> int:
    """Return the bytes of the layer III frame that begins with these four; 0 where they begin none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, bitrate_index, rate_index = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate_index in (0, 15) or rate_index == 3:
        return 0
    is_mpeg1 = version == 3
    rate = _MPEG1_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    kbps = (_MPEG1_KBPS if is_mpeg1 else _MPEG2_KBPS)[bitrate_index]
    return (144_000 if is_mpeg1 else 72_000) * kbps // rate + (header[2] >> 1 & 1)


def _synchsafe_size(digits: bytes) -> int:
    """Return the size of an ID3 tag, four digits to the base 128. Source: ID3v2.4.0 structure, section 6.2."""
    size = 0
    for digit in digits:
        size = size << 7 | digit & 0x7F
    return size


def _checked_mp3(data: bytes, name: str) -> bytes:
    """Refuse an MP3 file that is cut or damaged between frames, and make its length known to libsndfile.

    Without a Xing header, which an encoder cannot write into a pipe, libsndfile estimates the length from the first
    frame and stops there: half of the speech is lost when the bitrate grows later. Such a file gets the header.
    """
    position = 0
    frames: list[int] = []
    while position < len(data):
        if data[position : position + 3] == b"ID3":
            position += 10 + _synchsafe_size(data[position + 6 : position + 10])
            continue
        size = _mp3_frame_size(data[position : position + 4])
        if size == 0 and (data.startswith(_MP3_TRAILERS, position) or not data[position:].strip(b"\0")):
            break
        if size == 0 or position + size > len(data):
            raise AudioError(
                name, f"is a broken or truncated MP3 file (no whole MPEG frame at byte {position}); {RE_ENCODE}"
            )
        frames.append(position)
        position += size
    if not frames:
        raise AudioError(name, f"is a broken or truncated MP3 file (no MPEG frame in it); {RE_ENCODE}")
    num_frames = len(frames)
    first = frames[0]
    mark = max(data.find(word, first, first + 48) for word in (b"Xing", b"Info"))
    if mark >= 0:
        num_frames -= 1  # the frame that carries the header holds no audio
        if data[mark + 7] & 1:
            num_promised = int.from_bytes(data[mark + 8 : mark + 12])
            if num_promised == num_frames:
                return data
            if num_promised > num_frames:
                raise AudioError(
                    name,
                    f"is a truncated MP3 file (its header promises {num_promised} frames, {num_frames} came); "
                    f"{RE_ENCODE}",
                )
        first = frames[1]
    return _xing_frame(data[first : first + 4], num_frames) + data[first:]


def _xing_frame(header: bytes, num_frames: int) -> bytes:
    """Return a frame without audio whose Xing header says that `num_frames` follow."""
    is_mpeg1, is_mono = header[1] >> 3 & 3 == 3, header[3] >> 6 == 3
    side_information = bytes((17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17))
    # No checksum after the header, and bitrate index 9 (128 or 80 kbit/s), at which every frame holds the header.
    plain = bytes((header[0], header[1] | 1, 9 << 4 | header[2] & 0x0C, header[3]))
    frame = plain + side_information + b"Xing" + (1).to_bytes(4) + num_frames.to_bytes(4)
    return frame.ljust(_mp3_frame_size(plain), b"\0")


_CHECKS: dict[str, Callable[[bytes, str], bytes]] = {
    "WAV": _checked_chunks,
    "AIFF": _checked_chunks,
    "FLAC": _checked_flac,
    "Ogg": _checked_ogg,
    "MP3": _checked_mp3,
}


def _ffmpeg_wav(data: bytes, name: str) -> bytes:
    """Return the first audio stream as a float32 WAV file; its header, unlike raw f32le, tells the channels."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            name,
            f"is not {READ_WITHOUT_FFMPEG.replace(' and ', ' or ')}; every other format is read through the ffmpeg "
            "program, which is not on PATH: install ffmpeg, or convert the file to one of these formats",
        )
    with tempfile.TemporaryDirectory(prefix="hf_bigru_asr-") as folder:
        # A file and not standard input: an MP4 file whose index stands at its end cannot be read from a pipe.
        path = Path(folder, "input")
        path.write_bytes(data)
        command = [program, "-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "file", "-i", f"file:{path}"]
        command += ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    # ffmpeg ends with status 0 after a cut WebM file: what it says there at level "error" is what tells.
    message = result.stderr.decode(errors="replace").strip()
    if result.returncode != 0 or message:
        reason = message.splitlines()[0] if message else f"exit status {result.returncode}"
        raise AudioError(
            name,
            f"is broken, truncated or no audio file (ffmpeg says: {reason}); {RE_ENCODE}",
        )
    return result.stdout
