"""Audio from files and arrays: scale, channels, blocks, and what is refused."""

import io
import os
import sys
import tarfile
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoded_sound import Samples, encode, make_tone

from hf_bigru_asr.audio.loading import AudioError, audio_duration_s, load_audio, to_mono_float32


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


def test_other_rate_is_given_on_request(speechlike: Samples) -> None:
    assert load_audio(encode(speechlike), sampling_rate=8_000).shape == (8_000,)


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_one_sample_is_valid(rate: int) -> None:
    assert len(load_audio(encode([0.25], rate))) >= 1


def test_silence_is_valid() -> None:
    np.testing.assert_array_equal(load_audio(encode(np.zeros(100))), np.zeros(100, dtype=np.float32))


def test_overshoot_is_clipped() -> None:
    np.testing.assert_array_equal(load_audio(encode([1.5, -1.5, 0.5], subtype="FLOAT")), np.float32([1, -1, 0.5]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(value: float) -> None:
    with pytest.raises(AudioError, match=r"has 1 NaN or infinite samples, the first at sample 1; .* repair or leave"):
        load_audio(encode([0.0, value, 0.5], subtype="FLOAT"))


def test_float_file_at_integer_scale_is_refused() -> None:
    with pytest.raises(AudioError, match=r"up to 12000; allowed is \[-1, 1\]: divide"):
        load_audio(encode([0.0, 12_000.0], subtype="FLOAT"))


@pytest.mark.parametrize(("rate", "error"), [(0, ValueError), (-1, ValueError), (True, ValueError), (16e3, TypeError)])
def test_impossible_rate_is_refused(rate: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"sampling_rate is {rate!r}; it must be an? (positive )?integer in hertz"):
        load_audio(encode(np.zeros(10)), sampling_rate=rate)
    with pytest.raises(error, match="sampling_rate_from is"):
        to_mono_float32(np.zeros(10), rate)


def test_array_is_resampled_like_a_file(speechlike: Samples) -> None:
    for samples in (speechlike, 2 * speechlike):  # the latter is over full scale, and clipped after resampling
        from_file = load_audio(encode(samples, 8_000, subtype="FLOAT"))
        np.testing.assert_array_equal(to_mono_float32(samples, 8_000), from_file)


def test_torch_is_imported_for_resampling_only(run_in_child: Callable[..., str]) -> None:
    code = """
import io, sys, numpy, soundfile
sys.modules["torch"] = sys.modules["torchcodec"] = None  # importing them now raises
from hf_bigru_asr.audio import load_audio
for rate in (16_000, 8_000):
    file = io.BytesIO()
    soundfile.write(file, numpy.zeros(rate), rate, format="WAV")
    try:
        print(rate, len(load_audio(file.getvalue())))
    except ImportError as error:
        print(rate, "torch" in str(error))
"""
    assert run_in_child(code) == "16000 16000\n8000 True\n"


def test_torchcodec_is_never_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    assert len(load_audio(encode(np.zeros(8_000), 8_000))) == 16_000


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
