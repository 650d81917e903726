"""Requests over HTTP to answers, with steps that understand text in place of sound."""

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("fastapi")

import httpx2
from fake_steps import FakeSteps
from loopback_server import Served, served

from hf_bigru_asr.model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from hf_bigru_asr.server.access import AccessRules
from hf_bigru_asr.server.app import ServerOptions
from hf_bigru_asr.server.limits import ServerLimits

NOBODY: Any = SimpleNamespace()
KEY = "k" * 32
MAX_BYTES = 100_000


@pytest.fixture(scope="module")
def steps() -> FakeSteps:
    return FakeSteps()


@pytest.fixture(scope="module")
def server(steps: FakeSteps) -> Iterator[Served]:
    limits = ServerLimits(max_bytes=MAX_BYTES, max_requests=2, max_time_s=5)
    with served(NOBODY, ServerOptions(limits), steps) as server:
        yield server


def ask(server: Served, text: str = "short HELLO 2", **fields: object) -> httpx2.Response:
    return server.post(files={"file": ("talk.wav", text.encode())}, data=fields)


def test_every_format(server: Served) -> None:
    assert ask(server).json() == {"text": "HELLO", "usage": {"type": "duration", "seconds": 2}}
    assert ask(server, response_format="text").text == "HELLO\n"
    assert ask(server, response_format="srt").text == "1\n00:00:00,250 --> 00:00:01,250\nHELLO\n"
    assert ask(server, response_format="vtt").text == "WEBVTT\n\n00:00:00.250 --> 00:00:01.250\nHELLO\n"
    segments = ask(server, response_format="verbose_json").json()
    assert segments["segments"][0]["text"] == "HELLO"
    assert segments["segments"][0]["avg_logprob"] == -0.6931  # the logarithm of the confidence, 0.5
    assert "words" not in segments
    assert (segments["language"], segments["duration"]) == ("english", 2.0)
    both = {"response_format": "verbose_json", "timestamp_granularities[]": ["word"]}
    words = ask(server, **both).json()
    assert words["words"] == [{"word": "HELLO", "start": 0.25, "end": 0.75, "confidence": 0.5}]
    assert "segments" not in words


def test_a_prompt_is_hotwords(server: Served, steps: FakeSteps) -> None:
    assert ask(server, prompt="Queequeg, Moby Dick:9").status_code == 200
    assert steps.hotwords == {"QUEEQUEG": DEFAULT_HOTWORD_WEIGHT, "MOBY DICK": 9.0}


def test_events_are_the_text_as_it_grows(server: Served) -> None:
    answer = ask(server, "long ONE TWO THREE", stream="true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    deltas = [each["delta"] for each in events if each["type"] == "transcript.text.delta"]
    assert deltas == ["ONE", " TWO", " THREE"]
    assert (events[-1]["type"], events[-1]["text"]) == ("transcript.text.done", "ONE TWO THREE")


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("broken", 400, "invalid_audio"),
        ("endless", 422, "audio_too_long"),
        ("", 400, "invalid_request"),
        ("odd", 500, "server_error"),
        ("lost", 503, "unavailable"),
    ],
)
@pytest.mark.parametrize("stream", ["false", "true"])
def test_what_cannot_be_transcribed(server: Served, text: str, status: int, code: str, stream: str) -> None:
    answer = ask(server, text, stream=stream)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert "a fault" not in error["message"]
    assert server.running.engine.num_active == 0


def test_wrong_forms_and_paths(server: Served) -> None:
    url = "/v1/audio/transcriptions"
    for answer, status in (
        (server.post(url, content=b"x" * 50), 400),
        (server.post(url, data={"file": "no file"}), 400),
        (server.post(url, files={"other": b"short A"}), 400),
        (server.post(url, files=[("file", b"short A"), ("file", b"short B")]), 400),
        (server.post(url, files={"file": b"short A"}, data={"prompt": "x" * 70_000}), 400),
        (server.post(url, content=b"--x\r\nbroken", headers={"content-type": "multipart/form-data; boundary=x"}), 400),
        (server.post(url, content=b"--x\r\n", headers={"content-type": "multipart/form-data"}), 400),
        (server.post("/v1", content=b"{}", headers={"content-type": "application/json"}), 400),
        (server.post("/v1", content=b'{"inputs": "*"}', headers={"content-type": "application/json"}), 400),
        (server.get(url), 405),
        (server.get("/v1/models/other"), 404),
        (server.get("/nowhere"), 404),
    ):
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["message"]
    assert server.running.engine.num_active == 0


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "it cannot be read"),
        (b"[" * 100_000, "it cannot be read"),
        (b"\xff\xfe", "it cannot be read"),
        (b'["inputs"]', "it is no object"),
        (b"{}", "inputs is missing"),
        (b'{"inputs": null}', "inputs is no text"),
        (b'{"inputs": "*"}', "inputs is no base64"),
        (b'{"inputs": "\\ud800"}', "inputs is no base64"),
        (b'{"inputs": "AAAA", "parameters": [1]}', "parameters is no object"),
        (b'{"inputs": "AAAA", "speed": 2}', "'speed' is not known"),
    ],
)
def test_json_of_another_form(server: Served, body: bytes, problem: str) -> None:
    answer = server.post("/v1", content=body[:MAX_BYTES], headers={"content-type": "application/json"})
    assert answer.status_code == 400
    form = '{"inputs": "BASE64", "parameters": {"return_timestamps": "word"}}'
    assert answer.json()["error"]["message"] == f"The JSON is not of the form {form}: {problem}."


