"""The counts of broken files and kills, as a table."""

from benchmarks.torture import as_table, shares


def test_cases_are_shared_equally() -> None:
    assert shares(100, 14) == [8, 8] + [7] * 12
    assert sum(shares(10_000, 61)) == 10_000


def test_a_table_has_every_end_and_the_sum() -> None:
    rows = [
        {"name": "grammar", "counts": {"right": 1200, "named error": 30}},
        {"name": "Parquet", "counts": {"right": 1, "crash": 2, "silent nonsense": 1}},
    ]

    lines = as_table(rows, "cases").splitlines()

    assert lines[0] == (
        "| | cases | right | named error | other exception | crash | hang | over memory | silent nonsense |"
    )
    assert lines[2] == "| grammar | 1,230 | 1,200 | 30 | 0 | 0 | 0 | 0 | 0 |"
    assert lines[-1] == "| **all** | 1,234 | 1,201 | 30 | 0 | 2 | 0 | 0 | 1 |"
