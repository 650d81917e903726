"""Results are whole or not there, whatever happens while they are written."""

import errno
import json
import os
from pathlib import Path

import pytest

from hf_bigru_asr.cli import results
from hf_bigru_asr.cli.beside import RECORD_NAME
from hf_bigru_asr.cli.inputs import Input
from hf_bigru_asr.cli.one_line import CommandError
from hf_bigru_asr.cli.results import OneFile, Printed, ResultFiles, SharedFile, write_whole
from hf_bigru_asr.formats import FormatOptions, TimedTranscript, TimedWord
from hf_bigru_asr.storage import writing

OPTIONS = FormatOptions()


def recording(name: str) -> Input:
    return Input(f"in/{name}", Path(name).with_suffix(""))


def transcript(name: str, text: str = "HELLO") -> TimedTranscript:
    return TimedTranscript(f"in/{name}", 1.0, (TimedWord(text, 0.0, 0.5, 0.9),))


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_every_recording_has_a_file_of_every_format(tmp_path: Path) -> None:
    target = ResultFiles(["txt", "srt"], OPTIONS, tmp_path / "out")
    one = recording("sub/a.wav")
    assert not target.are_there(one)
    target.write(one, transcript("sub/a.wav"))
    assert target.are_there(one)
    assert files(tmp_path / "out") == {
        "sub/a.txt": "HELLO\n",
        "sub/a.srt": "1\n00:00:00,000 --> 00:00:01,000\nHELLO\n",
    }


def test_files_beside_the_recording(tmp_path: Path) -> None:
    one = Input(str(tmp_path / "b.tar.wav"), Path("x/b.tar"))
    ResultFiles(["txt"], OPTIONS, None).write(one, transcript("b"))
    assert files(tmp_path).pop("b.tar.txt") == "HELLO\n"
    assert [path.name for path in tmp_path.iterdir() if path.name != "b.tar.txt"] == [RECORD_NAME]


def test_a_reference_beside_the_recording_is_no_result(tmp_path: Path) -> None:
    one = Input(str(tmp_path / "a.wav"), Path("a"))
    (tmp_path / "a.txt").write_text("reference\n")
    target = ResultFiles(["txt", "srt"], OPTIONS, None)
    assert (target.in_the_way(one), target.are_there(one)) == (tmp_path / "a.txt", False)
    target.write(one, transcript("a.wav"))
    assert (tmp_path / "a.txt").read_text() == "reference\n"
    again = ResultFiles(["srt"], OPTIONS, None)
    assert (again.in_the_way(one), again.are_there(one)) == (None, True)

    target = ResultFiles(["txt"], OPTIONS, None, overwrite=True)
    assert target.in_the_way(one) is None
    target.write(one, transcript("a.wav"))
    assert (tmp_path / "a.txt").read_text() == "HELLO\n"
    assert ResultFiles(["txt"], OPTIONS, None).in_the_way(one) is None


def test_one_recording_in_a_file_of_any_format(tmp_path: Path) -> None:
    target = OneFile(tmp_path / "x.tsv", "tsv", OPTIONS)
    assert not target.are_there(recording("a.wav"))
    target.write(recording("a.wav"), transcript("a.wav"))
    assert files(tmp_path) == {"x.tsv": "start\tend\ttext\n0\t500\tHELLO\n"}
    assert target.are_there(recording("a.wav"))
    assert not OneFile(tmp_path / "x.tsv", "tsv", OPTIONS, overwrite=True).are_there(recording("a.wav"))


def test_two_recordings_of_one_name_do_not_become_one_in_ctm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = SharedFile(tmp_path / "all.ctm", "ctm", OPTIONS)
    printed = Printed("stm", OPTIONS, is_one=False)
    for target in (shared, printed):
        target.show(recording("x/a.wav"), transcript("x/a.wav"))
        with pytest.raises(ValueError, match=r"another recording is a in [cs]tm too; give --output-dir"):
            target.show(recording("y/a.mp3"), transcript("y/a.mp3"))
    shared.end(is_complete=False)
    again = SharedFile(tmp_path / "all.ctm", "ctm", OPTIONS)
    with pytest.raises(ValueError, match="another recording is a in ctm too"):
        again.show(recording("y/a.mp3"), transcript("y/a.mp3"))
    again.show(recording("b.wav"), transcript("b.wav"))
    assert [line.split()[0] for line in (tmp_path / "all.ctm").read_text().splitlines()] == ["a", "b"]
    SharedFile(tmp_path / "all.jsonl", "jsonl", OPTIONS).show(recording("a.wav"), transcript("a.wav"))


def test_a_name_of_several_lines_is_one_in_print(capsys: pytest.CaptureFixture[str]) -> None:
    Printed("txt", OPTIONS, is_one=False).show(recording("new\nline.wav"), transcript("new\nline.wav"))
    assert capsys.readouterr().out == "in/new\\nline.wav: HELLO\n"


