"""The command `serve`: what it refuses, and how it ends."""

from collections.abc import Callable
from pathlib import Path

import pytest
from repository import REPOSITORY

from hf_bigru_asr.cli.main import main

pytest.importorskip("fastapi")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 can be reached from other machines; give --api-key-file"),
        (["--port", "70000"], "--port is 70000; it must be from 0 to 65535"),
        (["--max-mb", "0"], "--max-mb is 0; it must be positive"),
        (["--max-time-s", "nan"], "--max-time-s is nan; it must be positive"),
        (["--no-key", "--api-key-file", "key"], "--no-key and --api-key-file are opposites"),
        (["--lm", "none", "--hotwords", "x"], "--hotwords and --preset work with a language model"),
        (["--host", "192.0.2.1", "--no-key"], "192.0.2.1 port 8000 cannot be served"),
        (["--api-key-file", "no-such-file"], "no-such-file"),
    ],
)
def test_what_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_BIGRU_ASR_API_KEY", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["serve", *words])
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


CHILD = """
import contextlib, io, os, signal, sys, threading, time
from types import SimpleNamespace
sys.path[:0] = sys.argv[1:3]
import httpx2
from fake_steps import FakeSteps
from hf_bigru_asr.cli import serve
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.server import recordings

steps = FakeSteps()
steps.may_end.clear()
recordings.RecordingSteps = lambda recognizer, **options: steps
serve._load_recognizer = lambda args: (SimpleNamespace(decoder=None), "nobody")
said = io.StringIO()

def end():
    while not steps.jobs:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.4)
    steps.may_end.set()

def talk():
    while "/v1" not in said.getvalue():
        time.sleep(0.01)
    url = said.getvalue().split("serving ")[1].split()[0]
    threading.Thread(target=end).start()
    answers.append(httpx2.post(url, content=b"long LAST 60", timeout=20).json()["text"])

answers = []
client = threading.Thread(target=talk)
client.start()
with contextlib.redirect_stderr(said):
    status = main(["serve", "--port", "0"])
client.join()
print(status, answers, said.getvalue().splitlines()[1:])
"""


def test_sigterm_ends_it_when_the_last_answer_is_out(run_in_child: Callable[..., str]) -> None:
    out = run_in_child(CHILD, REPOSITORY, Path(__file__).parents[1] / "support", timeout_s=120)
    assert out == "143 ['LAST 60'] ['hf-bigru-asr serve: terminated.']\n"
