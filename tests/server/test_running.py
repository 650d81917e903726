"""How a server ends while it works: what is begun is answered, whoever waits is told."""

import signal
import threading
import time
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fake_steps import FakeSteps
from loopback_server import served

from hf_bigru_asr.processes.interrupts import REPEAT_S

NOBODY: Any = SimpleNamespace()


@pytest.mark.parametrize("num_signals", [1, 2])
def test_who_still_waits_is_told_that_the_server_ends(num_signals: int, caplog: pytest.LogCaptureFixture) -> None:
    steps, answers = FakeSteps(), list[httpx2.Response]()
    steps.may_end.clear()  # it never ends by itself
    with served(NOBODY, steps=steps) as server:
        post = threading.Thread(
            target=lambda: answers.append(server.post(files={"file": ("a.wav", b"long WORD 60")}, data={}))
        )
        post.start()
        while not steps.jobs:
            time.sleep(0.005)
        if num_signals == 1:
            server.running.server._drain_s = 0.1
        server.running.server.handle_exit(signal.SIGTERM, None)
        if num_signals == 2:
            server.running.server._first_s -= REPEAT_S
            server.running.server.handle_exit(signal.SIGTERM, None)
        post.join(4)  # drain_s is 5
    assert [answer.status_code for answer in answers] == [503]
    assert answers[0].json()["error"]["message"] == "The server ends; try again later."
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
