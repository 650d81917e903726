"""OpenSLR's server on the loopback interface, which torchaudio's downloader reaches as its proxy."""

import hashlib
import http.server
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from torchaudio.datasets import librispeech

URL = "http://www.openslr.org/resources/12/train-clean-100.tar.gz"


@dataclass
class OpenSLR:
    """What the server answers with, and what it was asked for."""

    payload: bytes = b""
    status: int = 200
    missing_bytes: int = 0
    requests: list[str] = field(default_factory=list)

    def publish(self, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
        """Serve an archive, with its checksum in torchaudio's table."""
        assert URL in librispeech._CHECKSUMS
        self.payload = archive
        monkeypatch.setitem(librispeech._CHECKSUMS, URL, hashlib.sha256(archive).hexdigest())
        return archive


@contextmanager
def serve_openslr() -> Iterator[OpenSLR]:
    """Run the server, and point the proxies of `urllib` to it."""
    state = OpenSLR()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(state.payload)))
            self.end_headers()
            self.wfile.write(state.payload[: len(state.payload) - state.missing_bytes])

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
        # Made at the first request, with the proxies of that moment.
        monkeypatch.setattr(urllib.request, "_opener", None)
        yield state
    server.shutdown()
    thread.join()
    server.server_close()
