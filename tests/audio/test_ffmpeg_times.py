"""Times are those of the medium: silence stands where its time stamps have no sound."""

from collections import deque
from pathlib import Path

import numpy as np
import pytest
from encoded_sound import Samples, encode, make_tone
from media import ffmpeg_samples, make_file, needs_ffmpeg, run_ffmpeg

from hf_bigru_asr.audio.ffmpeg import MAX_HOLE_S, _Clock
from hf_bigru_asr.audio.loading import load_audio

RATE_HZ = 16_000
JUMP = round(MAX_HOLE_S * 1_000)
TONE = make_tone(440, RATE_HZ, 2 * RATE_HZ)


def first_sound_s(samples: Samples, start_s: float = 0.0) -> float:
    start = int(start_s * RATE_HZ)
    return (start + int(np.flatnonzero(np.abs(samples[start:]) > 0.2)[0])) / RATE_HZ


def placed(frames: list[tuple[int | None, int]], *, has_picture: bool, is_lenient: bool = False) -> list[float]:
    """What a clock makes of frames at 1,000 Hz whose samples are 1, in blocks of 70 samples."""
    clock = _Clock(1_000, has_picture, is_lenient=is_lenient)
    waiting = deque(frames)
    ones = np.ones((sum(length for _, length in frames), 1), dtype=np.float32)
    pieces = [
        piece for first in range(0, len(ones), 70) for piece in clock.pieces(ones[first : first + 70], waiting, 50)
    ]
    return np.concatenate(pieces)[:, 0].tolist()


@pytest.mark.parametrize(
    ("frames", "has_picture", "zeros"),
    [
        ([(0, 100), (100, 100)], True, []),
        ([(300, 100), (400, 100)], True, [(0, 300)]),
        ([(300, 100), (400, 100)], False, []),
        ([(20, 100), (120, 100)], True, []),  # the delay of a codec
        ([(-40, 100), (60, 100)], True, []),
        ([(0, 100), (600, 100)], False, [(100, 600)]),
        ([(0, 100), (150, 100), (300, 100), (400, 100)], False, [(200, 300)]),  # small holes add up
        ([(0, 100), (50, 100), (150, 100)], False, []),  # overlaps lose nothing
        ([(0, 100), (None, 100), (500, 100)], False, [(200, 500)]),
        (
            [(0, 100), (round(MAX_HOLE_S * 1_000) + 200, 100), (round(MAX_HOLE_S * 1_000) + 600, 100)],
            False,
            [(200, 500)],
        ),
    ],
)
def test_silence_for_what_is_missing(
    frames: list[tuple[int | None, int]], has_picture: bool, zeros: list[tuple[int, int]]
) -> None:
    expected = np.ones(sum(length for _, length in frames) + sum(end - start for start, end in zeros))
    for start, end in zeros:
        expected[start:end] = 0
    assert placed(frames, has_picture=has_picture) == expected.tolist()


def test_small_holes_count_in_what_is_left_of_damage() -> None:
    frames: list[tuple[int | None, int]] = [(0, 100), (160, 100)]
    assert placed(frames, has_picture=False) == [1.0] * 200
    assert placed(frames, has_picture=False, is_lenient=True) == [1.0] * 100 + [0.0] * 60 + [1.0] * 100


@needs_ffmpeg
@pytest.mark.parametrize(("name", "codec"), [("late.mp4", "aac"), ("late.mkv", "libopus"), ("late.ts", "mp2")])
def test_sound_that_begins_after_the_picture(name: str, codec: str, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(encode(TONE))
    film = tmp_path / name
    run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=d=4:s=64x64:r=5", "-itsoffset", "1.5", "-i", tmp_path / "in.wav"),
        *("-map", "0:v", "-map", "1:a", "-c:v", "mpeg4", "-c:a", codec, film),
    )
    samples = load_audio(film)
    assert first_sound_s(samples) == pytest.approx(1.5, abs=0.1)
    np.testing.assert_array_equal(samples[: RATE_HZ + 1_000], 0)


@needs_ffmpeg
def test_a_hole_in_the_time_stamps(tmp_path: Path) -> None:
    path = make_file(
        tmp_path / "hole.mka", TONE, RATE_HZ, "-c:a", "flac", "-af", "asetpts=if(gt(PTS\\,SR)\\,PTS+3*SR\\,PTS)"
    )
    samples = load_audio(path)
    assert len(samples) == pytest.approx(5 * RATE_HZ, abs=50)
    assert first_sound_s(samples, 2.0) == pytest.approx(4.0, abs=0.2)


@needs_ffmpeg
@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.webm", "libopus"), ("a.wma", "wmav2")])
def test_without_offsets_nothing_is_changed(name: str, codec: str, tmp_path: Path) -> None:
    path = make_file(tmp_path / name, TONE, RATE_HZ, "-c:a", codec)
    rate = 48_000 if codec == "libopus" else RATE_HZ
    np.testing.assert_array_equal(load_audio(path, sampling_rate=rate), ffmpeg_samples(path).clip(-1, 1))


@needs_ffmpeg
@pytest.mark.parametrize(("rate", "num_channels"), [(16_000, 1), (44_100, 2)])
def test_mp3_without_a_header_keeps_the_delay_of_the_decoder(rate: int, num_channels: int, tmp_path: Path) -> None:
    tone = np.tile(make_tone(440, rate, rate)[:, np.newaxis], num_channels)
    path = make_file(tmp_path / "plain.mp3", tone, rate, "-write_xing", "0", "-id3v2_version", "0")
    samples = load_audio(path, sampling_rate=rate, channels=0)
    expected = ffmpeg_samples(path)
    assert len(samples) == len(expected)
    np.testing.assert_allclose(samples, expected, atol=1e-5)
