"""The README: its length and order, its two set-up commands, its tree, and figures that are those measured."""

import re

from documents import FENCE, README, blocks, section
from repository import REPOSITORY

TEXT = README.read_text(encoding="utf-8")


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) <= 200


def test_what_comes_first_and_what_last() -> None:
    headings = re.findall(r"^## (.+)$", FENCE.sub("", TEXT), flags=re.MULTILINE)

    assert headings == [
        "Accuracy and speed",
        "Set-up",
        "From the shell",
        "From Python",
        "More",
        "Train and fine-tune",
        "Push to the Hub",
        "Limits",
        "The project",
        "Licence and citation",
    ]


def test_two_set_up_commands() -> None:
    commands = blocks(section(README, "Set-up"), "bash")

    assert len(commands) == 2
    assert all(len(command.strip().splitlines()) == 1 for command in commands)
    assert commands[0].strip().endswith("hf-bigru-asr transcribe tests/data/samples/easy.flac")
    assert commands[1].strip().endswith("python -m pytest -n auto")


def test_the_pipeline_has_four_lines() -> None:
    (code,) = blocks(section(README, "From Python"), "python")

    assert len([line for line in code.splitlines() if line]) == 4


def test_the_tree_is_that_of_the_repository() -> None:
    (tree,) = blocks(section(README, "The project"), "text")
    top, rooms = set(), set()
    for line in tree.splitlines():
        names = re.findall(r"(\w+)/", re.split(r"\s{2,}(?=\S)", line.strip() + "  .", maxsplit=1)[0] + line[:20])
        (rooms if line.startswith("  ") else top).update(names)

    package = REPOSITORY / "hf_bigru_asr"
    folders = {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert top == {"hf_bigru_asr", "scripts", "examples", "tests", "docs"}
    assert rooms == folders
