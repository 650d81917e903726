"""Detection of cut and damaged Ogg files, and the links of chained ones."""

import zlib
from itertools import pairwise

from .findings import Findings
from .sources import Bytes, Part

__all__ = ["checked_ogg"]


def _reverse_bits(value: int, num_bits: int) -> int:
    return int(f"{value:0{num_bits}b}"[::-1], 2)


_BIT_REVERSED_BYTES = bytes(_reverse_bits(byte, 8) for byte in range(256))


def _checksum(page: bytes) -> int:
    """Return the CRC of an Ogg page: polynomial 0x04C11DB7, start 0, most significant bit first.

    zlib's CRC has the same polynomial with the bits of every byte and of the result reversed, and inverts the
    register before and after. Source: RFC 3533, section 6, field 7.
    """
    reversed_crc = zlib.crc32(page.translate(_BIT_REVERSED_BYTES), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return _reverse_bits(reversed_crc, 32)


def checked_ogg(data: Bytes, findings: Findings) -> list[Part]:
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
    while position < len(data) and (open_streams or data[position : position + 4] == b"OggS"):
        header = data[position : position + 27]
        serial, number, crc = (int.from_bytes(header[first : first + 4], "little") for first in (14, 18, 22))
        body = position + 27 + header[26] if len(header) == 27 else len(data) + 1
        end = body + sum(data[position + 27 : body]) if body <= len(data) else body
        if header[:4] != b"OggS" or end > len(data):
            findings.damage(f"is a broken or truncated Ogg file (no whole page at byte {position})")
            following = data.find(b"OggS", position + 1)
            if following < 0:
                break
            position = following
            continue
        follows_begin, begins = begins, bool(header[5] & 2)  # the beginning-of-stream flag
        if begins and not follows_begin:
            starts.append(position)
            open_streams.clear()
            next_numbers.clear()
        page = data[position : position + 22] + bytes(4) + data[position + 26 : end]
        is_stray = not (begins or open_streams)
        if _checksum(page) != crc or next_numbers.get(serial, number) != number or is_stray:
            findings.damage(f"is a broken Ogg file (damage at byte {position})")
        next_numbers[serial] = number + 1
        open_streams.add(serial)
        if header[5] & 4:  # the end-of-stream flag
            open_streams.discard(serial)
        position = end
    return [Part(start, end) for start, end in pairwise([*starts, position])]
