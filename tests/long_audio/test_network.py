"""A recording in chunks, against the model on the whole."""

import resource
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from runtime_support import RUNTIME_CASES
from sounds import changing_sound

from hf_bigru_asr import (
    BiGRUCTCFeatureExtractor,
    BiGRUCTCProcessor,
    BiGRUForCTC,
    OnnxBiGRUForCTC,
    OpenVINOBiGRUForCTC,
    bundled_checkpoint,
)
from hf_bigru_asr.long_audio.layer_runners import TorchLayerRunner
from hf_bigru_asr.long_audio.network import log_probs_of_long_audio

RATE_HZ = 16_000
TOLERANCE = 1e-4


def on_the_whole(model: BiGRUForCTC, extractor: BiGRUCTCFeatureExtractor, audio: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return model(**extractor(audio, sampling_rate=RATE_HZ, return_tensors="pt")).logits[0]


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)
    assert torch.equal(found.argmax(-1), expected.argmax(-1))


class Watch(TorchLayerRunner):
    """Keeps the sizes of what it is given."""

    def __init__(self, model: BiGRUForCTC) -> None:
        super().__init__(model)
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, layer: int, direction: str, inputs: np.ndarray, states: np.ndarray) -> tuple:  # type: ignore[override]
        self.shapes.append(inputs.shape)
        return super().__call__(layer, direction, inputs, states)  # type: ignore[arg-type]

    def log_probs(self, hidden_states: np.ndarray) -> np.ndarray:
        self.shapes.append((len(hidden_states), 1, hidden_states.shape[1]))
        return super().log_probs(hidden_states)


# Chunks


@pytest.mark.parametrize("num_samples", [1, 320, 321, 19_999], ids=str)
@pytest.mark.parametrize("chunk_s", [0.001, 0.02, 0.06, 0.34, 1.0, 1e6], ids=str)
def test_chunks_of_any_length(
    chunk_s: float, num_samples: int, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor
) -> None:
    extractor, audio = processor.feature_extractor, changing_sound(num_samples)
    found = log_probs_of_long_audio(tiny_model, extractor, audio, sampling_rate=RATE_HZ, chunk_s=chunk_s)
    assert_equal(found, on_the_whole(tiny_model, extractor, audio))


