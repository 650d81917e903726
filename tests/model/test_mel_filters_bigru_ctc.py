"""The mel filter bank against triangles written with numpy."""

import numpy as np
import pytest
import torch
from log_mel_reference import RATE_HZ, mel_triangles

from hf_bigru_asr import BiGRUCTCFeatureExtractor
from hf_bigru_asr.model.mel_filters_bigru_ctc import MelScale, mel_filter_bank, mel_powers


def test_no_default_mel_filter_is_empty() -> None:
    extractor = BiGRUCTCFeatureExtractor()
    assert (extractor.mel_filters.numpy() > 0).any(axis=0).all()
    np.testing.assert_allclose(extractor.mel_filters, mel_triangles(513, 128, 0.0, 8000.0, RATE_HZ), atol=1e-4)


def test_a_transform_that_leaves_mel_filters_empty_is_refused() -> None:
    empty = int((mel_triangles(257, 128, 0.0, 8000.0, RATE_HZ).max(0) == 0).sum())
    assert empty > 0
    with pytest.raises(ValueError, match=rf"{empty} of the 128 mel filters .* 512-point .*raise n_fft or lower"):
        BiGRUCTCFeatureExtractor(n_fft=512)


@pytest.mark.parametrize("scale", [(513, 0.0, 8000.0, 128, RATE_HZ), (129, 200.0, 3400.0, 3, 8000)], ids=str)
def test_groups_of_filters_give_what_the_whole_bank_gives(scale: tuple[int, float, float, int, int]) -> None:
    filters = mel_filter_bank(MelScale(*scale))
    power = torch.rand(7, scale[0])
    torch.testing.assert_close(mel_powers(power, filters, MelScale(*scale)), power @ filters)
