"""`scripts/evaluate.py`: the report and the error rates, what it refuses, and its exit status."""

import json
import re
from pathlib import Path

import pytest
from script_runs import run_script, spoken, write_noise, write_split

from hf_bigru_asr import BiGRUForCTC


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--batch_size", 0], "batch_size is 0"),
        (["--num_workers", 0], "num_workers is 0"),
        (["--compare", "somewhere"], "compare belongs to report; give --report FOLDER too"),
        (["--report", "page", "--compare", "nowhere"], "nowhere has no utterances.json; give the folder of a report"),
        (["--device", "gpu"], "device is 'gpu'"),
        (["--num_threads", 0], "num_threads is 0"),
        (["--dtype", "int7"], "dtype is 'int7'"),
        (["--text_column_name", "txt"], "has no column 'txt'; it has audio, text."),
        (["--group_by", "corpus"], "there is no column 'corpus' to group by; there are audio, text"),
        (["--group_by", "text", "--streaming"], "group_by needs all rows at once; leave --streaming out"),
        (["--lm", "own", "--hotwords", "?!:9"], "The hotword '?!:9' has no words"),
    ],
    ids=str,
)
def test_evaluate_refuses_what_cannot_be(
    flags: list[object], message: str, listener_dir: Path, tmp_path: Path
) -> None:
    data = write_split(tmp_path / "data", "test", [{"audio": spoken("A"), "text": "A"}])

    result = run_script("evaluate.py", "--dataset_name", data, "--model", listener_dir, *flags)

    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_evaluate_writes_figures_and_names_the_bad_utterance(model_dir: Path, tmp_path: Path) -> None:
    BiGRUForCTC.from_pretrained(model_dir).bfloat16().save_pretrained(model_dir)
    good = write_noise(tmp_path / "good.flac", 0.5).read_bytes()
    rows = [
        {"id": "good-1", "audio": {"bytes": good, "path": "good.flac"}, "text": "HELLO"},
        {"id": "bad-1", "audio": {"bytes": b"not audio", "path": "bad.flac"}, "text": "HELLO"},
        {"id": "bad-2", "audio": {"bytes": good, "path": "good.flac"}, "text": "ΩMEGA"},
    ]
    data = write_split(tmp_path / "data", "test", rows)

    result = run_script(
        *("evaluate.py", "--model", model_dir, "--dataset_name", data, "--split", "test"),
        *("--dataset_description", "noise", "--group_by", "id"),
        *("--batch_size", 2, "--output_dir", tmp_path / "results", "--report", tmp_path / "page"),
    )

    assert result.returncode == 1, result.stderr
    assert "bad-1: not evaluated: " in result.stderr
    assert "bad-2: not evaluated: " in result.stderr
    assert "U+03A9" in result.stderr
    report = json.loads((tmp_path / "results" / "evaluation.json").read_text())
    assert report["by_group"]["column"] == "id"
    assert [(name, rates["num_utterances"]) for name, rates in report["by_group"]["groups"].items()] == [("good-1", 1)]
    assert report["runtime"]["dtype"] == "bfloat16"
    assert report["dataset"]["description"] == "noise"
    assert report["dataset"]["num_utterances"] == 1
    assert report["dataset"]["num_failed"] == 2
    assert report["metrics"]["num_words"] == 1
    assert report["command"].startswith("python ")
    reference = re.search(r"^REF: +(.*)$", (tmp_path / "results" / "utterances.txt").read_text(), re.MULTILINE)
    assert reference is not None
    assert reference[1].strip() == "HELLO"
    (utterance,) = json.loads((tmp_path / "results" / "utterances.json").read_text())["utterances"]
    assert (utterance["id"], utterance["reference"], utterance["level_db"]) == ("good-1", "HELLO", None)
    assert (
        '<audio controls preload="none" src="data:audio/mpeg;base64,' in (tmp_path / "page" / "index.html").read_text()
    )
    (measured,) = json.loads((tmp_path / "page" / "utterances.json").read_text())["utterances"]
    assert measured["level_db"] == pytest.approx(-20, abs=0.5)


def test_evaluate_without_an_utterance_that_can_be_used_says_so(listener_dir: Path, tmp_path: Path) -> None:
    rows = [{"id": "bad", "audio": {"bytes": b"not audio", "path": "bad.flac"}, "text": "HELLO"}]
    data = write_split(tmp_path / "data", "test", rows)

    result = run_script(
        *("evaluate.py", "--model", listener_dir, "--dataset_name", data),
        *("--output_dir", tmp_path / "results"),
    )

    assert result.returncode == 1
    assert "bad: not evaluated: " in result.stderr
    assert "No utterance could be evaluated" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("in_one_process")
def test_evaluate_with_a_language_model_and_hotwords(
    tone_model: Path, tone_data: tuple[object, ...], tmp_path: Path
) -> None:
    evaluated = run_script(
        *("evaluate.py", *tone_data, "--split", "validation", "--model", tone_model, "--batch_size", 2),
        *("--lm", tone_model / "language_model", "--beam_size", 30, "--nbest", 2, "--hotwords", "QUIZ:9"),
        *("--output_dir", tmp_path / "evaluation"),
    )

    assert evaluated.returncode == 0, evaluated.stderr
    evaluation = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    decoding = evaluation["decoding"]
    assert evaluation["num_offsets"] == 3
    assert (decoding["beam_size"], decoding["nbest"], decoding["hotwords"]) == (30, 2, {"QUIZ": 9.0})
