"""The recipe of the shipped model: every command of it is one that the scripts take, in an order that makes sense."""

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from repository import REPOSITORY, SCRIPTS
from script_parsers import script_parser

RECIPE = SCRIPTS / "recipe" / "bundled_model.sh"
RECORDER = """#!/bin/sh
printf '%s\\037' "$@" >>"$CALLS"
echo >>"$CALLS"
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The words of every call, script first, by an interpreter that only writes down its arguments."""
    folder = tmp_path_factory.mktemp("recipe")
    recorder = folder / "python"
    recorder.write_text(RECORDER)
    recorder.chmod(0o755)
    (folder / "data").mkdir()
    environment = os.environ | {"PYTHON": str(recorder), "CALLS": str(folder / "calls")}
    command = ["bash", str(RECIPE), str(folder / "data"), str(folder / "work")]
    subprocess.run(command, check=True, env=environment, timeout=120)
    found = [line.split("\x1f")[:-1] for line in (folder / "calls").read_text().split("\n")[:-1]]
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2"]
    return [words[len(launcher) :] if words[: len(launcher)] == launcher else words for words in found]


def test_it_has_fifty_runs_of_training(calls: list[list[str]]) -> None:
    runs = [words for words in calls if Path(words[0]).name == "train.py"]
    record = json.loads((REPOSITORY / "docs" / "figures" / "training.json").read_text(encoding="utf-8"))

    assert len(runs) == 50 == len(record["earlier_stages"]) + 1


def test_every_option_is_one_of_the_script(calls: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    for script, *arguments in calls:
        assert Path(script).parent == SCRIPTS
        try:
            script_parser(Path(script)).parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{Path(script).name} {' '.join(arguments)}: {capsys.readouterr().err}")


def test_nothing_is_used_before_it_is_made(calls: list[list[str]]) -> None:
    made: set[str] = set()
    for script, *arguments in calls:
        used = {
            word for word in arguments if re.match(r"(\./|outputs/|synthetic|segments$|recombined$|taught|char)", word)
        }
        written = {word for option, word in itertools.pairwise(arguments) if option.startswith("--output")}
        for word in used - written:
            assert re.sub(r"/checkpoint-\d+$", "", word.removeprefix("./")) in made, (
                f"{Path(script).name} reads {word}"
            )
        made |= written
    assert "outputs/shipped" in made


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs the program shellcheck")
@pytest.mark.parametrize("script", [RECIPE, REPOSITORY / ".ci" / "run"], ids=lambda script: script.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    subprocess.run(["shellcheck", str(script)], check=True)
