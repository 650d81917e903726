import io
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch
import torchaudio

import hf_bigru_asr
from hf_bigru_asr.audio.loading import AudioError, audio_duration_s, iterate_audio, load_audio, to_mono_float32

Samples = npt.NDArray[np.float32]
PACKAGE_PARENT = Path(hf_bigru_asr.__file__).resolve().parents[1]
# Format and subtype of soundfile, and the largest error of a sample that the codec may make on the test signal.
CODECS = [
    pytest.param("WAV", "PCM_16", 1 / 32768, id="wav"),
    pytest.param("WAV", "FLOAT", 0.0, id="wav-float"),
    pytest.param("WAV", "PCM_24", 1e-6, id="wav-24-bit"),
    pytest.param("WAVEX", "PCM_16", 1 / 32768, id="wavex"),
    pytest.param("RF64", "PCM_16", 1 / 32768, id="rf64"),
    pytest.param("AIFF", "PCM_16", 1 / 32768, id="aiff"),
    pytest.param("FLAC", "PCM_16", 1 / 32768, id="flac"),
    pytest.param("OGG", "VORBIS", 0.05, id="vorbis"),
    pytest.param("OGG", "OPUS", 0.05, id="opus"),
    pytest.param("MP3", "MPEG_LAYER_III", 0.05, id="mp3"),
]


def make_tone(frequency_hz: float, rate: int, num_samples: int, amplitude: float = 0.5) -> Samples:
    phase = 2 * np.pi * frequency_hz * np.arange(num_samples) / rate
    return (amplitude * np.sin(phase)).astype(np.float32)


def encode(samples: npt.ArrayLike, rate: int = 16_000, format: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.asarray(samples), rate, format=format, subtype=subtype)
    return file.getvalue()


@pytest.fixture(scope="module")
def speechlike() -> Samples:
    """A second of two tones, louder towards the end, so that a lost end shows."""
    tones = make_tone(440, 16_000, 16_000, 0.3) + make_tone(1_100, 16_000, 16_000, 0.2)
    return tones * np.linspace(0.2, 1, 16_000, dtype=np.float32)


# What is read


@pytest.mark.parametrize(("format", "subtype", "tolerance"), CODECS)
def test_codec_is_read_back(speechlike: Samples, format: str, subtype: str, tolerance: float) -> None:
    data = encode(speechlike, 16_000, format, subtype)
    samples = load_audio(data)
    assert samples.dtype == np.float32
    assert samples.shape == (16_000,)
    inside = slice(None, -100)  # Opus lets the sound ring out in the last milliseconds
    np.testing.assert_allclose(samples[inside], speechlike[inside], rtol=0, atol=tolerance)
    assert audio_duration_s(data) == 1.0


def test_path_bytes_and_open_file_are_the_same(tmp_path: Path, speechlike: Samples) -> None:
    data = encode(speechlike, format="FLAC")
    path = tmp_path / "clip.flac"
    path.write_bytes(data)
    with path.open("rb") as file:
        assert audio_duration_s(file) == 1.0
        assert file.tell() == 0
        from_file = load_audio(file)
    for samples in (load_audio(path), load_audio(str(path)), load_audio(data), load_audio(io.BytesIO(data))):
        np.testing.assert_array_equal(samples, from_file)
    assert audio_duration_s(path) == audio_duration_s(str(path)) == 1.0


