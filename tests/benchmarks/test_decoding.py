"""The rows of the benchmark of decoding."""

import sys
from pathlib import Path

import pytest

from benchmarks import decoding
from benchmarks.decoding import Command, Recogniser, add_ratios, print_report, row_of, rows_of_picture

FAKE = """
import json, sys
print("{}", flush=True)
for line in sys.stdin:
    question = json.loads(line)
    if isinstance(question, dict):
        print(json.dumps({"change_ms": sum(question.values())}), flush=True)
    else:
        print(json.dumps({"texts": [path.upper() for path in question]}), flush=True)
"""
FAKE_COMMAND = """
import json, os, sys
from pathlib import Path
words = sys.argv[1:]
if "--broken" in words:
    sys.exit(5)
paths = [word for word in words if word.endswith(".flac")]
lines = [json.dumps({"source": path, "text": Path(path).stem.upper()}) for path in reversed(paths)]
Path(words[words.index("--output") + 1]).write_text("".join(line + "\\n" for line in lines))
"""


def test_a_process_answers_turn_by_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WORKER", FAKE)
    recogniser = Recogniser("fake", Path("."), {})
    assert recogniser.transcribe([Path("a"), Path("b")]) == {"texts": ["A", "B"]}
    assert recogniser.transcribe([Path("c")]) == {"texts": ["C"]}
    recogniser.end()


def test_a_process_that_ends_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WORKER", f"import {sys.__name__}; sys.exit(3)")
    with pytest.raises(RuntimeError, match="fake has ended with status 3"):
        Recogniser("fake", Path("."), {})


def test_speeds_are_those_of_the_median_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WORKER", FAKE)
    recogniser = Recogniser("fake", Path("."), {})
    recogniser.end()
    turns = [(2.0, 4.0, 100.0), (1.0, 2.0, 300.0), (5.0, 8.0, None)]
    recogniser.turns = [
        {"time_s": time_s, "cpu_s": cpu_s, "peak_memory_mib": peak, "texts": ["a b", "mister c"]}
        for time_s, cpu_s, peak in turns
    ]
    row = row_of(recogniser, 20.0, ["A X", "MR C"])
    assert (row["real_time_factor"], row["cpu_real_time_factor"], row["peak_memory_mib"]) == (10.0, 5.0, 300.0)
    assert (row["wer"], row["num_files"]) == (pytest.approx(0.25), 2)


def test_lists_of_hotwords_are_changed_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WORKER", FAKE)
    recogniser = Recogniser("fake", Path("."), {})
    assert recogniser.change_hotwords([{"AHAB": 6.0}, {"AHAB": 6.0, "PEQUOD": 2.0}, {"QUEEQUEG": 9.0}]) == 8.0
    recogniser.end()


def test_the_command_of_a_checkout_is_run(tmp_path: Path) -> None:
    package = tmp_path / "hf_bigru_asr"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(FAKE_COMMAND)
    found = Command("fake", tmp_path, []).transcribe([Path("b.flac"), Path("a.flac")])
    assert found["texts"] == ["B", "A"]
    assert 0 < found["cpu_s"] <= 10 * found["time_s"]
    with pytest.raises(RuntimeError, match="fake has ended with status 5"):
        Command("fake", tmp_path, ["--broken"]).transcribe([Path("a.flac")])


def test_rows_are_compared_with_those_of_the_earlier_checkout() -> None:
    names = {"accurate": 20.0, "before": 5.0, "transcribe: fast": 60.0, "transcribe: before": 10.0}
    rows = [{"name": name, "real_time_factor": speed} for name, speed in names.items()]
    add_ratios(rows)
    assert [row["times_before"] for row in rows] == [4.0, 1.0, 6.0, 1.0]
    alone = [{"name": "accurate", "real_time_factor": 20.0}]
    add_ratios(alone)
    assert alone == [{"name": "accurate", "real_time_factor": 20.0}]


def test_the_table_has_all_that_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"num_files": 8, "wer": 0.145, "real_time_factor": 80.0, "cpu_real_time_factor": 50.0}
    rows = [
        {**row, "name": name, "peak_memory_mib": 250.0, "times_s": [time_s, time_s]}
        for name, time_s in (("accurate", 2.0), ("100 hotwords", 2.5))
    ]
    long = [{"name": "transcribe: accurate", "audio_s": 3600.0, "real_time_factor": 160.0, "peak_memory_mib": 400.0}]
    rows[0]["times_before"] = 3.5
    print_report({"rows": rows, "num_hotwords": 100, "change_ms": {"accurate": 20.0, "before": 900.0}, "long": long})
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["accurate", "8", "14.5%", "80.0", "50.0", "250", "MiB", "3.50"]
    assert lines[3:] == [
        "100 hotwords take 1.25 times as long as none (accurate)",
        "change of 100 hotwords, accurate: 20 ms",
        "change of 100 hotwords, before: 900 ms",
        "one recording of 3600 s, transcribe: accurate: 160 times real time, peak 400 MiB",
    ]


def test_the_picture_shows_the_command_and_the_peers() -> None:
    names = ["accurate", "transcribe: accurate", "transcribe: fast, ONNX Runtime", "transcribe: before", "before"]
    names += ["Whisper-base, faster-whisper int8", "transcribe: greedy"]
    shown = rows_of_picture([{"name": name, "wer": 0.1} for name in names])
    assert [row["name"] for row in shown] == [
        "transcribe, accurate",
        "Whisper-base, faster-whisper int8",
        "transcribe, greedy",
    ]
    assert all(row["wer"] == 0.1 for row in shown)
