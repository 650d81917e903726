"""Runs scripts of the repository as a user starts them, and makes what they read."""

import importlib.util
import io
import runpy
import subprocess
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from repository import SCRIPTS
from tone_speech import RATE_HZ, speak


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it in this process: one of its own would take seconds to import everything."""
    command = [str(SCRIPTS / script), *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with mock.patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(err):
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            status = end.code
        except Exception:
            # What Python itself does with it.
            traceback.print_exc()
            status = 1
    if isinstance(status, str):
        err.write(status)
        status = 1
    if "needs KenLM" in err.getvalue() and importlib.util.find_spec("kenlm") is None:
        pytest.skip(f"{script} needs KenLM, which has no wheels for Python 3.14")
    return subprocess.CompletedProcess(command, status or 0, out.getvalue(), err.getvalue())


def write_noise(path: Path, seconds: float) -> Path:
    """A file of noise."""
    samples = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE_HZ))
    soundfile.write(path, samples, RATE_HZ)
    return path


def spoken(text: str) -> dict[str, Any]:
    """An audio column's value: the tones of a text."""
    buffer = io.BytesIO()
    soundfile.write(buffer, speak(text)[0], RATE_HZ, format="WAV")
    return {"bytes": buffer.getvalue(), "path": f"{text}.wav"}


def write_split(folder: Path, split: str, rows: list[dict[str, Any]]) -> Path:
    """Write the rows as a split of the local data set `folder`, and give the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}.parquet")
    return folder