def test_open_file_is_read_from_where_it_stands(speechlike: Samples) -> None:
    file = io.BytesIO(b"prefix" + encode(speechlike))
    file.seek(6)
    assert audio_duration_s(file) == 1.0
    assert file.tell() == 6
    assert load_audio(file).shape == (16_000,)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_pcm_is_scaled_by_full_scale(bits: int) -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(bits // 8)
        writer.setframerate(16_000)
        steps = [0, 64, 128, 192] if bits == 8 else [-(2 ** (bits - 1)), -(2 ** (bits - 2)), 0, 2 ** (bits - 2)]
        writer.writeframes(np.array(steps, dtype={8: "u1", 16: "<i2", 32: "<i4"}[bits]).tobytes())
    np.testing.assert_array_equal(load_audio(file.getvalue()), np.float32([-1, -0.5, 0, 0.5]))


def test_stereo_is_averaged() -> None:
    left, right = make_tone(300, 16_000, 400), make_tone(700, 16_000, 400)
    samples = load_audio(encode(np.stack([left, right], axis=1), subtype="FLOAT"))
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])
def test_resampling_keeps_a_sine(rate: int) -> None:
    samples = load_audio(encode(make_tone(1_000, rate, rate), rate, subtype="FLOAT"))
    assert samples.shape == (16_000,)
    inside = slice(200, -200)  # the filter sees silence beyond the ends
    np.testing.assert_allclose(samples[inside], make_tone(1_000, 16_000, 16_000)[inside], atol=3e-3)


def test_resampling_removes_what_would_alias() -> None:
    samples = load_audio(encode(make_tone(11_000, 48_000, 48_000), 48_000, subtype="FLOAT"))
    assert np.abs(samples[200:-200]).max() < 0.01


def test_other_rate_is_given_on_request(speechlike: Samples) -> None:
    assert load_audio(encode(speechlike), sampling_rate=8_000).shape == (8_000,)


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_one_sample_is_valid(rate: int) -> None:
    assert len(load_audio(encode([0.25], rate))) >= 1


def test_silence_is_valid() -> None:
    np.testing.assert_array_equal(load_audio(encode(np.zeros(100))), np.zeros(100, dtype=np.float32))


def test_overshoot_is_clipped() -> None:
    np.testing.assert_array_equal(load_audio(encode([1.5, -1.5, 0.5], subtype="FLOAT")), np.float32([1, -1, 0.5]))


def test_resampling_overshoot_is_clipped() -> None:
    square = np.sign(make_tone(500, 48_000, 48_000))
    assert np.abs(load_audio(encode(square, 48_000, subtype="FLOAT"))).max() == 1.0


# Files written to a pipe, whose headers do not say their length


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_F000], ids=hex)
def test_wav_from_a_pipe(speechlike: Samples, size: int) -> None:
    data = encode(speechlike, subtype="FLOAT")
    position = data.index(b"data") + 4
    piped = data[:position] + size.to_bytes(4, "little") + data[position + 4 :]
    np.testing.assert_array_equal(load_audio(piped), speechlike)


def test_flac_from_a_pipe(speechlike: Samples) -> None:
    data = bytearray(encode(speechlike, format="FLAC"))
    data[21] &= 0xF0  # the 36 bits "total samples" of STREAMINFO
    data[22:26] = bytes(4)
    np.testing.assert_array_equal(load_audio(bytes(data)), load_audio(encode(speechlike, format="FLAC")))
    with pytest.raises(AudioError, match="does not say its length; use len"):
        audio_duration_s(bytes(data))


@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("tag", [b"", b"TAG" + bytes(125), bytes(1000)], ids=["plain", "id3v1", "zeros"])
def test_mp3_without_a_length_header_is_read_to_its_end(num_channels: int, rate: int, tag: bytes) -> None:
    # Quiet, then noise: a bitrate that grows, from which libsndfile's estimate makes a third of the true length.
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2 * rate, num_channels))
    noise[:rate] *= 0.0
    data = encode(noise, rate, "MP3", "MPEG_LAYER_III")
    second = data.index(data[:2], 4)  # the first frame holds the header
    samples = load_audio(data[second:] + tag, sampling_rate=rate)
    assert 2 * rate <= len(samples) <= 2 * rate + 3 * 1152
    assert audio_duration_s(data[second:] + tag) == len(samples) / rate
    assert np.abs(samples[-rate // 2 : -3 * 1152]).max() > 0.1


def test_mp3_with_an_id3_tag(speechlike: Samples) -> None:
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 2, 1]) + bytes(2 * 128 + 1)
    data = encode(speechlike, format="MP3")
    np.testing.assert_array_equal(load_audio(tag + data), load_audio(data))


