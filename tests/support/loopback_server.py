"""The server of this package in a thread, on a free port of the loopback interface."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from hf_bigru_asr.runtime import OnnxRecognizer
from hf_bigru_asr.server.app import ServerOptions
from hf_bigru_asr.server.recordings import RecordingSteps
from hf_bigru_asr.server.running import Running, listening_socket, make_server


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    url: str
    running: Running

    def post(self, path: str = "/v1/audio/transcriptions", **options: Any) -> httpx2.Response:
        return httpx2.post(self.url + path, timeout=60, **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=60, **options)


@contextmanager
def served(
    recognizer: OnnxRecognizer, options: ServerOptions | None = None, steps: RecordingSteps | None = None
) -> Iterator[Served]:
    options = options or ServerOptions()
    running = make_server(
        recognizer, steps or RecordingSteps(recognizer, max_audio_s=options.limits.max_audio_s), options, drain_s=5
    )
    socket = listening_socket("127.0.0.1", 0)
    thread = threading.Thread(target=running.run, args=([socket],))
    thread.start()
    try:
        while not running.server.started:
            time.sleep(0.005)
        yield Served(f"http://127.0.0.1:{socket.getsockname()[1]}", running)
    finally:
        running.server.should_exit = True
        thread.join()
