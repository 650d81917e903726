"""Which runtime "auto" is."""

import shutil
from pathlib import Path

import pytest

from hf_bigru_asr import bundled_checkpoint
from hf_bigru_asr.native import library, network
from hf_bigru_asr.runtime.export import GRAPH_NAME
from hf_bigru_asr.runtime.model_files import ModelFiles
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer
from hf_bigru_asr.runtime.runtime_choice import choose_runtime

FILES = ModelFiles(Path(bundled_checkpoint()))


@pytest.mark.parametrize(
    ("kernel", "dtype", "expected"),
    [
        ("avx512vnni", None, "native"),
        ("avxvnni", None, "native"),
        ("dotprod", None, "native"),
        ("generic", "int8", "native"),
        ("avx512vnni", "float32", "onnx"),
        ("avx2", None, "onnx"),
        ("generic", None, "onnx"),
    ],
)
def test_the_processor_decides(kernel: str, dtype: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "fastest_kernel", lambda: kernel)
    assert choose_runtime(FILES, "auto", dtype) == expected
    assert choose_runtime(FILES, "openvino", dtype) == "openvino"


def test_onnx_runtime_runs_what_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "fastest_kernel", lambda: "avx512vnni")
    monkeypatch.setattr(library, "is_available", lambda: False)
    assert choose_runtime(FILES, "auto", None) == "onnx"


def test_onnx_runtime_runs_an_exported_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "fastest_kernel", lambda: "avx512vnni")
    shutil.copy(Path(bundled_checkpoint()) / "config.json", tmp_path)
    assert choose_runtime(ModelFiles(tmp_path), "auto", None) == "native"
    (tmp_path / GRAPH_NAME).write_bytes(b"")
    assert choose_runtime(ModelFiles(tmp_path), "auto", None) == "onnx"
    assert choose_runtime(ModelFiles(tmp_path), "auto", "int8") == "native"


def test_the_recogniser_says_what_it_runs_on() -> None:
    recognizer = OnnxRecognizer(runtime="native")
    assert (recognizer.runtime, recognizer.dtype) == ("native", "int8")
    recognizer = OnnxRecognizer(num_threads=1)
    assert (recognizer.runtime, recognizer.dtype) == ("onnx", "float32")
