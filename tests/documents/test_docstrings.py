"""The examples of the docstrings say what they give."""

import doctest
import importlib
from pathlib import Path

import pytest
from repository import REPOSITORY

SOURCES = (REPOSITORY / "hf_bigru_asr").glob("*.py")
MODULES = sorted(source.stem for source in SOURCES if ">>>" in source.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"hf_bigru_asr.{name}")
    examples = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    (tmp_path / "tests").symlink_to(REPOSITORY / "tests")  # they read its recording, and write where they run
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    for test in examples:
        doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)
