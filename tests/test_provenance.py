"""What reports say of where figures come from."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from hf_bigru_asr import provenance as environment


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("imported_environment", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module in a folder of its own, without a repository around it, and git without the user's settings."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # A hook of git's names the repository that it runs in.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return Path(shutil.copy(environment.__file__, tmp_path))


def test_commit_is_that_of_the_code_that_was_imported(copy: Path) -> None:
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for arguments in (["init"], ["add", "."], [*author, "commit", "--message=First"]):
        subprocess.run(["git", *arguments], cwd=copy.parent, check=True)
    imported = _imported(copy)
    copy.write_text(copy.read_text() + "# Changed while it runs\n")
    assert re.fullmatch("[0-9a-f]{12}", imported.git_commit())
    assert imported.provenance()["commit"] == imported.git_commit()
    assert _imported(copy).git_commit() == f"{imported.git_commit()}-dirty"


def test_no_commit_outside_of_a_repository(copy: Path) -> None:
    assert _imported(copy).git_commit() is None
