"""The official clients work as they are."""

import shutil
import subprocess

import pytest

pytest.importorskip("fastapi")

from loopback_server import Served
from repository import SAMPLE
from runtime_support import needs_onnx

from hf_bigru_asr.runtime import OnnxRecognizer

pytestmark = needs_onnx


@pytest.fixture(scope="module")
def text() -> str:
    """What the recogniser gives alone."""
    return OnnxRecognizer(num_threads=1).transcribe(SAMPLE)


def test_openai(greedy_server: Served, text: str) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=f"{greedy_server.url}/v1", api_key="unused", max_retries=0)
    assert {each.id for each in client.models.list()} == {"hf-bigru-asr", "whisper-1"}
    create = client.audio.transcriptions.create
    verbose = create(
        file=SAMPLE,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        temperature=0,
    )
    assert verbose.text == text
    assert [word.word for word in verbose.words] == text.split()
    assert " ".join(segment.text for segment in verbose.segments) == text
    assert 0 <= verbose.words[0].start < verbose.words[-1].end <= verbose.duration
    events = list(create(file=SAMPLE.read_bytes(), model="hf-bigru-asr", stream=True))
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == text
    with pytest.raises(openai.BadRequestError, match="English alone") as raised:
        create(file=SAMPLE, model="whisper-1", language="de")
    assert (raised.value.code, raised.value.param) == ("unsupported_language", "language")


def test_inference_client(greedy_server: Served, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    # Offline it refuses every address, those of this machine too.
    monkeypatch.setattr(huggingface_hub.constants, "is_offline_mode", lambda: False)
    for base in (greedy_server.url, f"{greedy_server.url}/v1"):
        client = huggingface_hub.InferenceClient(base_url=base)
        assert client.automatic_speech_recognition(str(SAMPLE)).text == text
    found = client.automatic_speech_recognition(SAMPLE.read_bytes(), extra_body={"return_timestamps": "word"})
    assert [chunk.text for chunk in found.chunks] == text.split()
    assert all(chunk.timestamp[0] < chunk.timestamp[1] for chunk in found.chunks)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl(greedy_server: Served, text: str) -> None:
    url = f"{greedy_server.url}/v1/audio/transcriptions"
    command = ["curl", "-sS", "-F", f"file=@{SAMPLE}", "-F", "response_format=text", url]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{text}\n"
