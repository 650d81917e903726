"""Live sound through a WebSocket."""

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")

from fake_steps import FakeSteps
from loopback_server import Served, served
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.model.decoding_bigru_ctc import DecodedWord, Hypothesis
from hf_bigru_asr.server import live
from hf_bigru_asr.server.app import ServerOptions
from hf_bigru_asr.server.limits import ServerLimits

RATE_HZ = 16_000
LOUD = (np.full(RATE_HZ, 8000, dtype="<i2")).tobytes()
SILENT = bytes(2 * RATE_HZ)


def recognize(samples: np.ndarray) -> list[Hypothesis]:
    """One word: the loud seconds."""
    text, length_s = f"LOUD{(np.abs(samples) > 0.1).sum() / RATE_HZ:.0f}", len(samples) / RATE_HZ
    spans = tuple(CharacterSpan(char, 0.0, length_s, 1.0) for char in text)
    return [Hypothesis(text, 0.0, spans, (DecodedWord(spans, 0.9, ()),))]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    recognizer: Any = SimpleNamespace(sampling_rate=RATE_HZ, recognize=recognize)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "load_speech_detector", lambda: lambda window: float(np.abs(window).max() > 0.1))
        with served(recognizer, ServerOptions(ServerLimits(max_live=2)), FakeSteps()) as server:
            yield server


def connected(server: Served, query: str = "") -> ClientConnection:
    return connect(f"{server.url.replace('http', 'ws')}/v1/audio/listen{query}", proxy=None)


def test_utterances_come_as_they_end(server: Served) -> None:
    with connected(server) as client:
        client.send(SILENT + LOUD + SILENT)
        first = json.loads(client.recv(10))  # before the sound ends
        client.send(LOUD[:-1])
        client.send(LOUD[-1:] + LOUD)  # half a sample before
        client.send('{"type": "end"}')
        second, last = json.loads(client.recv(10)), json.loads(client.recv(10))
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(10)
    assert (first["type"], first["text"]) == ("utterance", "LOUD1")
    assert abs(first["start_s"] - 1) < 0.4
    assert first["words"][0]["confidence"] == 0.9
    assert second["text"] == "LOUD2"
    assert abs(second["start_s"] - 3) < 0.4
    assert last == {"type": "end"}
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000


def test_the_rate_and_channels_are_those_of_the_query(server: Served) -> None:
    stereo = np.repeat(np.frombuffer(LOUD, dtype="<i2")[::2], 2).tobytes()
    with connected(server, "?rate=8000&channels=2") as client:
        client.send(stereo + bytes(16_000))
        assert json.loads(client.recv(10))["text"] == "LOUD1"


@pytest.mark.parametrize("query", ["?rate=7", "?rate=x", "?channels=0", "?silence=nan", "?speed=2"])
def test_a_wrong_query_is_refused(server: Served, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connected(server, query)
    assert refused.value.response.status_code == 400


def test_a_message_that_is_no_sound(server: Served) -> None:
    with connected(server) as client:
        client.send("hello")
        assert json.loads(client.recv(10))["error"]["message"].startswith("The message is no sound")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003


def wait_until_idle(server: Served) -> None:
    deadline = time.monotonic() + 10
    while "hf_bigru_asr_live_sessions 0.0" not in server.get("/metrics").text:
        assert time.monotonic() < deadline


def test_sessions_are_counted(server: Served) -> None:
    wait_until_idle(server)  # of the test before
    with connected(server), connected(server), pytest.raises(InvalidStatus) as refused:
        connected(server)
    assert refused.value.response.status_code == 429
    wait_until_idle(server)
    with connected(server) as client:
        client.send('{"type": "end"}')
        assert json.loads(client.recv(10)) == {"type": "end"}


def test_the_end_of_the_server_loses_nothing_that_was_spoken() -> None:
    recognizer: Any = SimpleNamespace(sampling_rate=RATE_HZ, recognize=recognize)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "load_speech_detector", lambda: lambda window: float(np.abs(window).max() > 0.1))
        with served(recognizer, None, FakeSteps()) as server, connected(server) as client:
            client.send(LOUD + SILENT)
            assert json.loads(client.recv(10))["text"] == "LOUD1"
            client.send(LOUD)
            client.ping().wait(10)  # the sound is there
            server.running.server.should_exit = True
            assert json.loads(client.recv(10))["text"] == "LOUD1"
            assert json.loads(client.recv(10)) == {"type": "end"}
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
