"""The compiled log-mel features against NumPy in 64 bits."""

import numpy as np
import pytest

from hf_bigru_asr.native.features import CompiledLogMel, FloatArray
from hf_bigru_asr.native.library import is_available
from hf_bigru_asr.runtime.log_mel import LogMelSettings, hann_window, mel_filter_bank

pytestmark = pytest.mark.skipif(not is_available(), reason="the compiled part of the package is not there")

FLOOR = 1e-6
SIZES = (
    LogMelSettings(),
    LogMelSettings(feature_size=128, n_fft=1024, win_length=640, hop_length=336),
    LogMelSettings(feature_size=40, sampling_rate=8000, n_fft=256, win_length=200, hop_length=80),
    LogMelSettings(feature_size=5, n_fft=128, win_length=128, hop_length=1),
    LogMelSettings(feature_size=3, n_fft=64, win_length=33, hop_length=50),
)


@pytest.fixture(params=["generic", "avx2"])
def kernel(request: pytest.FixtureRequest) -> str:
    try:
        compiled(SIZES[0], request.param)
    except ValueError:
        pytest.skip(f"this processor has no {request.param}")
    return request.param


def compiled(settings: LogMelSettings, kernel: str | None = None) -> CompiledLogMel:
    window = hann_window(settings.win_length)
    return CompiledLogMel(window, mel_filter_bank(settings), settings.hop_length, FLOOR, kernel)


def noise(settings: LogMelSettings, num_frames: int) -> FloatArray:
    num_samples = (num_frames - 1) * settings.hop_length + settings.win_length
    return np.random.default_rng(num_frames).normal(0, 0.1, num_samples).astype(np.float32)


def in_64_bits(samples: FloatArray, settings: LogMelSettings) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(samples, settings.win_length)[:: settings.hop_length]
    spectrum = np.fft.rfft(frames.astype(np.float64) * hann_window(settings.win_length), settings.n_fft)
    return np.square(np.abs(spectrum)) @ mel_filter_bank(settings).astype(np.float64)


def features_of(samples: FloatArray, settings: LogMelSettings, kernel: str | None = None) -> FloatArray:
    num_frames = (len(samples) - settings.win_length) // settings.hop_length + 1
    features = np.empty((num_frames, settings.feature_size), dtype=np.float32)
    compiled(settings, kernel).write(samples, features)
    return features


@pytest.mark.parametrize("num_frames", [1, 7, 8, 21])
@pytest.mark.parametrize("settings", SIZES, ids=str)
def test_powers_are_those_of_numpy(settings: LogMelSettings, num_frames: int, kernel: str) -> None:
    samples = noise(settings, num_frames)
    expected = in_64_bits(samples, settings)
    errors = np.abs(np.exp(features_of(samples, settings, kernel).astype(np.float64)) - np.maximum(expected, FLOOR))
    assert (errors / expected.max(axis=1, keepdims=True)).max() < 1e-6


def test_logarithms_from_the_floor_to_loud_sounds(kernel: str) -> None:
    settings = SIZES[0]
    # A click in the middle of the window has the same power in all bins.
    levels = np.logspace(-6, 6, 40)
    samples = np.zeros(40 * settings.win_length, dtype=np.float32)
    samples[settings.win_length // 2 :: settings.win_length] = levels
    settings = LogMelSettings(hop_length=settings.win_length)
    expected = np.log(np.maximum(in_64_bits(samples, settings), FLOOR))
    np.testing.assert_allclose(features_of(samples, settings, kernel), expected, atol=3e-6)


def test_all_kernels_give_the_same_bits(kernel: str) -> None:
    for settings in SIZES:
        samples = noise(settings, 19)
        expected = features_of(samples, settings, "generic")
        np.testing.assert_array_equal(features_of(samples, settings, kernel), expected)


def test_a_frame_does_not_depend_on_the_others() -> None:
    settings = SIZES[1]
    samples = noise(settings, 11)
    together = features_of(samples, settings)
    for number, expected in enumerate(together):
        start = number * settings.hop_length
        np.testing.assert_array_equal(features_of(samples[start : start + settings.win_length], settings)[0], expected)


def test_nothing_is_written_beside_the_features() -> None:
    settings = SIZES[2]
    samples = noise(settings, 11)
    wide = np.full((11, 3 * settings.feature_size), 7, dtype=np.float32)
    middle = slice(settings.feature_size, 2 * settings.feature_size)
    compiled(settings).write(samples, wide[:, middle])
    np.testing.assert_array_equal(wide[:, middle], features_of(samples, settings))
    assert (np.delete(wide, middle, axis=1) == 7).all()
    compiled(settings).write(samples[:0], wide[:0, middle])


def test_arguments_that_do_not_fit_are_refused() -> None:
    settings = SIZES[2]
    window, filters = hann_window(settings.win_length), mel_filter_bank(settings)
    with pytest.raises(ValueError, match="A transform of 200 samples, a window of 200 and steps of 80"):
        CompiledLogMel(window, filters[:101], 80, FLOOR)
    with pytest.raises(ValueError, match="A transform of 256 samples, a window of 400"):
        CompiledLogMel(hann_window(400), filters, 80, FLOOR)
    with pytest.raises(ValueError, match="floor is 0, which must be a normal positive number"):
        CompiledLogMel(window, filters, 80, 0)
    with pytest.raises(ValueError, match="or a filter is empty"):
        CompiledLogMel(window, 0 * filters, 80, FLOOR)
    with pytest.raises(ValueError, match="kernel is 'mmx'; this processor has no such instructions"):
        CompiledLogMel(window, filters, 80, FLOOR, "mmx")
    samples, features = noise(settings, 3), np.empty((3, 40), dtype=np.float32)
    for some, target in ((samples[:-1], features), (samples, features[:, :39]), (samples, features.T)):
        with pytest.raises(ValueError, match="do not fit"):
            compiled(settings).write(some, target)
