"""What describes the project: citation, changelog, links, the pages of the site and what its reference names."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from documents import FENCE, PAGES, page_id
from repository import REPOSITORY

import hf_bigru_asr

DOCS = REPOSITORY / "docs"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY_URL = PROJECT["urls"]["Source"]
LINK = re.compile(r"\]\(([^()\s]+)\)")


def read(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_citation_and_changelog_name_this_version() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    released = re.findall(r"^## \[([\d.]+)\] - (\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), flags=re.MULTILINE)

    assert (citation["version"], citation["date-released"]) == released[0]
    assert citation["version"] == hf_bigru_asr.__version__
    assert citation["repository-code"] == REPOSITORY_URL
    assert citation["license"] == PROJECT["license"]


def test_the_changelog_keeps_its_form() -> None:
    headings = re.findall(r"^### (.+)$", read("CHANGELOG.md"), flags=re.MULTILINE)

    assert "## [Unreleased]" in read("CHANGELOG.md")
    assert set(headings) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("page", [*PAGES, REPOSITORY / "CHANGELOG.md"], ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if link.startswith(REPOSITORY_URL) and "/blob/main/" in link:
            link = os.path.relpath(REPOSITORY / link.split("/blob/main/")[1], page.parent)
        if not re.match(r"https?:", link):
            assert (page.parent / link.split("#")[0]).exists() or link.startswith("#"), link


def test_every_page_is_in_the_navigation() -> None:
    navigation = re.findall(r"[\w/-]+\.md", read("mkdocs.yml").split("\nnav:\n")[1])

    assert sorted(navigation) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_reference_has_every_public_name() -> None:
    text = (DOCS / "reference" / "index.md").read_text(encoding="utf-8")
    classes_and_functions = set(hf_bigru_asr.__all__) - {
        "BiGRUCTCPreTrainedModel"
    }  # a base class, on the model's page

    assert classes_and_functions <= set(re.findall(r"\[`(\w+)`\]", text))


def test_the_reference_documents_modules_that_exist() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    documented = re.findall(r"^::: (\S+)", pages, flags=re.MULTILINE)

    assert len(documented) == len(set(documented))
    assert [name for name in documented if importlib.util.find_spec(name) is None] == []


def test_ci_finds_the_commands_that_it_runs() -> None:
    calls = re.findall(r'^run_block (\S+) "(## [^"]+)" (\d)', read(".ci/run"), flags=re.MULTILINE)

    assert len(calls) == 3
    for name, heading, number in calls:
        inside = read(name).split(f"\n{heading}\n")[1].split("\n## ")[0]
        assert inside.count("```bash\n") >= int(number), (name, heading)


def test_the_workflow_runs_the_whole_check_on_the_oldest_and_the_newest_python() -> None:
    job = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]["check"]

    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert job["steps"][-1]["run"] == ".ci/run"
    assert {f"Programming Language :: Python :: {each}" for each in ("3.11", "3.13")} <= set(PROJECT["classifiers"])


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="KenLM has no wheels for this Python")
def test_tests_of_the_language_model_are_not_skipped_here() -> None:
    assert importlib.util.find_spec("kenlm") is not None
    assert (importlib.util.find_spec("flashlight") is not None) == (sys.version_info < (3, 13))


def test_the_shell_of_ci_can_be_read() -> None:
    subprocess.run(["bash", "-n", str(REPOSITORY / ".ci" / "run")], check=True)