# Ogg files one behind the other


def pages_of(ogg: bytes) -> list[bytes]:
    starts = [position for position in range(len(ogg)) if ogg.startswith(b"OggS", position)]
    return [ogg[start:end] for start, end in zip(starts, [*starts[1:], len(ogg)], strict=True)]


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_every_link_of_a_chained_ogg_file_is_read(subtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (encode(make_tone(440 * n, 16_000, 16_000 * n), 16_000, "OGG", subtype) for n in (1, 2))
    expected = np.concatenate([load_audio(one), load_audio(two)])
    assert len(expected) == 48_000
    np.testing.assert_array_equal(load_audio(one + two), expected)
    assert audio_duration_s(one + two) == 3.0
    # The same stream number again, and bytes that are no Ogg page behind the end.
    np.testing.assert_array_equal(load_audio(two + two + b"notes"), np.tile(expected[16_000:], 2))
    assert audio_duration_s(two + two + b"notes") == 4.0
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    np.testing.assert_array_equal(np.concatenate(list(iterate_audio(one + two))), expected)


def test_links_may_differ_in_rate_channels_and_codec() -> None:
    stereo = np.stack([make_tone(300, 44_100, 44_100), make_tone(700, 44_100, 44_100)], axis=1)
    links = [
        encode(make_tone(500, 16_000, 8_000), 16_000, "OGG", "VORBIS"),
        encode(stereo, 44_100, "OGG", "VORBIS"),
        encode(make_tone(500, 8_000, 8_000), 8_000, "OGG", "OPUS"),
    ]
    np.testing.assert_array_equal(load_audio(b"".join(links)), np.concatenate([load_audio(link) for link in links]))
    assert audio_duration_s(b"".join(links)) == 2.5


def test_a_link_may_lack_its_last_page() -> None:
    link = encode(make_tone(440, 16_000, 64_000), 16_000, "OGG", "OPUS")
    *pages, last = pages_of(link)
    cut = b"".join(pages)
    assert not cut.endswith(last)
    np.testing.assert_array_equal(load_audio(cut + link), np.concatenate([load_audio(cut), load_audio(link)]))


@pytest.mark.parametrize("function", [load_audio, audio_duration_s])
@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_damage_in_a_later_link_is_refused(
    function: Callable[[bytes], object], subtype: str, speechlike: Samples
) -> None:
    link = encode(speechlike, 16_000, "OGG", subtype)
    with pytest.raises(AudioError, match="truncated Ogg file"):
        function(link + link[:-100])
    with pytest.raises(AudioError, match=f"broken Ogg file \\(damage at byte {len(link)}\\)"):
        function(link + b"".join(pages_of(link)[1:]))  # the page that begins a stream is missing


# What is refused


@pytest.mark.parametrize("function", [load_audio, audio_duration_s])
def test_missing_file_is_refused(function: Callable[[object], object], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no_such\.wav'.*no such file; check the path"):
        function(tmp_path / "no_such.wav")
    with pytest.raises(FileNotFoundError, match="no such file; download it first"):
        function("https://example.com/a.wav")


@pytest.mark.parametrize("function", [load_audio, audio_duration_s])
def test_folder_and_empty_file_are_refused(function: Callable[[object], object], tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder; give the path of one file"):
        function(tmp_path)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(AudioError, match=r"empty\.wav'.* is empty \(0 bytes\)"):
        function(tmp_path / "empty.wav")
    with pytest.raises(AudioError, match=r"is empty \(0 bytes\)"):
        function(b"")


@pytest.mark.parametrize("function", [load_audio, audio_duration_s])
def test_other_types_are_refused(function: Callable[[object], object], tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"source is a ndarray; .* use to_mono_float32"):
        function(np.zeros(10))
    (tmp_path / "a.txt").write_text("a")
    with (tmp_path / "a.txt").open() as file, pytest.raises(TypeError, match=r"is open as text; open it for binary"):
        function(file)


@pytest.mark.parametrize("kept", ["all but one byte", 0.99, 0.5, 0.1, 0.02])
@pytest.mark.parametrize(("format", "subtype", "tolerance"), CODECS)
def test_cut_file_is_refused(
    speechlike: Samples, format: str, subtype: str, tolerance: float, kept: float | str
) -> None:
    data = encode(speechlike, 16_000, format, subtype)
    num_kept = len(data) - 1 if isinstance(kept, str) else int(len(data) * kept)
    with pytest.raises(AudioError, match=r"broken|truncated") as caught:
        load_audio(data[:num_kept])
    assert "record or download it again" in str(caught.value)


@pytest.mark.parametrize(
    ("format", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)]
)
def test_damaged_file_is_refused(speechlike: Samples, format: str, subtype: str | None) -> None:
    data = encode(np.tile(speechlike, 4), 16_000, format, subtype)
    middle = len(data) // 2
    with pytest.raises(AudioError, match="broken"):
        load_audio(data[:middle] + bytes(300) + data[middle + 300 :])


def test_missing_ogg_page_is_refused(speechlike: Samples) -> None:
    data = encode(np.tile(speechlike, 20), 16_000, "OGG", "OPUS")
    starts = [position for position in range(len(data)) if data.startswith(b"OggS", position)]
    assert len(starts) > 4
    with pytest.raises(AudioError, match="broken Ogg file"):
        load_audio(data[: starts[3]] + data[starts[4] :])


def test_cut_rf64_is_refused(speechlike: Samples) -> None:
    data = encode(speechlike, format="RF64")
    with pytest.raises(AudioError, match="is truncated: its header promises 32000 bytes"):
        load_audio(data[:-1000])


@pytest.mark.parametrize(("format", "subtype"), [("WAV", "PCM_16"), ("OGG", "VORBIS"), ("AIFF", "PCM_16")])
def test_file_without_samples_is_refused(format: str, subtype: str) -> None:
    data = encode(np.zeros(0), 16_000, format, subtype)
    assert audio_duration_s(data) == 0.0
    with pytest.raises(AudioError, match="has no samples; give at least one sample"):
        load_audio(data)


@pytest.mark.parametrize("function", [load_audio, audio_duration_s])
@pytest.mark.parametrize("flags", [0, 1], ids=["without a frame count", "with a frame count"])
def test_mp3_of_its_header_frame_alone_is_refused(
    function: Callable[[bytes], object], flags: int, speechlike: Samples
) -> None:
    data = encode(speechlike, format="MP3")
    header = bytearray(data[: data.index(data[:2], 4)])
    mark = max(header.find(b"Info"), header.find(b"Xing"))
    header[mark + 4 : mark + 12] = flags.to_bytes(4) + bytes(4)
    with pytest.raises(AudioError, match=r"truncated MP3 file \(no audio frame behind its header\)"):
        function(bytes(header))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(value: float) -> None:
    with pytest.raises(AudioError, match="has 1 samples that are NaN or infinite; allowed are finite"):
        load_audio(encode([0.0, value, 0.5], subtype="FLOAT"))


def test_float_file_at_integer_scale_is_refused() -> None:
    with pytest.raises(AudioError, match=r"up to 12000; allowed is \[-1, 1\]: divide"):
        load_audio(encode([0.0, 12_000.0], subtype="FLOAT"))


@pytest.mark.parametrize("num_channels", [3, 6])
def test_more_than_two_channels_are_refused(num_channels: int) -> None:
    with pytest.raises(AudioError, match=f"has {num_channels} channels; allowed are 1 and 2"):
        load_audio(encode(np.zeros((100, num_channels))))


def test_rates_without_a_common_divisor_are_refused() -> None:
    with pytest.raises(AudioError, match=r"cannot be resampled from 44101 Hz to 16000 Hz: .* save it at a usual rate"):
        load_audio(encode(np.zeros(100), 44_101))


@pytest.mark.parametrize(("rate", "error"), [(0, ValueError), (-1, ValueError), (True, ValueError), (16e3, TypeError)])
def test_impossible_rate_is_refused(rate: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"sampling_rate is {rate!r}; it must be an? (positive )?integer in hertz"):
        load_audio(encode(np.zeros(10)), sampling_rate=rate)
    with pytest.raises(error, match="sampling_rate_from is"):
        to_mono_float32(np.zeros(10), rate)


def test_error_names_its_source_and_survives_pickling(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    path.write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    with pytest.raises(AudioError) as caught:
        load_audio(path)
    assert str(caught.value).startswith(f"audio file {str(path)!r}: is broken or truncated")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.source, copied.problem, str(copied)) == (
        caught.value.source,
        caught.value.problem,
        str(caught.value),
    )


# Other containers, through ffmpeg


def install_fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable} -S\nimport pathlib, shutil, sys\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x20ftypM4A " + bytes(100), b"\x1a\x45\xdf\xa3webm", b"Hello there"])
def test_other_container_without_ffmpeg_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AudioError, match=r"not WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus or MP3; .* install ffmpeg"):
        load_audio(data)
    with pytest.raises(AudioError, match=r"allowed are WAV, AIFF, FLAC, Ogg Vorbis, Ogg Opus and MP3: use len"):
        audio_duration_s(data)


