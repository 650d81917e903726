"""The examples for other languages, and what they need to run."""

import shutil
from pathlib import Path

import pytest

from hf_bigru_asr.runtime.export import export_onnx


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model, as examples/README.md exports it; only to be read."""
    pytest.importorskip("onnx", reason="the package `onnx` is not installed")
    return export_onnx("bundled", tmp_path_factory.mktemp("exported"), waveform=True).parent


@pytest.fixture(scope="session")
def node() -> str:
    path = shutil.which("node")
    if path is None:
        pytest.skip("node is not installed: apt-get install nodejs")
    return path
