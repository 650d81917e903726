import numpy as np
import pytest

from recipe.varied_voice import Speaker, VariedHibariVoice, _moments, _pitch, _warped

FRAMES = 40


def speaker(**changes: object) -> Speaker:
    """A speaker who is the voice itself."""
    edges = np.array([0.0, 1000.0, 12_000.0])
    plain = {
        "pitch": 1.0,
        "intonation": 1.0,
        "edges_hz": edges,
        "moved_hz": edges,
        "levels_db": np.zeros(3),
        "breath_db": 0.0,
        "rhythm": np.zeros(64),
    }
    return Speaker(**(plain | changes))


def test_resonances_move_and_levels_change() -> None:
    spectrum = np.full((601, 2), -9.0, np.float32)
    spectrum[50] = 0.0  # 1,000 Hz of 12,000
    np.testing.assert_allclose(_warped(spectrum, speaker(), 24_000), spectrum, atol=1e-5)
    moved = _warped(spectrum, speaker(moved_hz=np.array([0.0, 1200.0, 12_000.0])), 24_000)
    assert moved[:, 0].argmax() == 60
    louder = _warped(spectrum, speaker(levels_db=np.full(3, 20.0)), 24_000)
    np.testing.assert_allclose(louder - spectrum, np.log(10), atol=1e-5)


def test_pitch_and_intonation_change_where_there_is_a_voice() -> None:
    pitch = np.array([0.0, 100.0, 200.0, 400.0, 0.0], np.float32)
    np.testing.assert_allclose(_pitch(pitch, speaker(pitch=0.9)), 0.9 * pitch, rtol=1e-5)
    np.testing.assert_allclose(_pitch(pitch, speaker(intonation=0.5)), [0, 141.42, 200, 282.84, 0], rtol=1e-4)
    assert not _pitch(np.zeros(3, np.float32), speaker()).any()


def test_frames_stay_in_order_and_take_longer_where_speech_is_slow() -> None:
    np.testing.assert_array_equal(_moments(FRAMES, np.zeros(64)), np.arange(FRAMES))
    slow = _moments(FRAMES, np.full(64, np.log(2)))
    assert len(slow) == 2 * FRAMES
    np.testing.assert_array_equal(slow[::2], np.arange(FRAMES))


def test_speakers_differ_by_seed() -> None:
    speakers = [Speaker.draw(np.random.default_rng(seed)) for seed in range(200)]
    assert min(each.pitch for each in speakers) < 0.6 < 1.2 < max(each.pitch for each in speakers)
    assert all((np.diff(each.moved_hz) >= 0).all() for each in speakers)


def test_a_voice_is_another_speaker_with_another_seed() -> None:
    pytest.importorskip("hibari", reason="the extra `synthesis` is not installed")
    voice = VariedHibariVoice("heart")
    first, again, other = (voice("good morning", 1.0, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or np.abs(first - other).max() > 0.01
    assert 0.4 < len(first) / voice.sampling_rate < 2