def test_ffmpeg_gets_the_bytes_and_gives_the_samples(
    tmp_path: Path, speechlike: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "decoded.wav").write_bytes(encode(speechlike, subtype="FLOAT"))
    body = f"""
name = sys.argv[sys.argv.index("-i") + 1]
shutil.copy(name.removeprefix("file:"), {str(tmp_path / "got")!r})
sys.stdout.buffer.write(pathlib.Path({str(tmp_path / "decoded.wav")!r}).read_bytes())"""
    install_fake_ffmpeg(tmp_path, monkeypatch, body)
    np.testing.assert_array_equal(load_audio(b"some other container"), speechlike)
    assert (tmp_path / "got").read_bytes() == b"some other container"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("sys.exit('moov atom not found')", "moov atom not found", id="failure"),
        pytest.param("sys.exit(3)", "exit status 3", id="status alone"),
        pytest.param("print('File ended prematurely', file=sys.stderr)", "File ended prematurely", id="status 0"),
    ],
)
def test_what_ffmpeg_cannot_decode_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    install_fake_ffmpeg(tmp_path, monkeypatch, body)
    with pytest.raises(AudioError, match=rf"is broken, truncated or no audio file \(ffmpeg says: {reason}\)"):
        load_audio(b"some other container")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")
@pytest.mark.parametrize(("extension", "codec"), [("m4a", "aac"), ("webm", "libopus")])
def test_real_ffmpeg(tmp_path: Path, speechlike: Samples, extension: str, codec: str) -> None:
    (tmp_path / "in.wav").write_bytes(encode(speechlike))
    path = tmp_path / f"out.{extension}"
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "in.wav"), "-c:a", codec, str(path)]
    subprocess.run(command, check=True)
    samples = load_audio(path)
    assert abs(len(samples) - 16_000) < 2_000
    spectrum = np.abs(np.fft.rfft(samples[:16_000]))
    assert abs(int(spectrum.argmax()) - 440) <= 1  # bins of one hertz
    data = path.read_bytes()
    with pytest.raises(AudioError, match="ffmpeg says"):
        load_audio(data[: len(data) // 2])


# In blocks


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("block_frames", [1_000, 4_097])
def test_blocks_are_the_whole(rate: int, block_frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", block_frames)
    rng = np.random.default_rng(0)
    for num_samples in (1, 999, 20_001):
        samples = rng.uniform(-0.7, 0.7, (num_samples, 2)).astype(np.float32)
        blocks = list(iterate_audio(encode(samples, rate, subtype="FLOAT")))
        assert all(block.dtype == np.float32 and len(block) for block in blocks)
        assert len(blocks) > 1 or num_samples <= block_frames
        mono = torch.from_numpy(samples.mean(1))
        expected = torchaudio.functional.resample(mono, rate, 16_000).clamp(-1, 1)
        np.testing.assert_allclose(np.concatenate(blocks), expected, atol=1e-6)


def test_damage_behind_the_first_block_is_found(speechlike: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    data = encode(speechlike, format="FLAC")
    blocks = iterate_audio(data[: len(data) // 2])
    assert len(next(blocks)) == 1_000
    with pytest.raises(AudioError, match="broken or truncated FLAC"):
        list(blocks)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")
def test_ffmpeg_in_blocks(tmp_path: Path, speechlike: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.wav").write_bytes(encode(np.stack([speechlike, -0.5 * speechlike], 1)))
    path = tmp_path / "out.mka"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(tmp_path / "in.wav"), "-c:a", "flac", str(path)], check=True)
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    blocks = list(iterate_audio(path))
    assert len(blocks) == 16
    np.testing.assert_allclose(np.concatenate(blocks), 0.25 * speechlike, atol=1e-4)
    next(iterate_audio(path)).mean()  # left in the middle: ffmpeg ends too


# Arrays


ARRAYS = [
    pytest.param([0.0, 0.5, -0.5], [0, 0.5, -0.5], id="list"),
    pytest.param(np.float64([0, 0.5]), [0, 0.5], id="float64"),
    pytest.param(np.float16([0, 0.5]), [0, 0.5], id="float16"),
    pytest.param(np.int8([-128, 64]), [-1, 0.5], id="int8"),
    pytest.param(np.int16([-32768, 16384]), [-1, 0.5], id="int16"),
    pytest.param(np.int32([-(2**31), 2**30]), [-1, 0.5], id="int32"),
    pytest.param(np.uint8([0, 128, 192]), [-1, 0, 0.5], id="uint8"),
    pytest.param(torch.tensor([0.0, 0.5]), [0, 0.5], id="torch"),
    pytest.param(torch.tensor([0.0, 0.5], dtype=torch.bfloat16), [0, 0.5], id="torch bfloat16"),
    pytest.param(torch.tensor([0, 16384], dtype=torch.int16), [0, 0.5], id="torch int16"),
    pytest.param(torch.tensor([0.5], requires_grad=True), [0.5], id="torch with a gradient"),
    pytest.param(np.float32([[0, 0.5, 1]]), [0, 0.5, 1], id="one channel first"),
    pytest.param(np.float32([[0, 0.5, 1], [1, 0.5, 0]]), [0.5, 0.5, 0.5], id="two channels first"),
    pytest.param(np.float32([[0.5], [0.25]]), [0.375], id="two channels of one sample"),
]


@pytest.mark.parametrize(("array", "expected"), ARRAYS)
def test_array_is_converted(array: object, expected: list[float]) -> None:
    samples = to_mono_float32(array, 16_000)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, np.float32(expected))


def test_array_is_copied() -> None:
    array = np.float32([0.5, 0.5])
    to_mono_float32(array, 16_000)[:] = 0
    np.testing.assert_array_equal(array, np.float32([0.5, 0.5]))


def test_array_is_resampled_like_a_file(speechlike: Samples) -> None:
    np.testing.assert_array_equal(
        to_mono_float32(speechlike, 8_000), load_audio(encode(speechlike, 8_000, subtype="FLOAT"))
    )


BAD_ARRAYS = [
    pytest.param([], AudioError, r"has no samples \(shape \(0,\)\)", id="empty"),
    pytest.param(np.zeros((2, 0)), AudioError, r"has no samples \(shape \(2, 0\)\)", id="empty stereo"),
    pytest.param([0.0, float("nan")], AudioError, "1 samples that are NaN or infinite", id="nan"),
    pytest.param([float("inf")], AudioError, "1 samples that are NaN or infinite", id="inf"),
    pytest.param(np.float64([1e300]), AudioError, "1 samples that are NaN or infinite", id="beyond float32"),
    pytest.param([0.0, 20_000.0], AudioError, r"up to 20000; allowed is \[-1, 1\]", id="float at integer scale"),
    pytest.param(
        np.zeros((16_000, 2)),
        AudioError,
        r"shape \(16000, 2\), channels last; .*transpose it with `array.T`",
        id="last",
    ),
    pytest.param(np.zeros((16_000, 1)), AudioError, "channels last", id="one channel last"),
    pytest.param(np.zeros((16_000, 6)), AudioError, "channels last", id="six channels last"),
    pytest.param(np.zeros((3, 16_000)), AudioError, "has 3 channels; allowed are 1 and 2", id="three channels"),
    pytest.param(np.zeros((4, 1, 100)), AudioError, r"shape \(4, 1, 100\); .* batch one by one", id="batch"),
    pytest.param(np.float32(0.5), AudioError, r"shape \(\)", id="scalar"),
    pytest.param([0, 1], TypeError, "dtype int64; allowed are floating-point", id="int64"),
    pytest.param(np.zeros(4, dtype=bool), TypeError, "dtype bool", id="bool"),
    pytest.param(np.zeros(4, dtype=complex), TypeError, "dtype complex128", id="complex"),
    pytest.param(None, TypeError, "dtype object", id="none"),
    pytest.param("speech.wav", TypeError, "dtype <U10", id="text"),
]


@pytest.mark.parametrize(("array", "error", "message"), BAD_ARRAYS)
def test_bad_array_is_refused(array: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        to_mono_float32(array, 16_000)


# What is imported


def run_python(code: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)


def test_torch_is_imported_for_resampling_only_and_torchcodec_never() -> None:
    run_python(
        """
import io, sys, numpy, soundfile
sys.modules["torchcodec"] = None  # importing it now raises
from hf_bigru_asr.audio import load_audio
def encode(rate):
    file = io.BytesIO()
    soundfile.write(file, numpy.zeros(rate), rate, format="WAV")
    return file.getvalue()
assert len(load_audio(encode(16_000))) == 16_000
assert "torch" not in sys.modules
assert len(load_audio(encode(8_000))) == 16_000
assert "torch" in sys.modules
"""
    )


# The corpus


@pytest.fixture(scope="module")
def corpus() -> Path:
    if "HF_BIGRU_ASR_DATA" not in os.environ:
        pytest.skip("needs LibriSpeech: the environment variable HF_BIGRU_ASR_DATA names its folder")
    return Path(os.environ["HF_BIGRU_ASR_DATA"])


def test_librispeech_flac(corpus: Path) -> None:
    with tarfile.open(corpus / "openslr_sample" / "train-clean-100.tar.gz") as archive:
        clips = [archive.extractfile(member).read() for member in archive if member.name.endswith(".flac")]  # type: ignore[union-attr]
    assert len(clips) == 11
    for clip in clips:
        expected, rate = soundfile.read(io.BytesIO(clip), dtype="float32")
        np.testing.assert_array_equal(load_audio(clip), expected)
        assert audio_duration_s(clip) == len(expected) / rate


def test_librispeech_opus(corpus: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (path,) = (corpus / "librispeech_asr" / "clean").glob("validation-*.parquet")
    clips = [row["bytes"] for row in parquet.read_table(path, columns=["audio"])["audio"][:10].to_pylist()]
    for clip in clips:
        expected, _ = soundfile.read(io.BytesIO(clip), dtype="float32")
        np.testing.assert_array_equal(load_audio(clip), expected.clip(-1, 1))
        with pytest.raises(AudioError, match="Ogg"):
            load_audio(clip[: len(clip) // 2])
