"""The whole way without a cluster: what it would send comes from this process."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_bigru_asr.corpus import running
from hf_bigru_asr.corpus.cluster import ClusterError, LoadRecognizer, Worker, unit_table
from hf_bigru_asr.corpus.recordings import Opener, Recording
from hf_bigru_asr.corpus.running import CorpusReport
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord

RECORDINGS = [Recording(f"r{number}", f"/there/r{number}", num_bytes=1_000_000 + number) for number in range(10)]


def recognize(recordings: Sequence[Recording], opener: Opener) -> Iterator[TimedTranscript]:
    for each in recordings:
        if each.id == "r3":
            yield TimedTranscript(each.id, 0.0, error="is broken")
        else:
            yield TimedTranscript(each.id, 2.0, (TimedWord(each.id.upper(), 0.5, 1.0, 0.25),), warnings=("odd",))


class Cluster:
    """Gives units back in another order, some twice, and ends after a number of them.

    Args:
        num_units: How many it gives before it ends.
    """

    def __init__(self, num_units: float = float("inf")) -> None:
        self.num_units, self.given = num_units, 0

    @contextmanager
    def join(self, address: str | None, num_workers: int | None) -> Iterator[int]:
        yield 1

    def recognized(
        self, units: Iterable[Sequence[Recording]], load: LoadRecognizer, opener: Opener, num_workers: int
    ) -> Generator[tuple[int, pa.Table]]:
        worker = Worker(load, opener)
        for number, unit in reversed(list(enumerate(units))):
            for _ in range(2):
                if self.given == self.num_units:
                    raise ClusterError("the head has ended")
                self.given += 1
                yield number, worker(unit_table(number, unit))


def transcribe(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, num_units: float = float("inf"), **given: Any
) -> CorpusReport:
    cluster = Cluster(num_units)
    monkeypatch.setattr(running, "ray_cluster", cluster.join)
    monkeypatch.setattr(running, "recognized", cluster.recognized)
    arguments: dict[str, Any] = {"recordings": RECORDINGS, "part_size": 4} | given
    return running.transcribe_corpus(arguments.pop("recordings"), folder, lambda: recognize, **arguments)


def rows_in(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("part-*")) for row in pq.read_table(path).to_pylist()]


def test_every_recording_has_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = transcribe(tmp_path, monkeypatch)

    assert (report.num_recordings, report.num_before, report.num_errors) == (10, 0, 1)
    assert report.hours == pytest.approx(18 / 3600)
    rows = {row["id"]: row for row in pq.read_table(tmp_path).to_pylist()}  # the record is passed over
    assert sorted(rows) == sorted(each.id for each in RECORDINGS)
    assert len(rows_in(tmp_path)) == 10
    word = {"text": "R5", "start_s": 0.5, "end_s": 1.0, "confidence": 0.25, "channel": 0}
    expected = {"path": "/there/r5", "text": "R5", "words": [word], "warnings": ["odd"], "error": None}
    assert rows["r5"].items() >= expected.items()
    assert rows["r3"].items() >= {"text": None, "words": [], "error": "is broken"}.items()


@pytest.mark.parametrize("num_units", range(0, 8))
def test_a_run_goes_on_where_the_cluster_ended(
    num_units: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClusterError, match="head has ended"):
        transcribe(tmp_path, monkeypatch, num_units=num_units)
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("part-*")}
    before = len(rows_in(tmp_path))

    report = transcribe(tmp_path, monkeypatch)

    assert (report.num_recordings, report.num_before) == (10, before)
    assert sorted(row["id"] for row in rows_in(tmp_path)) == sorted(each.id for each in RECORDINGS)
    assert all((tmp_path / name).read_bytes() == content for name, content in kept.items())


def test_what_is_done_needs_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcribe(tmp_path, monkeypatch)
    assert transcribe(tmp_path, monkeypatch, num_units=0).num_before == 10


def test_new_recordings_join_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcribe(tmp_path, monkeypatch, recordings=RECORDINGS[::2])
    report = transcribe(tmp_path, monkeypatch, recordings=[*RECORDINGS, RECORDINGS[0]])
    assert (report.num_recordings, report.num_before) == (10, 5)
    assert sorted(row["id"] for row in rows_in(tmp_path)) == sorted(each.id for each in RECORDINGS)


def test_a_cut_file_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcribe(tmp_path, monkeypatch)
    cut = min(tmp_path.glob("part-*"))
    cut.write_bytes(cut.read_bytes()[:-100])
    assert transcribe(tmp_path, monkeypatch).num_recordings == 10
    assert len(rows_in(tmp_path)) == 10


def test_rows_of_other_settings_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcribe(tmp_path, monkeypatch, settings={"model": "bundled"})
    with pytest.raises(ValueError, match="model 'bundled', and now it is 'other'"):
        transcribe(tmp_path, monkeypatch, settings={"model": "other"})
    (tmp_path / "_corpus.json").unlink()
    with pytest.raises(ValueError, match=r"and no _corpus\.json"):
        transcribe(tmp_path, monkeypatch, settings={"model": "bundled"})


def test_a_copied_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcribe(tmp_path, monkeypatch)
    path = min(tmp_path.glob("part-*"))
    path.with_name("part-copy.parquet").write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="a recording is in two of its files"):
        transcribe(tmp_path, monkeypatch)


def test_an_impossible_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="part_size is 0"):
        transcribe(tmp_path, monkeypatch, part_size=0)
