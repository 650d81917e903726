"""What the README shows is true: its Python runs, and it has exactly two set-up commands."""

import json
import re

import pytest
from repository import REPOSITORY

from hf_bigru_asr import bundled_checkpoint
from hf_bigru_asr.metrics import character_error_counts
from hf_bigru_asr.text.normalization import normalize_transcript

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return re.split(r"^## ", README.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_two_set_up_commands() -> None:
    commands = blocks(section("Set-up"), "bash")

    assert len(commands) == 2
    assert all(len(command.strip().splitlines()) == 1 for command in commands)
    assert commands[1].strip().endswith("python -m pytest -n auto")


def test_every_script_that_is_named_is_there() -> None:
    named = set(re.findall(r"scripts/\w+\.py", README))

    assert named == {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "scripts").glob("*.py")}


def test_the_examples_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    bundled_checkpoint()
    monkeypatch.chdir(REPOSITORY)
    namespace: dict[str, object] = {}
    for block in blocks(section("Use"), "python"):
        exec(compile(block, "README.md", "exec"), namespace)

    printed = capsys.readouterr().out
    reference = (REPOSITORY / "tests/data/speech_sample.txt").read_text(encoding="utf-8")
    transcript = printed.splitlines()[0]
    assert character_error_counts([normalize_transcript(reference)], [transcript]).error_rate < 0.4, printed


def test_the_metric_example_runs() -> None:
    namespace: dict[str, object] = {}
    (block,) = (block for block in blocks(section("Evaluation"), "python") if "metric_path" in block)
    exec(compile(block, "README.md", "exec"), namespace)

    assert namespace["wer"].compute(references=["A B"], predictions=["A C"])["wer"] == 0.5


def test_the_figures_are_those_that_were_measured() -> None:
    evaluations = sorted(bundled_checkpoint().glob("evaluation_*.json"))
    assert evaluations
    for path in evaluations:
        report = json.loads(path.read_text(encoding="utf-8"))
        (row,) = (line for line in README.splitlines() if line.startswith("|") and path.name in line)
        for name in ("wer", "cer"):
            assert f"{100 * report['metrics'][name]:.1f} %" in row
