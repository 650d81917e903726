"""The check that kills a command finds what it is made for."""

import sys
from itertools import count
from pathlib import Path

import pytest

from benchmarks import kills
from benchmarks.kills import check_kills

# Writes files into a folder. In the one that is called "killed" it tells when it can be killed, and waits for that.
WRITER = """
import os, pathlib, sys, time
out = pathlib.Path(sys.argv[1])
out.mkdir(exist_ok=True)
left = [path for path in (out / f"{number}.txt" for number in range(4)) if "again" == MODE or not path.exists()]
is_killed = out.name == "killed" and left
for path in left[: 2 if is_killed else None]:
    (out / ".staging").write_text("first\\nlast\\n")
    os.replace(out / ".staging", path)
if is_killed:
    if "half" == MODE:
        left[-1].write_text("first\\n")
    (out.parent / f"ready-{os.getpid()}").touch()
    time.sleep(60)
"""


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sleep = kills.time.sleep

    def wait(_: float) -> None:
        for _ in count():
            if ready := list(tmp_path.glob("ready-*")):
                ready[0].unlink()
                return
            sleep(0.005)

    monkeypatch.setattr(kills.time, "sleep", wait)


def run(mode: str, folder: Path) -> list[int]:
    command = [sys.executable, "-S", "-c", WRITER.replace("MODE", repr(mode))]
    return check_kills(command, folder / "reference", folder / "killed", [0.1, 0.1])


def test_a_careful_command_passes(writer: None, tmp_path: Path) -> None:
    assert run("careful", tmp_path) == [2, 4]


@pytest.mark.parametrize(("mode", "message"), [("half", "is not the one of"), ("again", "was written twice")])
def test_a_careless_one_does_not(mode: str, message: str, writer: None, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=message):
        run(mode, tmp_path)
