"""`hf-bigru-asr corpus` without a cluster: what it makes of SOURCE, and how it ends."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from speech_rows import flac, make_waveform

from hf_bigru_asr.cli import corpus
from hf_bigru_asr.cli.main import command_parser, main
from hf_bigru_asr.corpus import running
from hf_bigru_asr.corpus.cluster import ClusterError
from hf_bigru_asr.corpus.recordings import Opener, Recording
from hf_bigru_asr.corpus.running import CorpusReport

SOUND = flac(make_waveform(0, 8000))


def arguments(*words: str | Path) -> Namespace:
    return command_parser("corpus").parse([*map(str, words), "out"])


def found(*words: str | Path) -> tuple[list[Recording], Opener, int]:
    return corpus._recordings(arguments(*words))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.flac", "deep/b.flac", "notes.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(SOUND)
    return tmp_path / "in"


def test_a_folder_a_pattern_and_a_file_are_recordings(folder: Path) -> None:
    recordings, _, _ = found(folder)
    assert [(each.id, each.location) for each in recordings] == [
        ("a.flac", str(folder / "a.flac")),
        ("deep/b.flac", str(folder / "deep" / "b.flac")),
    ]
    assert [each.location for each in found(f"{folder}/*/*.flac")[0]] == [str(folder / "deep" / "b.flac")]
    assert [each.id for each in found(folder / "a.flac")[0]] == ["a.flac"]


def test_a_manifest_has_recordings_and_rows_without_one(folder: Path) -> None:
    (folder / "list.csv").write_text("path,text\na.flac,HELLO\ngone.flac,HELLO\n")
    recordings, _, num_bad = found(folder / "list.csv")
    assert [each.location for each in recordings] == [str(folder / "a.flac")]
    assert num_bad == 1


def test_parquet_has_the_bytes(tmp_path: Path) -> None:
    rows = [{"id": str(number), "audio": {"bytes": SOUND, "path": "x.flac"}} for number in range(2)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "test-00000-of-00001.parquet")
    recordings, opener, _ = found(tmp_path, "--split", "test")
    assert [(each.id, each.location, each.num_bytes) for each in recordings] == [
        ("0", None, len(SOUND)),
        ("1", None, len(SOUND)),
    ]
    assert opener(recordings[1]).read() == SOUND


def end_with(outcome: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - a report or an error
    def transcribe(*_: object, **__: object) -> CorpusReport:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(running, "transcribe_corpus", transcribe)


@pytest.mark.parametrize(
    ("report", "status", "said"),
    [
        (CorpusReport(2, 0, 0, 1.5), 0, "2 recordings, 1.50 hours, 0 errors\n"),
        (CorpusReport(2, 1, 1, 1.5), 3, "2 recordings, 1 from before, 1.50 hours, 1 errors\n"),
    ],
)
def test_the_status_tells_whether_all_have_a_text(
    report: CorpusReport,
    status: int,
    said: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    end_with(report, monkeypatch)
    assert main(["corpus", str(folder), str(folder / "out")]) == status
    assert capsys.readouterr().err == said


REFUSED: list[tuple[list[str], int, str]] = [
    (["{folder}", "--workers", "0"], 2, "--workers is 0; it must be at least 1"),
    (["{folder}", "--rows-per-file", "0"], 2, "--rows-per-file is 0"),
    (["{folder}/deep/nothing"], 2, "nothing does not exist"),
    (["gopher://there"], 2, "gopher"),
    (["{folder}"], 1, "the head has ended; what was finished is kept"),
]


@pytest.mark.parametrize(("words", "status", "said"), REFUSED)
def test_what_cannot_be_done_is_one_line(
    words: list[str],
    status: int,
    said: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    end_with(ClusterError("the head has ended"), monkeypatch)
    with pytest.raises(SystemExit) as ended:
        main(["corpus", *(word.format(folder=folder) for word in words), str(folder / "out")])
    error = capsys.readouterr().err
    assert ended.value.code == status
    assert said in error
    assert error.count("\n") == 1


def test_a_worker_recognises_bytes_and_names_what_is_broken(
    listener_dir: Path, run_in_child: Callable[..., str], folder: Path
) -> None:
    """In a process where torch cannot be imported."""
    (folder / "broken.wav").write_bytes(b"hello")
    code = """
import io, sys
for name in ("torch", "torchaudio", "transformers"):
    sys.modules[name] = None
from hf_bigru_asr.cli.corpus import load_recognizer
from hf_bigru_asr.cli.recognition import RecognitionOptions
from hf_bigru_asr.corpus.recordings import Recording
recognize = load_recognizer(RecognitionOptions(model=sys.argv[1], num_threads=1))
folder = sys.argv[2]
def open_one(each):
    return io.BytesIO(open(folder + "/a.flac", "rb").read()) if each.location is None else each.location
sources = {"x": None, "b": folder + "/broken.wav", "g": "/gone.wav"}
found = recognize([Recording(*each) for each in sources.items()], open_one)
for each in found:
    print(each.source, each.duration_s, each.text is not None, each.error)
"""
    first, broken, gone = run_in_child(code, listener_dir, folder).splitlines()
    assert first == "x 0.5 True None"
    assert broken.startswith("b 0.0 False ")
    assert "there is no such file" in gone
