"""Figures of the sound of an utterance, against noise that was added, and the file that a page plays."""

import io

import numpy as np
import pytest
import soundfile

from hf_bigru_asr.evaluation.report_sound import MAX_SNR_DB, encode_mp3, measure_sound

RATE_HZ = 16_000


def words_in_noise(ratio_db: float) -> np.ndarray:
    """Tones of 0.3 s with pauses as long, at the same power each, in white noise."""
    seconds = np.arange(4 * RATE_HZ) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * 400 * seconds) * (seconds % 0.6 < 0.3)
    noise = np.random.default_rng(0).standard_normal(len(tone))
    return (tone + noise * np.sqrt(0.02 * 10 ** (-ratio_db / 10))).astype(np.float32)


@pytest.mark.parametrize("ratio_db", [0, 10, 25, 40])
def test_the_ratio_is_that_of_what_was_added(ratio_db: float) -> None:
    found = measure_sound(words_in_noise(ratio_db))
    assert found.snr_db == pytest.approx(ratio_db, abs=2)
    assert found.duration_s == 4


def test_level_and_ratio_of_extremes() -> None:
    silence = measure_sound(np.zeros(RATE_HZ, np.float32))
    assert (silence.level_db, silence.snr_db) == (None, None)
    assert measure_sound(np.array([1.0], np.float32)).level_db == 0
    clean = measure_sound(np.concatenate([np.zeros(RATE_HZ), np.full(RATE_HZ, 0.5)]).astype(np.float32))
    assert clean.snr_db == MAX_SNR_DB
    assert clean.level_db == pytest.approx(10 * np.log10(0.125))


def test_the_file_is_small_and_holds_the_sound() -> None:
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    encoded = encode_mp3((0.3 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32))
    assert len(encoded) < 2.2 * 3000
    decoded, rate_hz = soundfile.read(io.BytesIO(encoded))
    assert rate_hz == RATE_HZ
    middle = decoded[RATE_HZ // 2 : RATE_HZ // 2 + RATE_HZ]
    assert np.abs(np.fft.rfft(middle)).argmax() == 440
