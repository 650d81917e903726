#!/usr/bin/env bash
# gradio 6.31.0: a stream of the microphone loses what comes while its event is worked on, and says success.
#
# Guess: chunks of sound wait in order, as other events of the queue do. Seen: the server keeps the newest one alone, and
# answers `{"msg": "success"}` to all. The browser sends ten a second, so that an event of half a second costs most of
# the sound, and a recogniser gets pieces of words. Each chunk was uploaded and lies on the disk.
# So the page of this package notes the chunks in a middleware before Gradio overwrites them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "gradio==6.31.0"
export GRADIO_TEMP_DIR="$folder/uploads" GRADIO_ANALYTICS_ENABLED=False
"$folder/venv/bin/python" - <<'PYTHON'
import io
import os
import threading
import time
import wave

import gradio as gr
import httpx

heard = []


def hear(chunk: str) -> None:
    with wave.open(chunk) as file:
        heard.append(file.readframes(1)[0])
    time.sleep(2)


with gr.Blocks(analytics_enabled=False) as page:
    microphone = gr.Audio(sources=["microphone"], streaming=True, type="filepath")
    microphone.stream(hear, microphone, None)
page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)
api = f"{page.local_url}gradio_api"


def chunk(number: int) -> dict:
    """A body as the browser sends it, with a tenth of a second of the value `number`."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(bytes([number]) * 800)
    (path,) = httpx.post(f"{api}/upload", files={"files": ("audio.wav", sound.getvalue())}).json()
    return {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}], "fn_index": 0, "session_hash": "page"}


event = httpx.post(f"{api}/queue/join", json=chunk(1)).json()["event_id"]
listen = {"url": f"{api}/queue/data", "params": {"session_hash": "page"}, "timeout": None}
threading.Thread(target=lambda: httpx.get(**listen), daemon=True).start()
time.sleep(0.1)
for number in range(2, 21):
    answer = httpx.post(f"{api}/stream/{event}", json=chunk(number))
    assert answer.json() == {"msg": "success"}
    time.sleep(0.1)
time.sleep(8)
print(f"gradio {gr.__version__}: of 20 chunks the event got {heard}", flush=True)
assert len(heard) < 20, "it keeps now what comes meanwhile"
os._exit(0)
PYTHON
