"""What reports say of where figures come from."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from hf_bigru_asr import provenance

PYPROJECT = '[project]\nname = "hf-bigru-asr"\n'


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("imported_provenance", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", *author, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(folder: Path) -> None:
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "--message=First")


@pytest.fixture(autouse=True)
def plain_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git without the settings of the user and of a hook that runs the tests, and no repository around the folder."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


def copied_into(folder: Path) -> Path:
    """The module in a folder `hf_bigru_asr` of its own inside `folder`."""
    package = folder / "hf_bigru_asr"
    package.mkdir(parents=True)
    return Path(shutil.copy(provenance.__file__, package))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository like that of this package; the path of the module in it."""
    module = copied_into(tmp_path)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "README.md").write_text("Text\n")
    commit_all(tmp_path)
    return module


def test_commit_is_that_of_the_code_at_the_start(clone: Path) -> None:
    first = imported(clone)
    first.note_start()
    head = git(clone.parent, "rev-parse", "--short=12", "HEAD")

    (clone.parents[1] / "README.md").write_text("Written while it runs\n")

    assert re.fullmatch("[0-9a-f]{12}", head)
    assert first.git_commit() == first.provenance()["commit"] == head
    assert imported(clone).git_commit() == f"{head}-dirty"
    git(clone.parent, "commit", "--all", "--message=Second")
    assert first.git_commit() == head
    assert imported(clone).git_commit() == git(clone.parent, "rev-parse", "--short=12", "HEAD") != head


def test_no_commit_outside_of_a_repository(tmp_path: Path) -> None:
    assert imported(copied_into(tmp_path)).git_commit() is None


def ignored_environment(repository: Path) -> Path:
    module = copied_into(repository / ".venv" / "lib" / "python3.11" / "site-packages")
    (repository / ".gitignore").write_text(".venv\n")
    return module


def committed_environment(repository: Path) -> Path:
    return copied_into(repository / ".venv" / "lib" / "python3.11" / "site-packages")


def vendored_package(repository: Path) -> Path:
    return copied_into(repository)


def vendored_project(repository: Path) -> Path:
    module = copied_into(repository / "vendor" / "hf-bigru-asr")
    (module.parents[1] / "pyproject.toml").write_text(PYPROJECT)
    return module


def untracked_copy(repository: Path) -> Path:
    (repository / ".gitignore").write_text("hf_bigru_asr\n")
    (repository / "pyproject.toml").write_text(PYPROJECT)
    return copied_into(repository)


@pytest.mark.parametrize(
    "install",
    [ignored_environment, committed_environment, vendored_package, vendored_project, untracked_copy],
    ids=lambda each: each.__name__,
)
def test_the_repository_of_a_user_is_not_ours(install: Callable[[Path], Path], tmp_path: Path) -> None:
    module = install(tmp_path)
    if not (tmp_path / "pyproject.toml").exists():
        (tmp_path / "pyproject.toml").write_text('[project]\nname = "speech-app"\n')
    commit_all(tmp_path)

    assert imported(module).git_commit() is None


def test_the_repository_of_a_hook_is_not_asked(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    head = git(clone.parent, "rev-parse", "--short=12", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))

    assert imported(clone).git_commit() == head


def test_importing_it_runs_no_git(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(subprocess, "run", refuse)
    imported(clone)


def test_without_git_there_is_no_commit(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert imported(clone).git_commit() is None


def test_threads_are_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert provenance.machine()["num_threads"] == torch.get_num_threads()
    monkeypatch.delitem(sys.modules, "torch")
    assert "num_threads" not in provenance.machine()
