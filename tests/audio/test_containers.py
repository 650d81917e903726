"""Kinds of files: what each is by its beginning, and that each is read as ffmpeg or SoX made it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from encoded_sound import Samples, encode
from media import ffmpeg_samples, make_file, needs_ffmpeg, needs_sox, run_ffmpeg, run_sox

from hf_bigru_asr.audio.containers import container_of
from hf_bigru_asr.audio.loading import AudioError, audio_duration_s, load_audio

RATE_HZ = 16_000
ID3 = b"ID3\x03\x00\x00\x00\x00\x00\x0aTIT2\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"RIFF\0\0\0\0WAVE", ("WAV", 0)),
        (b"RIFX\0\0\0\0WAVE", ("WAV", 0)),
        (b"RIFF\0\0\0\0AVI ", (None, 0)),
        (b"FORM\0\0\0\0AIFC", ("AIFF", 0)),
        (b"dns.\x18\0\0\0", ("AU", 0)),
        (ID3 + b"fLaC", ("FLAC", len(ID3))),
        (ID3 + ID3 + b"OggS", ("Ogg", 2 * len(ID3))),
        (ID3 + b"\xff\xf1", ("AAC", len(ID3))),
        (b"\xff\xfb", ("MP3", 0)),
        (b"\xff\xfd", ("MP2", 0)),
        (b"\xff\xff", ("MP2", 0)),  # layer I
        (b"\xff\xe1", (None, 0)),
        (b"\xff", (None, 0)),
        (b"", (None, 0)),
        (ID3, ("MP3", 0)),
    ],
)
def test_container_by_its_beginning(head: bytes, expected: tuple[str | None, int]) -> None:
    assert container_of(head) == expected


@pytest.mark.parametrize(("format", "endian"), [("WAV", "BIG"), ("AU", "LITTLE"), ("AU", "BIG"), ("W64", "FILE")])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "ULAW"])
def test_byte_orders_without_ffmpeg(
    format: str, endian: str, subtype: str, speechlike: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    path = tmp_path / "file"
    soundfile.write(path, speechlike, RATE_HZ, format=format, subtype=subtype, endian=endian)
    np.testing.assert_allclose(load_audio(path), speechlike, atol=0.02)
    assert audio_duration_s(path) == 1.0


@pytest.mark.parametrize("format", ["CAF", "NIST", "AIFF"])
def test_other_containers_without_ffmpeg(format: str, speechlike: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    data = encode(speechlike, format=format, subtype="PCM_16")
    np.testing.assert_allclose(load_audio(data), speechlike, atol=1 / 32768)
    np.testing.assert_array_equal(load_audio(ID3 + data), load_audio(data))
    assert audio_duration_s(data) == audio_duration_s(ID3 + data) == 1.0


OF_FFMPEG = [
    ("mp3_in.wav", ["-c:a", "libmp3lame"]),
    ("g722_in.wav", ["-c:a", "g722"]),
    ("flac_in.ogg", ["-c:a", "flac"]),
    ("speex_in.ogg", ["-c:a", "libspeex"]),
    ("alac.caf", ["-c:a", "alac"]),
    ("bare.g722", ["-c:a", "g722"]),
    ("bare.aac", ["-c:a", "aac", "-f", "adts"]),
    ("tagged.aac", ["-c:a", "aac", "-f", "adts", "-write_id3v2", "1", "-metadata", "title=x"]),
    ("fragments.mp4", ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"]),
    ("layer2.mp2", ["-c:a", "mp2"]),
    ("windows.wma", ["-c:a", "wmav2"]),
    ("lossless.wv", []),
]


@needs_ffmpeg
@pytest.mark.parametrize(("name", "options"), OF_FFMPEG, ids=[name for name, _ in OF_FFMPEG])
def test_what_ffmpeg_reads_is_read_alike(name: str, options: list[str], speechlike: Samples, tmp_path: Path) -> None:
    path = make_file(tmp_path / name, speechlike, RATE_HZ, *options)
    samples = load_audio(path)
    np.testing.assert_allclose(samples, ffmpeg_samples(path).clip(-1, 1), atol=1e-6)
    assert abs(len(samples) / RATE_HZ - 1) < 0.13
    assert np.abs(samples).max() > 0.3


@needs_ffmpeg
@pytest.mark.parametrize("format", ["aiff", "au", "caf", "wav", "flac", "mp3", "ogg", "matroska", "mpegts"])
def test_what_ffmpeg_writes_into_a_pipe(format: str, speechlike: Samples, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(encode(speechlike))
    data = run_ffmpeg("-i", tmp_path / "in.wav", "-f", format, "-")
    assert abs(len(load_audio(data)) / RATE_HZ - 1) < 0.15


@needs_sox
@pytest.mark.parametrize("format", ["aiff", "au", "wav", "sph"])
def test_what_sox_writes_into_a_pipe(format: str, speechlike: Samples, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(encode(speechlike))
    data = run_sox(tmp_path / "in.wav", "-t", format, "-")
    np.testing.assert_allclose(load_audio(data), speechlike, atol=1 / 32768)


def shortened(samples: npt.NDArray[np.int16], block: int = 256, num_bits: int = 11) -> bytes:
    """Compress samples with Shorten 2, blocks without prediction alone. Source: T. Robinson, SHORTEN, 1994."""
    bits: list[int] = []

    def write(value: int, rice: int) -> None:
        bits.extend([0] * (value >> rice) + [1] + [value >> place & 1 for place in reversed(range(rice))])

    for parameter in (5, 1, block, 0, 0, 0):  # 16 bits little-endian, one channel, and no prediction
        write(parameter.bit_length(), 2)
        write(parameter, parameter.bit_length())
    for first in range(0, len(samples), block):
        write(0, 2)
        write(num_bits, 3)
        for value in samples[first : first + block].tolist():
            write(2 * value if value >= 0 else -2 * value - 1, num_bits + 1)
    write(4, 2)
    bits += [0] * (-len(bits) % 32)
    return b"ajkg\x02" + np.packbits(bits).tobytes()


@needs_ffmpeg
def test_sphere_with_shorten(speechlike: Samples) -> None:
    samples = (speechlike[:2_560] * 32_768).astype(np.int16)
    fields = "sample_count -i {}\nsample_n_bytes -i 2\nchannel_count -i 1\nsample_rate -i 16000\n"
    header = "NIST_1A\n   1024\n" + fields + "sample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    whole = header.format(2_560).encode().ljust(1_024) + shortened(samples)
    np.testing.assert_array_equal(load_audio(whole), samples / np.float32(32_768))
    short = header.format(5_000).encode().ljust(1_024) + shortened(samples)
    with pytest.raises(AudioError, match="truncated: its header promises 5000 samples, 2560 came"):
        load_audio(short)


@needs_ffmpeg
def test_sound_of_a_film_in_ogg(speechlike: Samples, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(encode(speechlike))
    film = tmp_path / "film.ogv"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=d=1:s=64x64:r=5", "-i", tmp_path / "in.wav"),
        *("-c:v", "libtheora", "-c:a", "libvorbis", film),
    )
    assert len(load_audio(film)) == pytest.approx(RATE_HZ, abs=1_000)


@needs_ffmpeg
def test_what_nothing_reads_is_refused_with_reasons_of_both(tmp_path: Path) -> None:
    data = encode(np.zeros(1_000), format="FLAC")
    with pytest.raises(AudioError) as caught:
        load_audio(b"fLaC" + bytes(len(data)))
    message = str(caught.value)
    assert "broken or truncated FLAC" in message
    assert "libsndfile says" in message
    assert "ffmpeg says" in message
    assert " at 0x" not in message
    assert str(tmp_path.parent) not in message


@needs_ffmpeg
def test_a_film_without_sound(tmp_path: Path) -> None:
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64:r=5", "-c:v", "mpeg4", tmp_path / "silent.mp4")
    with pytest.raises(AudioError, match=r"has no audio in it \(ffmpeg finds no audio stream\)"):
        load_audio(tmp_path / "silent.mp4")


@needs_sox
@needs_ffmpeg
def test_comfort_noise_is_named(speechlike: Samples, tmp_path: Path) -> None:
    # SoX's encoder sends no silence: what follows the speech is comfort noise.
    (tmp_path / "in.wav").write_bytes(encode(np.concatenate([speechlike, np.zeros(16_000), speechlike])))
    path = tmp_path / "call.amr-nb"
    run_sox(tmp_path / "in.wav", "-r", "8000", path)
    with pytest.raises(AudioError, match=r"AMR with comfort noise .* this ffmpeg cannot decode it; SoX can: .*sox"):
        load_audio(path)
    with pytest.warns(UserWarning, match="comfort noise"):
        samples = load_audio(path, on_damage="warn")
    assert len(samples) == pytest.approx(3 * 16_000, abs=4_000)
    np.testing.assert_array_equal(samples[24_000:26_000], 0)
    assert np.abs(samples[36_000:44_000]).max() > 0.2
