import math

import numpy as np
import pytest

from hf_bigru_asr import BiGRUCTCFeatureExtractor
from hf_bigru_asr.data.augmentation import add_noise, add_reverberation, coloured_noise, mel_warp_matrix

RATE_HZ = 16_000


def power_db(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Power in a band, by a plain Fourier transform."""
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(10 * np.log10(power[(frequency >= low_hz) & (frequency < high_hz)].mean()))


@pytest.mark.parametrize("slope", [0.0, -3.0, -6.0])
@pytest.mark.parametrize("num_samples", [100_000, 131_072])
def test_noise_has_its_slope(slope: float, num_samples: int) -> None:
    noise = coloured_noise(num_samples, slope, np.random.default_rng(0))
    assert noise.shape == (num_samples,)
    assert noise.dtype == np.float32
    assert np.mean(noise**2) == pytest.approx(1, abs=1e-3)
    for low in (500, 1000, 2000):
        octave = power_db(noise, 2 * low, 4 * low) - power_db(noise, low, 2 * low)
        assert octave == pytest.approx(slope, abs=0.4)


@pytest.mark.parametrize("num_samples", [1, 2, 3])
def test_shortest_noise(num_samples: int) -> None:
    assert np.isfinite(coloured_noise(num_samples, -3.0, np.random.default_rng(0))).all()


def test_no_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="num_samples is 0"):
        coloured_noise(0, 0.0, np.random.default_rng(0))


@pytest.mark.parametrize("ratio_db", [0.0, 20.0])
def test_noise_has_its_distance(ratio_db: float) -> None:
    speech = np.sin(np.arange(50_000) / 7).astype(np.float32)
    noise = add_noise(speech, ratio_db, np.random.default_rng(1)) - speech
    assert 10 * math.log10(float(np.mean(speech**2) / np.mean(noise**2))) == pytest.approx(ratio_db, abs=0.05)


def test_silence_stays_silence() -> None:
    assert not add_noise(np.zeros(100, np.float32), 10.0, np.random.default_rng(1)).any()


@pytest.mark.parametrize(("decay_s", "ratio_db"), [(0.2, 5.0), (0.5, 0.0)])
def test_a_room_decays_as_asked(decay_s: float, ratio_db: float) -> None:
    impulse = np.zeros(RATE_HZ, np.float32)
    impulse[0] = 1.0
    response = add_reverberation(impulse, decay_s, ratio_db, RATE_HZ, np.random.default_rng(2))
    assert response[0] == pytest.approx(1.0, abs=1e-6)
    tail = response[1:].astype(np.float64)
    assert 10 * math.log10(1.0 / np.sum(tail**2)) == pytest.approx(ratio_db, abs=0.05)
    # Schroeder's backward integration; the slope between -5 and -25 dB, taken to -60.
    level = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2) + 1e-12)
    start, end = (int(np.argmax(level < bound)) for bound in (-5, -25))
    assert 3 * (end - start) / RATE_HZ == pytest.approx(decay_s, rel=0.1)


def test_a_room_is_a_convolution_and_delays_nothing() -> None:
    speech = np.random.default_rng(0).standard_normal(700).astype(np.float32)
    impulse = np.zeros(700, np.float32)
    impulse[0] = 1.0
    response = add_reverberation(impulse, 0.1, 3.0, RATE_HZ, np.random.default_rng(4))
    expected = np.convolve(speech, response)[:700]
    result = add_reverberation(speech, 0.1, 3.0, RATE_HZ, np.random.default_rng(4))
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_a_room_without_decay_is_refused() -> None:
    with pytest.raises(ValueError, match="decay_s is 0"):
        add_reverberation(np.ones(10, np.float32), 0, 3.0, RATE_HZ, np.random.default_rng(0))


@pytest.mark.parametrize("factor", [0.85, 0.95, 1.1, 1.2])
@pytest.mark.parametrize("tone_hz", [500.0, 1500.0, 4000.0])
def test_a_warped_tone_is_a_tone_at_the_other_frequency(factor: float, tone_hz: float) -> None:
    extractor = BiGRUCTCFeatureExtractor(normalization="none")
    time_s = np.arange(RATE_HZ) / RATE_HZ

    def features(frequency_hz: float) -> np.ndarray:
        tone = (0.5 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)
        return np.asarray(extractor(tone, sampling_rate=RATE_HZ).input_features[0])[20]

    warped = features(tone_hz) @ mel_warp_matrix(128, factor, extractor.fmin, extractor.fmax)
    assert abs(int(warped.argmax()) - int(features(tone_hz * factor).argmax())) <= 1


def test_no_warp_is_the_identity() -> None:
    np.testing.assert_allclose(mel_warp_matrix(64, 1.0, 0.0, 8000.0), np.eye(64), atol=1e-5)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.3, 2.0])
def test_a_warp_keeps_what_is_constant(factor: float) -> None:
    np.testing.assert_allclose(np.ones(128) @ mel_warp_matrix(128, factor, 50.0, 7000.0), 1.0, atol=1e-5)


def test_a_warp_by_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="factor is 0"):
        mel_warp_matrix(128, 0, 0.0, 8000.0)
