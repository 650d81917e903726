import numpy as np
import pytest

from hf_bigru_asr.data.recording_conditions import (
    add_random_silence,
    change_random_level,
    speechless_sound,
    through_random_telephone,
)

RATE_HZ = 16_000


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def power(waveform: np.ndarray) -> float:
    return float(np.mean(np.square(waveform, dtype=np.float64)))


def test_speech_stands_within_silence_where_it_is_said_to() -> None:
    speech = tone(300)
    sides, noisy = set(), 0
    for seed in range(60):
        recorded, before = add_random_silence(speech, RATE_HZ, np.random.default_rng(seed), (0.5, 2.0))
        after = len(recorded) - before - len(speech)
        assert all(side == 0 or 0.5 * RATE_HZ <= side <= 2 * RATE_HZ for side in (before, after))
        np.testing.assert_allclose(recorded[before : before + len(speech)], speech, atol=0.08)
        silence = np.concatenate([recorded[:before], recorded[before + len(speech) :]])
        assert power(silence) < 10 ** (-36 / 10) if len(silence) else True
        noisy += bool(silence.any())
        sides.add((before > 0, after > 0))
    assert sides == {(False, False), (False, True), (True, False), (True, True)}
    assert 15 < noisy < 50


def test_a_telephone_passes_its_band_alone() -> None:
    for seed in range(5):
        inside, low, high = (
            power(through_random_telephone(tone(hertz), RATE_HZ, np.random.default_rng(seed))) / power(tone(hertz))
            for hertz in (1000, 30, 5000)
        )
        assert 0.9 < inside < 1.1
        assert low < 0.01
        assert high < 0.001


def test_a_level_is_changed_and_clipped_at_full_scale() -> None:
    changed = [change_random_level(tone(300), np.random.default_rng(seed)) for seed in range(50)]
    levels_db = [10 * np.log10(power(each) / power(tone(300))) for each in changed]
    assert min(levels_db) < -25
    assert max(levels_db) > 5
    assert max(np.abs(each).max() for each in changed) == 1.0


def test_sounds_without_speech_have_a_level() -> None:
    levels_db = []
    for seed in range(12):
        sound = speechless_sound(0.7, RATE_HZ, np.random.default_rng(seed))
        assert sound.shape == (round(0.7 * RATE_HZ),)
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() <= 1
        levels_db.append(20 * np.log10(np.sqrt(np.mean(np.square(sound)))))
    # From -45 to -15 dB, to which noise of the same level at most is added.
    assert min(levels_db) > -45.1
    assert max(levels_db) < -11.9
    assert np.ptp(levels_db) > 15


@pytest.mark.parametrize("make", [through_random_telephone, add_random_silence])
def test_a_seed_gives_the_same_recording(make: object) -> None:
    first, second = (np.asarray(make(tone(300), RATE_HZ, np.random.default_rng(3))[0]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
