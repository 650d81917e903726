"""Recognition on OpenVINO without torch."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest
from repository import SAMPLE
from runtime_support import needs_openvino

from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.runtime.openvino import compile_on_openvino, openvino_core
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

pytestmark = needs_openvino


def _has_bfloat16() -> bool:
    if find_spec("openvino") is None:
        return False
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


needs_bfloat16 = pytest.mark.skipif(not _has_bfloat16(), reason="the processor does not compute with bfloat16")


def test_log_probabilities_are_those_of_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    speech = load_audio(SAMPLE)
    batch = [speech[:30_000], speech]
    recognizers = [OnnxRecognizer(num_threads=1, runtime=runtime) for runtime in ("onnx", "openvino")]
    expected, found = (each.log_probs(batch) for each in recognizers)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-4)
    recognizers[1].long_s = 1.0
    pieces = np.concatenate(list(recognizers[1].log_probs_of_blocks([speech])))
    np.testing.assert_allclose(pieces, expected[1], atol=1e-4)


@needs_bfloat16
def test_bfloat16_changes_log_probabilities_little() -> None:
    speech = load_audio(SAMPLE)
    exact = OnnxRecognizer(num_threads=1)
    mixed = OnnxRecognizer(num_threads=1, runtime="openvino", dtype="bfloat16")
    (expected,), (found,) = exact.log_probs([speech]), mixed.log_probs([speech])
    difference = np.abs(np.exp(found) - np.exp(expected))
    assert 1e-5 < difference.max() < 0.2
    assert difference.mean() < 2e-3
    assert mixed.transcribe(SAMPLE) == exact.transcribe(SAMPLE)
    mixed.long_s = 1.0
    pieces = np.concatenate(list(mixed.log_probs_of_blocks([speech])))
    assert np.abs(np.exp(pieces) - np.exp(expected)).mean() < 2e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "bfloat16"}, "dtype is 'bfloat16'; onnx runs this network in float32. Choose openvino."),
        (
            {"dtype": "int8", "runtime": "openvino"},
            "dtype is 'int8'; openvino runs this network in float32 or bfloat16. Choose native.",
        ),
        ({"dtype": "float32", "runtime": "native"}, "native runs this network in int8. Choose onnx or openvino."),
    ],
)
def test_number_formats_that_are_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OnnxRecognizer(**arguments)  # type: ignore[arg-type]


def test_another_runtime_is_refused() -> None:
    with pytest.raises(ValueError, match="runtime is 'tflite'; choose onnx, openvino, native or auto"):
        OnnxRecognizer(runtime="tflite")


def test_a_graph_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="OpenVINO cannot read the graph"):
        compile_on_openvino(b"no graph")


def test_torch_is_not_imported(run_in_child: Callable[..., str]) -> None:
    code = """
import sys
for name in ("torch", "torchaudio", "transformers", "onnxruntime"):
    sys.modules[name] = None
from hf_bigru_asr.runtime import OnnxRecognizer
print(OnnxRecognizer(runtime="openvino").feature_settings.num_offsets)
"""
    assert run_in_child(code) == "1\n"
