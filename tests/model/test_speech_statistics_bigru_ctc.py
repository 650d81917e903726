"""Normalisation by the speech around a frame, against the rule of the module written frame by frame."""

import numpy as np
import pytest
from speech_prior import speech_prior

from hf_bigru_asr.model.speech_statistics_bigru_ctc import (
    SpeechPrior,
    SpeechSums,
    block_frames,
    normalize_by_speech,
    speech_levels,
    speech_weights,
    window_blocks,
)

FRAME_S = 0.02
NUM_MELS = 5
MEL_FLOOR = 1e-6
_SETTINGS = speech_prior(NUM_MELS)
PRIOR = SpeechPrior.of(NUM_MELS, _SETTINGS["prior_frames"], _SETTINGS["prior_mean"], _SETTINGS["prior_std"])
TOLERANCE = 1e-4
"""Of normalised values, whose standard deviation is about one: rounding to float32."""


def recording(levels_db: list[float], frames: int = 60, num_grids: int = 1, seed: int = 0) -> np.ndarray:
    """Log-mel frames `(frames, grids * mels)` in parts of `frames`, each with a level and a spectrum of its own."""
    rng = np.random.default_rng(seed)
    bins = num_grids * NUM_MELS
    spectra = [level_db * np.log(10) / 10 + rng.normal(0, 1, bins) for level_db in levels_db]
    parts = [rng.normal(spectrum, 0.7, (frames, bins)) for spectrum in spectra]
    return np.maximum(np.concatenate(parts), np.log(MEL_FLOOR)).astype(np.float32)