def test_what_exists_is_kept_unless_it_is_to_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine\n")
    target = ResultFiles(["txt", "jsonl"], OPTIONS, tmp_path)
    assert not target.are_there(recording("a.wav")), "one of two formats is missing"
    target.write(recording("a.wav"), transcript("a.wav"))
    assert (tmp_path / "a.txt").read_text() == "mine\n"
    assert target.are_there(recording("a.wav"))

    target = ResultFiles(["txt", "jsonl"], OPTIONS, tmp_path, overwrite=True)
    assert not target.are_there(recording("a.wav"))
    target.write(recording("a.wav"), transcript("a.wav"))
    assert (tmp_path / "a.txt").read_text() == "HELLO\n"


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, CommandError), (errno.EACCES, ValueError)])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_file_that_cannot_be_written_leaves_what_was_there(
    function: str, number: int, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("before\n")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(writing.os, function, fail)
    with pytest.raises(kind, match=r"a\.txt cannot be written: ") as caught:
        write_whole(tmp_path / "a.txt", b"after\n")
    monkeypatch.undo()
    assert getattr(caught.value, "status", None) in (1, None)
    assert files(tmp_path) == {"a.txt": "before\n"}


def shared(path: Path, name: str = "jsonl", **options: bool) -> SharedFile:
    return SharedFile(path, name, OPTIONS, **options)


def add(target: SharedFile, *names: str) -> None:
    for name in names:
        target.write(recording(name), transcript(name))
        target.show(recording(name), transcript(name))


def sources(path: Path) -> list[str]:
    return [json.loads(line)["source"] for line in path.read_text().splitlines()]


def test_all_transcripts_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "all.jsonl"
    target = shared(path)
    add(target, "a.wav", "b.wav")
    target.show(recording("c.wav"), TimedTranscript("in/c.wav", 0.0, error="broken"))
    target.end(is_complete=True)
    assert sources(path) == ["in/a.wav", "in/b.wav"]
    assert [each.name for each in path.parent.iterdir()] == ["all.jsonl"]
    assert shared(path).are_there(recording("z.wav")), "the file is complete"


@pytest.mark.parametrize("torn", [b"", b'{"source": "in/c', b'{"source": "in/c.wav"}\n'])
@pytest.mark.parametrize("torn_record", [b"", b'{"bytes": 9'])
def test_one_file_goes_on_where_a_killed_process_ended(torn: bytes, torn_record: bytes, tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    add(shared(path), "a.wav", "b.wav")  # never ended
    with path.open("ab") as file:
        file.write(torn)
    (record,) = (each for each in tmp_path.iterdir() if each != path)
    with record.open("ab") as file:
        file.write(torn_record)

    target = shared(path)
    assert [target.are_there(recording(name)) for name in ("a.wav", "b.wav", "c.wav")] == [True, True, False]
    add(target, "c.wav")
    target.end(is_complete=False)
    assert sources(path) == ["in/a.wav", "in/b.wav", "in/c.wav"]
    assert record.exists(), "one recording failed, and is tried again"
    again = shared(path)
    assert not again.are_there(recording("d.wav"))
    add(again, "d.wav")
    again.end(is_complete=True)
    assert sources(path) == [f"in/{name}.wav" for name in "abcd"]
    assert files(tmp_path).keys() == {"all.jsonl"}


def test_one_file_is_begun_anew_on_request(tmp_path: Path) -> None:
    path = tmp_path / "all.ctm"
    path.write_text("mine\n")
    target = shared(path, "ctm", overwrite=True)
    add(target, "a.wav")
    target.end(is_complete=True)
    assert path.read_text() == "a 1 0.000 0.500 HELLO 0.9000\n"


def test_one_file_that_was_cut_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    add(shared(path), "a.wav")
    path.write_bytes(b"")
    with pytest.raises(CommandError, match="is shorter than the last run left it"):
        shared(path)


def test_a_full_disk_ends_one_file_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = shared(tmp_path / "all.jsonl")
    add(target, "a.wav")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(results.os, "fsync", fail)
    with pytest.raises(CommandError, match="No space left on device; what was finished is in it") as caught:
        add(target, "b.wav")
    assert caught.value.status == 1
    monkeypatch.undo()
    again = shared(tmp_path / "all.jsonl")
    add(again, "b.wav")
    assert sources(tmp_path / "all.jsonl") == ["in/a.wav", "in/b.wav"]


def test_printed_text_has_names_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    Printed("txt", OPTIONS, is_one=True).show(recording("a.wav"), transcript("a.wav"))
    assert capsys.readouterr().out == "HELLO\n"
    several = Printed("txt", OPTIONS, is_one=False)
    several.show(recording("a.wav"), transcript("a.wav"))
    several.show(recording("b.wav"), TimedTranscript("in/b.wav", 1.0))
    several.show(recording("c.wav"), TimedTranscript("in/c.wav", 0.0, error="broken"))
    assert capsys.readouterr().out == "in/a.wav: HELLO\nin/b.wav: \n"
    assert not several.are_there(recording("a.wav"))


def test_printed_json_tells_of_errors(capsys: pytest.CaptureFixture[str]) -> None:
    Printed("jsonl", OPTIONS, is_one=False).show(recording("c.wav"), TimedTranscript("in/c.wav", 0.0, error="broken"))
    assert json.loads(capsys.readouterr().out)["error"] == "broken"
