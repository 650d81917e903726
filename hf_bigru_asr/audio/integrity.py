"""Detection of cut and damaged sound files that decoders do not report.

libsndfile and ffmpeg return the readable part of many cut files as if it were the whole. Here the structure of the
container is checked, without decoding, before the file is decoded.
"""

import re
from collections.abc import Callable

from .findings import Findings
from .mpeg import checked_aac, checked_mp2, checked_mp3
from .ogg import checked_ogg
from .riff import checked_wav
from .sources import Bytes, Part

__all__ = ["checked_parts", "sphere_fields"]

_UNKNOWN = 0xFFFF_FFFF
_UNKNOWN_AIFF_SIZE = 0x7F00_0000  # SoX writes this into a pipe
_UNKNOWN_W64_SIZE = 1 << 62  # ffmpeg writes 2**63 - 1 into a pipe
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


def _check_size(findings: Findings, num_promised: int, num_present: int, what: str = "samples") -> None:
    if num_present < num_promised:
        findings.damage(f"is truncated: its header promises {num_promised} bytes of {what}, {num_present} came")


def _no_samples(findings: Findings) -> list[Part]:
    findings.damage("is broken or truncated: it has no chunk of samples")
    return []


def _checked_aiff(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse an AIFF file that ends before its chunk of samples does."""
    position = 12
    while len(head := data[position : position + 8]) == 8:
        size = int.from_bytes(head[4:])
        if head[:4] == b"SSND":
            num_present = len(data) - position - 8
            if size < _UNKNOWN_AIFF_SIZE:
                _check_size(findings, size, num_present)
            return [Part(0, len(data))]
        position += 8 + size + size % 2
    return _no_samples(findings)


def _checked_w64(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse a W64 file that ends before its samples; a chunk's size counts its head, and chunks begin at eighths."""
    position = 40
    while len(head := data[position : position + 24]) == 24:
        size = int.from_bytes(head[16:], "little")
        if head[:16] == _W64_DATA:
            if size < _UNKNOWN_W64_SIZE:
                _check_size(findings, size - 24, len(data) - position - 24)
            return [Part(0, len(data))]
        position += max(-(-size // 8) * 8, 24)
    return _no_samples(findings)


def _checked_caf(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse a CAF file that ends before its samples; the size -1 means "up to the end of the file"."""
    position = 8
    while len(head := data[position : position + 12]) == 12:
        size = int.from_bytes(head[4:], signed=True)
        if head[:4] != b"data":
            position += 12 + max(size, 0)
            continue
        num_present = len(data) - position - 12
        if 0 <= size <= num_present:
            return [Part(0, len(data))]
        if size >= 0:
            _check_size(findings, size - 4, max(num_present - 4, 0))
        # libsndfile refuses a size beyond the end of the file, and reads -1 as such.
        prefix = data[: position + 4] + num_present.to_bytes(8)
        return [Part(position + 12, len(data), prefix)]
    return _no_samples(findings)


def _checked_au(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse an AU file that is shorter than it says."""
    order = "big" if data[:4] == b".snd" else "little"
    start, size = (int.from_bytes(data[first : first + 4], order) for first in (4, 8))  # type: ignore[arg-type]
    if size != _UNKNOWN:
        _check_size(findings, size, max(len(data) - start, 0))
    return [Part(0, len(data))]


def sphere_fields(data: Bytes) -> dict[str, str]:
    """Return the fields of the header of a NIST SPHERE file. Source: NIST, SPHERE 2.6, sphere.txt."""
    size = data[8:16].strip()
    header = data[: int(size)] if size.isdigit() else b""
    found = re.findall(rb"^(\w+) -(?:i|r|s\d+) (.*)$", header, re.MULTILINE)
    return {name.decode(): value.decode(errors="replace").strip() for name, value in found}


def _checked_sphere(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse a SPHERE file that is shorter than it says; of a compressed one the samples are counted later."""
    fields = sphere_fields(data)
    numbers = [fields.get(name, "") for name in ("sample_count", "sample_n_bytes", "channel_count")]
    is_compressed = "," in fields.get("sample_coding", "pcm")
    if not is_compressed and all(number.isdigit() for number in numbers):
        count, num_bytes, num_channels = map(int, numbers)
        _check_size(findings, count * num_bytes * num_channels, len(data) - int(data[8:16]))
    return [Part(0, len(data))]


# Bytes of a frame behind its head by frame type. Source: 3GPP TS 26.101, annex A, and TS 26.201, annex A.
_AMR_SIZES = (12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, 0, 0, 0, 0)
_AMR_WIDE_SIZES = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0)


def _checked_amr(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse an AMR file that ends within a frame."""
    sizes, position = (_AMR_SIZES, 6) if data[:6] == b"#!AMR\n" else (_AMR_WIDE_SIZES, 9)
    num_frames = 0
    while len(head := data[position : position + 1]) == 1:
        position += 1 + sizes[head[0] >> 3 & 15]
        num_frames += 1
    if position > len(data):
        findings.damage(f"is a truncated AMR file (its frame {num_frames} is not whole)")
    return [Part(0, len(data))]


_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def _checked_asf(data: Bytes, findings: Findings) -> list[Part]:
    """Refuse a WMA file that is shorter than it says. Source: ASF specification 1.20.3, section 3.2."""
    place = data.find(_ASF_FILE, 0, 1 << 16)
    if place >= 0:
        size, flags = (
            int.from_bytes(data[place + first : place + end], "little") for first, end in ((40, 48), (88, 92))
        )
        if not flags & 1:  # the flag of a live stream
            _check_size(findings, size, len(data), "the file")
    return [Part(0, len(data))]


def _checked_flac(data: Bytes, findings: Findings) -> list[Part]:
    """Accept any FLAC file: its length is stated and its frames carry checksums, so the decoder finds all damage."""
    return [Part(0, len(data))]


_CHECKS: dict[str, Callable[[Bytes, Findings], list[Part]]] = {
    "WAV": checked_wav,
    "AIFF": _checked_aiff,
    "FLAC": _checked_flac,
    "Ogg": checked_ogg,
    "MP3": checked_mp3,
    "W64": _checked_w64,
    "CAF": _checked_caf,
    "AU": _checked_au,
    "SPHERE": _checked_sphere,
    "MP2": checked_mp2,
    "AAC": checked_aac,
    "AMR": _checked_amr,
    "ASF": _checked_asf,
}


def checked_parts(data: Bytes, findings: Findings, container: str) -> list[Part]:
    """Check a file and return it as one or more files that libsndfile reads completely.

    The result is the file itself, the links of a chained Ogg file, or the file with a header that has its length. Of a
    damaged file it is what is left, perhaps nothing.

    Args:
        data: The whole file.
        findings: Gets the damage, and refuses it or not.
        container: Result of `container_of`.

    Raises:
        AudioError: The file is cut or damaged, and that is refused.
    """
    return _CHECKS[container](data, findings)
