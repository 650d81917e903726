"""Contract 8: silence is nothing. Around speech it adds no words, and what has no speech has no text."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from repository import SAMPLE

from hf_bigru_asr import load_audio
from hf_bigru_asr.data.augmentation import coloured_noise
from hf_bigru_asr.metrics import character_error_counts, word_error_counts
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder
from hf_bigru_asr.runtime import OnnxRecognizer

RATE_HZ = 16_000
SIDE_S = 5.0
REFERENCE = SAMPLE.with_suffix(".txt").read_text(encoding="utf-8").strip()
MAX_MORE_ERRORS = 3
"""Of 16 words. Words that the network is unsure of change by some letters, for better or worse."""
MAX_MORE_ERRORS_IN_NOISE = 6
"""Beside noise that is louder than the floor between the words less of them counts as speech."""


def fill(level_db: float | None, duration_s: float, slope_db: float = -3.0, seed: int = 0) -> np.ndarray:
    """Noise at a level below full scale; zeros without one."""
    num_samples = round(duration_s * RATE_HZ)
    if level_db is None:
        return np.zeros(num_samples, dtype=np.float32)
    noise = coloured_noise(num_samples, slope_db, np.random.default_rng(seed))
    return np.float32(10 ** (level_db / 20)) * noise


def notes(duration_s: float) -> np.ndarray:
    """A tune of plucked strings with a drum."""
    rng = np.random.default_rng(0)
    time_s = np.arange(RATE_HZ // 4) / RATE_HZ
    beats = []
    for _ in range(round(4 * duration_s)):
        hertz = 220 * 2 ** (rng.integers(0, 20) / 12)
        tone = sum(np.sin(2 * np.pi * order * hertz * time_s) / order for order in range(1, 9))
        drum = rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.03)
        beats.append(tone * np.exp(-time_s / 0.15) + 0.5 * drum)
    tune = np.concatenate(beats)
    return (0.1 * tune / tune.std()).astype(np.float32)


def num_errors(reference: str, hypothesis: str) -> int:
    counts = word_error_counts([reference], [hypothesis])
    return counts.substitutions + counts.deletions + counts.insertions


def check_alike(reference: str, alone: str, found: str, max_more_errors: int = MAX_MORE_ERRORS) -> None:
    """No word comes from silence, few characters change, and hardly any error is added."""
    fewest = len(alone.split()) - (1 if max_more_errors == MAX_MORE_ERRORS else 2)
    assert fewest <= len(found.split()) <= len(alone.split()) + 1, (alone, found)
    assert num_errors(reference, found) <= num_errors(reference, alone) + max_more_errors, (alone, found)
    assert character_error_counts([alone], [found]).error_rate < 0.15, (alone, found)


@pytest.fixture(scope="module", params=[None, "own"], ids=["greedy", "language model"])
def recognizer(request: pytest.FixtureRequest) -> OnnxRecognizer:
    """The shipped model on one grid, which is what the rule is for."""
    return OnnxRecognizer(language_model=request.param, num_threads=1, num_offsets=1)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return load_audio(SAMPLE)


@pytest.mark.parametrize("level_db", [None, -60.0, -45.0], ids=["zeros", "-60 dB", "-45 dB"])
def test_silence_around_speech_adds_no_word(
    recognizer: OnnxRecognizer, speech: np.ndarray, level_db: float | None
) -> None:
    alone = recognizer.recognize(speech)[0]
    surrounded = np.concatenate([fill(level_db, SIDE_S), speech, fill(level_db, SIDE_S, seed=1)])

    found = recognizer.recognize(surrounded)[0]

    assert len(alone.text.split()) > 5
    is_loud = level_db is not None and level_db > -50
    check_alike(REFERENCE, alone.text, found.text, MAX_MORE_ERRORS_IN_NOISE if is_loud else MAX_MORE_ERRORS)
    assert found.words[0].start_s > SIDE_S - 0.5, "the first word does not begin in the silence"
    assert found.words[-1].end_s < SIDE_S + len(speech) / RATE_HZ + 0.5
    assert found.text == " ".join(found.text.split())


def test_a_pause_adds_no_word(recognizer: OnnxRecognizer, speech: np.ndarray) -> None:
    alone = recognizer.recognize(speech)[0].text
    found = recognizer.recognize(np.concatenate([speech, fill(None, 8.0), speech]))[0].text
    check_alike(f"{REFERENCE} {REFERENCE}", f"{alone} {alone}", found)


@pytest.mark.parametrize("slope_db", [0.0, -3.0, -6.0], ids=["white", "pink", "brown"])
@pytest.mark.parametrize("level_db", [-60.0, -40.0, -20.0])
def test_noise_has_no_text(recognizer: OnnxRecognizer, level_db: float, slope_db: float) -> None:
    assert recognizer.recognize(fill(level_db, 10.0, slope_db))[0].text == ""


def test_zeros_have_no_text(recognizer: OnnxRecognizer) -> None:
    assert recognizer.recognize(fill(None, 5.0))[0].text == ""


def test_music_has_no_words_with_a_language_model(recognizer: OnnxRecognizer) -> None:
    if not isinstance(recognizer.decoder, BeamSearchDecoder):
        pytest.skip("greedily the network may mark single letters in music")
    assert recognizer.recognize(notes(20.0))[0].text == ""


def test_a_short_command_has_words_with_a_language_model(recognizer: OnnxRecognizer, librispeech_dir: Path) -> None:
    """What is said within a second is speech too: YES, NO, STOP, a letter."""
    if not isinstance(recognizer.decoder, BeamSearchDecoder):
        pytest.skip("greedily nothing is taken out")
    table = pq.read_table(librispeech_dir / "more_english" / "default" / "validation-00000-of-00001.parquet")
    short = [row for row in table.to_pylist() if row["corpus"] == "an4" and len(row["text"]) in range(2, 12)]
    found = [recognizer.recognize(load_audio(row["audio"]["bytes"]))[0].text for row in short]
    assert len(short) > 15
    assert sum(not text for text in found) <= len(short) // 10, [
        row["text"] for row, text in zip(short, found, strict=True) if not text
    ]
