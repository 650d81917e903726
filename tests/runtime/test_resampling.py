"""Resampling with numpy against torchaudio."""

import numpy as np
import pytest
import torch
from torchaudio.functional import resample as torchaudio_resample

from hf_bigru_asr.runtime.resampling import resample


@pytest.mark.parametrize("rate_to", [16_000, 24_000])
@pytest.mark.parametrize("rate_from", [8000, 11_025, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("num_samples", [1, 7, 5001])
def test_equals_torchaudio(num_samples: int, rate_from: int, rate_to: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, num_samples).astype(np.float32)

    resampled = resample(samples, rate_from, rate_to)

    expected = torchaudio_resample(torch.from_numpy(samples), rate_from, rate_to).numpy()
    assert resampled.dtype == np.float32
    # torchaudio computes the times of its filters' taps in float32.
    np.testing.assert_allclose(resampled, expected, atol=1e-4, rtol=0)
