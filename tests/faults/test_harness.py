"""The tests of this folder find what they are made for."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_child import Outcome, run_cases
from fault_mutations import CUT, Change
from fault_readers import Reader, check, fuzz
from fault_writers import OUT, Writer, kill_everywhere


def good(number: int) -> Outcome:
    return Outcome("right")


def end_this(number: int) -> Outcome:
    os.abort()


def sleep(number: int) -> Outcome:
    time.sleep(60)
    return Outcome("right")


def take_memory(number: int) -> Outcome:
    return Outcome("right", str(len(bytearray(1 << 27))))


@pytest.mark.parametrize(
    ("bad", "kind"), [(end_this, "crash"), (sleep, "hang"), (take_memory, "over memory")], ids=["end", "sleep", "take"]
)
def test_one_bad_case_costs_no_other(bad: Callable[[int], Outcome], kind: str) -> None:
    found = run_cases(
        range(4),
        lambda number: (bad if number == 2 else good)(number),
        wall_s=0.5 if bad is sleep else 60,
        memory_bytes=1 << 26,
    )

    assert [(number, outcome.kind) for number, outcome in found] == [
        (number, kind if number == 2 else "right") for number in range(4)
    ]


def cut(name: str, content: bytes, rng: object) -> Change:
    return Change(content[:3], CUT, "cut")


def write_number(folder: Path) -> None:
    (folder / "number.txt").write_text("12345")


def read_carelessly(folder: Path) -> int:
    return int((folder / "number.txt").read_text())


def read_carefully(folder: Path) -> int:
    number = read_carelessly(folder)
    if number < 10_000:
        raise ValueError(f"{folder / 'number.txt'} holds {number}, which is below 10000.")
    return number


def read_without_a_name(folder: Path) -> int:
    if read_carelessly(folder) < 10_000:
        raise ValueError("too small")
    return 12345


def read_and_stumble(folder: Path) -> int:
    return {12345: 1}[read_carelessly(folder)]


def read_nonsense(folder: Path) -> int:
    check(read_carelessly(folder) > 1000, "a small number")
    return 12345


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (read_carelessly, "silent nonsense"),
        (read_carefully, "named error"),
        (read_without_a_name, "other exception"),
        (read_and_stumble, "other exception"),
        (read_nonsense, "silent nonsense"),
    ],
    ids=["carelessly", "carefully", "unnamed", "stumble", "nonsense"],
)
def test_a_broken_file_must_be_named(read: Callable[[Path], int], kind: str, tmp_path: Path) -> None:
    found = fuzz(Reader("numbers", write_number, read, change=cut), [0], tmp_path / "fuzz")

    assert found.counts == {kind: 1}


def make_old(folder: Path) -> None:
    (folder / OUT).mkdir()
    (folder / OUT / "a.txt").write_text("old\n")
    (folder / OUT / "b.txt").write_text("old\n")


def write_in_place(folder: Path) -> None:
    for name in ("a.txt", "b.txt"):
        with (folder / OUT / name).open("w") as stream:
            stream.write("new, and longer\n")


def write_whole(folder: Path) -> None:
    (folder / "staging").mkdir(exist_ok=True)
    for name in ("a.txt", "b.txt"):
        (folder / "staging" / name).write_text("new, and longer\n")
    if (folder / OUT).exists():
        (folder / OUT).rename(folder / "old")
    (folder / "staging").rename(folder / OUT)


def look(out: Path) -> list[str]:
    return [(out / name).read_text() for name in ("a.txt", "b.txt")]


def test_a_writer_in_place_is_found_and_a_careful_one_passes(tmp_path: Path) -> None:
    careless = kill_everywhere(Writer("in place", make_old, write_in_place, look), 4, tmp_path / "careless")
    careful = kill_everywhere(Writer("whole", make_old, write_whole, look), 7, tmp_path / "careful")

    assert careless.counts["silent nonsense"] == 2  # between the files, and in the middle of the first
    assert not careful.failures
    assert careful.counts["right"] == 6
    assert careful.counts["named error"] == 1  # there is no folder between the renames