def test_what_the_web_framework_refuses_has_a_remedy(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    url = "/v1/audio/transcriptions"
    broken = server.post(url, content=b"--y\r\n", headers={"content-type": "multipart/form-data; boundary=x"})
    for answer, remedy in (
        (broken, "curl -F file=@talk.flac"),
        (server.get("/nowhere"), "POST recordings to /v1/audio/transcriptions."),
        (server.get(url), "it takes POST."),
    ):
        assert answer.json()["error"]["message"].endswith(remedy)
    assert caplog.records == []


def test_bodies_beyond_the_limit_get_their_answer(server: Served) -> None:
    stated = ask(server, "x" * 3_000_000)  # the answer comes although the client is still sending
    unstated = server.post("/v1", content=iter([b"x" * 60_000] * 40))
    assert (stated.status_code, unstated.status_code) == (413, 413)
    assert stated.json()["error"]["code"] == "request_too_large"


def test_the_rest_of_a_body_beyond_the_limit_is_thrown_away(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"POST /v1 HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(40):
            connection.sendall(b"ea60\r\n" + bytes(60_000) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))  # until the server has closed it
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert caplog.records == []


def test_too_many_requests_are_told_when_to_come_back(server: Served, steps: FakeSteps) -> None:
    steps.may_end.clear()
    threads = [threading.Thread(target=ask, args=(server, "long WAITS 60")) for _ in range(2)]
    for thread in threads:
        thread.start()
    while server.running.engine.num_active < 2:
        time.sleep(0.002)
    answer = ask(server)
    steps.may_end.set()
    for thread in threads:
        thread.join()
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert ask(server).status_code == 200


def test_a_client_that_goes_away_frees_its_work(server: Served, steps: FakeSteps) -> None:
    steps.may_end.clear()
    for stream in ("false", "true"):
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nlong GONE 60\r\n'
        body += f'--x\r\nContent-Disposition: form-data; name="stream"\r\n\r\n{stream}\r\n--x--\r\n'.encode()
        host, port = server.url.removeprefix("http://").split(":")
        num_jobs = len(steps.jobs)
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode()
                + body
            )
            while len(steps.jobs) == num_jobs:
                time.sleep(0.002)
        deadline = time.monotonic() + 4  # less than the time that a request may take
        while not steps.jobs[-1].is_stopped or server.running.engine.num_active:
            assert time.monotonic() < deadline
            time.sleep(0.002)
    steps.may_end.set()


def test_time_that_is_up(steps: FakeSteps) -> None:
    steps.may_end.clear()
    with served(NOBODY, ServerOptions(ServerLimits(max_time_s=0.2)), steps) as server:
        slow_work = ask(server, "long SLOW 60")

        def slow_body() -> Iterator[bytes]:
            yield b"short"
            time.sleep(0.5)
            yield b" A"

        slow_upload = server.post("/v1", content=slow_body())
    steps.may_end.set()
    assert (slow_work.status_code, slow_work.json()["error"]["code"]) == (504, "timeout")
    assert (slow_upload.status_code, slow_upload.json()["error"]["code"]) == (408, "upload_timeout")


def test_what_has_begun_ends_before_the_server_does(steps: FakeSteps) -> None:
    steps.may_end.clear()
    answers: list[Any] = []
    with served(NOBODY, ServerOptions(), steps) as server:
        thread = threading.Thread(target=lambda: answers.append(ask(server, "long LAST 60")))
        thread.start()
        while server.running.engine.num_active == 0:
            time.sleep(0.002)
        server.running.server.should_exit = True
        time.sleep(0.3)
        steps.may_end.set()
        thread.join()
    assert answers[0].json()["text"] == "LAST 60"


def test_the_names_of_uploads_are_no_paths(server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(inside))
    for name in ("../evil.wav", str(tmp_path / "evil.wav"), "..\\evil.wav", "evil\0.wav", "https://example.org/evil"):
        assert server.post(files={"file": (name, b"short HELLO 2")}).json()["text"] == "HELLO"
    assert [path.name for path in tmp_path.rglob("*")] == ["inside"]


def test_a_key_and_numbers_for_prometheus(steps: FakeSteps) -> None:
    with served(NOBODY, ServerOptions(rules=AccessRules(KEY)), steps) as server:
        assert ask(server).status_code == server.get("/metrics").status_code == 401
        assert server.get("/health").json()["status"] == "ok"
        bearer = {"authorization": f"Bearer {KEY}"}
        assert server.post(files={"file": b"short HELLO 2"}, headers=bearer).status_code == 200
        numbers = server.get("/metrics", headers=bearer).text
    assert 'hf_bigru_asr_requests_total{path="/v1/audio/transcriptions",status="401"} 1.0' in numbers
    assert 'hf_bigru_asr_requests_total{path="/v1/audio/transcriptions",status="200"} 1.0' in numbers
    assert "hf_bigru_asr_audio_seconds_total 2.0" in numbers
    assert "hf_bigru_asr_batch_size_count 1.0" in numbers


def test_pages_that_are_allowed_may_read_the_answer(steps: FakeSteps) -> None:
    page = {"origin": "https://example.org"}
    with served(NOBODY, ServerOptions(rules=AccessRules(origins=("https://example.org",))), steps) as server:
        answer = server.get("/v1/models", headers=page)
        other = server.get("/v1/models", headers={"origin": "https://example.com"})
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    assert other.status_code == 403
