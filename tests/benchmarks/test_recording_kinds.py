"""Recordings of clips, whose parts and levels are known."""

import numpy as np
import pytest
from speech_rows import make_waveform

from benchmarks import recording_kinds as kinds_module
from benchmarks.recording_kinds import Clip, Recording, recording_kinds, sessions, speechless_kinds

RATE_HZ = 16_000


def clips_of(num_speakers: int, per_speaker: int = 1) -> list[Clip]:
    return [
        Clip(make_waveform(number, 1600 + 160 * number), f"WORD {number}", number % num_speakers)
        for number in range(num_speakers * per_speaker)
    ]


def made(name: str, clips: list[Clip]) -> list[Recording]:
    return list(recording_kinds(with_hour=True)[name](clips, RATE_HZ, np.random.default_rng(0)))


def level_db(waveform: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))))


@pytest.mark.parametrize("name", recording_kinds())
def test_every_kind_is_made_alike_in_16_bits(name: str) -> None:
    clips = clips_of(3)
    recordings, again = made(name, clips), made(name, clips)
    assert sorted(position for each in recordings for position in each.clips) == [0, 1, 2]
    for recording, other in zip(recordings, again, strict=True):
        np.testing.assert_array_equal(recording.waveform, other.waveform)
        assert recording.waveform.dtype == np.float32
        steps = recording.waveform * 32768
        assert (steps == steps.round()).all()
        assert np.abs(recording.waveform).max() <= 1


@pytest.mark.parametrize(
    ("name", "side_s", "expected_db"),
    [
        ("a: 4 s of zeros on both sides", 4, -np.inf),
        ("a: 30 s of zeros on both sides", 30, -np.inf),
        ("b: 4 s of noise at -60 dB on both sides", 4, -60),
        ("b: 30 s of noise at -45 dB on both sides", 30, -45),
    ],
)
def test_what_stands_around_a_clip(name: str, side_s: int, expected_db: float) -> None:
    (clip,) = clips_of(1)
    (recording,) = made(name, [clip])
    side = side_s * RATE_HZ
    np.testing.assert_array_equal(recording.waveform[side:-side], clip.waveform)
    for part in (recording.waveform[:side], recording.waveform[-side:]):
        with np.errstate(divide="ignore"):
            assert level_db(part) == pytest.approx(expected_db, abs=0.3)


def test_the_noise_of_a_room_has_no_white_spectrum() -> None:
    noise = speechless_kinds()["i: room noise at -30 dB"](8.0, RATE_HZ, np.random.default_rng(0))
    power = np.square(np.abs(np.fft.rfft(noise)))
    low, high = power[800:1600].mean(), power[12_800:25_600].mean()  # 100 to 200 Hz and 1.6 to 3.2 kHz
    assert 10 * np.log10(low / high) == pytest.approx(12, abs=1.5), "four octaves of 3 dB each"


@pytest.mark.parametrize(("num_speakers", "per_speaker", "size"), [(12, 3, 10), (10, 2, 10), (3, 4, 3)])
def test_sessions_have_different_speakers(num_speakers: int, per_speaker: int, size: int) -> None:
    clips = clips_of(num_speakers, per_speaker)
    groups = sessions(clips, np.random.default_rng(0))
    taken = [position for group in groups for position in group]
    assert len(groups) == num_speakers * per_speaker // size
    assert len(taken) == len(set(taken))
    for group in groups:
        assert len({clips[position].speaker for position in group}) == len(group) == size


