"""SpecAugment inside the model: where masks fall, what they hold, and how many there are."""

import pytest
import torch
from small_network import MELS, make_batch, make_model

from hf_bigru_asr import BiGRUForCTC


def masked_cells(model: BiGRUForCTC, features: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the first layer gets, and where that is not what came in."""
    with torch.no_grad():
        seen = model(features, attention_mask=mask, output_hidden_states=True).hidden_states[0]
    return seen, (seen != features) & (mask[..., None] == 1)


def test_masking_happens_in_training_only() -> None:
    model = make_model(apply_spec_augment=True, mask_time_prob=0.5, mask_feature_prob=0.5, mask_feature_length=3)
    features, mask = make_batch([40, 30])
    assert masked_cells(model.train(), features, mask)[1].any()
    assert not masked_cells(model.eval(), features, mask)[1].any()
    model.config.apply_spec_augment = False
    assert not masked_cells(model.train(), features, mask)[1].any()


def test_masks_fall_on_valid_frames_and_hold_the_mean() -> None:
    model = make_model(
        apply_spec_augment=True, mask_time_min_masks=2, mask_feature_min_masks=1, mask_feature_length=4
    ).train()
    lengths = [60, 1, 25]
    features, mask = make_batch(lengths, 64)
    for _ in range(20):
        seen, masked = masked_cells(model, features, mask)
        for row, length in enumerate(lengths):
            mean = features[row, :length].mean(0).expand(length, MELS)
            where = masked[row, :length]
            torch.testing.assert_close(seen[row, :length][where], mean[where])
            assert (seen[row, length:] == 0).all()
        # Whole frames and whole bins are masked: every masked cell lies in one of the two.
        full_frames, full_bins = masked[0, :60].all(1), masked[0, :60].all(0)
        assert torch.equal(masked[0, :60], full_frames[:, None] | full_bins[None, :])


def test_masks_depend_on_the_seed_alone() -> None:
    model = make_model(apply_spec_augment=True, mask_time_prob=0.4).train()
    features, mask = make_batch([40, 30])
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(masked_cells(model, features, mask)[1])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("probability", [0.02, 0.05])
@pytest.mark.parametrize("num_frames", [37, 400])
def test_expected_share_of_masked_frames(probability: float, num_frames: int) -> None:
    model = make_model(apply_spec_augment=True, mask_time_prob=probability, mask_time_length=10).train()
    features, mask = make_batch([num_frames] * 600)
    share = model.bigru._mask_features(features, mask.sum(-1)).ne(features).all(-1).float().mean().item()
    # A little under it: masks overlap.
    assert probability * 0.8 < share < probability * 1.15


def test_expected_share_of_masked_bins() -> None:
    model = make_model(
        num_mel_bins=128, apply_spec_augment=True, mask_time_prob=0.0, mask_feature_prob=0.1, mask_feature_length=20
    ).train()
    features = torch.randn(600, 2, 128)
    changed = model.bigru._mask_features(features, torch.full((600,), 2)).ne(features)
    share = changed.all(1).float().mean().item()
    assert 0.08 < share < 0.115
    assert torch.equal(changed.all(1), changed.any(1))
