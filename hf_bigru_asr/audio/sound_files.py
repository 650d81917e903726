"""Sound files: measured and decoded block by block.

WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus, MP3, AU, CAF, W64 and NIST SPHERE are read with `soundfile`. The `ffmpeg`
program reads every other container, and every codec in one of these that libsndfile does not read or gets wrong.
The container is checked before it is decoded, since decoders return the readable part of many cut files without an
error.
"""

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from ..model.waveforms_bigru_ctc import MAX_PEAK
from .containers import container_of
from .ffmpeg import Blocks, ffmpeg_blocks, find_ffmpeg
from .findings import RE_ENCODE, AudioError, Findings
from .integrity import checked_parts, sphere_fields
from .limits import check_form, check_length
from .riff import wav_codec
from .sources import Bytes, FileBytes, Part, Source, open_part, open_stream

__all__ = ["MAX_CHANNELS", "UnstatedLengthError", "audio_duration_s", "decoded_blocks"]

MAX_CHANNELS = 2
READ_WITHOUT_FFMPEG = "WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus, MP3, AU, CAF, W64 and SPHERE"

_BLOCK_FRAMES = 1 << 18
_LENIENT_BLOCK_FRAMES = 4096  # of a block with damage nothing is left
_MP3_TOLERANCE_FRAMES = 4 * 1152
_UNKNOWN_FRAMES = (1 << 63) - 1  # SF_COUNT_MAX of libsndfile: a FLAC file that was written to a pipe

# PCM, Microsoft's ADPCM, float, A-law, mu-law, IMA ADPCM and GSM 6.10. libsndfile opens MP3 in WAV, too, and expects
# samples that do not come.
_WAV_CODECS = (1, 2, 3, 6, 7, 0x11, 0x31)
_CHECKED_ONLY = ("MP2", "AAC", "AMR", "ASF")


class UnstatedLengthError(AudioError):
    """Audio whose header has no length, or has a format that is not read here; decode it to find the length."""


class _UnreadableError(Exception):
    """What libsndfile cannot open."""


