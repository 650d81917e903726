"""Files and folders that are written whole or not at all."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hf_bigru_asr.storage import writing
from hf_bigru_asr.storage.writing import (
    check_writable,
    sweep,
    whole_file,
    whole_files,
    whole_folder,
    write_bytes,
    write_json,
)

WRITERS = {"folder": whole_folder, "files": whole_files}


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_out_of_sight_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.parquet"
    with whole_file(path) as staging:
        staging.write_text("half")
        assert staging.parent == path.parent
        assert staging.name.startswith(".")
        assert staging.suffix == ".partial"
        assert not path.exists()
    assert contents(tmp_path) == {"new/rows.parquet": "half"}


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_file_that_cannot_be_written_leaves_what_was_there(
    function: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(writing.os, function, fail)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        write_bytes(path, b"after")
    monkeypatch.undo()
    if number != errno.EACCES:
        assert caught.value.filename == str(path)
        assert str(caught.value.strerror).endswith("; what was finished before is kept")
    assert contents(tmp_path) == {"a.txt": "before"}


def test_a_disk_that_is_really_full(tmp_path: Path, run_in_child: Callable[..., str]) -> None:
    (tmp_path / "a.txt").write_text("before")
    code = f"""
import resource, signal
from hf_bigru_asr.storage.writing import write_bytes, whole_folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for write in (lambda: write_bytes({str(tmp_path / "a.txt")!r}, bytes(5000)), lambda: fill()):
    def fill():
        with whole_folder({str(tmp_path)!r} + "/model") as folder:
            (folder / "weights").write_bytes(bytes(5000))
    try:
        write()
    except OSError as error:
        print(error.strerror, error.filename.rpartition("/")[2])
"""
    said = "File too large; what was finished before is kept"
    assert run_in_child(code) == f"{said} a.txt\n{said} model\n"
    assert contents(tmp_path) == {"a.txt": "before"}


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "a.txt", tmp_path / "link"
    path.write_text("before")
    path.chmod(0o600)
    link.symlink_to(path)
    write_bytes(link, b"after")
    assert link.is_symlink()
    assert path.read_text() == "after"
    assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "other").touch()
    write_bytes(tmp_path / "new", b"")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_devices_and_pipes_are_written_directly(tmp_path: Path) -> None:
    write_bytes("/dev/null", b"gone")
    assert not Path("/dev/null").is_file()
    check_writable("/dev/null")
    reader, writer = os.pipe()
    write_bytes(f"/dev/fd/{writer}", b"through")
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == b"through"


def test_what_cannot_be_written_is_said_before(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "a.json")
    assert contents(tmp_path) == {}
    with pytest.raises(IsADirectoryError):
        check_writable(tmp_path)
    with pytest.raises(IsADirectoryError):
        write_bytes(tmp_path, b"")
    (tmp_path / "file").touch()
    with pytest.raises((NotADirectoryError, FileExistsError)):
        check_writable(tmp_path / "file" / "a.json")


def test_the_name_in_the_making_is_in_no_message(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, whole_file(tmp_path / "a.txt"):
        pass  # writes nothing
    assert caught.value.filename == str(tmp_path / "a.txt")


def test_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": [1]})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert contents(tmp_path) == {"a.json": '{\n  "a": [\n    1\n  ]\n}\n'}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_is_replaced_and_keeps_what_is_not_written_anew(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "model"
    with WRITERS[kind](target) as staging:
        (staging / "a").write_text("1")
        (staging / "sub").mkdir()
        (staging / "sub" / "b").write_text("1")
        assert not (target / "a").exists()
    (target / "sub" / "mine").write_text("0")
    (target / "link").symlink_to("nowhere")
    with WRITERS[kind](target) as staging:
        (staging / "a").write_text("2")
    assert contents(tmp_path) == {"model/a": "2", "model/sub/b": "1", "model/sub/mine": "0"}
    assert os.readlink(target / "link") == "nowhere"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("kind", WRITERS)
def test_an_error_leaves_the_old_folder(kind: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("1")
    with pytest.raises(TypeError), WRITERS[kind](tmp_path / "model") as staging:
        (staging / "a").write_text(2)
    assert contents(tmp_path) == {"model/a": "1"}
    with pytest.raises(NotADirectoryError), whole_folder(tmp_path / "model" / "a"):
        pass


def test_files_that_would_be_wrong_beside_the_new_ones_go(tmp_path: Path) -> None:
    for name in ("a", "stale"):
        (tmp_path / name).write_text("1")
    with whole_folder(tmp_path, without=["stale"]) as staging:
        (staging / "a").write_text("2")
    assert contents(tmp_path) == {"a": "2"}


@pytest.mark.parametrize("reason", ["no exchange", "no links", "working directory"])
def test_where_folders_cannot_change_places_files_are_moved(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    target = tmp_path / "model"
    target.mkdir()
    for name in ("a", "mine", "stale"):
        (target / name).write_text("1")
    inode = target.stat().st_ino
    if reason == "no exchange":
        monkeypatch.setattr(writing, "exchange_names", refuse)
    elif reason == "no links":
        monkeypatch.setattr(writing.os, "link", refuse)
    else:
        monkeypatch.chdir(target)
    with whole_folder(target, without=["stale"]) as staging:
        (staging / "a").write_text("2")
    assert contents(tmp_path) == {"model/a": "2", "model/mine": "1"}
    assert target.stat().st_ino == inode


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = writing._host()
    left = [f".hf-bigru-asr-{host}-{ended.pid}-0.partial", f".hf-bigru-asr-{host}-{os.getpid()}-0.partial"]
    left += [f".hf-bigru-asr-0000ffff-{ended.pid}-0.partial", ".mine.partial"]
    for name in left:
        (tmp_path / name).touch()
    folder = tmp_path / f".hf-bigru-asr-{host}-{ended.pid}-1.partial"
    folder.mkdir()
    (folder / "weights").touch()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(left[1:])


def test_data_sets_do_not_see_what_is_in_the_making(tmp_path: Path) -> None:
    from datasets.data_files import resolve_pattern

    with whole_file(tmp_path / "train-00001-of-00002.parquet") as file, whole_folder(tmp_path / "sub") as folder:
        (tmp_path / "train-00000-of-00002.parquet").touch()
        file.touch()
        (folder / "train-00000-of-00001.parquet").touch()
        for each in ("**", "*", "train-*", "**/train-*", "**/*.parquet"):
            found = {Path(name).name for name in resolve_pattern(each, str(tmp_path))}
            assert found == {"train-00000-of-00002.parquet"}, each
