"""Warped log-mel features, and frame grids of several vocal tract lengths."""

import numpy as np
import pytest
import torch
from speech_prior import SPEECH

from hf_bigru_asr import BiGRUCTCFeatureExtractor
from hf_bigru_asr.model.mel_warping_bigru_ctc import mel_warp_matrix, warp_factors, warp_grids
from hf_bigru_asr.runtime.log_mel import LogMelSettings, log_mel

RATE_HZ = 16_000


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


def test_factors_are_spread_evenly_from_the_inverse() -> None:
    assert warp_factors(1.04, 1) == (1.0,)
    assert warp_factors(1.0, 3) == (1.0, 1.0, 1.0)
    assert warp_factors(1.04, 3) == pytest.approx((1 / 1.04, 1.0, 1.04))
    assert warp_factors(1.04, 2) == pytest.approx((1 / 1.04, 1.04))
    assert np.diff(np.log(warp_factors(0.9, 5))) == pytest.approx([np.log(0.9) / 2] * 4)


@pytest.mark.parametrize("normalization", ["none", "utterance", "speech"])
def test_grids_are_warped_after_normalisation(normalization: str) -> None:
    waveform = np.random.default_rng(3).normal(0, 0.1, 30_000).astype(np.float32)
    settings = SPEECH | {"normalization": normalization, "num_offsets": 3}
    plain = BiGRUCTCFeatureExtractor(**settings)
    warped = BiGRUCTCFeatureExtractor(**settings, grid_warp=1.05)
    expected = plain.extract(torch.from_numpy(waveform)).numpy().copy()
    for grid, factor in ((0, 1 / 1.05), (2, 1.05)):
        part = slice(128 * grid, 128 * (grid + 1))
        expected[:, part] = expected[:, part] @ mel_warp_matrix(128, factor, 0.0, 8000.0)
    found = warped.extract(torch.from_numpy(waveform)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found[:, 128:256], expected[:, 128:256])
    np.testing.assert_allclose(log_mel(waveform, LogMelSettings.from_dict(warped.to_dict())), found, atol=2e-3)
    warped.set_num_offsets(1)
    np.testing.assert_array_equal(
        warped.extract(torch.from_numpy(waveform)),
        BiGRUCTCFeatureExtractor(**settings | {"num_offsets": 1}).extract(torch.from_numpy(waveform)),
    )


def test_a_part_has_the_very_values_of_the_whole() -> None:
    settings = LogMelSettings(num_offsets=3, grid_warp=1.04)
    features = np.random.default_rng(0).normal(size=(50, 384)).astype(np.float32)
    np.testing.assert_array_equal(warp_grids(features, settings)[20:31], warp_grids(features[20:31], settings))


@pytest.mark.parametrize("value", [0.4, 3, "1.04"])
def test_a_factor_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="grid_warp"):
        BiGRUCTCFeatureExtractor(grid_warp=value)  # type: ignore[arg-type]
