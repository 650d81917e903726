"""Entries of an audio column, in every form that they come in."""

from pathlib import Path

import numpy as np
import pytest
from speech_rows import RATE_HZ, flac, make_waveform

from hf_bigru_asr.audio import AudioError
from hf_bigru_asr.data.utterances import load_utterance, utterance_duration_s


@pytest.mark.parametrize("kind", ["bytes", "path", "dict-bytes", "dict-path", "dict-array"])
def test_an_utterance_in_every_form(kind: str, tmp_path: Path) -> None:
    waveform = make_waveform(0)
    (tmp_path / "a.flac").write_bytes(flac(waveform))
    audio = {
        "bytes": flac(waveform),
        "path": tmp_path / "a.flac",
        "dict-bytes": {"bytes": flac(waveform), "path": None},
        "dict-path": {"bytes": None, "path": str(tmp_path / "a.flac")},
        "dict-array": {"array": waveform, "sampling_rate": RATE_HZ},
    }[kind]
    loaded = load_utterance(audio, RATE_HZ)
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, waveform)


def test_an_utterance_at_another_rate_is_resampled() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.float32)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / RATE_HZ)
    for audio in (flac(tone, 8000), {"array": tone, "sampling_rate": 8000}):
        loaded = load_utterance(audio, RATE_HZ)
        assert loaded.shape == (16_000,)
        np.testing.assert_allclose(loaded[200:-200], expected[200:-200], atol=0.01)


def test_the_length_of_an_array_is_that_of_its_samples() -> None:
    for array in (np.zeros(8000), np.zeros((1, 8000)), np.zeros((2, 8000)), [0.0] * 8000):
        assert utterance_duration_s({"array": array, "sampling_rate": RATE_HZ}) == 0.5


def test_a_cut_utterance_is_refused_without_advice_that_cannot_be_followed(tmp_path: Path) -> None:
    cut = flac(make_waveform(0))[:5000]
    (tmp_path / "cut.flac").write_bytes(cut)
    for audio in (cut, f"{tmp_path}/cut.flac#t=0.1,0.4"):
        with pytest.raises(AudioError, match=r"record or download it again$"):
            load_utterance(audio, RATE_HZ)


@pytest.mark.parametrize("audio", [None, 3, {"bytes": None, "path": None}], ids=str)
def test_audio_in_another_form_is_refused(audio: object) -> None:
    with pytest.raises(ValueError, match=r"The audio column holds a \w+; cast it with cast_column"):
        load_utterance(audio, RATE_HZ)
