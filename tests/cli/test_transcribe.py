"""The command around a recogniser: what it takes, where results go, and what becomes of them when it is ended."""

import json
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fake_recognition import LONG, FakeRecognition, expected
from repository import REPOSITORY

from hf_bigru_asr.cli import results, transcribe
from hf_bigru_asr.cli.main import main

FAKE = [sys.executable, str(REPOSITORY / "tests" / "support" / "fake_recognition.py")]


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Some recordings in the working folder, and those that were recognised."""
    for name in ("in/a.wav", "in/b.wav", "in/sub/c.mp3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"sound")
    monkeypatch.chdir(tmp_path)
    names: list[str] = []
    monkeypatch.setattr(transcribe, "_recognition", lambda args, num_jobs: FakeRecognition(names.append))
    return names


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(["transcribe", *words])
    assert end.value.code == 2
    out, line = capsys.readouterr()
    assert (out, line.count("\n")) == ("", 1)
    return line


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_one_recording_is_printed(heard: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", "in/a.wav", "--lower", "--one-line"]) == 0
    assert capsys.readouterr() == (f"{expected('a')}\n", "a fake\n")
    assert main(["transcribe", "in/a.wav", "--timestamps"]) == 0
    assert capsys.readouterr().out.startswith("[00:00:00.000 --> 00:00:")


def test_recordings_of_a_folder_are_named(heard: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", "in", "in/a.wav", "--one-line"]) == 0
    names = [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["in/a.wav", "in/b.wav", "in/sub/c.mp3", "in/a.wav"]


def test_a_broken_recording_is_one_line_and_the_others_go_on(
    heard: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/broken.wav").write_bytes(b"sound")
    assert main(["transcribe", "in", "--format", "jsonl"]) == 1
    out, err = capsys.readouterr()
    errors = {each["source"]: each["error"] for each in map(json.loads, out.splitlines())}
    assert errors == {"in/a.wav": None, "in/b.wav": None, "in/broken.wav": "is broken", "in/sub/c.mp3": None}
    *_, warning, line = err.splitlines()
    assert (warning, line) == ("warning: in/broken.wav: an odd file", "in/broken.wav: not transcribed: is broken")


def test_the_tree_is_mirrored_and_what_exists_is_skipped(heard: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["transcribe", "in", "--format", "txt,srt", "--output-dir", "out"]
    Path("in/broken.wav").write_bytes(b"sound")
    assert main(words) == 1
    stems = ("a", "b", "sub/c")
    assert files(Path("out")) == {f"{stem}{suffix}" for stem in stems for suffix in (".txt", ".srt")}
    heard.clear()
    Path("out/b.srt").unlink()
    capsys.readouterr()
    assert main(words) == 1
    assert heard == ["in/b.wav", "in/broken.wav"], "what failed is tried again"
    assert "2 recordings have results already; --overwrite writes them anew" in capsys.readouterr().err
    heard.clear()
    assert main([*words, "--overwrite"]) == 1
    assert len(heard) == 4


def test_nothing_is_loaded_where_all_is_done(
    heard: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["transcribe", "in", "--beside"]
    assert main(words) == 0
    shown = {name for name in files(Path("in")) if not Path(name).name.startswith(".")}
    assert shown == {"a.txt", "a.wav", "b.txt", "b.wav", "sub/c.mp3", "sub/c.txt"}
    monkeypatch.setattr(transcribe, "_recognition", None)
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr() == ("", "3 recordings have results already; --overwrite writes them anew\n")


def test_a_file_of_another_origin_beside_a_recording_stays(
    heard: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/a.txt").write_text("reference\n")
    words = ["transcribe", "in", "--beside"]
    for num_heard in (2, 0):
        heard.clear()
        assert main(words) == 1
        assert len(heard) == num_heard
        assert Path("in/a.txt").read_text() == "reference\n"
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("in/a.txt was not written by this command and is left as it is; --overwrite replaces")
    Path("in/b.txt").write_text("reference\n")
    Path("in/.hf-bigru-asr-results").unlink()
    assert main(words) == 1
    assert (
        "in/a.txt was not written by this command and is left as it is, and so are 1 more;" in capsys.readouterr().err
    )
    assert main([*words, "--overwrite"]) == 0
    assert main(words) == 0


@pytest.mark.parametrize(
    "words", [["-o", "new/x.srt"], ["--output", "new/x.srt"], ["--output", "new/x.srt", "--format", "srt"]]
)
def test_the_ending_of_one_file_is_its_format(words: list[str], heard: list[str]) -> None:
    assert main(["transcribe", "in/a.wav", *words]) == 0
    assert files(Path("new")) == {"x.srt"}
    assert Path("new/x.srt").read_text().startswith("1\n00:00:00,000 --> ")
    assert main(["transcribe", "in/a.wav", *words]) == 0
    assert heard == ["in/a.wav"]


def test_what_has_no_ending_of_a_format_is_a_folder(heard: list[str]) -> None:
    Path("old.txt").mkdir()
    for name in ("new", "v1.0", "old.txt"):
        assert main(["transcribe", "in/a.wav", "-o", name]) == 0
        assert files(Path(name)) == {"a.txt"}


def test_quiet_leaves_errors_alone(heard: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/broken.wav").write_bytes(b"sound")
    for _ in range(2):
        assert main(["transcribe", "in", "--quiet", "-o", "out"]) == 1
        assert capsys.readouterr() == (
            "",
            "warning: in/broken.wav: an odd file\nin/broken.wav: not transcribed: is broken\n",
        )


def test_all_in_one_file(heard: list[str]) -> None:
    words = ["transcribe", "in", "--format", "ctm", "--output", "new/all.ctm"]
    assert main(words) == 0
    names = Counter(line.split()[0] for line in Path("new/all.ctm").read_text().splitlines())
    assert names == {"a": LONG, "b": LONG, "c": LONG}
    heard.clear()
    assert main(words) == 0
    assert heard == []


def test_a_full_disk_ends_the_command_in_one_line(
    heard: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, written = results.write_bytes, []

    def fill(path: Path, content: bytes) -> None:
        if written:
            raise OSError(28, "No space left on device; what was finished before is kept")
        written.append(path)
        write(path, content)

    monkeypatch.setattr(results, "write_bytes", fill)
    with pytest.raises(SystemExit) as end:
        main(["transcribe", "in", "--output-dir", "out", "--jobs", "1"])
    assert end.value.code == 1
    assert files(Path("out")) == {"a.txt"}
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("hf-bigru-asr transcribe: error: out/b.txt cannot be written: No space left on device;")
    monkeypatch.setattr(results, "write_bytes", write)
    heard.clear()
    assert main(["transcribe", "in", "--output-dir", "out"]) == 0
    assert "in/a.wav" not in heard


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.wav"], "missing.wav does not exist"),
        (["in", "--language", "de"], "'de' is not the language of the model, which recognises English alone"),
        (["empty"], "no recordings in empty"),
        (
            ["in", "--format", "srt"],
            "srt of several recordings is several files; give --output-dir FOLDER or --beside",
        ),
        (["in/a.wav", "--format", "srt,txt"], "several formats are several files"),
        (["in/a.wav", "--format", "srt", "txt"], "txt is a format; give several as --format srt,txt"),
        (["in/a.wav", "--format", "doc"], "--format has doc; choose from txt"),
        (["in", "--format", "srt", "--output", "x.srt"], "srt of several recordings is several files"),
        (["in", "-o", "x.srt"], "srt of several recordings is several files"),
        (["in", "-o", "out", "--output-dir", "out"], "-o and --output-dir are the same here: give one of them"),
        (["in", "--output", "x.txt"], "txt of several recordings is several files"),
        (["in", "--beside", "--output-dir", "out"], "--output-dir and --beside: give one of them"),
        (["in", "--output-dir", "in/a.wav"], "is a file; give a folder"),
        (["in", "--output", "in", "--format", "jsonl"], "--output in is a folder"),
        (["-", "--beside"], "- has no folder for --beside"),
        (["in", "--channels", "left"], "--channels is left; give mix, split, or the number"),
        (["in", "--jobs", "0"], "--jobs is 0; it must be at least 1"),
        (["in", "--lm", "none", "--hotwords", "Ahab"], "--hotwords need a language model"),
        (["in", "--dtype", "bfloat16"], "--dtype bfloat16 needs --runtime openvino or torch"),
        (["in", "--grammar", "g.txt", "--preset", "fast"], "--preset belongs to a language model"),
        (["in", "--grammar", "g.txt", "--lm", "own"], "--grammar takes the place of a language model"),
        (["in", "--grammar", "g.txt"], "g.txt: No such file or directory"),
        (["in", "--hotwords-file", "h.txt"], "h.txt: No such file or directory"),
        (["in", "--min-confidence", "2"], "min_confidence is 2.0"),
        (["ftp://example.org/a.wav"], "has the scheme 'ftp'"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_loaded(
    words: list[str],
    message: str,
    heard: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("empty").mkdir()
    monkeypatch.setattr(transcribe, "_recognition", None)
    assert message in refusal(capsys, *words)


def test_hotwords_come_from_the_line_and_from_a_file(heard: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def load(args: Namespace, num_jobs: int) -> FakeRecognition:
        given.extend([args.hotwords, args.channels, num_jobs])
        return FakeRecognition()

    monkeypatch.setattr(transcribe, "_recognition", load)
    Path("h.txt").write_text("# ships\nPequod:9\n\n Moby Dick \n")
    words = ["in", "--jobs", "3", "--channels", "1", "--hotwords", "Ahab", "--hotwords-file", "h.txt", "--one-line"]
    assert main(["transcribe", *words]) == 0
    assert given == [["Ahab", "Pequod:9", "Moby Dick"], 1, 3]


def recordings_to_kill(folder: Path, count: int = 24) -> Path:
    (folder / "in").mkdir()
    for number in range(count):
        (folder / "in" / f"{number:02}.wav").write_bytes(b"sound")
    return folder / "in"


def started(log: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [*FAKE, str(log), "0.01", "transcribe", *words, "--jobs", "2"]
    return subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE)


def wait_for(log: Path, count: int) -> None:
    deadline_s = time.monotonic() + 30
    while (len(log.read_text().splitlines()) if log.exists() else 0) < count:
        assert time.monotonic() < deadline_s
        time.sleep(0.002)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_killed_at_any_moment_nothing_is_lost_half_or_twice(tmp_path: Path) -> None:
    folder, out, log = recordings_to_kill(tmp_path), tmp_path / "out", tmp_path / "log"
    whole: set[str] = set()
    for number in (3, 10, 17):
        process = started(log, str(folder), "--output-dir", str(out), "--one-line")
        wait_for(log, number)
        process.kill()
        process.communicate()
        done = {path.stem for path in out.glob("*.txt")}
        assert whole <= done
        whole = done
        assert all((out / f"{name}.txt").read_text() == f"{expected(name)}\n" for name in whole)
        log.write_text("".join(f"{line}\n" for line in log.read_text().splitlines()))
    before = log.read_text()
    process = started(log, str(folder), "--output-dir", str(out), "--one-line")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert files(out) == {f"{number:02}.txt" for number in range(24)}
    again = {Path(line).stem for line in log.read_text().removeprefix(before).splitlines()}
    assert not again & whole


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_one_file_of_all_survives_being_killed(tmp_path: Path) -> None:
    folder, out, log = recordings_to_kill(tmp_path), tmp_path / "all.jsonl", tmp_path / "log"
    words = [str(folder), "--format", "jsonl", "--output", str(out)]
    for number in (5, 16):
        process = started(log, *words)
        wait_for(log, number)
        process.kill()
        process.communicate()
    process = started(log, *words)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [Path(each["source"]).name for each in found] == sorted(path.name for path in folder.iterdir())
    assert all(each["text"] == expected(each["source"]) for each in found)
    assert files(tmp_path) - {"all.jsonl", "log"} == {f"in/{path.name}" for path in folder.iterdir()}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_is_finished(number: signal.Signals, status: int, tmp_path: Path) -> None:
    folder, out, log = recordings_to_kill(tmp_path, 200), tmp_path / "out", tmp_path / "log"
    process = started(log, str(folder), "--output-dir", str(out), "--one-line")
    wait_for(log, 4)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    what = "interrupted" if number == signal.SIGINT else "terminated"
    assert (process.returncode, err.decode()) == (status, f"a fake, 2 at once\nhf-bigru-asr transcribe: {what}.\n")
    done = list(out.iterdir())
    assert 2 <= len(done) < 200
    assert all(path.read_text() == f"{expected(path.name)}\n" for path in done), "whole, and nothing else"
