"""Contract 10: no surprise on the network.

Nothing asks a server for what lies on the disk or in the package, whatever door to the bundled model is taken.
"""

import socket
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from repository import SAMPLE
from runtime_support import needs_onnx, needs_openvino
from transformers import AutomaticSpeechRecognitionPipeline, pipeline

from hf_bigru_asr import (
    Aligner,
    BiGRUCTCProcessor,
    OnnxBiGRUForCTC,
    OpenVINOBiGRUForCTC,
    bundled_checkpoint,
    load_recognizer,
    transcribe,
)
from hf_bigru_asr.model.language_model_files_bigru_ctc import find_model_file
from hf_bigru_asr.transcription.pipeline import BeamSearchPipeline

TASK = "automatic-speech-recognition"
LAST_WORDS = "ATTENTION TO HER"


@pytest.fixture(autouse=True)
def closed_sockets(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to reach a server fails, and is remembered: libraries may try again and go on without."""
    attempts: list[object] = []

    def refuse(*arguments: object, **_: object) -> NoReturn:
        attempts.append(arguments)
        raise OSError(f"a test that needs no network asked for {arguments}")

    # Asked to be offline, the library would not even try.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    return attempts


def of_parts(model: Any, pipeline_class: type | None = None) -> AutomaticSpeechRecognitionPipeline:  # noqa: ANN401 - of several backends
    """The pipeline with a model that was loaded before, as README makes it."""
    processor = BiGRUCTCProcessor.from_pretrained(bundled_checkpoint())
    return pipeline(
        TASK,
        model=model,
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
        processor=processor,
        pipeline_class=pipeline_class,
        device="cpu",
    )


DOORS = [
    pytest.param(lambda: load_recognizer("bundled", device="cpu"), id="load_recognizer"),
    pytest.param(lambda: load_recognizer("bundled", language_model="own", device="cpu"), id="language model"),
    pytest.param(lambda: load_recognizer("bundled", runtime="onnx"), id="onnx", marks=needs_onnx),
    pytest.param(lambda: load_recognizer("bundled", runtime="openvino"), id="openvino", marks=needs_openvino),
    pytest.param(lambda: of_parts(OnnxBiGRUForCTC.from_pretrained("bundled")), id="onnx model", marks=needs_onnx),
    pytest.param(
        lambda: of_parts(OnnxBiGRUForCTC.from_pretrained("bundled"), BeamSearchPipeline),
        id="onnx model, language model",
        marks=needs_onnx,
    ),
    pytest.param(
        lambda: of_parts(OpenVINOBiGRUForCTC.from_pretrained("bundled")), id="openvino model", marks=needs_openvino
    ),
]


@pytest.mark.parametrize("load", DOORS)
def test_every_door_transcribes_with_confidences(
    load: Callable[[], AutomaticSpeechRecognitionPipeline], closed_sockets: list[object]
) -> None:
    recognizer = load()
    (found,) = transcribe(recognizer, [SAMPLE], return_timestamps="word")
    assert str(found.text).endswith(LAST_WORDS)
    assert all(0 < chunk["confidence"] < 1 for chunk in found.chunks or [])
    assert recognizer.model.config.name_or_path == str(bundled_checkpoint())
    assert closed_sockets == []


def test_the_aligner(closed_sockets: list[object]) -> None:
    aligner = Aligner.from_pretrained("bundled")
    assert aligner.align(SAMPLE, SAMPLE.with_suffix(".txt").read_text()).score > 0.1
    assert closed_sockets == []


def test_a_question_to_the_hub_would_be_seen(closed_sockets: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # between attempts
    with pytest.raises(OSError, match="cannot be fetched from the Hub"):
        find_model_file("nobody/nothing", "confidence.json")
    assert closed_sockets
