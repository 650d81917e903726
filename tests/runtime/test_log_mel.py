"""The features of the runtime, compiled and by NumPy, against those of the feature extractor."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runtime_support import EXTRACTORS, real_waveforms
from speech_prior import SPEECH
from torchaudio.functional import melscale_fbanks

from hf_bigru_asr import BiGRUCTCFeatureExtractor, bundled_checkpoint
from hf_bigru_asr.native.library import is_available
from hf_bigru_asr.runtime import log_mel as log_mel_module
from hf_bigru_asr.runtime.log_mel import LogMelSettings, log_mel, mel_powers

TOLERANCE = 1e-3


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def computed_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(log_mel_module, "_compiled", lambda settings: None)
    elif not is_available():
        pytest.skip("the compiled part of the package is not there")


def assert_same_features(extractor: BiGRUCTCFeatureExtractor, waveform: np.ndarray) -> None:
    expected = extractor(waveform, sampling_rate=16_000, return_tensors="np").input_features[0]
    features = log_mel(waveform, LogMelSettings.from_dict(extractor.to_dict()))
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("num_samples", [1, 319, 320, 321, 16_000])
@pytest.mark.parametrize("options", EXTRACTORS.values(), ids=EXTRACTORS)
def test_noise(options: dict[str, Any], num_samples: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, num_samples).astype(np.float32)
    noise[num_samples // 2 :] /= 100  # so that one half is speech for the normalisation by speech

    assert_same_features(BiGRUCTCFeatureExtractor(**options), noise)


@pytest.mark.parametrize("normalization", ["utterance", "speech"])
def test_silence_and_a_click(normalization: str) -> None:
    extractor = BiGRUCTCFeatureExtractor(**SPEECH | {"normalization": normalization})
    waveform = np.zeros(8000, dtype=np.float32)
    assert_same_features(extractor, waveform)
    waveform[4000] = 1.0
    assert_same_features(extractor, waveform)


def test_more_frames_than_one_block_holds() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 4500 * 80).astype(np.float32)

    assert_same_features(BiGRUCTCFeatureExtractor(hop_length=80), noise)


@pytest.mark.parametrize("normalization", ["utterance", "speech"])
def test_real_speech(librispeech_dir: Path, normalization: str) -> None:
    extractor = BiGRUCTCFeatureExtractor.from_pretrained(bundled_checkpoint())
    if normalization == "speech":
        extractor = BiGRUCTCFeatureExtractor.from_dict(extractor.to_dict() | SPEECH)

    for waveform in real_waveforms(librispeech_dir, 8):
        assert_same_features(extractor, waveform)


@pytest.mark.parametrize(
    "settings",
    [
        LogMelSettings(),
        LogMelSettings(feature_size=80, fmin=60.0, fmax=7600.0, n_fft=512, win_length=400),
        LogMelSettings(feature_size=40, sampling_rate=8000, n_fft=256, win_length=200, hop_length=80),
        LogMelSettings(feature_size=1, n_fft=64, win_length=64, hop_length=32),
    ],
    ids=["default", "80 mels", "8 kHz", "one mel"],
)
def test_the_power_in_a_mel_filter_is_its_product_with_the_spectrum(settings: LogMelSettings) -> None:
    num_bins, rate_hz = settings.n_fft // 2 + 1, settings.sampling_rate
    power = np.random.default_rng(0).random((7, num_bins), dtype=np.float32) ** 4
    fmax = settings.fmax or rate_hz / 2
    filters = melscale_fbanks(num_bins, settings.fmin, fmax, settings.feature_size, rate_hz, mel_scale="htk")
    expected = torch.from_numpy(power).double() @ filters.double()
    found = mel_powers(power, settings)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.numpy(), rtol=5e-4)


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="prior_frames needs prior_std with 128 values"):
        LogMelSettings(prior_frames=60, prior_std=(1.0,))
    with pytest.raises(ValueError, match="normalization is 'batch'; it must be one of 'speech', 'utterance', 'none'"):
        LogMelSettings(normalization="batch")
    with pytest.raises(ValueError, match="prior_frames is 0, prior_mean has no values and prior_std no values"):
        LogMelSettings(normalization="speech")
    with pytest.raises(ValueError, match='normalization="speech" needs prior_frames, and 128 values of prior_mean'):
        LogMelSettings.from_dict(SPEECH | {"prior_mean": [1.0]})
