"""Recordings from a server on the loopback interface, and what is not taken from one."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hf_bigru_asr.audio.download import Download, check_address
from hf_bigru_asr.audio.findings import AudioError

SOUND = bytes(range(256)) * 40


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the path: a recording, one that breaks off, a page, a redirect, silence."""

    def do_GET(self) -> None:
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to?"))
            self.end_headers()
        elif self.path == "/missing":
            self.send_error(404)
        elif self.path == "/silent":
            time.sleep(0.5)
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if self.path == "/page" else "audio/wav")
            if self.path != "/endless":
                self.send_header("Content-Length", str(len(SOUND)))
            self.end_headers()
            self._send_body()

    def _send_body(self) -> None:
        try:
            if self.path == "/slow":
                for place in range(20):
                    self.wfile.write(SOUND[place : place + 1])
                    time.sleep(0.03)
            self.wfile.write(SOUND[: len(SOUND) // 2 if self.path == "/short" else None])
        except OSError:
            pass  # the client has had enough

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with serving() as address:
            yield address


def fetched(address: str, **limits: float) -> bytes:
    download = Download(address, max_bytes=int(limits.get("max_bytes", 10**6)), max_s=limits.get("max_s", 20.0))
    try:
        blocks = []
        while block := download.read(1000):
            assert len(block) <= 1000
            blocks.append(block)
        return b"".join(blocks)
    finally:
        download.close()


@pytest.mark.parametrize("path", ["/a.wav", "/endless", "/to?/a.wav"])
def test_a_recording_comes_as_it_is(server: str, path: str) -> None:
    assert fetched(server + path) == SOUND


@pytest.mark.parametrize(
    ("path", "limits", "problem"),
    [
        ("/missing", {}, "the server answers 404 Not Found"),
        ("/page", {}, "is a web page"),
        ("/short", {}, "ended early: 5120 bytes are missing"),
        ("/a.wav", {"max_bytes": 9000}, "has more than 0.009 MB"),
        ("/endless", {"max_bytes": 9000}, "has more than 0.009 MB"),
        ("/slow", {"max_s": 0.1}, "comes too slowly: it takes longer than 0.1 s"),
        ("/silent", {"max_s": 0.1}, "comes too slowly: nothing came for 0.1 s"),
        ("/to?file:///etc/passwd", {}, "Redirection to url 'file:///etc/passwd' is not allowed"),
        ("/to?ftp://127.0.0.1/a.wav", {}, "which has the scheme 'ftp'; allowed are http and https"),
        ("/to?/to?/to?/to?/to?/to?/to?/a.wav", {}, "the server answers 302"),
    ],
)
def test_what_cannot_be_used_is_named(server: str, path: str, limits: dict[str, float], problem: str) -> None:
    with pytest.raises(AudioError) as caught:
        fetched(server + path, **limits)
    assert caught.value.source == server + path
    assert problem in caught.value.problem


def test_a_server_that_is_not_there(server: str) -> None:
    with pytest.raises(AudioError, match=r"cannot be downloaded .* check the address"):
        fetched("http://127.0.0.1:9/a.wav")


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("file:///etc/passwd", "has the scheme 'file'; allowed are http and https"),
        ("ftp://example.org/a.wav", "has the scheme 'ftp'"),
        ("https:///a.wav", "has no host"),
        ("https://user:secret@example.org/a.wav", "has a password"),
        ("https://[::1/a.wav", "is no address"),
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_sent(address: str, problem: str) -> None:
    with pytest.raises(AudioError) as caught:
        check_address(address)
    assert problem in caught.value.problem
