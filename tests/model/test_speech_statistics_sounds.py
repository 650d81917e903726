"""What normalisation by speech is for: real speech in silence and noise, noise alone, awkward sounds."""

import numpy as np
import pytest
import torch
from log_mel_reference import HOP, RATE_HZ, features
from repository import SAMPLE

from hf_bigru_asr import BiGRUCTCFeatureExtractor, load_audio
from hf_bigru_asr.data.augmentation import coloured_noise
from hf_bigru_asr.model.speech_statistics_bigru_ctc import speech_levels, speech_weights

SIDE_S = 6
SIDE_FRAMES = SIDE_S * RATE_HZ // HOP
NEAR_FRAMES = 70
"""Smoothing, contrast and margin, which reach 1.3 s from speech."""
SLOPES_DB = {"white": 0.0, "pink": -3.0, "brown": -6.0}


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return load_audio(SAMPLE)[6400:80_000]  # from the first word on: the file has silence of its own


@pytest.fixture(scope="module")
def extractor(speech: np.ndarray) -> BiGRUCTCFeatureExtractor:
    extractor = BiGRUCTCFeatureExtractor()
    extractor.fit_prior([speech], 200, normalization="speech")
    return extractor


def noise(num_samples: int, level_db: float, colour: str = "white", seed: int = 0) -> np.ndarray:
    """Steady noise at a level below full scale, -200 dB is silence; of brown noise what a microphone lets through."""
    sound = coloured_noise(num_samples, SLOPES_DB[colour], np.random.default_rng(seed))
    spectrum = np.fft.rfft(sound)
    spectrum[: round(20 * num_samples / RATE_HZ)] = 0  # drifts of pure brown noise lie below 20 Hz
    sound = np.fft.irfft(spectrum, num_samples)
    scaled = 10 ** (level_db / 20) * sound / sound.std()
    return (scaled if level_db > -200 else 0 * sound).clip(-1, 1).astype(np.float32)


def weights_of(extractor: BiGRUCTCFeatureExtractor, audio: np.ndarray) -> np.ndarray:
    """`(frames,)`."""
    padded = np.pad(audio, (extractor.num_before, extractor.span))
    frames = extractor.log_mel(torch.from_numpy(padded)).numpy()[: extractor.num_frames(len(audio))]
    return speech_weights(speech_levels(frames, extractor.feature_size), extractor.frame_s)[:, 0]


def with_normalization(extractor: BiGRUCTCFeatureExtractor, normalization: str) -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor.from_dict(extractor.to_dict() | {"normalization": normalization})


@pytest.mark.parametrize(
    ("first_frame", "level_db", "limit"),
    [(0, -200, 0.005), (0, -60, 0.15), (20, -200, 0.15), (20, -60, 0.15)],
    ids=["silence in silence", "silence in noise", "a word in silence", "a word in noise"],
)
def test_silence_on_both_sides_leaves_speech_as_it_is(
    first_frame: int, level_db: float, limit: float, extractor: BiGRUCTCFeatureExtractor
) -> None:
    """Mean change of a frame, in standard deviations.

    Speech without silence has another threshold in it, and so has noise that is louder than its own of -75 dB.
    """
    speech, silence = load_audio(SAMPLE)[first_frame * HOP : 317 * HOP], noise(SIDE_S * RATE_HZ, level_db)
    surrounded = np.concatenate([silence, speech, silence])
    changes = {}
    for normalization in ("speech", "utterance"):
        changed = with_normalization(extractor, normalization)
        inside = features(changed, surrounded)[SIDE_FRAMES:-SIDE_FRAMES]
        changes[normalization] = np.abs(inside - features(changed, speech)).mean()
    assert changes["speech"] < limit
    assert changes["utterance"] > 0.5


