"""Sound files that the programs ffmpeg and sox make, for tests that read them back."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from encoded_sound import Samples, encode

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")
needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="needs the sox program")


def run_ffmpeg(*arguments: object) -> bytes:
    """Run ffmpeg and return its standard output."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def make_file(path: Path, samples: npt.ArrayLike, rate: int, *options: str) -> Path:
    """Encode samples with ffmpeg; the ending of the path tells the container."""
    source = path.with_name("source.wav")
    source.write_bytes(encode(samples, rate))
    run_ffmpeg("-i", source, *options, path)
    return path


def ffmpeg_samples(path: Path, *options: str) -> Samples:
    """Samples `(samples,)` of the first channel as ffmpeg decodes them, at the rate of the file."""
    raw = run_ffmpeg("-i", path, *options, "-af", "pan=mono|c0=c0", "-f", "f32le", "-")
    return np.frombuffer(raw, dtype="<f4")


def run_sox(*arguments: object) -> bytes:
    """Run SoX and return its standard output."""
    command = ["sox", "-D", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout
