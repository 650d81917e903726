#!/usr/bin/env bash
# openai 3.57.0: `stream=True` on a server that answers with plain JSON is a stream without events, and no error.
#
# Guess: a status of 200 with `Content-Type: application/json`, where `text/event-stream` was asked for, is an error, or
# the object itself. Many servers with this interface ignore `stream` for transcriptions. Seen: a `Stream` that ends at
# once. The text has arrived, and is thrown away; the same holds for chat. Without `stream` the same answer is read.
# So a server that cannot stream has to refuse the field by name, as that of this package does for srt.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "openai==3.57.0"
"$folder/venv/bin/python" - <<'PYTHON'
import http.server
import json
import threading

import openai


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"text": "hello"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0)
transcribe, sound = client.audio.transcriptions.create, ("a.wav", b"RIFF")
whole = transcribe(model="x", file=sound).text
events = list(transcribe(model="x", file=sound, stream=True))
chat = list(client.chat.completions.create(model="x", messages=[{"role": "user", "content": "hi"}], stream=True))
print(f"openai {openai.__version__}: {whole!r} at once; streamed {events}; chat streamed {chat}")
assert whole == "hello"
assert events == chat == [], "it tells now that the answer is no stream"
PYTHON
