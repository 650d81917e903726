"""The sizes in WAV files: RIFF, RIFX, RF64 and BW64, also as recorders and pipes leave them."""

from dataclasses import dataclass
from typing import Literal

from .findings import Findings
from .sources import Bytes, Part, has_content

__all__ = ["UNKNOWN_RIFF_SIZE", "StreamFormat", "checked_wav", "stream_format", "wav_codec"]

UNKNOWN_RIFF_SIZE = 0x7FFF_F000  # from here on a size field means "written to a pipe, up to the end of the file"

_MAX_SIZE = 0xFFFF_FFFF
_GSM = 0x31
_EXTENSIBLE = 0xFFFE
_GSM_BLOCK_BYTES, _GSM_BLOCK_SAMPLES = 65, 320
# What stands behind the samples of some files without being a chunk: tags, and the end of an ID3 tag.
_TAGS = (b"TAG", b"APETAGEX", b"ID3", b"LYRICSBEGIN", b"3DI")


@dataclass(frozen=True)
class _Chunks:
    """What a WAV file says of itself.

    Args:
        order: Byte order of its numbers.
        codec: Format tag; 0 without a format chunk.
        samples: Where the samples begin.
        stated: Their size by the header in bytes; `None` if it means "up to the end of the file".
        format_chunk: The whole format chunk with its head.
    """

    order: Literal["little", "big"]
    codec: int
    samples: int
    stated: int | None
    format_chunk: bytes


def _chunks(data: Bytes) -> _Chunks | None:
    """Find the chunk of samples; `None` without one."""
    order: Literal["little", "big"] = "big" if data[:4] == b"RIFX" else "little"
    position, codec, size_64, format_chunk = 12, 0, None, b""
    while len(head := data[position : position + 8]) == 8:
        identifier, size = head[:4], int.from_bytes(head[4:], order)
        if identifier == b"data":
            stated: int | None = size
            if size == _MAX_SIZE and size_64 is not None:
                stated = size_64
            elif size >= UNKNOWN_RIFF_SIZE and len(data) - position - 8 < size:
                stated = None
            return _Chunks(order, codec, position + 8, stated, format_chunk)
        if identifier == b"fmt ":
            format_chunk = data[position : position + 8 + size]
            codec = int.from_bytes(format_chunk[8:10], order)
        if identifier == b"ds64":  # RF64: the sizes of more than 32 bits
            size_64 = int.from_bytes(data[position + 16 : position + 24], "little")
        position += 8 + size + size % 2
    return None


def wav_codec(data: Bytes) -> int:
    """Return the format tag of a WAV file; 0 if it has none."""
    chunks = _chunks(data)
    if chunks is None:
        return 0
    if chunks.codec == _EXTENSIBLE:  # the tag is the beginning of an identifier of 16 bytes
        return int.from_bytes(chunks.format_chunk[32:34], chunks.order)
    return chunks.codec


@dataclass(frozen=True)
class StreamFormat:
    """How the samples of a stream are written.

    Args:
        first_byte: Where they begin.
        codec: Format tag: 1 is integers, 3 is floats.
        bits: Bits per sample.
        rate: In hertz.
        num_channels: Channels of every frame.
        is_big_endian: Whether the bytes of a sample come in that order.
    """

    first_byte: int
    codec: int
    bits: int
    rate: int
    num_channels: int
    is_big_endian: bool = False


def stream_format(head: bytes) -> StreamFormat | None:
    """Return the format of a WAV file by its beginning; `None` as long as its samples have not begun.

    Args:
        head: All that has come of it. The sizes that it states are not read: a pipe has none.
    """
    chunks = _chunks(head)
    if chunks is None or len(chunks.format_chunk) < 24:
        return None

    def number(first: int, end: int) -> int:
        return int.from_bytes(chunks.format_chunk[first:end], chunks.order)

    return StreamFormat(
        chunks.samples,
        wav_codec(head),
        number(22, 24),
        number(12, 16),
        number(10, 12),
        chunks.order == "big",
    )


def _is_end_of_samples(data: Bytes, position: int, order: Literal["little", "big"]) -> bool:
    """Whether only further chunks, tags or zeros stand at a position, and no samples."""
    while position < len(data):
        head = data[position : position + 8]
        if head.startswith(_TAGS) or len(head) < 8:
            return True
        size = int.from_bytes(head[4:], order)
        is_chunk = all(32 <= byte < 127 for byte in head[:4]) and position + 8 + size <= len(data)
        if not is_chunk:
            return not has_content(data, position)
        position += 8 + size + size % 2
    return True


def checked_wav(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse a WAV file that ends before its samples do, and take all samples where its size is too small.

    Recorders that were switched off leave the size 0, or that of a first part; sizes over 4 GiB wrap around.
    """
    chunks = _chunks(data)
    if chunks is None:
        findings.damage("is broken or truncated: it has no chunk of samples")
        return []
    num_present = len(data) - chunks.samples
    stated = num_present if chunks.stated is None else chunks.stated
    if num_present < stated:
        findings.damage(f"is truncated: its header promises {stated} bytes of samples, {num_present} came")
        stated = num_present
        if stated == 0:
            return []
        return [_with_size(data, chunks, stated)]
    if chunks.stated is None:
        return [_limited(data, chunks, Part(0, len(data)), num_present)]
    end = chunks.samples + stated
    if not (_is_end_of_samples(data, end + stated % 2, chunks.order) or _is_end_of_samples(data, end, chunks.order)):
        findings.note(
            f"its header promises {stated} bytes of samples, and {num_present} bytes stand there that are no other "
            "part of a WAV file; all are read"
        )
        return [_with_size(data, chunks, num_present)]
    return [_limited(data, chunks, Part(0, len(data)), stated)]


def _with_size(data: Bytes, chunks: _Chunks, size: int) -> Part:
    """Return the file with another size of its samples."""
    if size <= _MAX_SIZE:
        prefix = data[: chunks.samples - 4] + size.to_bytes(4, chunks.order)
    else:
        sizes = b"".join(number.to_bytes(8, "little") for number in (size + 80, size, 0))
        ds64 = b"ds64" + (28).to_bytes(4, "little") + sizes + bytes(4)
        full = _MAX_SIZE.to_bytes(4, "little")
        prefix = b"RF64" + full + b"WAVE" + ds64 + chunks.format_chunk + b"data" + full
    return _limited(data, chunks, Part(chunks.samples, chunks.samples + size, prefix), size)


def _limited(data: Bytes, chunks: _Chunks, part: Part, size: int) -> Part:
    """Limit GSM 6.10 to its whole blocks; libsndfile makes a block of the byte that pads an odd size."""
    if chunks.codec != _GSM:
        return part
    num_frames = size // _GSM_BLOCK_BYTES * _GSM_BLOCK_SAMPLES
    return Part(part.start, part.end, part.prefix, num_frames=num_frames)