def speech(level_db: float, frames: int = 120, num_grids: int = 1, seed: int = 0) -> np.ndarray:
    """The same with syllables: parts of 0.2 s, every other one of which is 15 dB lower."""
    levels = [level_db - 15 * (part % 2) for part in range(frames // 10)]
    return recording(levels, 10, num_grids, seed)


def normalised(frames: np.ndarray, frame_s: float = FRAME_S) -> np.ndarray:
    return normalize_by_speech(frames, frame_s, PRIOR)


def weights_of(frames: np.ndarray, frame_s: float = FRAME_S) -> np.ndarray:
    """`(frames, grids)`."""
    return speech_weights(speech_levels(frames, NUM_MELS), frame_s)


def around(values: np.ndarray, position: int, seconds: float, frame_s: float) -> np.ndarray:
    """What lies within so many seconds on both sides."""
    radius = max(1, round(seconds / frame_s))
    return values[max(0, position - radius) : position + radius + 1]


def ramp(distance: float, width: float) -> float:
    return min(1.0, max(0.0, distance / width + 0.5))


def weights_by_hand(grid: np.ndarray, frame_s: float) -> np.ndarray:
    """`(frames,)` of one grid, a frame at a time."""
    places = range(len(grid))
    levels = np.array([10 * np.log10(np.e) * frame.mean() for frame in grid])
    smooth = np.array([around(levels, i, 0.1, frame_s).mean() for i in places])
    steps = []
    for i, window in zip(places, windows_by_hand(len(grid), frame_s), strict=True):
        low, high = smooth[window].min(), max(smooth[window].max(), smooth.max() - 20)
        threshold = max(high - 18, min(low + 8, (low + high) / 2))
        near = around(smooth, i, 1.0, frame_s)
        steps.append(ramp(smooth[i] - threshold, 6) * ramp(np.ptp(near) - 2.5, 1.5))
    return np.array([around(np.array(steps), i, 0.2, frame_s).max() for i in places])


def windows_by_hand(num_frames: int, frame_s: float) -> list[slice]:
    """For every frame the frames whose statistics it has."""
    block = max(1, round(1 / frame_s))
    radius = max(1, round(15 / (block * frame_s)))
    return [slice(max(0, i // block - radius) * block, (i // block + radius + 1) * block) for i in range(num_frames)]


def by_hand(grid: np.ndarray, frame_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights `(frames,)` and normalised frames `(frames, mels)` of one grid, a frame at a time."""
    grid = grid.astype(np.float64)
    weights = weights_by_hand(grid, frame_s)
    prior_mean, prior_std = np.array(PRIOR.mean), np.array(PRIOR.std)
    found, window, mean, deviation = np.empty_like(grid), slice(0), prior_mean, prior_std
    for i, place in enumerate(windows_by_hand(len(grid), frame_s)):
        if place != window:
            window = place
            shares = 10 * weights / max(weights.sum(), 10)
            shares[window] += weights[window]
            count = shares.sum()
            own = shares @ grid / max(count, 1e-9)
            shift = count * (own - prior_mean).mean() / (count + 10)
            mean = (count * own + 10 * (prior_mean + shift)) / (count + 10)
            squares = shares @ (grid - own) ** 2
            deviation = np.sqrt((squares + PRIOR.frames * prior_std**2) / (count + PRIOR.frames) + 1e-5)
        presence = min(1.0, 2 * around(weights, i, 0.5, frame_s).max())
        found[i] = presence * (grid[i] - mean) / deviation
    return weights, found


CASES = {
    "speech": [0, -15, 5, -20, -3, 4, -12],
    "pauses": [-60, 0, -60, 3, -70],
    "quiet noise": [0, -22, 2, -25],
    "some contrast": [0, -8, 1, -4.5, -1],
    "steady": [-10],
    "longer than the window": [0, -40, 10, -40] * 7,
    "a quiet speaker": [0, -60, 4, *[-70] * 14, -25, -60, -30, *[-70] * 4, -15, -50],
}


@pytest.mark.parametrize(("frame_s", "num_grids"), [(0.02, 1), (0.105, 3), (0.3, 2)])
@pytest.mark.parametrize("levels_db", CASES.values(), ids=CASES)
def test_the_rule_frame_by_frame(levels_db: list[float], frame_s: float, num_grids: int) -> None:
    frames = recording(levels_db, round(1.2 / frame_s), num_grids)

    weights, found = weights_of(frames, frame_s), normalised(frames, frame_s)

    assert found.dtype == weights.dtype == np.float32
    assert weights.shape == (len(frames), num_grids)
    for grid in range(num_grids):
        mels = slice(grid * NUM_MELS, (grid + 1) * NUM_MELS)
        expected_weights, expected = by_hand(frames[:, mels], frame_s)
        np.testing.assert_allclose(weights[:, grid], expected_weights, atol=TOLERANCE)
        np.testing.assert_allclose(found[:, mels], expected, atol=TOLERANCE)


@pytest.mark.parametrize("size", [1, 7, 50, 64, 1000])
def test_pieces_have_the_sums_of_the_whole(size: int) -> None:
    frames = recording([0, -50, 5, -50, 2], num_grids=2)
    weights = weights_of(frames)
    sums = SpeechSums(NUM_MELS, FRAME_S)
    for start in range(0, len(frames), size):
        sums.add(start, frames[start : start + size], weights[start : start + size])
    normalize = sums.normalizer(weights, PRIOR)

    pieces = [normalize(frames[start : start + size], start) for start in range(0, len(frames), size)]

    np.testing.assert_allclose(np.concatenate(pieces), normalised(frames), atol=1e-6)


def test_many_blocks_are_as_one_by_one() -> None:
    frames = recording([0, -40, 5] * 100, frames=1)  # 300 blocks, more than are computed at once
    np.testing.assert_allclose(normalised(frames, 1.0), by_hand(frames, 1.0)[1], atol=TOLERANCE)
    assert block_frames(1.0) == 1
    assert window_blocks(1.0) == 15
    assert 0 < weights_of(frames, 1.0).mean() < 1


@pytest.mark.parametrize("frame_s", [0.01, 0.02, 0.021, 0.0375])
def test_sizes_in_frames(frame_s: float) -> None:
    assert block_frames(frame_s) * frame_s == pytest.approx(1.0, abs=frame_s / 2)
    assert window_blocks(frame_s) * block_frames(frame_s) * frame_s == pytest.approx(15.0, abs=0.5)


# What the rule is for; with real speech and noise in `test_speech_normalization.py`


def test_speakers_far_apart_do_not_move_each_other() -> None:
    """What lies beyond the window counts as 10 frames, beside the 600 of the speaker."""
    tilt = np.linspace(-3, 3, NUM_MELS, dtype=np.float32)
    one, other = speech(0, 600) + tilt, speech(0, 600, seed=1) - tilt
    together = np.concatenate([one, recording([-60], frames=1000), other])

    found = normalised(together)

    joined = normalised(np.concatenate([one, other]))
    for part, each in ((slice(0, 600), one), (slice(-600, None), other)):
        expected = normalised(each)
        assert np.abs(found[part] - expected).mean() < 0.15
        assert np.abs(joined[part] - expected).mean() > 0.3, "side by side they share their statistics"


def test_a_quiet_speaker_counts_as_speech_beside_a_loud_one() -> None:
    """A speaker 18 dB below another, and beyond the window, has the weights that he has alone."""
    for level_db in (-18, -26):
        pause = recording([-60], frames=100)
        quiet = np.concatenate([pause, speech(level_db, 240, seed=1), pause])
        weights = weights_of(np.concatenate([speech(0), recording([-60], frames=900), quiet]))[-len(quiet) :]
        if level_db == -18:
            np.testing.assert_allclose(weights, weights_of(quiet), atol=1e-6)
        assert weights[100:-100].min() > 0.8
        assert weights[:80].max() == 0


@pytest.mark.parametrize("noise_db", [-35, -12], ids=["below the depth", "within the depth"])
def test_pauses_with_louder_noise_than_the_own_floor_of_the_speech(noise_db: float) -> None:
    """The floor between the words lies lower than that of the pauses around: neither counts as speech."""
    words = np.concatenate([recording([-55], frames=30), speech(0, 200), recording([-55], frames=30)])
    noise = recording([noise_db], frames=300, seed=2)
    weights = weights_of(np.concatenate([noise, words, noise]))[:, 0]
    spoken = slice(330, 530)
    assert (weights[spoken] == 1).all()
    # Within a second of the words levels differ, and noise is told by its level alone.
    nearest = 310 if noise_db < -18 else 230
    assert weights[:nearest].max() == weights[-nearest:].max() == 0


def test_a_part_without_speech_takes_the_statistics_of_the_whole() -> None:
    """10 frames of them: the last 20 s are further than the window from speech."""
    frames = np.concatenate([speech(0), recording([-60] * 20)])
    weights = weights_by_hand(frames.astype(np.float64), FRAME_S)
    assert weights.sum() > 100
    own = weights @ frames / weights.sum()
    prior_mean, prior_variance = np.array(PRIOR.mean), np.square(PRIOR.std)
    mean = (own + prior_mean + (own - prior_mean).mean() / 2) / 2  # as many frames of the prior
    variance = weights @ (frames - own) ** 2 / weights.sum()
    variance = (10 * variance + PRIOR.frames * prior_variance) / (10 + PRIOR.frames)
    sums = SpeechSums(NUM_MELS, FRAME_S)
    sums.add(0, frames, weights_of(frames))
    found = sums.normalizer(weights_of(frames), PRIOR)
    np.testing.assert_allclose(found.mean[-1], mean, rtol=1e-4)
    np.testing.assert_allclose(found.variance[-1], variance, rtol=1e-4)
    np.testing.assert_array_equal(normalised(frames)[-50:], 0.0)


def test_loudness_is_normalised_away() -> None:
    """But for what 10 frames at the prior's level leave of it, and for silence, which has one level."""
    frames = np.concatenate([speech(0, 300), recording([-40], frames=30), speech(3, 300)])
    louder = normalised(frames + np.float32(3))
    np.testing.assert_allclose(louder, normalised(frames), atol=2e-3)


def test_rounding_changes_no_more_than_rounding() -> None:
    """No threshold switches: a change of one part in a million stays that small."""
    for levels_db in CASES.values():
        frames = recording(levels_db)
        np.testing.assert_allclose(normalised(frames * np.float32(1 + 1e-6)), normalised(frames), atol=3e-4)


# Awkward input


@pytest.mark.parametrize("num_frames", [1, 2, 200])
@pytest.mark.parametrize("level", [-13.8155, -2.0, 4.0])
def test_frames_that_never_change_are_silence(level: float, num_frames: int) -> None:
    frames = np.full((num_frames, NUM_MELS), level, dtype=np.float32)
    np.testing.assert_array_equal(weights_of(frames), 0.0)
    np.testing.assert_array_equal(normalised(frames), 0.0)


@pytest.mark.parametrize(("contrast_db", "highest"), [(1.7, 0.0), (2.5, 0.5), (2.875, 0.75), (3.3, 1.0)])
def test_weights_of_little_contrast(contrast_db: float, highest: float) -> None:
    levels = np.repeat(np.float32([0, -contrast_db]), 100)[:, None]
    weights = speech_weights(levels, FRAME_S)
    # The louder half lies less than 3 dB above the threshold, which is half way.
    assert weights.max() == pytest.approx(highest * ramp(contrast_db / 2, 6), abs=1e-6)
    assert weights[:30].max() == weights[-30:].max() == 0, "further than a second from the step nothing changes"


def test_the_margin_around_speech_counts_as_speech() -> None:
    levels = np.full((200, 1), -100.0, dtype=np.float32)
    levels[100:150] = 0.0
    weights = speech_weights(levels, FRAME_S)[:, 0]
    # The threshold is -18 dB, so 10 of the 11 frames of the smoothing must be speech, and the margin is 10 frames.
    assert (weights[94:156] == 1.0).all()
    assert (weights[:92] == 0.0).all()
    assert (weights[158:] == 0.0).all()


def test_a_prior_that_lacks_something_is_named() -> None:
    for values in ((0, [1.0], [1.0]), (9, None, [1.0]), (9, [1.0], None), (9, [1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match=r'normalization="speech" needs prior_frames, and 1 values of prior_mean'):
            SpeechPrior.of(1, *values)
    with pytest.raises(ValueError, match="prior_frames is 9, prior_mean has no values and prior_std 2 values"):
        SpeechPrior.of(1, 9, None, [1.0, 2.0])