@pytest.mark.parametrize("num_segments", [1, 2, 3, 7, 40, 1000])
@pytest.mark.parametrize("memory", [0.0, 2.0, 7.0], ids=["forgetful", "slow", "never forgets"])
def test_segments_side_by_side(
    num_segments: int, memory: float, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor
) -> None:
    size = tiny_model.config.hidden_size
    with torch.no_grad():
        for layer in tiny_model.bigru.layers:
            for bias in (layer.bias_ih_l0, layer.bias_ih_l0_reverse):
                bias[size : 2 * size] += memory  # the update gate, which keeps the state
    extractor, audio = processor.feature_extractor, changing_sound(38 * 320)
    expected = on_the_whole(tiny_model, extractor, audio)
    watch = Watch(tiny_model)
    found = log_probs_of_long_audio(
        tiny_model,
        extractor,
        audio,
        sampling_rate=RATE_HZ,
        chunk_s=0.06,
        num_segments=num_segments,
        runner=watch,
    )
    assert_equal(found, expected)
    length = -(-38 // num_segments)
    assert max(segments for _, segments, _ in watch.shapes) == -(-38 // length)


class ForgetsOnClicks:
    """A layer whose state adds up what comes, and is emptied by a loud frame."""

    num_layers, hidden_size, same_state, silence = 1, 1, 1e-6, None

    def __init__(self) -> None:
        self.num_segments: dict[str, list[int]] = {"forward": [], "backward": []}

    def __call__(self, layer: int, direction: str, inputs: np.ndarray, states: np.ndarray) -> tuple:
        self.num_segments[direction].append(inputs.shape[1])
        outputs = np.empty((*inputs.shape[:2], 1), dtype=np.float32)
        for frame, output in zip(inputs.mean(-1, keepdims=True), outputs, strict=True):
            states = output[:] = np.where(frame > 2, 0, states) + frame
        return outputs, states

    def log_probs(self, hidden_states: np.ndarray) -> np.ndarray:
        return hidden_states


class Rounds(ForgetsOnClicks):
    """A layer that remembers nothing, and rounds otherwise every time, as processors do in bfloat16."""

    def __init__(self, same_state: float) -> None:
        super().__init__()
        self.same_state = same_state
        self.random = np.random.default_rng(0)

    def __call__(self, layer: int, direction: str, inputs: np.ndarray, states: np.ndarray) -> tuple:
        self.num_segments[direction].append(inputs.shape[1])
        outputs = self.random.uniform(0, 2**-8, (*inputs.shape[:2], 1)).astype(np.float32)
        return outputs, outputs[-1]


def test_what_rounding_makes_is_not_corrected(tiny_model: BiGRUForCTC) -> None:
    runner = Rounds(TorchLayerRunner(tiny_model.bfloat16()).same_state)
    log_probs_of_long_audio(
        None,
        BiGRUCTCFeatureExtractor(),
        changing_sound(80 * 320),
        sampling_rate=RATE_HZ,
        chunk_s=5 * 320 / RATE_HZ,
        num_segments=4,
        runner=runner,  # type: ignore[arg-type] # its directions are plain strings
    )
    # Of the three segments that start again none goes beyond its first chunk.
    assert runner.num_segments == {"forward": [4] * 4 + [3], "backward": [4] * 4 + [3]}


def test_only_segments_that_have_not_forgotten_are_corrected() -> None:
    extractor = BiGRUCTCFeatureExtractor()
    audio = np.random.default_rng(0).normal(0, 1e-3, 80 * 320).astype(np.float32)
    for frame in (22, 52):  # in the second and in the third of four segments of four chunks
        audio[frame * 320 + 150 : frame * 320 + 170] = 0.5
    results = {}
    for num_segments in (1, 4):
        runner = ForgetsOnClicks()
        results[num_segments] = log_probs_of_long_audio(
            None,
            extractor,
            audio,
            sampling_rate=RATE_HZ,
            chunk_s=5 * 320 / RATE_HZ,
            num_segments=num_segments,
            runner=runner,  # type: ignore[arg-type] # its directions are plain strings
        )
    torch.testing.assert_close(results[4], results[1], atol=1e-4, rtol=0)
    # The first segment is right at once; the last one has no click, and runs to its end.
    assert runner.num_segments == {"forward": [4] * 4 + [3, 2, 2, 1], "backward": [4] * 4 + [3, 3, 2, 2]}


def test_a_network_that_forgets_is_corrected_at_the_beginnings_alone(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor
) -> None:
    audio, watch = changing_sound(20 * RATE_HZ), Watch(tiny_model)
    log_probs_of_long_audio(
        tiny_model,
        processor.feature_extractor,
        audio,
        sampling_rate=RATE_HZ,
        chunk_s=1,
        num_segments=2,
        runner=watch,
    )
    # Ten chunks of two segments for each of the four directions, and the beginning of the second one again; then
    # the 20 chunks of the head.
    num_runs = sum(segments for _, segments, _ in watch.shapes) - 20
    assert 4 * 20 < num_runs <= 4 * 23


def test_kinds_of_audio(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    extractor, audio = processor.feature_extractor, changing_sound(9000)
    expected = on_the_whole(tiny_model, extractor, audio)
    stereo = np.stack([audio + 0.1, audio - 0.1])
    kinds = [
        audio.tolist(),
        torch.from_numpy(audio),
        audio.astype(np.float64),
        stereo,
        iter(np.split(audio, [10, 400])),
    ]
    kinds.append(iter([np.zeros(0, dtype=np.float32), stereo]))
    for kind in kinds:
        assert_equal(log_probs_of_long_audio(tiny_model, extractor, kind, sampling_rate=RATE_HZ), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_audio_on_a_gpu(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    extractor, audio = processor.feature_extractor, changing_sound(9000)
    expected = on_the_whole(tiny_model, extractor, audio)
    on_gpu = torch.from_numpy(audio).cuda()
    for kind in (on_gpu, torch.stack([on_gpu + 0.1, on_gpu - 0.1]), iter(on_gpu.split(400))):
        assert_equal(log_probs_of_long_audio(tiny_model, extractor, kind, sampling_rate=RATE_HZ), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_precision_of_the_weights(dtype: torch.dtype, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    tiny_model.lm_head.weight.data /= 30
    model, extractor, audio = tiny_model.to(dtype), processor.feature_extractor, changing_sound(9000)
    expected = on_the_whole(model, extractor, audio)
    found = log_probs_of_long_audio(model, extractor, audio, sampling_rate=RATE_HZ, chunk_s=0.1, num_segments=2)
    assert found.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=0.05 if dtype == torch.bfloat16 else TOLERANCE, rtol=0)


@pytest.mark.slow
def test_the_shipped_network() -> None:
    model = BiGRUForCTC.from_pretrained(bundled_checkpoint()).eval()
    extractor = BiGRUCTCProcessor.from_pretrained(bundled_checkpoint()).feature_extractor
    audio = changing_sound(30 * RATE_HZ)
    expected = on_the_whole(model, extractor, audio)
    for num_segments in (1, 3):
        found = log_probs_of_long_audio(model, extractor, audio, sampling_rate=RATE_HZ, num_segments=num_segments)
        assert_equal(found, expected)


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_other_runtimes(runtime: str, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    model = {"onnx": OnnxBiGRUForCTC, "openvino": OpenVINOBiGRUForCTC}[runtime].from_model(tiny_model, num_threads=2)
    extractor, audio = processor.feature_extractor, changing_sound(9000)
    expected = on_the_whole(tiny_model, extractor, audio)
    for num_segments in (1, 3):
        found = log_probs_of_long_audio(
            model, extractor, audio, sampling_rate=RATE_HZ, chunk_s=0.1, num_segments=num_segments
        )
        assert_equal(found, expected)


# Memory


def test_nothing_grows_with_the_recording(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    def blocks(num_seconds: int) -> Iterator[np.ndarray]:
        return (changing_sound(RATE_HZ, seed) for seed in range(num_seconds))

    peaks = {}
    for num_seconds in (20, 100):
        watch = Watch(tiny_model)
        tracemalloc.start()  # it sees numpy's memory, which holds every chunk
        log_probs = log_probs_of_long_audio(
            tiny_model,
            processor.feature_extractor,
            blocks(num_seconds),
            sampling_rate=RATE_HZ,
            chunk_s=2,
            num_segments=2,
            runner=watch,
        )
        peaks[num_seconds] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(log_probs) == 50 * num_seconds
        assert max(frames for frames, _, _ in watch.shapes) == 100
    assert peaks[100] < 1.3 * peaks[20]


# Bad input


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(0, dtype=np.float32), "The audio is empty; give at least one sample"),
        (iter([]), "The audio is empty; give at least one sample"),
        (np.zeros((800, 2)), "looks like \\(samples, channels\\)"),
        (np.zeros((3, 800)), "has 3 channels"),
        (iter([np.zeros(800), np.array([0.0, np.nan])]), "has 1 NaN or infinite samples, the first at sample 801"),
    ],
    ids=["empty", "no blocks", "channels last", "three channels", "nan"],
)
def test_bad_audio(audio: object, message: str, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    with pytest.raises(ValueError, match=message):
        log_probs_of_long_audio(tiny_model, processor.feature_extractor, audio, sampling_rate=RATE_HZ)  # type: ignore[arg-type]


def test_bad_arguments(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    extractor, audio = processor.feature_extractor, changing_sound(800)
    with pytest.raises(ValueError, match="a sampling rate of 8000 Hz; this feature extractor takes 16000 Hz"):
        log_probs_of_long_audio(tiny_model, extractor, audio, sampling_rate=8000)
    with pytest.raises(ValueError, match="chunk_s is 0; it must be positive"):
        log_probs_of_long_audio(tiny_model, extractor, audio, sampling_rate=RATE_HZ, chunk_s=0)
    with pytest.raises(ValueError, match="num_segments is 0"):
        log_probs_of_long_audio(tiny_model, extractor, audio, sampling_rate=RATE_HZ, num_segments=0)
    with pytest.raises(ValueError, match="A str does not show its layers; give a BiGRUForCTC"):
        log_probs_of_long_audio("model", extractor, audio, sampling_rate=RATE_HZ)


def test_no_room_for_the_file(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        # An hour has 180,000 frames, each with 128 bins and with 8 numbers of either direction of two layers, of 4
        # bytes.
        with pytest.raises(OSError, match=r"a long recording, 0\.115 GB for every hour; name a folder"):
            log_probs_of_long_audio(
                tiny_model, processor.feature_extractor, changing_sound(800), sampling_rate=RATE_HZ
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
