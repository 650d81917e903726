"""Sound that comes in files which are named after their content."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import needs_gradio

pytest.importorskip("starlette")

from starlette.types import Message, Receive, Scope, Send

from hf_bigru_asr.demo import chunks as module
from hf_bigru_asr.demo.chunks import ChunkTap, SoundChunks

pytestmark = needs_gradio

RATE_HZ = 48_000


def written(folder: Path, value: int) -> Path:
    path = folder / f"{value}.wav"
    soundfile.write(path, np.full(480, value, dtype=np.int16), RATE_HZ)
    return path


def test_silence_that_comes_twice_is_there_twice(tmp_path: Path) -> None:
    chunks = SoundChunks()
    silence = written(tmp_path, 0)
    for _ in range(2):  # both files have come before the first event, which removes the one of this name
        rate, samples = chunks.take(silence)
        assert (rate, len(samples), samples.any()) == (RATE_HZ, 480, False)
        assert not silence.exists()


def test_the_sound_of_old_files_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NUM_KEPT", 3)
    chunks = SoundChunks()
    first = written(tmp_path, 1)
    chunks.take(first)
    for value in range(2, 5):
        chunks.take(written(tmp_path, value))
    with pytest.raises(soundfile.LibsndfileError):
        chunks.take(first)
    assert list(tmp_path.iterdir()) == []


def posted(chunks: SoundChunks, folder: Path, path: str, body: bytes) -> bytes:
    """Post a body in two parts to an application behind the tap, and return what it got."""
    heard = b""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal heard
        while True:
            message = await receive()
            heard += message["body"]
            if not message["more_body"]:
                return

    messages = [{"body": body[:7], "more_body": True}, {"body": body[7:], "more_body": False}]

    async def receive() -> Message:
        return {"type": "http.request", **messages.pop(0)}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": path}
    asyncio.run(ChunkTap(application, chunks, folder)(scope, receive, send))
    return heard


def chunk_of(path: Path) -> bytes:
    return json.dumps({"data": [{"path": str(path)}], "session_hash": "page"}).encode()


def test_no_file_is_lost_while_an_event_is_busy(tmp_path: Path) -> None:
    chunks = SoundChunks()
    first, *others = (written(tmp_path, value) for value in (1, 2, 3))
    for path in others:
        body = chunk_of(path)
        assert posted(chunks, tmp_path, "/gradio_api/stream/0123abc", body) == body
    assert chunks.is_noted("page")
    assert [samples[0] for _, samples in chunks.take_waiting("page", first)] == [1, 2, 3]
    assert list(chunks.take_waiting("page")) == []


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/gradio_api/stream/0123abc/close", b""),
        ("/gradio_api/queue/join", b"uploads/1.wav"),
        ("/gradio_api/stream/0123abc", b"../1.wav"),
        ("/gradio_api/stream/0123abc", b"[]"),
        ("/gradio_api/stream/0123abc", b'{"data": [null], "session_hash": "page"}'),
        ("/gradio_api/stream/0123abc", b'{"data": [{"path": 1}], "session_hash": "page"}'),
        ("/gradio_api/stream/0123abc", b"\xff\xfe"),
    ],
)
def test_what_is_no_chunk_is_not_noted(tmp_path: Path, address: str, body: bytes) -> None:
    chunks = SoundChunks()
    body = chunk_of(tmp_path / body.decode()) if body.endswith(b".wav") else body
    assert posted(chunks, tmp_path / "uploads", address, body) == body
    assert not chunks.is_noted("page")