def audio_duration_s(source: str | os.PathLike[str] | bytes | BinaryIO) -> float:
    """Return the length of a file in seconds without decoding it.

    Only the header is read. MP3 and Ogg files are read whole: the length of an MP3 file is its number of frames, and
    an Ogg file may be a chain of several. An open file keeps its position.

    Args:
        source: As in `audio.load_audio`. Formats that are read without ffmpeg only.

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
    name, stream = open_stream(source)
    if isinstance(source, bytes | bytearray | memoryview | str | os.PathLike):
        with stream:
            return _stream_duration_s(stream, name)
    if not stream.seekable():
        raise AudioError(name, "cannot be read twice; give its bytes (source.read()) to both functions")
    position = stream.tell()
    try:
        return _stream_duration_s(stream, name)
    finally:
        stream.seek(position)


def _stream_duration_s(stream: BinaryIO, name: str) -> float:
    if not stream.seekable():
        raise UnstatedLengthError(name, "its length is not known before its end; use len(load_audio(...))")
    whole = FileBytes(stream, stream.tell(), owns_file=False)
    if len(whole) == 0:
        raise AudioError(name, "is empty (0 bytes); give a file with audio in it")
    container, start = container_of(whole)
    data: Bytes = whole.behind(start)
    if container is None or _needs_ffmpeg(data, container):
        raise UnstatedLengthError(
            name,
            f"its length is not in a header that can be read here; allowed are {READ_WITHOUT_FFMPEG}: "
            "use len(load_audio(...)) / sampling_rate, or convert the file",
        )
    if container in ("MP3", "Ogg"):
        data = data[:]
    parts = checked_parts(data, Findings(name, warn=lambda _: None), container)
    return sum(_header_duration_s(data, part, name, container) for part in parts)


def _header_duration_s(data: Bytes, part: Part, name: str, container: str) -> float:
    try:
        info = soundfile.info(open_part(data, part))
    except soundfile.SoundFileError as error:
        if find_ffmpeg() is not None:
            raise UnstatedLengthError(
                name, f"libsndfile cannot read it ({_reason(error)}); use len(load_audio(...)) / sampling_rate"
            ) from error
        raise AudioError(name, f"is a broken or truncated {container} file ({_reason(error)}); {RE_ENCODE}") from error
    if info.frames == _UNKNOWN_FRAMES:
        raise UnstatedLengthError(name, "its header does not say its length; use len(load_audio(...)) / sampling_rate")
    check_form(info.samplerate, info.channels, name)
    check_length(info.frames, part.num_bytes, name)
    frames = info.frames - part.skip_frames
    return float((frames if part.num_frames is None else min(frames, part.num_frames)) / info.samplerate)


def _reason(error: soundfile.SoundFileError) -> str:
    """Return what libsndfile says, without the object it says it of."""
    return re.sub(r"^Error opening <.*?>: ", "", str(error)).strip().rstrip(".")


class _ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc] # soundfile ships no types
    """A sound file that never seeks; libsndfile cannot seek in a FLAC file without a stated length."""

    def seekable(self) -> bool:
        return False


def _needs_ffmpeg(data: Bytes, container: str) -> bool:
    """Whether libsndfile does not read a file of this container, or gets it wrong."""
    if container == "WAV":
        return wav_codec(data) not in (0, *_WAV_CODECS)
    if container == "SPHERE":  # a compressed one names its codec behind a comma
        return "," in sphere_fields(data).get("sample_coding", "")
    return container in _CHECKED_ONLY


def decoded_blocks(source: Source, findings: Findings, *, mix: bool = True) -> Blocks:
    """Yield float32 samples of shape `(samples, channels)` and their rate in hertz, block by block.

    Args:
        source: The recording.
        findings: Gets what is wrong with it, and whether damage is refused.
        mix: Whether to mix more than two channels into one, by the layout that the recording states.

    Raises:
        AudioError: The file cannot be read, it has a sampling rate or number of channels that no recording has, or it
            is damaged, and that is refused.
    """
    for samples, rate in _decoded_blocks(source, findings, mix=mix):
        check_form(rate, samples.shape[1], findings.name)
        yield samples, rate


def _decoded_blocks(source: Source, findings: Findings, *, mix: bool) -> Blocks:
    container, start = container_of(source.data)
    if container is None:
        failure = "is broken, truncated or no audio file"
        if find_ffmpeg() is None:
            failure = (
                f"is not {READ_WITHOUT_FFMPEG.replace(' and ', ' or ')}; every other format is read through ffmpeg"
            )
        damage = "is broken or truncated"
        yield from ffmpeg_blocks(source, findings, _BLOCK_FRAMES, mix=mix, failure=failure, damage=damage)
        return
    data = source.data
    if start > 0:
        data = data[start:] if isinstance(data, bytes) else data.behind(start)
    parts = checked_parts(data, findings, container)
    damage = f"is a broken or truncated {container} file"
    failure = f"{damage}, or has a codec that nothing here reads"
    if _needs_ffmpeg(data, container) or (container == "Ogg" and findings.damages and find_ffmpeg() is not None):
        blocks = ffmpeg_blocks(source, findings, _BLOCK_FRAMES, mix=mix, failure=failure, damage=damage)
        promised = sphere_fields(data).get("sample_count", "") if container == "SPHERE" else ""
        yield from _counted(blocks, findings, int(promised) if promised.isdigit() else 0)
        return
    num_frames = 0
    for part in parts:
        try:
            for block in _part_blocks(data, part, findings, container, mix=mix):
                num_frames += len(block[0])
                yield block
        except _UnreadableError as error:
            failure = f"{failure} (libsndfile says: {error})"
            yield from ffmpeg_blocks(
                source, findings, _BLOCK_FRAMES, mix=mix, failure=failure, damage=damage, skip_frames=num_frames
            )
            return


def _counted(blocks: Blocks, findings: Findings, num_promised: int) -> Blocks:
    """Find what is missing of the samples that a header promises."""
    num_read = 0
    for samples, rate in blocks:
        num_read += len(samples)
        yield samples, rate
    if num_read < num_promised:
        findings.damage(f"is truncated: its header promises {num_promised} samples, {num_read} came")


def _part_blocks(data: Bytes, part: Part, findings: Findings, container: str, *, mix: bool) -> Blocks:
    """Decode a part with libsndfile.

    Raises:
        _UnreadableError: ffmpeg may read it, or what is left of it behind the samples that came.
    """
    try:
        file = _ForwardSoundFile(open_part(data, part))
    except soundfile.SoundFileError as error:
        raise _UnreadableError(_reason(error)) from error
    num_read = 0
    largest = _LENIENT_BLOCK_FRAMES if findings.is_lenient else _BLOCK_FRAMES
    with file:
        check_form(file.samplerate, file.channels, findings.name)
        _check_channels(file.channels, findings, is_swapped=data[:4] == b"RIFX", mix=mix)
        if file.frames != _UNKNOWN_FRAMES:
            check_length(file.frames, part.num_bytes, findings.name)
        num_promised = file.frames if part.num_frames is None else min(part.num_frames, file.frames)
        num_promised -= part.skip_frames if num_promised != _UNKNOWN_FRAMES else 0
        try:
            for block in _read_blocks(file, part, largest):
                num_read += len(block)
                if container == "MP3":
                    block = _checked_peak(block, findings)
                yield block, int(file.samplerate)
        except soundfile.SoundFileError as error:
            findings.damage(f"is a broken or truncated {container} file ({_reason(error)})")
            if find_ffmpeg() is not None:
                raise _UnreadableError(_reason(error)) from error
            return
    # MP3 decoders drop up to the encoder delay and the last frame; every other format is exact.
    tolerance = _MP3_TOLERANCE_FRAMES if container == "MP3" else 0
    if num_promised != _UNKNOWN_FRAMES and num_read + tolerance < num_promised:
        findings.damage(
            f"is a broken or truncated {container} file (its header promises {num_promised} frames, {num_read} came)"
        )
        if num_read > 0 and container == "FLAC" and find_ffmpeg() is not None:
            raise _UnreadableError("it ends early")


def _checked_peak(block: np.ndarray, findings: Findings) -> np.ndarray:
    """Find damage within the frames of an MP3 file: they have no checksum, and what is no sound is loud."""
    peak = float(np.abs(block).max())
    if peak <= MAX_PEAK:
        return block
    findings.damage(f"is a broken MP3 file (samples up to {peak:.1f} of full scale)")
    return block.clip(-1.0, 1.0)


def _check_channels(num_channels: int, findings: Findings, *, is_swapped: bool, mix: bool) -> None:
    """Leave the mix of more than two channels to ffmpeg, which knows their layout."""
    if not mix or num_channels <= MAX_CHANNELS:
        return
    if is_swapped or find_ffmpeg() is None:
        raise AudioError(
            findings.name,
            f"has {num_channels} channels; allowed are 1 and 2, and more if ffmpeg is installed and reads it: "
            'select one with channels=N, or take each with channels="split"',
        )
    raise _UnreadableError("more than two channels")


def _read_blocks(file: soundfile.SoundFile, part: Part, block_frames: int) -> Iterator[np.ndarray]:
    num_read = num_kept = 0
    largest = max(MAX_CHANNELS * block_frames // max(file.channels, MAX_CHANNELS), 1)  # a header may claim 1,024
    while part.num_frames is None or num_kept < part.num_frames:
        # One sample more than the header promises: a short file needs no buffer of a full block.
        num_wanted = min(largest, max(file.frames - num_read, 0) + 1)
        block = file.read(num_wanted, dtype="float32", always_2d=True)
        if len(block) == 0:
            return
        skipped = max(part.skip_frames - num_read, 0)
        num_read += len(block)
        block = block[skipped:]
        if part.num_frames is not None:
            block = block[: part.num_frames - num_kept]
        num_kept += len(block)
        if len(block):
            yield block
