"""Containers that the ffmpeg program decodes."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from encoded_sound import Samples, encode

from hf_bigru_asr.audio.loading import AudioError, audio_duration_s, iterate_audio, load_audio


def install_fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable} -S\nimport pathlib, shutil, sys\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x20ftypM4A " + bytes(100), b"\x1a\x45\xdf\xa3webm", b"Hello there"])
def test_other_container_without_ffmpeg_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AudioError, match=r"not WAV, AIFF, FLAC, .* CAF, W64 or SPHERE; .* install ffmpeg"):
        load_audio(data)
    with pytest.raises(AudioError, match=r"allowed are WAV, AIFF, FLAC, .* CAF, W64 and SPHERE: use len"):
        audio_duration_s(data)


def test_ffmpeg_gets_the_bytes_and_gives_the_samples(
    tmp_path: Path, speechlike: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "decoded.wav").write_bytes(encode(speechlike, subtype="FLOAT"))
    body = f"""
name = sys.argv[sys.argv.index("-i") + 1]
shutil.copy(name.removeprefix("file:"), {str(tmp_path / "got")!r})
sys.stdout.buffer.write(pathlib.Path({str(tmp_path / "decoded.wav")!r}).read_bytes())"""
    install_fake_ffmpeg(tmp_path, monkeypatch, body)
    np.testing.assert_array_equal(load_audio(b"some other container"), speechlike)
    assert (tmp_path / "got").read_bytes() == b"some other container"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("sys.exit('moov atom not found')", "moov atom not found", id="failure"),
        pytest.param("sys.exit(3)", "nothing", id="status alone"),
        pytest.param(
            "print('[error] File ended prematurely', file=sys.stderr)", "File ended prematurely", id="status 0"
        ),
    ],
)
def test_what_ffmpeg_cannot_decode_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    install_fake_ffmpeg(tmp_path, monkeypatch, body)
    with pytest.raises(AudioError, match=rf"is broken, truncated or no audio file \(ffmpeg says: {reason}\)"):
        load_audio(b"some other container")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")
@pytest.mark.parametrize(("extension", "codec"), [("m4a", "aac"), ("webm", "libopus")])
def test_real_ffmpeg(tmp_path: Path, speechlike: Samples, extension: str, codec: str) -> None:
    (tmp_path / "in.wav").write_bytes(encode(speechlike))
    path = tmp_path / f"out.{extension}"
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "in.wav"), "-c:a", codec, str(path)]
    subprocess.run(command, check=True)
    samples = load_audio(path)
    assert abs(len(samples) - 16_000) < 2_000
    spectrum = np.abs(np.fft.rfft(samples[:16_000]))
    assert abs(int(spectrum.argmax()) - 440) <= 1  # bins of one hertz
    data = path.read_bytes()
    with pytest.raises(AudioError, match="ffmpeg says"):
        load_audio(data[: len(data) // 2])


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")
def test_ffmpeg_in_blocks(tmp_path: Path, speechlike: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.wav").write_bytes(encode(np.stack([speechlike, -0.5 * speechlike], 1)))
    path = tmp_path / "out.mka"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(tmp_path / "in.wav"), "-c:a", "flac", str(path)], check=True)
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    blocks = list(iterate_audio(path))
    assert len(blocks) == 16
    np.testing.assert_allclose(np.concatenate(blocks), 0.25 * speechlike, atol=1e-4)
    next(iterate_audio(path)).mean()  # left in the middle: ffmpeg ends too
