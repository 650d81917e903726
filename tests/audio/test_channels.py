"""Channels: mixed, each on its own, or one; opposite phase, and more than two."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from encoded_sound import encode, make_tone
from media import make_file, needs_ffmpeg

from hf_bigru_asr.audio.findings import AudioWarning
from hf_bigru_asr.audio.loading import AudioError, count_channels, iterate_audio, load_audio, to_mono_float32
from hf_bigru_asr.model.waveforms_bigru_ctc import cancels

LEFT, RIGHT = make_tone(300, 16_000, 16_000), make_tone(700, 16_000, 16_000, 0.2)
CALL = encode(np.stack([LEFT, RIGHT], axis=1), subtype="FLOAT")


def test_a_call_in_its_channels() -> None:
    np.testing.assert_array_equal(load_audio(CALL, channels="split"), [LEFT, RIGHT])
    np.testing.assert_array_equal(load_audio(CALL, channels=0), LEFT)
    np.testing.assert_array_equal(load_audio(CALL, channels=1), RIGHT)
    np.testing.assert_array_equal(load_audio(CALL), (LEFT + RIGHT) / 2)
    np.testing.assert_array_equal(load_audio(encode(LEFT, subtype="FLOAT"), channels="split"), [LEFT])
    assert (count_channels(CALL), count_channels(encode(LEFT))) == (2, 1)


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_split_blocks_are_the_channels(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 3_000)
    blocks = list(iterate_audio(CALL, channels="split", sampling_rate=rate))
    assert len(blocks) > 5
    joined = np.concatenate(blocks, axis=1)
    for channel in range(2):
        np.testing.assert_array_equal(joined[channel], load_audio(CALL, channels=channel, sampling_rate=rate))


@pytest.mark.parametrize(
    ("channels", "error", "message"),
    [
        (2, AudioError, "has 2 channels, and channels is 2; the first one has the number 0"),
        (-1, ValueError, "channels is -1; it must be 'mix', 'split' or the number of a channel from 0"),
        ("left", ValueError, "channels is 'left'; it must be"),
        (True, TypeError, "channels is True; it must be"),
        (1.0, TypeError, r"channels is 1\.0; it must be"),
    ],
)
def test_impossible_channels(channels: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_audio(CALL, channels=channels)  # type: ignore[arg-type]


@pytest.mark.parametrize("gain", [-1.0, -0.9, -1.15])
def test_opposite_phase_gives_a_channel(gain: float, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(np.stack([LEFT, gain * LEFT], axis=1), subtype="FLOAT")
    with pytest.warns(AudioWarning, match="opposite phase, so that their mix would be silent; the first one is"):
        np.testing.assert_array_equal(load_audio(data), LEFT)
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    found: list[str] = []
    np.testing.assert_array_equal(np.concatenate(list(iterate_audio(data, warn=found.append))), LEFT)
    assert len(found) == 1


def test_opposite_phase_of_an_array_gives_a_channel() -> None:
    with pytest.warns(UserWarning, match="opposite phase, so that their mix would be silent"):
        np.testing.assert_array_equal(to_mono_float32(np.stack([LEFT, -LEFT]), 16_000), LEFT)


def test_what_is_no_opposite_phase_is_mixed() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 16_000)).astype(np.float32)
    for planes in (
        noise,
        np.stack([LEFT, -0.5 * LEFT]),
        np.zeros((2, 100), np.float32),
        1e-5 * np.stack([LEFT, -LEFT]),
    ):
        assert not cancels(planes.astype(np.float32))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(load_audio(encode(planes.T, subtype="FLOAT")), planes.mean(0, np.float32))


@needs_ffmpeg
def test_surround_sound_is_mixed_by_its_layout(tmp_path: Path) -> None:
    # Front left, centre, low frequencies, back left. ITU-R BS.775: the centre is the loudest.
    shares = []
    for place in (0, 2, 3, 4):
        planes = np.zeros((16_000, 6), dtype=np.float32)
        planes[:, place] = LEFT
        path = make_file(tmp_path / f"{place}.flac", planes, 16_000, "-af", "aformat=channel_layouts=5.1")
        shares.append(float(load_audio(path) @ LEFT / (LEFT @ LEFT)))
    front, centre, low, back = shares
    assert front == pytest.approx(centre / np.sqrt(2), abs=1e-3)
    assert back == pytest.approx(centre / 2, abs=1e-3)
    assert low == pytest.approx(0, abs=1e-4)
    assert 2 * front + centre + 2 * back == pytest.approx(1, abs=1e-3)  # full scale stays full scale
    assert load_audio(path, channels="split").shape == (6, 16_000)
    np.testing.assert_allclose(load_audio(path, channels=4), LEFT, atol=1e-4)


def test_more_than_two_channels_without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    data = encode(np.stack([LEFT, RIGHT, LEFT], axis=1), subtype="FLOAT")
    with pytest.raises(AudioError, match=r"has 3 channels; allowed are 1 and 2, .*select one with channels=N"):
        load_audio(data)
    np.testing.assert_array_equal(load_audio(data, channels=1), RIGHT)


def test_links_with_other_channels_cannot_be_split() -> None:
    link = encode(LEFT, format="OGG")
    other = encode(np.stack([LEFT, RIGHT], axis=1), format="OGG")
    with pytest.raises(AudioError, match="has 1, then 2 channels"):
        load_audio(link + other, channels="split")
