"""Contract 9: whatever ends a process, finished results are whole, and the next run goes on from there.

Each writer is ended at every step at which it touches the disk. `tests/faults/` kills the commands themselves.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_bigru_asr.cli.inputs import Input
from hf_bigru_asr.cli.results import SharedFile
from hf_bigru_asr.data.shards import PendingSplit, check_shards
from hf_bigru_asr.formats import FormatOptions, TimedTranscript, TimedWord
from hf_bigru_asr.storage import writing
from hf_bigru_asr.storage.locks import folder_lock
from hf_bigru_asr.storage.writing import whole_folder, write_json

Write = Callable[[Path], None]
COMPLETED = 7
MODEL = {"config.json": "new", "language_model/lexicon.txt": "new", "notes.txt": "mine"}


def write_file(folder: Path) -> None:
    write_json(folder / "record.json", "new")


def write_model(folder: Path) -> None:
    with folder_lock(folder), whole_folder(folder) as staging:
        (staging / "language_model").mkdir()
        for name in ("config.json", "language_model/lexicon.txt"):
            (staging / name).write_text("new")


def write_split(folder: Path) -> None:
    pending = PendingSplit(folder, "train", 2)
    with folder_lock(folder):
        for number in range(2):
            if pending.finished(number) is None:
                with pending.write(number) as path:
                    pq.write_table(pa.table({"number": [number]}), path)
        pending.publish()


def write_transcripts(folder: Path) -> None:
    target = SharedFile(folder / "all.txt", "txt", FormatOptions())
    for name in ("a", "b"):
        recording = Input(name, Path(name))
        if not target.are_there(recording):
            target.show(recording, TimedTranscript(name, 1.0, (TimedWord(name, 0.0, 0.5, 0.9),)))
    target.end(is_complete=True)


def visible(folder: Path) -> dict[str, str]:
    """What readers take for results."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder) for path in paths}
    shown = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    return {str(name): (folder / name).read_text("latin-1") for name in shown}


def old_or_new(folder: Path, old: dict[str, str], new: dict[str, str]) -> None:
    assert visible(folder) in (old, new)


def whole_or_refused(folder: Path, old: dict[str, str], new: dict[str, str]) -> None:
    found = visible(folder)
    assert found.items() <= new.items()
    if found and found != new:
        with pytest.raises(ValueError, match=r"has 1 files of 2 of the split 'train': .* is missing"):
            check_shards(folder)


def beginning_of_new(folder: Path, old: dict[str, str], new: dict[str, str]) -> None:
    found = visible(folder).get("all.txt", "")
    assert new["all.txt"].startswith(found)
    assert found == "" or found.endswith("\n")


def end_at(step: int, write: Write, folder: Path) -> bool:
    """Run a writer in another process that ends before its `step`-th touch of the disk; whether it came to its end."""
    process = os.fork()
    if process == 0:
        left = [step]

        def counted(function: Callable[..., object]) -> Callable[..., object]:
            def call(*args: object, **kwargs: object) -> object:
                left[0] -= 1
                if left[0] == 0:
                    os._exit(0)
                return function(*args, **kwargs)

            return call

        for name in ("fsync", "replace", "rename", "mkdir", "unlink", "link", "open", "write", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        writing.exchange_names = counted(writing.exchange_names)  # type: ignore[assignment]
        try:
            write(folder)
        finally:
            os._exit(COMPLETED)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == COMPLETED


CASES = {
    "a file": (write_file, {"record.json": '"old"\n'}, old_or_new),
    "a model": (write_model, dict.fromkeys(MODEL, "old") | {"notes.txt": "mine"}, old_or_new),
    "a data set": (write_split, {}, whole_or_refused),
    "transcripts in one file": (write_transcripts, {}, beginning_of_new),
}


@pytest.mark.parametrize(("write", "old", "holds"), CASES.values(), ids=CASES)
def test_a_process_that_ends_anywhere_leaves_what_is_whole(
    write: Write, old: dict[str, str], holds: Callable[..., None], tmp_path: Path
) -> None:
    def begin(name: str) -> Path:
        for place, text in old.items():
            (tmp_path / name / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / place).write_text(text)
        (tmp_path / name).mkdir(exist_ok=True)
        return tmp_path / name

    write(begin("undisturbed"))
    new = visible(tmp_path / "undisturbed")
    assert new != old
    for step in range(1, 200):
        folder = begin(f"step-{step}")
        if end_at(step, write, folder):
            break
        holds(folder, old, new)
        write(folder)
        assert visible(folder) == new
        assert not list(folder.glob(".*")), "what the process left is cleared"
    assert 4 < step < 199
    assert not list(tmp_path.glob(".*"))
