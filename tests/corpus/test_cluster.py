"""A cluster of three processes that end, and the command beside them; skipped where Ray is not installed."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from repository import REPOSITORY
from speech_rows import flac, make_waveform

from benchmarks.corpus import check_kills, count_rows
from hf_bigru_asr.corpus.cluster import recordings_of, unit_table
from hf_bigru_asr.corpus.recordings import Recording

NUM_RECORDINGS = 60


def test_recordings_survive_the_way_to_a_process() -> None:
    recordings = [Recording("a\udcff", "/there/a\udcff", -1, 7), Recording("9", None, 3)]
    assert recordings_of(unit_table(0, recordings)) == recordings


def agents() -> set[str]:
    """Numbers of the processes that Ray's nodes have started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended
            if b"RAY_RAYLET_PID=" in path.read_bytes():
                found.add(path.parent.name)
    return found


@pytest.mark.slow
def test_killed_nodes_and_runs_lose_nothing_and_do_nothing_twice(listener_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number in range(NUM_RECORDINGS):
        (folder / f"{number:02}.flac").write_bytes(flac(make_waveform(number, 8000 + 400 * number)))
    (folder / "broken.wav").write_bytes(b"hello")
    command = [sys.executable, "-m", "hf_bigru_asr", "corpus", str(folder), str(output), "--model", str(listener_dir)]

    before = agents()
    found = check_kills([*command, "--rows-per-file", "4", "--quiet"], output)
    assert agents() <= before

    assert found["status_without_head"] in (0, 1, 3) or found["status_without_head"] < 0
    assert found["status"] == 3  # one is broken
    ids, audio_s = count_rows(output)
    assert sorted(ids) == sorted(path.name for path in folder.iterdir())
    assert audio_s == pytest.approx(sum(0.5 + 0.025 * number for number in range(NUM_RECORDINGS)))
    errors = [row["id"] for row in pq.read_table(output).to_pylist() if row["error"] is not None]
    assert errors == ["broken.wav"]
    again = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert f"{NUM_RECORDINGS + 1} recordings, {NUM_RECORDINGS + 1} from before" in again.stderr
