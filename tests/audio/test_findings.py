"""Damaged and cut files: refused, or what is left of them with a warning that says how much."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from encoded_sound import Samples, encode
from media import make_file, needs_ffmpeg

from hf_bigru_asr.audio.ffmpeg import _COMFORT_NOISE_REMEDY
from hf_bigru_asr.audio.findings import RE_ENCODE, AudioWarning, damage_is_refused, without_lenience
from hf_bigru_asr.audio.loading import AudioError, iterate_audio, load_audio

RATE_HZ = 16_000


def left_of(data: bytes | Path) -> tuple[Samples, str]:
    """What is left of a damaged file, and the warning; without `on_damage` it is refused."""
    with pytest.raises(AudioError, match=r'record or download it again, or use what is left .*on_damage="warn"'):
        load_audio(data)
    found: list[str] = []
    samples = np.concatenate(list(iterate_audio(data, on_damage="warn", warn=found.append)))
    (message,) = found
    (seconds,) = re.findall(r"([0-9.]+) s of it could be read and are used", message)
    assert float(seconds) == pytest.approx(len(samples) / RATE_HZ, abs=0.01)
    return samples, message


@pytest.mark.parametrize("format", ["WAV", "RF64", "AIFF", "AU", "W64", "CAF", "NIST"])
def test_cut_samples(format: str, speechlike: Samples) -> None:
    data = encode(speechlike, format=format, subtype="PCM_16")
    whole = load_audio(data)
    samples, message = left_of(data[:20_000])
    assert re.search(r"is truncated: its header promises 3200[08] bytes of samples, 1", message)
    assert 6_000 < len(samples) < 10_000
    np.testing.assert_array_equal(samples, whole[: len(samples)])
    left_of(data[:-2])


@pytest.mark.parametrize("num_lost", [10, 600])
def test_mp3_that_is_short_of_some_bytes(num_lost: int, speechlike: Samples) -> None:
    data = encode(np.tile(speechlike, 3), format="MP3")
    samples, _ = left_of(data[:-num_lost])
    assert 44_000 < len(samples) <= 48_000
    np.testing.assert_allclose(samples[:40_000], load_audio(data)[:40_000], atol=1e-6)


@pytest.mark.parametrize(("format", "subtype"), [("MP3", None), ("FLAC", "PCM_16"), ("OGG", "VORBIS")])
def test_damage_in_the_middle_leaves_both_ends(format: str, subtype: str | None) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 4 * RATE_HZ).astype(np.float32)
    noise[:RATE_HZ] *= 0.1
    noise[-RATE_HZ:] *= 0.1
    data = encode(noise, RATE_HZ, format, subtype)
    middle = len(data) // 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        samples, message = left_of(data[:middle] + bytes(40) + data[middle + 40 :])
    assert re.search(f"is a broken (or truncated )?{format} file", message, re.IGNORECASE)
    assert len(samples) > 3.2 * RATE_HZ
    assert np.abs(samples[:14_000]).max() < 0.06
    assert np.abs(samples[30_000:34_000]).max() > 0.1 or format != "MP3"
    assert np.abs(samples[-14_000:]).max() < 0.06


def test_flac_without_ffmpeg_ends_where_the_damage_is(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 4 * RATE_HZ).astype(np.float32)
    data = encode(noise, format="FLAC")
    monkeypatch.setenv("PATH", "")
    middle = len(data) // 2
    samples, _ = left_of(data[:middle] + bytes(40) + data[middle + 40 :])
    assert 24_000 < len(samples) < 33_000
    np.testing.assert_array_equal(samples, load_audio(data)[: len(samples)])


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp2", []), ("a.aac", ["-f", "adts"]), ("a.wma", []), ("a.mka", ["-c:a", "flac"])],
)
def test_cut_files_that_ffmpeg_takes_for_whole(
    name: str, options: list[str], speechlike: Samples, tmp_path: Path
) -> None:
    path = make_file(tmp_path / name, np.tile(speechlike, 2), RATE_HZ, *options)
    load_audio(path)
    path.write_bytes(path.read_bytes()[:-250])
    samples, _ = left_of(path)
    assert 25_000 < len(samples) < 34_500


@pytest.mark.parametrize("data", [b"RIFF\0\0\0\0WAVE", b"#!AMR\n\x04", b"fLaC", b"OggS", b"ID3\x03" + bytes(6)])
def test_a_file_of_which_nothing_is_left_is_refused_anyway(data: bytes) -> None:
    with pytest.raises(AudioError, match=r"broken|damaged|truncated|no samples|on PATH"):
        load_audio(data, on_damage="warn")


def test_warnings_are_issued_and_name_the_file(tmp_path: Path, speechlike: Samples) -> None:
    (tmp_path / "cut.wav").write_bytes(encode(speechlike)[:-1_000])
    with pytest.warns(AudioWarning, match=r"cut\.wav'.* 31000 came; 0\.97 s of it could be read and are used"):
        assert len(load_audio(tmp_path / "cut.wav", on_damage="warn")) == 15_500


@pytest.mark.parametrize(
    ("remedy", "left"),
    [
        (RE_ENCODE, "record or download it again"),
        (_COMFORT_NOISE_REMEDY, "SoX can: convert it with `sox INPUT OUTPUT.wav`"),
        ("give one, or two", "give one, or two"),
    ],
    ids=["cut", "comfort noise", "other"],
)
def test_advice_that_cannot_be_followed_is_left_out(remedy: str, left: str) -> None:
    assert without_lenience(f"it is cut; {remedy}") == f"it is cut; {left}"
    with pytest.raises(AudioError, match=f"^{re.escape(f'a.wav: it is cut; {left}')}$") as caught, damage_is_refused():
        raise AudioError("a.wav", f"it is cut; {remedy}")
    assert caught.value.problem == f"it is cut; {left}"


def test_another_word_is_refused(speechlike: Samples) -> None:
    with pytest.raises(ValueError, match="on_damage is 'ignore'; it must be 'error' or 'warn'"):
        load_audio(encode(speechlike), on_damage="ignore")  # type: ignore[arg-type]
