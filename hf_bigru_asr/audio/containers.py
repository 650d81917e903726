"""Which container a file has, by its first bytes."""

from .sources import Bytes

__all__ = ["container_of", "length_of_id3_tags"]

_HEAD_BYTES = 16


def length_of_id3_tags(data: Bytes, position: int = 0) -> int:
    """Return the bytes of all ID3v2 tags that stand at a position. Source: ID3v2.4.0 structure, section 3.1."""
    first = position
    while (head := data[position : position + 10])[:3] == b"ID3" and len(head) == 10:
        size = 0
        for digit in head[6:10]:
            size = size << 7 | digit & 0x7F
        position += 10 + size + (10 if head[5] & 0x10 else 0)  # the flag of a footer
    return position - first


def container_of(data: Bytes) -> tuple[str | None, int]:
    """Return the name of a container and where it begins: behind ID3 tags, which stand before anything.

    The name is `None` for what only ffmpeg can tell.
    """
    start = length_of_id3_tags(data)
    head = data[start : start + _HEAD_BYTES]
    name = _name_of(head)
    if name is None and start > 0 and start >= len(data):
        return "MP3", 0  # a tag and nothing else
    return name, start


def _name_of(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    if head == b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00":
        return "W64"
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return _mpeg_of(head[1])
    return None


_MARKS = (
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b".snd", "AU"),
    (b"dns.", "AU"),
    (b"caff", "CAF"),
    (b"NIST_1A\n", "SPHERE"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF"),
    (b"#!AMR\n", "AMR"),
    (b"#!AMR-WB\n", "AMR"),
)


def _mpeg_of(second: int) -> str | None:
    """Return the name of what has eleven sync bits: two bits of version, two of layer, one of protection."""
    version, layer = second >> 3 & 3, second >> 1 & 3
    if layer == 0:  # AAC in ADTS has twelve sync bits and layer 0
        return "AAC" if version & 2 else None
    if version == 1:
        return None
    return "MP3" if layer == 1 else "MP2"
