"""Normalisation by the speech around a frame, against the rule of the module written frame by frame."""

import numpy as np
import pytest
from log_mel_reference import HOP, RATE_HZ, features, noise
from repository import SAMPLE

from hf_bigru_asr import BiGRUCTCFeatureExtractor, load_audio
from hf_bigru_asr.model.speech_statistics_bigru_ctc import (
    SpeechSums,
    block_frames,
    normalize_by_speech,
    speech_levels,
    speech_weights,
    window_blocks,
)

FRAME_S = 0.02
NUM_MELS = 5
TOLERANCE = 1e-4
"""Of normalised values, whose standard deviation is about one: rounding to float32."""


def recording(levels_db: list[float], frames: int = 60, num_grids: int = 1, seed: int = 0) -> np.ndarray:
    """Log-mel frames `(frames, grids * mels)` in parts of `frames`, each with a level and a spectrum of its own."""
    rng = np.random.default_rng(seed)
    bins = num_grids * NUM_MELS
    spectra = [level_db * np.log(10) / 10 + rng.normal(0, 1, bins) for level_db in levels_db]
    return np.concatenate([rng.normal(spectrum, 0.7, (frames, bins)) for spectrum in spectra]).astype(np.float32)


def by_hand(
    grid: np.ndarray, frame_s: float, prior_frames: int = 0, prior_std: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Weights `(frames,)` and normalised frames `(frames, mels)` of one grid, a frame or a block at a time."""
    grid = grid.astype(np.float64)
    num_frames = len(grid)
    levels = [10 * np.log10(np.exp(frame).sum()) for frame in grid]
    smoothing, margin = (max(1, round(seconds / frame_s)) for seconds in (0.1, 0.2))
    smooth = [np.mean(levels[max(0, i - smoothing) : i + smoothing + 1]) for i in range(num_frames)]
    block = max(1, round(1 / frame_s))
    radius = max(1, round(15 / (block * frame_s)))
    num_blocks = -(-num_frames // block)
    windows = [slice(max(0, (i - radius) * block), (i + radius + 1) * block) for i in range(num_blocks)]
    extremes = [(min(smooth[window]), max(smooth[window])) for window in windows]
    loudest = max(smooth)
    steps = []
    for i, level in enumerate(smooth):
        low, high = extremes[i // block]
        has_speech = min(1.0, max(0.0, (high - low - 8) / 4))
        top = loudest - has_speech * min(loudest - high, 20)
        threshold = (top + max(low, top - 50)) / 2
        steps.append(min(1.0, max(0.0, (level - threshold) / 6 + 0.5)))
    lowest = min(1.0, max(0.0, (12 - min(50, loudest - min(smooth))) / 4))
    weights = np.array([max(lowest, *steps[max(0, i - margin) : i + margin + 1]) for i in range(num_frames)])

    normalised = np.empty_like(grid)
    for i, window in enumerate(windows):
        shares = 10 * weights / weights.sum()
        shares[window] += weights[window]
        count = shares.sum()
        mean = shares @ grid / count
        variance = shares @ (grid - mean) ** 2 / count
        if prior_frames:
            variance = (count * variance + prior_frames * prior_std**2) / (count + prior_frames)
        frames = slice(i * block, (i + 1) * block)  # those of a block have the same neighbourhood
        normalised[frames] = (grid[frames] - mean) / np.sqrt(variance + 1e-5)
    return weights, normalised


CASES = {
    "speech": [0, 5, -3, 4],
    "pauses": [-60, 0, -60, 3, -70],
    "quiet noise": [0, -22, 2, -25],
    "some contrast": [0, -8, 1],
    "one part": [-10],
    "longer than the window": [0, -40, 10, -40] * 10,
    "a quiet speaker": [0, -60, 4, *[-70] * 14, -25, -60, -30, *[-70] * 14, -15, -50],
}


@pytest.mark.parametrize("prior_frames", [0, 40])
@pytest.mark.parametrize("num_grids", [1, 3])
@pytest.mark.parametrize("frame_s", [0.02, 0.021, 0.3])
@pytest.mark.parametrize("levels_db", CASES.values(), ids=CASES)
def test_the_rule_frame_by_frame(levels_db: list[float], frame_s: float, num_grids: int, prior_frames: int) -> None:
    frames = recording(levels_db, num_grids=num_grids)
    prior_std = np.linspace(0.5, 2, NUM_MELS)

    weights = speech_weights(speech_levels(frames, NUM_MELS), frame_s)
    found = normalize_by_speech(frames, NUM_MELS, frame_s, prior_frames, prior_std.tolist())

    assert found.dtype == weights.dtype == np.float32
    assert weights.shape == (len(frames), num_grids)
    for grid in range(num_grids):
        mels = slice(grid * NUM_MELS, (grid + 1) * NUM_MELS)
        expected_weights, expected = by_hand(frames[:, mels], frame_s, prior_frames, prior_std)
        np.testing.assert_allclose(weights[:, grid], expected_weights, atol=TOLERANCE)
        np.testing.assert_allclose(found[:, mels], expected, atol=TOLERANCE)


@pytest.mark.parametrize("size", [1, 7, 50, 64, 1000])
def test_pieces_have_the_sums_of_the_whole(size: int) -> None:
    frames = recording([0, -50, 5, -50, 2], num_grids=2)
    weights = speech_weights(speech_levels(frames, NUM_MELS), FRAME_S)
    sums = SpeechSums(NUM_MELS, FRAME_S)
    for start in range(0, len(frames), size):
        sums.add(start, frames[start : start + size], weights[start : start + size])
    normalize = sums.normalizer()

    pieces = [normalize(frames[start : start + size], start) for start in range(0, len(frames), size)]

    np.testing.assert_allclose(np.concatenate(pieces), normalize_by_speech(frames, NUM_MELS, FRAME_S), atol=1e-6)


def test_many_blocks_are_as_one_by_one() -> None:
    frames = recording([0, -40, 5] * 100, frames=3)  # 300 blocks, more than are computed at once
    weights = speech_weights(speech_levels(frames, NUM_MELS), 1.0)
    np.testing.assert_allclose(normalize_by_speech(frames, NUM_MELS, 1.0), by_hand(frames, 1.0)[1], atol=TOLERANCE)
    assert block_frames(1.0) == 1
    assert window_blocks(1.0) == 15
    assert 0 < weights.mean() < 1


@pytest.mark.parametrize("frame_s", [0.01, 0.02, 0.021, 0.0375])
def test_sizes_in_frames(frame_s: float) -> None:
    assert block_frames(frame_s) * frame_s == pytest.approx(1.0, abs=frame_s / 2)
    assert window_blocks(frame_s) * block_frames(frame_s) * frame_s == pytest.approx(15.0, abs=0.5)


# What the rule is for


@pytest.mark.parametrize("level_db", [-120, -60], ids=["silence", "noise"])
def test_silence_on_both_sides_leaves_speech_as_it_is(level_db: float) -> None:
    """Mean change of a frame of real speech, in standard deviations."""
    speech = load_audio(SAMPLE)[6400:80_000]  # from the first word on: the file has silence of its own
    num_frames = 20 * RATE_HZ // HOP
    silence = np.float32(10 ** (level_db / 20)) * noise(num_frames * HOP) / noise(num_frames * HOP).std()
    surrounded = np.concatenate([silence, speech, silence])
    changes = {}
    for normalization in ("speech", "utterance"):
        extractor = BiGRUCTCFeatureExtractor(normalization=normalization)
        inside = features(extractor, surrounded)[num_frames:-num_frames]
        changes[normalization] = np.abs(inside - features(extractor, speech)).mean()
    assert changes["speech"] < 0.2
    assert changes["utterance"] > 1.5


def test_speakers_far_apart_do_not_move_each_other() -> None:
    """What lies beyond the window counts as 10 frames, beside the 600 of the speaker."""
    tilt = np.linspace(-3, 3, NUM_MELS, dtype=np.float32)
    one, other = (
        np.random.default_rng(0).normal([tilt, -tilt], 2, (600, 2, NUM_MELS)).astype(np.float32).swapaxes(0, 1)
    )
    together = np.concatenate([one, recording([-30], frames=1000), other])

    found = normalize_by_speech(together, NUM_MELS, FRAME_S)

    alone = [normalize_by_speech(each, NUM_MELS, FRAME_S) for each in (one, other)]
    joined = normalize_by_speech(np.concatenate([one, other]), NUM_MELS, FRAME_S)
    for part, expected in ((slice(0, 600), alone[0]), (slice(-600, None), alone[1])):
        assert np.abs(found[part] - expected).mean() < 0.12
        assert np.abs(joined[part] - expected).mean() > 0.4, "side by side they share their statistics"


def test_a_quiet_speaker_counts_as_speech_beside_a_loud_one() -> None:
    """A speaker 18 dB below another has the weights that he has alone."""
    loud, quiet = recording([0, 3, -40, 2]), recording([-18, -30, -19, -50, -20], seed=1)
    together = np.concatenate([loud, recording([-60], frames=1000), quiet])
    weights = speech_weights(speech_levels(together, NUM_MELS), FRAME_S)[-len(quiet) :]
    alone = speech_weights(speech_levels(np.concatenate([recording([-60]), quiet]), NUM_MELS), FRAME_S)[-len(quiet) :]
    np.testing.assert_allclose(weights, alone, atol=0.2)
    assert 0.5 < weights.mean() < 1


def test_noise_far_from_speech_is_no_quiet_speaker() -> None:
    frames = np.concatenate([recording([0, 3, -15, 2]), np.repeat(recording([-15], frames=100), 20, axis=0)])
    weights = speech_weights(speech_levels(frames, NUM_MELS), FRAME_S)
    assert weights[:200].max() == 1
    assert weights[300:].max() == 0


def test_a_part_without_speech_takes_the_statistics_of_the_whole() -> None:
    frames = recording([0, 3, *[-60] * 20])  # the last 20 s are further than the window from speech
    weights, _ = by_hand(frames, FRAME_S)
    mean = weights @ frames / weights.sum()
    deviation = np.sqrt(weights @ (frames - mean) ** 2 / weights.sum() + 1e-5)
    found = normalize_by_speech(frames, NUM_MELS, FRAME_S)
    np.testing.assert_allclose(found[-50:], (frames[-50:] - mean) / deviation, rtol=1e-4)


def test_loudness_is_normalised_away() -> None:
    frames = recording([-60, 0, -60, 3, -70])
    louder = normalize_by_speech(frames + np.float32(3), NUM_MELS, FRAME_S)
    np.testing.assert_allclose(louder, normalize_by_speech(frames, NUM_MELS, FRAME_S), atol=TOLERANCE)


def test_rounding_changes_no_more_than_rounding() -> None:
    """No threshold switches: a change of one part in a million stays that small."""
    for levels_db in CASES.values():
        frames = recording(levels_db)
        found = normalize_by_speech(frames * np.float32(1 + 1e-6), NUM_MELS, FRAME_S)
        np.testing.assert_allclose(found, normalize_by_speech(frames, NUM_MELS, FRAME_S), atol=3e-4)


# Awkward input


@pytest.mark.parametrize("num_samples", [1, 320, 321, 16_000])
@pytest.mark.parametrize("kind", ["zeros", "constant", "tone", "click"])
def test_awkward_audio_is_finite(kind: str, num_samples: int) -> None:
    audio = {
        "zeros": np.zeros(num_samples),
        "constant": np.full(num_samples, 0.5),
        "tone": 0.5 * np.sin(2 * np.pi * 440 * np.arange(num_samples) / RATE_HZ),
        "click": np.eye(1, num_samples, num_samples // 2)[0],
    }[kind].astype(np.float32)
    found = features(BiGRUCTCFeatureExtractor(normalization="speech"), audio)
    assert np.isfinite(found).all()
    if kind == "zeros":
        np.testing.assert_allclose(found, 0.0, atol=1e-5)


def test_frames_that_never_change_become_zero() -> None:
    frames = np.full((200, NUM_MELS), -13.8155, dtype=np.float32)
    np.testing.assert_array_equal(speech_weights(speech_levels(frames, NUM_MELS), FRAME_S), 1.0)
    np.testing.assert_allclose(normalize_by_speech(frames, NUM_MELS, FRAME_S), 0.0, atol=1e-5)


@pytest.mark.parametrize(("contrast_db", "lowest"), [(5, 1.0), (10, 0.5), (15, 0.0)])
def test_weights_of_a_recording_with_little_contrast(contrast_db: float, lowest: float) -> None:
    levels = np.repeat(np.float32([0, -contrast_db]), 100)[:, None]
    weights = speech_weights(levels, FRAME_S)
    assert weights.max() == 1.0
    assert weights.min() == pytest.approx(lowest, abs=1e-6)


def test_the_margin_around_speech_counts_as_speech() -> None:
    levels = np.full((200, 1), -100.0, dtype=np.float32)
    levels[100:150] = 0.0
    weights = speech_weights(levels, FRAME_S)[:, 0]
    # The threshold lies at -25 dB, so 9 of the 11 frames of the smoothing must be speech, and the margin is 10 frames.
    assert (weights[93:157] == 1.0).all()
    assert (weights[:92] == 0.0).all()
    assert (weights[158:] == 0.0).all()
