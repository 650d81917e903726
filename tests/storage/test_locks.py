"""One run at a time in an output folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hf_bigru_asr.storage.locks import FolderInUseError, file_lock, folder_lock

HOLD = """
import sys, time
from hf_bigru_asr.storage.locks import folder_lock
with folder_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        said = rf"out is in use by process {process.pid}; wait for its end, or give another output folder\.$"
        with pytest.raises(FolderInUseError, match=said), folder_lock(folder):
            pytest.fail("held twice")
        process.send_signal(signal.SIGKILL)
    with folder_lock(folder):
        pass
    assert os.listdir(folder) == []


def test_files_of_one_folder_have_locks_of_their_own(tmp_path: Path) -> None:
    with file_lock(tmp_path / "a.txt"), file_lock(tmp_path / "b.txt"), folder_lock(tmp_path):
        said = r"a\.txt is in use by process \d+; .* another output file"
        with pytest.raises(FolderInUseError, match=said), file_lock(tmp_path / "a.txt"):
            pytest.fail("held twice")
        with pytest.raises(FolderInUseError), folder_lock(f"{tmp_path}/."):
            pytest.fail("held twice")
    assert os.listdir(tmp_path) == []


def test_a_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), folder_lock(tmp_path):
            raise ZeroDivisionError


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((NotADirectoryError, FileExistsError), match="file"), folder_lock(tmp_path / "file"):
        pass
