"""The tables of broken files and kills are those that were counted, and there is nothing in them that must not be."""

import json
from pathlib import Path

import pytest
from repository import REPOSITORY

from benchmarks.torture import UNWANTED, as_table

REPORT = json.loads((REPOSITORY / "docs" / "figures" / "torture.json").read_text(encoding="utf-8"))
PAGE = Path(REPOSITORY / "docs" / "robustness.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("part", "what"), [("readers", "cases"), ("writers", "kills")])
def test_the_table_is_that_of_the_record(part: str, what: str) -> None:
    assert as_table(REPORT[part], what) in PAGE
    assert REPORT["commit"] in PAGE


def test_all_cases_ended_well() -> None:
    rows = [*REPORT["readers"], *REPORT["writers"]]

    assert sum(sum(row["counts"].values()) for row in REPORT["readers"]) >= 10_000
    assert sum(sum(row["counts"].values()) for row in REPORT["writers"]) >= 100
    assert not [row["name"] for row in rows if row["failures"] or row["counts"].keys() & set(UNWANTED)]
