"""Sound that comes in files which are named after their content."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hf_bigru_asr.demo import chunks as module
from hf_bigru_asr.demo.chunks import SoundChunks

RATE_HZ = 48_000


def written(folder: Path, value: int) -> Path:
    path = folder / f"{value}.wav"
    soundfile.write(path, np.full(480, value, dtype=np.int16), RATE_HZ)
    return path


def test_silence_that_comes_twice_is_there_twice(tmp_path: Path) -> None:
    chunks = SoundChunks()
    silence = written(tmp_path, 0)
    for _ in range(2):  # both files have come before the first event, which removes the one of this name
        rate, samples = chunks.take(silence)
        assert (rate, len(samples), samples.any()) == (RATE_HZ, 480, False)
        assert not silence.exists()


def test_the_sound_of_old_files_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NUM_KEPT", 3)
    chunks = SoundChunks()
    first = written(tmp_path, 1)
    chunks.take(first)
    for value in range(2, 5):
        chunks.take(written(tmp_path, value))
    with pytest.raises(soundfile.LibsndfileError):
        chunks.take(first)
    assert list(tmp_path.iterdir()) == []
