"""Detection of cut and damaged MPEG audio: MP3, MP1 and MP2, and AAC in ADTS.

Their files are nothing but frames, so every frame is found by the length of the one before it.
"""

from collections.abc import Callable

from .containers import length_of_id3_tags
from .findings import Findings
from .sources import Bytes, Part, has_content

__all__ = ["checked_aac", "checked_mp2", "checked_mp3"]

# Kilobits per second by bitrate index. Source: ISO/IEC 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3.
_MPEG1_KBPS = {
    1: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_MPEG2_KBPS = {
    1: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG1_RATES = (44_100, 48_000, 32_000)
_TRAILERS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")

# Decoders drop these samples at the beginning of a file with a Xing header: the delay of the synthesis filter.
# Source: libmpg123, frame.c, GAPLESS_DELAY.
_DECODER_DELAY = 529


def _mpeg_frame_size(header: bytes, layer: int) -> int:
    """Return the size in bytes of the frame with this header of four bytes; 0 if it is none of this layer."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0 or header[1] >> 1 & 3 != 4 - layer:
        return 0
    version, bitrate_index, rate_index = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate_index in (0, 15) or rate_index == 3:
        return 0
    is_mpeg1 = version == 3
    rate = _MPEG1_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits = 1000 * (_MPEG1_KBPS if is_mpeg1 else _MPEG2_KBPS)[layer][bitrate_index]
    padding = header[2] >> 1 & 1
    if layer == 1:
        return (12 * bits // rate + padding) * 4
    samples = 576 if layer == 3 and not is_mpeg1 else 1152
    return samples // 8 * bits // rate + padding


def _mp3_frame_size(header: bytes) -> int:
    return _mpeg_frame_size(header, 3)


def _mp2_frame_size(header: bytes) -> int:
    return _mpeg_frame_size(header, 2) or _mpeg_frame_size(header, 1)


def _aac_frame_size(header: bytes) -> int:
    """Return the size of an ADTS frame. Source: ISO/IEC 13818-7, 6.2."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return size if size >= 7 else 0


def _frames(data: Bytes, findings: Findings, name: str, frame_size: Callable[[bytes], int]) -> list[tuple[int, int]]:
    """Return where each frame stands, and its size; what is no frame is damage, and left out."""
    position, frames = 0, []
    while position < len(data):
        header = data[position : position + 12]
        size = frame_size(header)
        if size > 0 and position + size <= len(data):
            frames.append((position, size))
            position += size
        elif header.startswith(b"ID3"):
            position += max(length_of_id3_tags(data, position), 10)
        elif size == 0 and (header.startswith(_TRAILERS) or not has_content(data, position)):
            break
        else:
            findings.damage(f"is a broken or truncated {name} file (no whole MPEG frame at byte {position})")
            position = _next_frame(data, position + 1, frame_size)
    if not frames:
        findings.damage(f"is a broken or truncated {name} file (no MPEG frame in it)")
    return frames


def _next_frame(data: Bytes, position: int, frame_size: Callable[[bytes], int]) -> int:
    """Return where the next two frames stand that follow each other; the end of the data if there are none."""
    while 0 <= (position := data.find(b"\xff", position)) < len(data):
        size = frame_size(data[position : position + 12])
        if size > 0 and frame_size(data[position + size : position + size + 12]) > 0:
            return position
        position += 1
    return len(data)


def checked_mp2(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse a cut or damaged file of MPEG layer I or II."""
    _frames(data, findings, "MP2", _mp2_frame_size)
    return [Part(0, len(data))]


def checked_aac(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse a cut or damaged file of AAC in ADTS."""
    _frames(data, findings, "AAC", _aac_frame_size)
    return [Part(0, len(data))]


def checked_mp3(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse an MP3 file that is cut or damaged between frames, and give it a header with its length if it has none.

    An encoder that writes into a pipe cannot write a Xing header. Without it libsndfile estimates the length from the
    first frame and stops there: half of the speech is lost if the bitrate rises later.
    """
    frames = _frames(data, findings, "MP3", _mp3_frame_size)
    if not frames:
        return []
    first, size = frames[0]
    mark = max(data.find(word, first, min(first + 48, len(data))) for word in (b"Xing", b"Info"))
    if mark < 0:
        return [_with_length(data, frames, is_whole=not findings.damages)]
    if len(frames) == 1:
        findings.damage("is a broken or truncated MP3 file (no audio frame behind its header)")
        return []
    has_count = bool(data[mark + 7 : mark + 8][0] & 1)
    num_promised = int.from_bytes(data[mark + 8 : mark + 12]) if has_count else 0
    num_frames = len(frames) - 1  # the frame that carries the header holds no audio
    if num_promised > num_frames:
        findings.damage(f"is a truncated MP3 file (its header promises {num_promised} frames, {num_frames} came)")
    if not has_count:
        return [_with_length(data, frames[1:], is_whole=not findings.damages)]
    if num_promised == num_frames and not findings.damages:
        return [Part(0, len(data))]
    # The header with the right length keeps what it says of the encoder's delay.
    frame = data[first : first + size]
    place = mark - first + 8
    frame = frame[:place] + num_frames.to_bytes(4) + frame[place + 4 :]
    return [_joined(data, frames[1:], frame, is_whole=not findings.damages)]


def _joined(data: Bytes, frames: list[tuple[int, int]], prefix: bytes, *, is_whole: bool, skip: int = 0) -> Part:
    """Return frames as one file, without what stands between them if that is damage."""
    if is_whole:
        return Part(frames[0][0], len(data), prefix, skip)
    return Part(0, 0, prefix + b"".join(data[start : start + size] for start, size in frames), skip)


def _with_length(data: Bytes, frames: list[tuple[int, int]], *, is_whole: bool) -> Part:
    """Return frames behind a Xing header with their number.

    For such a header libsndfile drops the decoder's delay, which ffmpeg and libsndfile itself keep without one. A
    frame of silence before the audio makes up for it.
    """
    header = data[frames[0][0] : frames[0][0] + 4]
    samples = 1152 if header[1] >> 3 & 3 == 3 else 576
    xing = _empty_frame(header, b"Xing" + (1).to_bytes(4) + (len(frames) + 1).to_bytes(4))
    prefix = xing + _empty_frame(header, b"")
    return _joined(data, frames, prefix, is_whole=is_whole, skip=samples - _DECODER_DELAY)


def _empty_frame(header: bytes, content: bytes) -> bytes:
    """Return a frame without audio, with some content in place of it."""
    is_mpeg1, is_mono = header[1] >> 3 & 3 == 3, header[3] >> 6 == 3
    side_information = bytes((17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17))
    # No checksum after the header, and bitrate index 9 (128 or 80 kbit/s), at which every frame holds the header.
    plain = bytes((header[0], header[1] | 1, 9 << 4 | header[2] & 0x0C, header[3]))
    return (plain + side_information + content).ljust(_mp3_frame_size(plain), b"\0")
