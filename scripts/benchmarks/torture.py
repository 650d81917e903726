"""Break files and kill writers: thousands of cases of `tests/faults`, as a table.

    python scripts/benchmarks/torture.py --output_file docs/figures/torture.json

Each reader gets files that were changed in one way: bits, cuts, zeros, values, lines. Each writer is killed at points
that are spread over what it does to the file system, and run again. All of it runs in forks with limits of time and
memory. A case ends with a right result or an error that names the file; the exit status is 1 if one does not.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# Run directly, the path begins with this folder. At the end, so that no script hides a package of its name.
sys.path += [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "tests" / "support")]

from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.provenance import note_start, provenance
from hf_bigru_asr.storage.writing import write_json

__all__ = ["as_table", "main", "shares"]

WANTED = ("right", "named error")
UNWANTED = ("other exception", "crash", "hang", "over memory", "silent nonsense")


@dataclass
class Arguments:
    """How much is broken."""

    cases: int = field(default=10_000, metadata={"help": "Broken files, shared among the readers."})
    kills: int = field(default=100, metadata={"help": "Kills, shared among the writers."})
    first: int = field(default=1000, metadata={"help": "Seed of the first case; the tests have those from 0 on."})
    only: str = field(default="", metadata={"help": "Only readers and writers with this in their names."})
    output_file: Path | None = field(default=None, metadata={"help": "JSON file for the counts."})


def shares(total: int, num_parts: int) -> list[int]:
    """`total` in equal parts, the first ones one larger where it does not divide.

    Example:
        >>> shares(10, 4)
        [3, 3, 2, 2]
    """
    return [total // num_parts + (place < total % num_parts) for place in range(num_parts)]


def as_table(rows: list[dict[str, Any]], what: str) -> str:
    """Counts as a table in Markdown, with their sum.

    Args:
        rows: `name`, and `counts` by their end.
        what: `cases` or `kills`.
    """
    columns = (*WANTED, *UNWANTED)
    total: dict[str, int] = {}
    for row in rows:
        for kind, count in row["counts"].items():
            total[kind] = total.get(kind, 0) + count
    lines = [f"| | {what} | {' | '.join(columns)} |", f"|---|{'---|' * (1 + len(columns))}"]
    for row in [*rows, {"name": "**all**", "counts": total}]:
        counts = [sum(row["counts"].values()), *(row["counts"].get(kind, 0) for kind in columns)]
        lines.append(f"| {row['name']} | {' | '.join(f'{count:,}' for count in counts)} |")
    return "\n".join(lines)


def _break_files(args: Arguments) -> list[dict[str, Any]]:
    from fault_cases import all_readers, fuzz_group, weight_of  # beside the tests

    readers = {name: each for name, each in all_readers().items() if args.only in name}
    rows = []
    parts = shares(args.cases, max(sum(weight_of(name, group) for name, group in readers.items()), 1))
    for name, group in readers.items():
        num_cases = sum(parts.pop() for _ in range(weight_of(name, group)))
        numbers = range(args.first, args.first + num_cases)
        rows.append(_row(name, partial(fuzz_group, group, numbers)))
    return rows


def _kill_writers(args: Arguments) -> list[dict[str, Any]]:
    from fault_cases import kill_everywhere, writers

    chosen = [each for each in writers() if args.only in each.name]
    rows = []
    for writer, num_kills in zip(chosen, shares(args.kills, max(len(chosen), 1)), strict=True):
        rows.append(_row(writer.name, partial(kill_everywhere, writer, num_kills)))
    return rows


def _row(name: str, count: Callable[[Path], Any]) -> dict[str, Any]:
    """How the cases of one reader or writer ended; one that does not work at all costs no other."""
    row: dict[str, Any] = {"name": name, "counts": {}, "failures": []}
    with TemporaryDirectory() as folder:
        try:
            row |= vars(count(Path(folder, "cases")))
        except Exception as error:
            row["failures"].append(f"{name} does not work: {error}")
    _tell(row)
    return row


def _tell(row: dict[str, Any]) -> None:
    print(f"{row['name']}: {row['counts']}", file=sys.stderr, flush=True)
    for failure in row["failures"]:
        print(f"  {failure}", file=sys.stderr, flush=True)


def main() -> int:
    """Break, kill, print the tables, and return the exit status."""
    note_start()
    parser = CommandParser(Arguments, description=(__doc__ or "").splitlines()[0])  # type: ignore[arg-type] # NewType of Any
    (args,) = parser.parse()
    start_s = time.monotonic()
    readers, writers = _break_files(args), _kill_writers(args)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    report = {
        "readers": readers,
        "writers": writers,
        "first_seed": args.first,
        "wall_time_s": round(time.monotonic() - start_s),
        "processor_time_s": round(sum(each.ru_utime + each.ru_stime for each in used)),
        **provenance(),
    }
    if args.output_file is not None:
        write_json(args.output_file, report)
    print(as_table(readers, "cases"), as_table(writers, "kills"), sep="\n\n")
    return int(any(row["failures"] for row in [*readers, *writers]))


if __name__ == "__main__":
    sys.exit(main())
