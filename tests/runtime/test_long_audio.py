"""A long recording without torch, against the network on the whole."""

import math
import time
import tracemalloc
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
from runtime_support import needs_onnx
from sounds import changing_sound
from tone_speech import RATE_HZ, speak

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.runtime.frame_store import Frames
from hf_bigru_asr.runtime.log_mel import LogMelSettings
from hf_bigru_asr.runtime.long_audio import CHUNK_S, log_probs_in_pieces
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer, greedy_text

TOLERANCE = 1e-4
SETTINGS = LogMelSettings(feature_size=8)


def on_the_whole(recognizer: OnnxRecognizer, audio: np.ndarray) -> Frames:
    return recognizer.log_probs([audio])[0]


# Short equals long


@needs_onnx
@pytest.mark.parametrize("num_offsets", [1, 2, 3])
@pytest.mark.parametrize("normalization", ["utterance", "speech", "none"])
def test_long_equals_short(
    normalization: str, num_offsets: int, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    audio = changing_sound(24_000)
    audio[9000:14_000] /= 100
    processor.feature_extractor.fit_prior([0.5 * audio], 50, normalization)
    tiny_model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    recognizer = OnnxRecognizer(tmp_path, num_threads=1, num_offsets=num_offsets, long_s=1.0)
    expected = on_the_whole(recognizer, audio)
    text = greedy_text(expected, recognizer.symbols)
    runner, settings = recognizer.layer_runner(), recognizer.feature_settings

    for num_segments, num_parallel in ((1, 2), (3, 1)):
        pieces = log_probs_in_pieces(
            runner, [audio], settings, chunk_s=0.3, num_segments=num_segments, num_parallel=num_parallel
        )
        found = np.concatenate(list(pieces))
        np.testing.assert_allclose(found, expected, atol=TOLERANCE)
        assert greedy_text(found, recognizer.symbols) == text
    found = np.concatenate(list(recognizer.log_probs_of_blocks(np.array_split(audio, 7))))
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    assert len(text) > 3


@needs_onnx
def test_what_is_not_longer_than_the_limit_is_run_at_once(listener_dir: Path) -> None:
    waveform = speak("HELLO WORLD")[0]
    recognizer = OnnxRecognizer(listener_dir, num_threads=1, long_s=len(waveform) / RATE_HZ)
    num_chunks = math.ceil(len(waveform) / (CHUNK_S * RATE_HZ))
    assert num_chunks > 1
    for audio, num_pieces in ((waveform, 1), (np.pad(waveform, (0, 1)), num_chunks)):
        pieces = list(recognizer.log_probs_of_blocks(iter(np.array_split(audio, 5))))
        assert len(pieces) == num_pieces
        assert greedy_text(np.concatenate(pieces), recognizer.symbols) == "HELLO WORLD"


@needs_onnx
def test_a_recording_in_blocks_is_checked(listener_dir: Path) -> None:
    for long_s in (1.0, 1e-3):
        recognizer = OnnxRecognizer(listener_dir, num_threads=1, long_s=long_s)
        with pytest.raises(ValueError, match="has 1 NaN or infinite samples, the first at sample 801"):
            list(recognizer.log_probs_of_blocks([np.zeros(800), np.array([0.0, np.nan])]))
        with pytest.raises(ValueError, match="has no samples; give at least one sample"):
            list(recognizer.log_probs_of_blocks([]))
    with pytest.raises(ValueError, match="long_s is 0; it must be positive"):
        OnnxRecognizer(listener_dir, long_s=0)


# The pass


class Echo:
    """A network of one layer that remembers nothing: the outputs of both directions are the mean of a frame."""

    num_layers, hidden_size, same_state, silence = 1, 1, 1e-6, None

    def __init__(self) -> None:
        self.num_frames: dict[str, list[int]] = {"forward": [], "backward": []}

    def __call__(self, layer: int, direction: str, inputs: Frames, states: Frames) -> tuple[Frames, Frames]:
        self.num_frames[direction].append(len(inputs))
        outputs = inputs.mean(-1, keepdims=True)
        return outputs, outputs[-1]

    def log_probs(self, hidden_states: Frames) -> Frames:
        return hidden_states


class Breaks(Echo):
    """Its forward direction fails at once, its backward direction takes its time."""

    def __call__(self, layer: int, direction: str, inputs: Frames, states: Frames) -> tuple[Frames, Frames]:
        if direction == "forward":
            raise KeyboardInterrupt
        time.sleep(0.001)
        return super().__call__(layer, direction, inputs, states)


def test_memory_does_not_grow_with_the_recording() -> None:
    second, settings = changing_sound(RATE_HZ), LogMelSettings()
    peaks = {}
    for num_seconds in (10, 60):
        runner = Echo()
        tracemalloc.start()  # it sees numpy's memory
        num_frames = sum(map(len, log_probs_in_pieces(runner, repeat(second, num_seconds), settings, num_segments=2)))
        peaks[num_seconds] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert num_frames == 50 * num_seconds
        assert max(runner.num_frames["backward"]) == CHUNK_S * 50
    assert peaks[60] < 1.2 * peaks[10]


def test_an_interrupt_stops_both_directions() -> None:
    runner = Breaks()
    with pytest.raises(KeyboardInterrupt):
        list(log_probs_in_pieces(runner, [changing_sound(RATE_HZ)] * 10, SETTINGS, chunk_s=0.02, num_segments=1))
    assert len(runner.num_frames["backward"]) < 250


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="chunk_s is 0; it must be positive"):
        list(log_probs_in_pieces(Echo(), [changing_sound(800)], SETTINGS, chunk_s=0))
    with pytest.raises(ValueError, match="num_segments is 0"):
        list(log_probs_in_pieces(Echo(), [changing_sound(800)], SETTINGS, num_segments=0))
