"""Uploads that name other files are refused, whatever they are called; harmless local files show it."""

from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from loopback_server import Served
from repository import SAMPLE
from runtime_support import needs_onnx

from hf_bigru_asr.audio.ffmpeg import find_ffmpeg

pytestmark = [needs_onnx, pytest.mark.skipif(find_ffmpeg() is None, reason="needs ffmpeg")]

CONTAINERS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "address": "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:{port}/health\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_file_that_names_others_is_refused(greedy_server: Served, tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret.flac"
    secret.write_bytes(SAMPLE.read_bytes())
    port = greedy_server.url.rpartition(":")[2]
    content = CONTAINERS[kind].format(path=secret, port=port).encode()
    answer = greedy_server.post(files={"file": ("talk.wav", content, "audio/wav")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_audio")
    numbers = greedy_server.get("/metrics").text
    assert 'path="/health"' not in numbers  # nobody asked


@pytest.mark.parametrize("name", ["https://example.org/a.wav", "/dev/zero", "file:///etc/hostname", "concat:a|b"])
def test_a_name_is_never_opened(greedy_server: Served, name: str) -> None:
    answer = greedy_server.post(files={"file": (name, name.encode())})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_audio")
