"""The examples of the docstrings say what they give."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest
from conftest import REPOSITORY

import hf_bigru_asr

MODULES = sorted(module.name for module in pkgutil.walk_packages(hf_bigru_asr.__path__, "hf_bigru_asr."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    examples = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    (tmp_path / "tests").symlink_to(REPOSITORY / "tests")  # they read its recording, and write where they run
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    for test in examples:
        doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)
