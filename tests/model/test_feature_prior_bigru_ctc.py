"""The prior of the features, against moments written out."""

import numpy as np
import pytest

from hf_bigru_asr.model.feature_prior_bigru_ctc import check_prior, fit_prior

FRAME_S = 0.02


def words(seed: int, num_frames: int = 150) -> np.ndarray:
    """Log-mel frames `(frames, 3)`, in the middle third of which nobody speaks."""
    frames = np.random.default_rng(seed).normal([-1, -2, -3], 0.5, (num_frames, 3))
    frames[num_frames // 3 : 2 * num_frames // 3] -= 8
    return frames.astype(np.float32)


def test_moments_of_utterances() -> None:
    utterances = [words(0), words(1, 300), words(2) + np.float32(5)]
    variance = sum(len(each) * each.var(0) for each in utterances) / sum(map(len, utterances))
    prior = fit_prior(iter(utterances), FRAME_S)
    np.testing.assert_allclose(prior.std, np.sqrt(variance), atol=1e-3)
    # The mean of the speech alone, in which a few frames of the pauses count as its margin.
    speech = np.concatenate([each[each.mean(1) > each.mean() - 2] for each in utterances])
    everything = np.concatenate(utterances)
    assert prior.mean is not None
    assert np.all(prior.mean - everything.mean(0) > 0.6 * (speech.mean(0) - everything.mean(0)))
    assert np.all(prior.mean < speech.mean(0))


def test_noise_alone_has_no_mean_of_speech() -> None:
    noise = np.random.default_rng(0).normal(-3, 0.5, (200, 40)).astype(np.float32)
    prior = fit_prior([noise], FRAME_S)
    assert prior.mean is None
    np.testing.assert_allclose(prior.std, noise.std(0), atol=1e-3)


@pytest.mark.parametrize(
    ("frames", "std", "message"),
    [
        (-1, None, "prior_frames is -1; it must be at least 0"),
        (5, None, "prior_frames is 5, which needs prior_std with 2 values; got None"),
        (5, [1.0], "needs prior_std with 2 values; got 1"),
        (5, [1.0, 0.0], "prior_std has the value 0.0; all of them must be positive"),
    ],
)
def test_a_prior_that_is_none_is_refused(frames: int, std: list[float] | None, message: str) -> None:
    check_prior(2, 0, std)
    check_prior(2, 5, [1.0, 2.0])
    with pytest.raises(ValueError, match=message):
        check_prior(2, frames, std)
