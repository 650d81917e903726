"""The library's own common tests pass, but for those that design.md lists with a reason."""

from collections.abc import Callable, Iterator

import library_cases
import pytest
import transformers
from library_tests import LibraryTests, UnavailableError, fetch, run
from repository import REPOSITORY

PAGE = REPOSITORY / "docs" / "design.md"
HEADING = "## The library's own tests"
VERSION = "5.24.0"
"""The release that the counts and the list of what is left out belong to."""

LEFT_OUT = {
    "test_model_get_set_embeddings": "model_case",
    "test_resize_tokens_embeddings": "model_case",
    "test_pad_token_initialization": "tokenizer_case",
    "test_tokenizer_store_full_signature": "tokenizer_case",
}
"""Tests that cannot pass by design, and the case of each; the page says why."""

LEAST_PASSED = {
    "model_case": 68,
    "feature_extractor_case": 14,
    "tokenizer_case": 50,
    "processor_case": 25,
    "pipeline_case": 2,
}


@pytest.fixture(scope="module")
def library() -> Iterator[LibraryTests]:
    try:
        folder = fetch(transformers.__version__)
    except UnavailableError as error:
        pytest.skip(f"needs the source distribution of transformers: {error}")
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield LibraryTests(folder, monkeypatch)


@pytest.mark.parametrize("name", LEAST_PASSED)
def test_our_classes_pass(name: str, library: LibraryTests, monkeypatch: pytest.MonkeyPatch) -> None:
    make: Callable = getattr(library_cases, name)
    outcomes = run(make(library, monkeypatch))
    left_out = {test for test, case in LEFT_OUT.items() if case == name}
    broken = outcomes.failed.keys() - left_out
    assert not broken, "\n\n".join(f"{test}\n{outcomes.failed[test]}" for test in sorted(broken))
    if transformers.__version__ == VERSION:
        assert left_out <= outcomes.failed.keys(), "what passes must not be left out"
        assert len(outcomes.passed) >= LEAST_PASSED[name], outcomes.skipped_because


def test_the_page_lists_what_is_left_out() -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = text[text.index(HEADING) :].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `test_")]
    assert sorted(rows) == sorted(f"`{test}`" for test in LEFT_OUT)
    assert VERSION in section