@pytest.mark.parametrize("colour", SLOPES_DB)
@pytest.mark.parametrize("level_db", [-75, -50])
def test_noise_around_the_speech_becomes_silence(
    level_db: float, colour: str, extractor: BiGRUCTCFeatureExtractor, speech: np.ndarray
) -> None:
    """Also noise that is louder than the floor between the words, which is that of another recording."""
    side = noise(SIDE_S * RATE_HZ, level_db, colour)
    surrounded = np.concatenate([side, speech, side])

    weights, found = weights_of(extractor, surrounded), features(extractor, surrounded)

    assert weights[: SIDE_FRAMES - NEAR_FRAMES].max() == weights[-SIDE_FRAMES + NEAR_FRAMES :].max() == 0
    assert weights[SIDE_FRAMES:-SIDE_FRAMES].mean() > 0.8
    whole_blocks = found[: 4 * RATE_HZ // HOP].reshape(4, RATE_HZ // HOP, -1)
    np.testing.assert_array_equal(whole_blocks, np.repeat(whole_blocks[:, :1], RATE_HZ // HOP, axis=1))


@pytest.mark.parametrize("colour", SLOPES_DB)
@pytest.mark.parametrize("level_db", [-90, -70, -45, -20, -6])
def test_steady_noise_is_the_silence_of_zeros(
    level_db: float, colour: str, extractor: BiGRUCTCFeatureExtractor
) -> None:
    sound = noise(5 * RATE_HZ, level_db, colour, seed=1)
    assert weights_of(extractor, sound).max() == 0
    np.testing.assert_array_equal(features(extractor, sound), features(extractor, np.zeros_like(sound)))


@pytest.mark.parametrize("colour", SLOPES_DB)
def test_speech_in_noise_at_10_db_is_speech(
    colour: str, extractor: BiGRUCTCFeatureExtractor, speech: np.ndarray
) -> None:
    level_db = 20 * np.log10(speech.std()) - 10
    is_speech = weights_of(extractor, speech) > 0.9
    weights = weights_of(extractor, speech + noise(len(speech), level_db, colour))
    assert is_speech.mean() > 0.8
    assert weights[is_speech].min() > 0
    assert (weights[is_speech] > 0.5).mean() > 0.5


def test_a_quiet_speaker_after_a_loud_one(extractor: BiGRUCTCFeatureExtractor, speech: np.ndarray) -> None:
    """At the tenth part of the amplitude, 20 s later, he is normalised as he is alone."""
    pause = noise(20 * RATE_HZ, -85)
    together = np.concatenate([speech, pause, 0.1 * speech])
    found = features(extractor, together)[-len(speech) // HOP :]
    alone = features(extractor, np.concatenate([pause, 0.1 * speech]))[-len(speech) // HOP :]
    assert np.abs(found - alone).mean() < 0.05


def test_loudness_is_normalised_away(extractor: BiGRUCTCFeatureExtractor, speech: np.ndarray) -> None:
    """But where a frame comes to the floor of the features, or is no speech."""
    is_above = features(with_normalization(extractor, "none"), speech / 4) > np.log(2e-6)
    is_above &= weights_of(extractor, speech)[:, None] == 1
    changes = np.abs(features(extractor, speech / 4) - features(extractor, speech))
    assert is_above.mean() > 0.5
    assert changes[is_above].mean() < 0.1


@pytest.mark.parametrize("num_samples", [1, 320, 321, 16_000])
@pytest.mark.parametrize("kind", ["zeros", "constant", "tone", "click"])
def test_awkward_audio_is_finite(kind: str, num_samples: int, extractor: BiGRUCTCFeatureExtractor) -> None:
    audio = {
        "zeros": np.zeros(num_samples),
        "constant": np.full(num_samples, 0.5),
        "tone": 0.5 * np.sin(2 * np.pi * 440 * np.arange(num_samples) / RATE_HZ),
        "click": np.eye(1, num_samples, num_samples // 2)[0],
    }[kind].astype(np.float32)
    found = features(extractor, audio)
    assert np.isfinite(found).all()
    if kind == "zeros":
        assert not found.any(), "what is no speech is the mean of speech"