@pytest.mark.parametrize(("num_speakers", "num_sessions"), [(12, 7), (3, 2)])
def test_as_many_sessions_as_are_asked_for(num_speakers: int, num_sessions: int) -> None:
    clips = clips_of(num_speakers, 2)
    groups = sessions(clips, np.random.default_rng(0), num_sessions=num_sessions)
    assert len(groups) == num_sessions
    for group in groups:
        assert len({clips[position].speaker for position in group}) == len(group) == min(num_speakers, 10)
    num_rounds = -(-num_sessions // len(sessions(clips, np.random.default_rng(0))))
    taken = [position for group in groups for position in group]
    assert max(taken.count(position) for position in taken) == num_rounds, "a clip comes once in a round"
    assert len(set(groups)) == num_sessions, "rounds differ"
    kind = recording_kinds(num_sessions=num_sessions)["c: ten speakers, pauses of zeros"]
    assert len(list(kind(clips, RATE_HZ, np.random.default_rng(0)))) == num_sessions


def test_pauses_between_speakers() -> None:
    clips = clips_of(10)
    (recording,) = made("c: ten speakers, pauses of zeros", clips)
    pauses_s = []
    start = 0
    for position in recording.clips:
        waveform = clips[position].waveform
        pause = int(np.argmax(recording.waveform[start:] != 0))  # no clip begins with a zero
        pauses_s.append(pause / RATE_HZ)
        start += pause
        np.testing.assert_array_equal(recording.waveform[start : start + len(waveform)], waveform)
        start += len(waveform)
    assert start == len(recording.waveform)
    assert pauses_s[0] == 0
    assert all(1 <= pause_s <= 60 for pause_s in pauses_s[1:])
    assert max(pauses_s) > 30


def test_an_hour_ends_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = clips_of(10)
    monkeypatch.setattr(kinds_module, "HOUR_S", 1000.0)
    (recording,) = made("d: an hour of speakers, pauses of zeros", clips)
    assert 1000 <= len(recording.waveform) / RATE_HZ < 1065
    assert len(recording.clips) > 16, "clips are taken again"
    assert set(recording.clips) == set(range(10))


@pytest.mark.parametrize("name", ["e: telephone band", "e: telephone band, mu-law"])
def test_the_band_of_a_telephone(name: str) -> None:
    (recording,) = made(name, [Clip(make_waveform(0, RATE_HZ), "A", 0)])
    power = np.square(np.abs(np.fft.rfft(recording.waveform)))  # 1 Hz each
    inside = power[400:3300].mean()
    assert len(recording.waveform) == RATE_HZ
    assert 10 * np.log10(power[4500:].mean() / inside) < -30
    expected = -20 if "mu-law" in name else -40  # its error is white
    assert 10 * np.log10(power[:180].mean() / inside) < expected


def test_mu_law_is_that_of_g711() -> None:
    """256 levels: the error is some 38 dB below the speech, whatever its level."""
    (clip,) = clips_of(1)
    for gain in (1.0, 0.1):
        quiet = Clip((gain * clip.waveform).astype(np.float32), "A", 0)
        (plain,), (coded,) = made("e: telephone band", [quiet]), made("e: telephone band, mu-law", [quiet])
        error_db = level_db(coded.waveform - plain.waveform) - level_db(plain.waveform)
        assert error_db == pytest.approx(-38, abs=4)


@pytest.mark.parametrize(("name", "ratio_db"), [("f: noise at 20 dB", 20), ("f: noise at 10 dB", 10)])
def test_noise(name: str, ratio_db: int) -> None:
    (clip,) = clips_of(1)
    (recording,) = made(name, [clip])
    assert level_db(clip.waveform) - level_db(recording.waveform - clip.waveform) == pytest.approx(ratio_db, abs=0.1)


def test_levels() -> None:
    clip = Clip(2 * make_waveform(0, 1600), "A", 0)
    (quiet,), (clipped,) = made("h: gain of -30 dB", [clip]), made("h: clipped by 12 dB", [clip])
    assert level_db(quiet.waveform) == pytest.approx(level_db(clip.waveform) - 30, abs=0.05)
    loud = clip.waveform * 10 ** (12 / 20)
    np.testing.assert_allclose(clipped.waveform, loud.clip(-1, 1), atol=1 / 30_000)
    assert (np.abs(loud) > 1).mean() > 0.3, "or the case shows nothing"


@pytest.mark.parametrize("name", speechless_kinds())
def test_what_has_no_speech(name: str) -> None:
    waveform = speechless_kinds()[name](2.0, RATE_HZ, np.random.default_rng(0))
    assert waveform.shape == (2 * RATE_HZ,)
    assert waveform.dtype == np.float32
    expected_db = float(name.split()[-2]) if name.endswith("dB") else -np.inf if "zeros" in name else -20
    with np.errstate(divide="ignore"):
        assert level_db(waveform) == pytest.approx(expected_db, abs=0.6)
