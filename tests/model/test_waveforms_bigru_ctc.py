"""One rule for samples in memory, at every door that takes them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import pipeline

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUForCTC
from hf_bigru_asr.audio.loading import AudioError, to_mono_float32
from hf_bigru_asr.model.waveforms_bigru_ctc import list_of_waveforms, mono_waveform

RATE_HZ = 16_000
Door = Callable[[object], np.ndarray]


def extracted(array: object) -> np.ndarray:
    """What the feature extractor computes features of."""
    given: list[torch.Tensor] = []

    class Listening(BiGRUCTCFeatureExtractor):
        def extract(self, waveform: torch.Tensor) -> torch.Tensor:
            given.append(waveform)
            return super().extract(waveform)

    # In a list, since an array of two axes is a batch here and two channels at the other doors.
    extractor = Listening()
    features = extractor(
        [array] if np.ndim(array) == 2 else array, sampling_rate=RATE_HZ, return_tensors="pt"
    ).input_features
    expected = BiGRUCTCFeatureExtractor().extract(given[0])
    assert torch.equal(features[0], expected)
    return given[0].numpy()


DOORS: dict[str, Door] = {
    "mono_waveform": mono_waveform,
    "to_mono_float32": lambda array: to_mono_float32(array, RATE_HZ),
    "feature extractor": extracted,
}
at_every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())

GOOD = {
    "list": ([0.0, 0.5, -0.5], [0, 0.5, -0.5]),
    "float64": (np.float64([0, 0.5]), [0, 0.5]),
    "float16": (np.float16([0, 0.5]), [0, 0.5]),
    "big-endian": (np.array([0, 0.5], dtype=">f4"), [0, 0.5]),
    "int8": (np.int8([-128, 64]), [-1, 0.5]),
    "int16": (np.int16([-32768, 16384]), [-1, 0.5]),
    "int32": (np.int32([-(2**31), 2**30, 1]), [-1, 0.5, 2.0**-31]),
    "uint8": (np.uint8([0, 128, 192]), [-1, 0, 0.5]),
    "torch": (torch.tensor([0.0, 0.5]), [0, 0.5]),
    "torch bfloat16": (torch.tensor([0.0, 0.5], dtype=torch.bfloat16), [0, 0.5]),
    "torch int16": (torch.tensor([0, 16384], dtype=torch.int16), [0, 0.5]),
    "torch int32": (torch.tensor([-(2**31), 2**30], dtype=torch.int32), [-1, 0.5]),
    "torch uint8": (torch.tensor([0, 128], dtype=torch.uint8), [-1, 0]),
    "torch with a gradient": (torch.tensor([0.5], requires_grad=True), [0.5]),
    "backwards": (np.float32([0, 0.5, 1])[::-1], [1, 0.5, 0]),
    "one channel first": (np.float32([[0, 0.5, 1]]), [0, 0.5, 1]),
    "two channels first": (np.float32([[0, 0.5, 1], [1, 0.5, 0]]), [0.5, 0.5, 0.5]),
    "two channels of int16": (np.int16([[0, 16384], [16384, 16384]]), [0.25, 0.5]),
    "two channels of one sample": (np.float32([[0.5], [0.25]]), [0.375]),
    "over full scale": ([1.5, -2.0, 0.5], [1, -1, 0.5]),
}
SCALE = r"up to 20000; allowed is \[-1, 1\]: divide them by the full scale before, 32768 for 16-bit values"
TYPE = r"has samples of type {}; allowed are floats in \[-1, 1\], and int8, int16, int32 and uint8 at full scale"
LAST = r"has the shape \({}\), which looks like \(samples, channels\); .* transpose it with `array.T`"
BAD = {
    "empty": (np.zeros(0), ValueError, "has no samples; give at least one sample"),
    "empty stereo": (np.zeros((2, 0)), ValueError, "has no samples; give at least one sample"),
    "nan": ([0.0, float("nan")], ValueError, "has 1 NaN or infinite samples, the first at sample 1;"),
    "inf": ([float("inf"), 0.0], ValueError, "has 1 NaN or infinite samples, the first at sample 0;"),
    "nan in a channel": (np.float32([[0, 0], [0, np.nan]]), ValueError, "has 1 NaN .* the first at sample 1;"),
    "opposite infinities": (np.float32([[np.inf], [-np.inf]]), ValueError, "has 2 NaN or infinite samples"),
    "beyond float32": (np.float64([1e300]), ValueError, "has 1 NaN or infinite samples"),
    "float at integer scale": ([0.0, 20_000.0], ValueError, SCALE),
    "negative at integer scale": (np.float32([0.0, -20_000.0]), ValueError, SCALE),
    "tensor at integer scale": (torch.tensor([0.0, 20_000.0]), ValueError, SCALE),
    "channels at integer scale": (np.float32([[20_000.0], [-20_000.0]]), ValueError, SCALE),
    "two channels last": (np.zeros((16_000, 2)), ValueError, LAST.format("16000, 2")),
    "few samples of two channels last": (np.zeros((5, 2)), ValueError, LAST.format("5, 2")),
    "one channel last": (np.zeros((16_000, 1)), ValueError, LAST.format("16000, 1")),
    "six channels last": (np.zeros((16_000, 6)), ValueError, LAST.format("16000, 6")),
    "tensor with channels last": (torch.zeros(16_000, 2), ValueError, LAST.format("16000, 2")),
    "three channels": (np.zeros((3, 800)), ValueError, "has 3 channels; allowed are 1 and 2, .* mix them to mono"),
    "scalar": (
        np.array(0.5),
        ValueError,
        r"has the shape \(\); an utterance is \(samples,\) or",
    ),
    "python ints": ([0, 1], TypeError, TYPE.format("int64")),
    "int64": (np.zeros(4, dtype=np.int64), TypeError, TYPE.format("int64")),
    "uint16": (np.zeros(4, dtype=np.uint16), TypeError, TYPE.format("uint16")),
    "bool": (np.zeros(4, dtype=bool), TypeError, TYPE.format("bool")),
    "complex": (np.zeros(4, dtype=complex), TypeError, TYPE.format("complex128")),
    "torch int64": (torch.zeros(4, dtype=torch.int64), TypeError, TYPE.format("int64")),
    "none": (None, TypeError, "audio is of type NoneType; give its samples as a NumPy array"),
    "a number": (np.float32(0.5), TypeError, "audio is of type float32"),
    "path": ("speech.wav", TypeError, "audio is of type str; .*load_audio reads files"),
    "bytes of a file": (bytearray(b"RIFF"), TypeError, "audio is of type bytearray"),
}


@at_every_door
@pytest.mark.parametrize(("array", "expected"), GOOD.values(), ids=GOOD.keys())
def test_samples_become_mono_float32(door: Door, array: object, expected: list[float]) -> None:
    samples = door(array)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, np.float32(expected))


@at_every_door
@pytest.mark.parametrize(("array", "error", "message"), BAD.values(), ids=BAD.keys())
def test_bad_samples_are_refused(door: Door, array: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        door(array)


def test_a_batch_that_is_no_utterance() -> None:
    for door in (mono_waveform, DOORS["to_mono_float32"]):
        with pytest.raises(ValueError, match=r"has the shape \(4, 1, 100\); .* pass the clips of a batch one by one"):
            door(np.zeros((4, 1, 100)))
    assert [len(each) for each in list_of_waveforms(np.zeros((4, 1, 100)))] == [100] * 4
    assert [len(each) for each in list_of_waveforms(torch.zeros(100, 20))] == [20] * 100
    for shape in ((100, 2), (5, 2), (9, 8)):
        with pytest.raises(ValueError, match=r"looks like \(samples, channels\)"):
            list_of_waveforms(np.zeros(shape))


def test_an_error_of_a_file_reader_names_its_source() -> None:
    with pytest.raises(AudioError, match=r"^array: has no samples; give at least one sample$"):
        to_mono_float32([], RATE_HZ)
    with pytest.raises(ValueError, match=r"^The audio has no samples; give at least one sample\.$"):
        mono_waveform([])


@pytest.mark.parametrize("door", [mono_waveform, DOORS["to_mono_float32"]])
def test_samples_are_copied(door: Door) -> None:
    array = np.float32([0.5, 0.5])
    door(array)[:] = 0
    np.testing.assert_array_equal(array, np.float32([0.5, 0.5]))


def test_the_stock_pipeline_has_the_same_rule(model_dir: Path) -> None:
    recogniser = pipeline("automatic-speech-recognition", model=str(model_dir))
    noise = np.random.default_rng(0).normal(0, 2000, RATE_HZ).round()
    expected = recogniser((noise / 32768).astype(np.float32))
    assert expected["text"]
    scales = {np.int16: noise, np.int32: noise * 65536, np.float64: noise / 32768}
    for dtype, samples in scales.items():
        array = samples.astype(dtype)
        assert recogniser(array) == recogniser({"raw": torch.from_numpy(array), "sampling_rate": RATE_HZ}) == expected
    eight_bits = (noise / 256).round()
    assert recogniser((eight_bits + 128).astype(np.uint8)) == recogniser((eight_bits / 128).astype(np.float32))
    for array in (noise, noise.astype(np.float32), np.stack([noise, noise]).astype(np.int16)):
        with pytest.raises(ValueError, match=r"allowed is \[-1, 1\]: divide"):
            recogniser(array)


def test_the_recogniser_without_torch_has_the_same_rule(tiny_model: BiGRUForCTC, model_dir: Path) -> None:
    pytest.importorskip("onnxruntime")
    from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

    recogniser = OnnxRecognizer(model_dir)
    integers = np.random.default_rng(0).normal(0, 2000, 4000).astype(np.int16)
    (found,) = recogniser.log_probs([integers])
    np.testing.assert_array_equal(found, recogniser.log_probs([integers / np.float32(32768)])[0])
    for array, error in ((integers.astype(np.float32), ValueError), (integers.astype(np.int64), TypeError)):
        with pytest.raises(error, match="allowed"):
            recogniser.log_probs([array])


def test_it_imports_no_torch(run_in_child: Callable[..., str]) -> None:
    code = "import sys, hf_bigru_asr.model.waveforms_bigru_ctc; print(*sys.modules)"
    assert not {"torch", "transformers"} & set(run_in_child(code).split())


def test_a_decoder_is_told_from_samples() -> None:
    class AudioDecoder:
        def get_all_samples(self) -> None: ...

    for given in (AudioDecoder(), [AudioDecoder()]):
        with pytest.raises(TypeError, match=r"is a decoder, AudioDecoder, .* audio\.get_all_samples\(\)\.data"):
            list_of_waveforms(given)  # type: ignore[arg-type]
