"""Files of every container that `soundfile` reads, and what is no such file."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from encoded_sound import CODECS, Samples, encode

from hf_bigru_asr.audio.loading import AudioError, audio_duration_s, load_audio


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


@pytest.mark.parametrize(("format", "subtype"), [("WAV", "PCM_16"), ("OGG", "VORBIS"), ("AIFF", "PCM_16")])
def test_file_without_samples_is_refused(format: str, subtype: str) -> None:
    data = encode(np.zeros(0), 16_000, format, subtype)
    assert audio_duration_s(data) == 0.0
    with pytest.raises(AudioError, match="has no samples; give at least one sample"):
        load_audio(data)
