"""How a command ends, in a process of its own where the operating system has a say."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from repository import REPOSITORY

from hf_bigru_asr.cli.one_line import CommandError, LightParser
from hf_bigru_asr.cli.running import run_guarded

PROCESS = """
import os, signal, sys
from hf_bigru_asr.cli.one_line import LightParser
from hf_bigru_asr.cli.running import run_guarded
def run():
    try:
        {body}
    finally:
        sys.stderr.write("cleaned up. ")
    return 0
sys.exit(run_guarded(LightParser(prog="try"), run))
"""


def run_process(body: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """A command in a fresh interpreter."""
    code = [sys.executable, "-c", PROCESS.format(body=body)]
    settings: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(code, cwd=REPOSITORY, check=False, **settings)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def parser() -> LightParser:
    return LightParser(prog="try")


def raising(error: BaseException) -> Callable[[], int]:
    def run() -> int:
        print("done so far")
        raise error

    return run


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [(signal.SIGINT, 130, b"try: interrupted.\n"), (signal.SIGTERM, 143, b"try: terminated.\n")],
)
def test_a_signal_is_one_line(number: signal.Signals, status: int, line: bytes) -> None:
    ended = run_process(f"print('first'); os.kill(os.getpid(), {number.value}); import time; time.sleep(60)")
    assert ended.returncode == status
    assert ended.stderr == b"cleaned up. " + line
    assert ended.stdout == b"first\n"


def test_nobody_reads_on() -> None:
    read, write = os.pipe()
    os.close(read)
    ended = run_process("print('x' * 100_000); print('more')", stdout=write)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, b"cleaned up. ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        ended = run_process("print('text')", stdout=full)
    assert (ended.returncode, ended.stderr) == (1, b"cleaned up. try: error: No space left on device.\n")


@pytest.mark.parametrize(
    ("encoding", "written"), [("utf-8", "é \\ud800 ".encode() + b"\xff\n"), ("ascii", b"\\xe9 \\ud800 \xff\n")]
)
def test_every_name_can_be_printed(encoding: str, written: bytes) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    ended = run_process("print('\\xe9 \\ud800 \\udcff')", env=environment)
    assert (ended.returncode, ended.stdout) == (0, written)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("bad\n value"), 2, "try: error: bad value. See try --help.\n"),
        (
            FileNotFoundError(2, "No such file or directory", "a.wav"),
            2,
            "try: error: a.wav: No such file or directory.",
        ),
        (ImportError("needs x"), 2, "try: error: needs x. See try --help.\n"),
        (CommandError("2 files failed", status=1), 1, "try: error: 2 files failed.\n"),
        (CommandError("bad text", hint=False), 2, "try: error: bad text.\n"),
        (CommandError("no such thing"), 2, "try: error: no such thing. See try --help.\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_refusal_is_one_line(
    error: Exception, status: int, line: str, parser: LightParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run_guarded(parser, raising(error))
    assert end.value.code == status
    printed = capsys.readouterr()
    assert printed.out == "done so far\n"
    assert printed.err.startswith(line)
    assert printed.err.count("\n") == 1


def test_a_fault_of_the_package_keeps_its_traceback(parser: LightParser) -> None:
    with pytest.raises(KeyError):
        run_guarded(parser, raising(KeyError("text")))


def test_the_handler_of_the_process_comes_back(parser: LightParser) -> None:
    before = signal.getsignal(signal.SIGTERM)
    during = []
    assert run_guarded(parser, lambda: during.append(signal.getsignal(signal.SIGTERM)) or 3) == 3
    assert during != [before]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_thread_can_run_a_command(parser: LightParser) -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(run_guarded(parser, lambda: 5)))
    thread.start()
    thread.join()
    assert found == [5]
