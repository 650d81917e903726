"""Other sampling rates, of a whole file and block by block."""

import tracemalloc

import numpy as np
import pytest
import torch
import torchaudio
from encoded_sound import encode, make_tone

from hf_bigru_asr.audio.loading import iterate_audio, load_audio, to_mono_float32
from hf_bigru_asr.audio.resampling import _directly_resampled, resample_directly


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])
def test_resampling_keeps_a_sine(rate: int) -> None:
    samples = load_audio(encode(make_tone(1_000, rate, rate), rate, subtype="FLOAT"))
    assert samples.shape == (16_000,)
    inside = slice(200, -200)  # the filter sees silence beyond the ends
    np.testing.assert_allclose(samples[inside], make_tone(1_000, 16_000, 16_000)[inside], atol=3e-3)


def test_resampling_removes_what_would_alias() -> None:
    samples = load_audio(encode(make_tone(11_000, 48_000, 48_000), 48_000, subtype="FLOAT"))
    assert np.abs(samples[200:-200]).max() < 0.01


def test_resampling_overshoot_is_clipped() -> None:
    square = np.sign(make_tone(500, 48_000, 48_000))
    assert np.abs(load_audio(encode(square, 48_000, subtype="FLOAT"))).max() == 1.0


@pytest.mark.parametrize(
    ("rate_from", "rate_to"), [(44_100, 16_000), (8_000, 16_000), (7, 5), (5, 7), (96_000, 8_000)]
)
@pytest.mark.parametrize("block", [50, 4_001])
def test_resampling_without_a_kernel_is_that_of_torchaudio(rate_from: int, rate_to: int, block: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (2, 4_001)).astype(np.float32)
    expected = torchaudio.functional.resample(torch.from_numpy(samples), rate_from, rate_to)
    np.testing.assert_allclose(resample_directly(samples, rate_from, rate_to), expected, atol=2e-5)
    blocks = (samples[:, first : first + block] for first in range(0, samples.shape[1], block))
    found = np.concatenate(list(_directly_resampled(blocks, rate_from, rate_to)), axis=1)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("rate", [11_127, 22_254, 44_101])
def test_rates_without_a_common_divisor_need_no_memory(rate: int) -> None:
    tone = make_tone(1_000, rate, rate // 4)
    tracemalloc.start()
    try:
        from_file = load_audio(encode(tone, rate, subtype="FLOAT"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(from_file[200:3_800], make_tone(1_000, 16_000, 4_000)[200:3_800], atol=3e-3)
    np.testing.assert_array_equal(to_mono_float32(tone, rate), from_file)
    assert peak < 50e6


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
