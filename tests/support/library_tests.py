"""The library's own common tests, from the source distribution of the transformers that is installed.

They are fetched once into the user's cache and never become part of this repository. The distribution holds the files
`tests/test_*.py` alone, so what these import from folders beside them is replaced here.
"""

import importlib
import os
import subprocess
import sys
import tarfile
import unittest
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest
from filelock import FileLock

PACKAGE = "library_tests_of_transformers"
SAMPLE_TEXT = "A FEW WORDS\n\nAND A FEW MORE\n"
COMMON_VALUES = {
    "return_dict": False,
    "output_hidden_states": True,
    "dtype": "float16",
    "architectures": ["BiGRUForCTC"],
    "problem_type": "regression",
}
"""Values that every configuration takes; the library's own list is not in the distribution."""


class UnavailableError(OSError):
    """The source distribution cannot be fetched; the message says why."""


def fetch(version: str, cache: Path | None = None) -> Path:
    """Folder `tests` of the source distribution, out of the cache or from the package index.

    Raises:
        UnavailableError: If pip cannot download it, or what it downloads is another version.
    """
    cache = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hf_bigru_asr"
    folder = cache / f"transformers-{version}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"), TemporaryDirectory(dir=cache) as staging:
            if not folder.is_dir():
                _unpack(_download(version, Path(staging)), version, Path(staging)).rename(folder)
    return folder / "tests"


def _download(version: str, folder: Path) -> Path:
    """The archive, whose hash pip has compared with the index's."""
    arguments = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", "transformers"]
    limits = ["--retries", "1", "--timeout", "15"]
    command = [sys.executable, "-m", "pip", "download", *arguments, *limits, "--dest", str(folder)]
    try:
        child = subprocess.run(
            [*command, f"transformers=={version}"], capture_output=True, text=True, timeout=180, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            f"pip took more than {error.timeout:.0f} s to download transformers {version}"
        ) from error
    archive = folder / f"transformers-{version}.tar.gz"
    if child.returncode != 0 or not archive.is_file():
        reason = (child.stderr.strip() or child.stdout.strip() or "no such archive").splitlines()[-1]
        raise UnavailableError(f"pip cannot download the source distribution of transformers {version}: {reason}")
    return archive


def _unpack(archive: Path, version: str, folder: Path) -> Path:
    root = f"transformers-{version}"
    with tarfile.open(archive) as tar:
        wanted = [each for each in tar if each.name.startswith((f"{root}/tests/", f"{root}/PKG-INFO"))]
        tar.extractall(folder, wanted, filter="data")
    if f"\nVersion: {version}\n" not in (folder / root / "PKG-INFO").read_text(encoding="utf-8"):
        raise UnavailableError(f"the source distribution that pip downloaded is not transformers {version}")
    # What the tests read when they are imported.
    files = {"__init__.py": "", "fixtures/sample_text.txt": SAMPLE_TEXT, "utils/tiny_model_summary.json": "{}"}
    for name, content in {**files, "../src/transformers/__init__.py": ""}.items():
        path = folder / root / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder / root


class LibraryTests:
    """The modules below a folder that `fetch` made.

    Args:
        folder: That folder.
        monkeypatch: Takes the modules back at the end.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        # The library's marks are not ours; pytest refuses unknown ones where it has a configuration.
        monkeypatch.setattr(pytest.mark, "_config", None)
        self._add(PACKAGE, folder)
        for name, values in {
            "exporters.test_export": {"ExportTesterMixin": type("ExportTesterMixin", (), {})},
            "generation.test_utils": {"GenerationTesterMixin": type("GenerationTesterMixin", (), {})},
            "utils.test_configuration_utils": {"config_common_kwargs": COMMON_VALUES},
        }.items():
            self._add(f"{PACKAGE}.{name.partition('.')[0]}", folder / "none")
            self._add(f"{PACKAGE}.{name}", None, **values)
        self._add("fetch_hub_objects_for_ci", None, url_to_local_path=lambda url: url)

    def __getattr__(self, name: str) -> ModuleType:
        """The module `tests/test_{name}.py`."""
        return importlib.import_module(f"{PACKAGE}.test_{name}")

    def _add(self, name: str, path: Path | None, **values: object) -> None:
        module = ModuleType(name)
        vars(module).update(values)
        if path is not None:
            module.__path__ = [str(path)]
        self._monkeypatch.setitem(sys.modules, name, module)


@dataclass
class Outcomes(unittest.TestResult):
    """What became of each test, by its name; a test with several subtests failed if one of them did."""

    passed: set[str] = field(default_factory=set)
    skipped_because: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name, as those below
        self.passed.add(_name(test))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        self.skipped_because[_name(test)] = reason

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: ANN401, N802 - what unittest passes
        self.failed[_name(test)] = self._exc_info_to_string(err, test)[-2000:]  # type: ignore[attr-defined]

    addError = addFailure  # noqa: N815

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: ANN401, N802
        if err is not None:
            self.addFailure(test, err)

    def settle(self) -> None:
        """A test of which only some classes were skipped has passed; one that also failed has not."""
        self.passed -= self.failed.keys()
        for name in self.passed | self.failed.keys():
            self.skipped_because.pop(name, None)


def _name(test: unittest.TestCase) -> str:
    """Name of the test, or of the one that a subtest belongs to; of a class whose set-up failed what unittest says."""
    return getattr(getattr(test, "test_case", test), "_testMethodName", str(test))


def run(case: type[unittest.TestCase]) -> Outcomes:
    """Run all tests of a case."""
    outcomes = Outcomes()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(outcomes)
    outcomes.settle()
    return outcomes
