"""WAV files with the sizes that recorders and pipes leave."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoded_sound import Samples, encode
from media import ffmpeg_samples, needs_ffmpeg

from hf_bigru_asr.audio.findings import AudioWarning, Findings
from hf_bigru_asr.audio.loading import audio_duration_s, load_audio
from hf_bigru_asr.audio.riff import StreamFormat, checked_wav, stream_format, wav_codec
from hf_bigru_asr.audio.sources import FileBytes


def with_size(data: bytes, size: int, order: str = "little") -> bytes:
    """A WAV file whose chunk of samples states another size."""
    place = data.index(b"data") + 4
    return data[:place] + size.to_bytes(4, order) + data[place + 4 :]  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 2_000, 31_990], ids=str)
@pytest.mark.parametrize("kind", ["little", "big", "extensible"])
def test_samples_behind_a_size_that_is_too_small_are_read(kind: str, size: int, speechlike: Samples) -> None:
    order = "big" if kind == "big" else "little"
    format = "WAVEX" if kind == "extensible" else "WAV"
    file = io.BytesIO()
    soundfile.write(file, speechlike, 16_000, format=format, subtype="PCM_16", endian=order.upper())
    whole = file.getvalue()
    with pytest.warns(AudioWarning, match=rf"promises {size} bytes of samples, and 32000 bytes stand there"):
        samples = load_audio(with_size(whole, size, order))
    np.testing.assert_array_equal(samples, load_audio(whole))
    assert audio_duration_s(with_size(whole, size, order)) == 1.0


@pytest.mark.parametrize(
    "behind",
    [
        b"",
        b"LIST\x04\0\0\0INFO",
        b"LIST\x04\0\0\0INFOid3 \x02\0\0\0ab",
        b"TAG" + bytes(125),
        b"APETAGEX" + bytes(40),
        b"ID3\x03" + bytes(60),
        bytes(500),
        b"abc",
    ],
    ids=["nothing", "chunk", "chunks", "ID3v1", "APE", "ID3v2", "zeros", "bytes"],
)
def test_what_is_no_sample_stays_behind(behind: bytes, speechlike: Samples) -> None:
    whole = encode(speechlike)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(load_audio(whole + behind), load_audio(whole))


def test_odd_sizes_with_and_without_their_padding() -> None:
    data = encode(np.linspace(-0.5, 0.5, 101), subtype="PCM_U8")
    assert data[-1:] == b"\0"  # libsndfile pads
    for behind in (b"\0LIST\x04\0\0\0INFO", b"LIST\x04\0\0\0INFO"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(load_audio(data[:-1] + behind)) == 101


def test_sizes_over_4_gib_that_wrapped(tmp_path: Path) -> None:
    # 2**32 bytes of zeros and 2,000 more, as a file with a hole in it; the size says 2,000.
    path = tmp_path / "long.wav"
    path.write_bytes(with_size(encode(np.zeros(0)), 2_000))
    start = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(start + (1 << 32) + 2_000)
        file.seek(start + 2_000)
        file.write(b"\x01\x80\xff\xff\xff\xff\xff\xff")  # samples, and no chunk
    with path.open("rb") as file:
        found: list[str] = []
        (part,) = checked_wav(FileBytes(file, owns_file=False), Findings("long.wav", warn=found.append))
    assert part.end - part.start == (1 << 32) + 2_000
    assert "promises 2000 bytes" in found[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert audio_duration_s(path) == ((1 << 32) + 2_000) / 2 / 16_000


@pytest.mark.parametrize("num_blocks", [1, 2, 9, 10])
def test_gsm_has_whole_blocks_only(num_blocks: int, speechlike: Samples) -> None:
    data = encode(speechlike[: 320 * num_blocks], 8_000, subtype="GSM610")
    samples = load_audio(data, sampling_rate=8_000)
    assert len(samples) == 320 * num_blocks == 8_000 * audio_duration_s(data)
    assert wav_codec(data) == 0x31


@needs_ffmpeg
def test_gsm_is_what_ffmpeg_decodes(speechlike: Samples, tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(encode(speechlike[: 320 * 7], 8_000, subtype="GSM610"))
    np.testing.assert_array_equal(load_audio(path, sampling_rate=8_000), ffmpeg_samples(path))


def test_codec_of_an_extensible_header() -> None:
    assert wav_codec(encode(np.zeros(10), format="WAVEX", subtype="FLOAT")) == 3
    assert wav_codec(b"RIFF\0\0\0\0WAVE") == 0


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_the_format_of_a_stream_is_known_when_its_samples_begin(subtype: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.ones((4, 2)), 22_050, format="WAVEX", subtype=subtype)
    data = file.getvalue()
    first = data.index(b"data") + 8

    assert [stream_format(data[:end]) for end in range(first)] == [None] * first
    bits = {"PCM_16": 16, "FLOAT": 32}[subtype]
    assert stream_format(data[:first]) == StreamFormat(first, {16: 1, 32: 3}[bits], bits, 22_050, 2)
