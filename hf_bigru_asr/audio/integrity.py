"""Detection of cut and damaged sound files that libsndfile does not report.

libsndfile returns the readable part of a cut WAV, Ogg or MP3 file as if it were the whole. Here the structure of the
container is checked, without decoding, before the file is decoded.
"""

import zlib
from collections.abc import Callable
from itertools import pairwise

__all__ = ["RE_ENCODE", "AudioError", "checked_parts", "container_of"]

RE_ENCODE = "record or download it again, or save what is left with `ffmpeg -i INPUT OUTPUT.flac`"
UNKNOWN_RIFF_SIZE = 0x7FFF_F000  # from here on a size field means "written to a pipe, up to the end of the file"


class AudioError(ValueError):
    """Audio that cannot be used; `source` names it, and `problem` says what came, what is allowed and what to do."""

    def __init__(self, source: str, problem: str) -> None:
        """Keep both parts as arguments, so that the error survives pickling between worker processes."""
        super().__init__(source, problem)
        self.source = source
        self.problem = problem

    def __str__(self) -> str:
        """Return `source: problem`."""
        return f"{self.source}: {self.problem}"


def container_of(data: bytes) -> str | None:
    """Return the name of the container by its first bytes; `None` if `soundfile` is not used for it."""
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


def _checked_chunks(data: bytes, name: str) -> list[bytes]:
    """Refuse a WAV or AIFF file that ends before its chunk of samples does."""
    order, wanted = ("big", b"SSND") if data[:4] == b"FORM" else ("little", b"data")
    position = 12
    while position + 8 <= len(data):
        identifier = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], order)  # type: ignore[arg-type]
        if identifier == wanted:
            num_present = len(data) - position - 8
            if size < UNKNOWN_RIFF_SIZE and num_present < size:
                raise AudioError(
                    name, f"is truncated: its header promises {size} bytes of samples, {num_present} came; {RE_ENCODE}"
                )
            return [data]
        if identifier == b"ds64":  # RF64: the sizes of more than 32 bits
            size_64 = int.from_bytes(data[position + 16 : position + 24], "little")
            position_of_data = data.find(b"data\xff\xff\xff\xff", position + 8 + size)
            if position_of_data >= 0 and len(data) - position_of_data - 8 < size_64:
                raise AudioError(name, f"is truncated: its header promises {size_64} bytes of samples; {RE_ENCODE}")
        position += 8 + size + size % 2
    raise AudioError(name, f"is broken or truncated: it has no chunk of samples; {RE_ENCODE}")


def _checked_flac(data: bytes, name: str) -> list[bytes]:
    """Accept any FLAC file: its length is stated and its frames carry checksums, so the decoder finds all damage."""
    return [data]


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


def _checked_ogg(data: bytes, name: str) -> list[bytes]:
    """Refuse an Ogg file with a damaged, missing or cut page, and split a chained file into its links.

    libogg skips such a page in silence, and libsndfile everything after the first link. A link begins with a page that
    begins a stream and does not follow another such page (RFC 3533, section 4). Its last page may lack the
    end-of-stream flag, as RFC 7845, section 4, asks of a decoder. Other bytes after the end of all streams are
    ignored.
    """
    position = 0
    starts: list[int] = []
    open_streams: set[int] = set()
    next_numbers: dict[int, int] = {}
    begins = False
    while position < len(data) and (open_streams or data.startswith(b"OggS", position)):
        header = data[position : position + 27]
        serial, number, crc = (int.from_bytes(header[first : first + 4], "little") for first in (14, 18, 22))
        body = position + 27 + header[26] if len(header) == 27 else len(data) + 1
        end = body + sum(data[position + 27 : body])
        if header[:4] != b"OggS" or end > len(data):
            raise AudioError(
                name, f"is a broken or truncated Ogg file (no whole page at byte {position}); {RE_ENCODE}"
            )
        follows_begin, begins = begins, bool(header[5] & 2)  # the beginning-of-stream flag
        if begins and not follows_begin:
            starts.append(position)
            open_streams.clear()
            next_numbers.clear()
        page = data[position : position + 22] + bytes(4) + data[position + 26 : end]
        is_stray = not (begins or open_streams)
        if _ogg_checksum(page) != crc or next_numbers.get(serial, number) != number or is_stray:
            raise AudioError(name, f"is a broken Ogg file (damage at byte {position}); {RE_ENCODE}")
        next_numbers[serial] = number + 1
        open_streams.add(serial)
        if header[5] & 4:  # the end-of-stream flag
            open_streams.discard(serial)
        position = end
    return [data[start:end] for start, end in pairwise([*starts, position])]


# Kilobits per second by bitrate index, for layer III. Source: ISO/IEC 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3.
_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1_RATES = (44_100, 48_000, 32_000)
_MP3_TRAILERS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")


def _mp3_frame_size(header: bytes) -> int:
    """Return the size in bytes of the layer III frame with this header of four bytes; 0 if it is no header."""
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
    """Return the size of an ID3 tag from its four digits in base 128. Source: ID3v2.4.0 structure, section 6.2."""
    size = 0
    for digit in digits:
        size = size << 7 | digit & 0x7F
    return size


def _checked_mp3(data: bytes, name: str) -> list[bytes]:
    """Refuse an MP3 file that is cut or damaged between frames, and add a header with its length if it has none.

    An encoder that writes into a pipe cannot write a Xing header. Without it libsndfile estimates the length from the
    first frame and stops there: half of the speech is lost if the bitrate rises later.
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
        if num_frames == 0:
            raise AudioError(
                name, f"is a broken or truncated MP3 file (no audio frame behind its header); {RE_ENCODE}"
            )
        if data[mark + 7] & 1:
            num_promised = int.from_bytes(data[mark + 8 : mark + 12])
            if num_promised == num_frames:
                return [data]
            if num_promised > num_frames:
                raise AudioError(
                    name,
                    f"is a truncated MP3 file (its header promises {num_promised} frames, {num_frames} came); "
                    f"{RE_ENCODE}",
                )
        first = frames[1]
    return [_xing_frame(data[first : first + 4], num_frames) + data[first:]]


def _xing_frame(header: bytes, num_frames: int) -> bytes:
    """Return a frame without audio whose Xing header states that `num_frames` frames follow."""
    is_mpeg1, is_mono = header[1] >> 3 & 3 == 3, header[3] >> 6 == 3
    side_information = bytes((17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17))
    # No checksum after the header, and bitrate index 9 (128 or 80 kbit/s), at which every frame holds the header.
    plain = bytes((header[0], header[1] | 1, 9 << 4 | header[2] & 0x0C, header[3]))
    frame = plain + side_information + b"Xing" + (1).to_bytes(4) + num_frames.to_bytes(4)
    return frame.ljust(_mp3_frame_size(plain), b"\0")


_CHECKS: dict[str, Callable[[bytes, str], list[bytes]]] = {
    "WAV": _checked_chunks,
    "AIFF": _checked_chunks,
    "FLAC": _checked_flac,
    "Ogg": _checked_ogg,
    "MP3": _checked_mp3,
}


def checked_parts(data: bytes, name: str, container: str) -> list[bytes]:
    """Check a file and return it as one or more files that libsndfile reads completely.

    The result is the file itself, the links of a chained Ogg file, or an MP3 file whose header has its length.

    Args:
        data: The whole file.
        name: Name of the file for error messages.
        container: Result of `container_of`.

    Raises:
        AudioError: The file is cut or damaged.
    """
    return _CHECKS[container](data, name)
