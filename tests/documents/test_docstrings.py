"""The examples of the docstrings say what they give."""

import doctest
import importlib
import importlib.util
from pathlib import Path

import pytest
from repository import REPOSITORY

# What `evaluate` loads from metrics/wer and metrics/cer is no module of the package, and has its docstring from there.
SOURCES = [path for path in (REPOSITORY / "hf_bigru_asr").rglob("*.py") if path.parent.name not in ("wer", "cer")]
EXAMPLES = [path for path in SOURCES if ">>>" in path.read_text(encoding="utf-8")]
MODULES = sorted(".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in EXAMPLES)


@pytest.mark.parametrize("name", [name.removesuffix(".__init__") for name in MODULES])
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    examples = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert examples
    (tmp_path / "tests").symlink_to(REPOSITORY / "tests")  # they read its recording, and write where they run
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    for test in examples:
        doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    if "needs the extra `lm`" in "".join(report) and importlib.util.find_spec("flashlight") is None:
        pytest.skip("the extra lm has no decoder for this Python")
    assert not report, "".join(report)
