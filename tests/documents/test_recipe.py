"""The recipes: every command is one that the scripts take, in an order that makes sense."""

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from repository import REPOSITORY, SCRIPTS
from script_parsers import script_parser

NUM_RUNS = {"bundled_model": 50, "more_speakers": 5}
"""Runs of training in the recipes of the shipped model."""
RECIPES = [SCRIPTS / "recipe" / f"{name}.sh" for name in (*NUM_RUNS, "train_clean_100")]
MADE = re.compile(
    r"(\./|outputs/|synthetic|segments$|recombined$|taught|broad|mmi/|word_errors/|spelled\.|language_model|char|base$|model$)"
)
"""What the words for results of the recipes begin with."""
PATHS = {
    "resume_from_checkpoint",
    "dataset_name",
    "eval_dataset_name",
    "eval_dataset_config_name",
    "extra_dataset_name",
    "mmi_lm",
}
RECORDER = """#!/bin/sh
printf '%s\\037' "$@" >>"$CALLS"
echo >>"$CALLS"
"""


@pytest.fixture(scope="module", params=RECIPES, ids=lambda recipe: recipe.stem)
def recipe(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def calls(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The words of every call, script first, by an interpreter that only writes down its arguments."""
    folder = tmp_path_factory.mktemp("recipe")
    recorder = folder / "python"
    recorder.write_text(RECORDER)
    recorder.chmod(0o755)
    (folder / "data").mkdir()
    work = str(folder / "work")
    environment = os.environ | {"PYTHON": str(recorder), "CALLS": str(folder / "calls"), "WORK": work}
    command = ["bash", str(recipe), str(folder / "data"), *([work] if recipe.stem == "bundled_model" else [])]
    subprocess.run(command, check=True, env=environment, timeout=120)
    found = [line.split("\x1f")[:-1] for line in (folder / "calls").read_text().split("\n")[:-1]]
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2"]
    return [words[len(launcher) :] if words[: len(launcher)] == launcher else words for words in found]


@pytest.mark.parametrize("recipe", RECIPES[:2], indirect=True, ids=lambda recipe: recipe.stem)
def test_the_record_has_every_run_of_training(recipe: Path, calls: list[list[str]]) -> None:
    runs = [words for words in calls if Path(words[0]).name == "train.py"]
    record = json.loads((REPOSITORY / "docs" / "figures" / "training.json").read_text(encoding="utf-8"))

    assert len(runs) == NUM_RUNS[recipe.stem]
    assert len(record["earlier_stages"]) + 1 == sum(NUM_RUNS.values())


@pytest.mark.parametrize("recipe", RECIPES[1:2], indirect=True, ids=lambda recipe: recipe.stem)
def test_the_last_runs_had_the_options_of_the_recipe(calls: list[list[str]]) -> None:
    record = json.loads((REPOSITORY / "docs" / "figures" / "training.json").read_text(encoding="utf-8"))
    runs = [words[1:] for words in calls if Path(words[0]).name == "train.py"]
    parser = script_parser(SCRIPTS / "train.py")
    for words, run in zip(runs, [*record["earlier_stages"][-4:], record], strict=True):
        ran = vars(parser.parse_args(shlex.split(run["command"])[2:]))
        differing = {name: (value, ran[name]) for name, value in vars(parser.parse_args(words)).items()}
        differing = {name: pair for name, pair in differing.items() if pair[0] != pair[1]}
        assert set(differing) <= PATHS, differing


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
        used = {word for word in arguments if MADE.match(word)}
        written = {word for option, word in itertools.pairwise(arguments) if option.startswith("--output")}
        for word in used - written:
            folder = re.sub(r"/checkpoint-\d+$|/train-projection\.safetensors$|_again$", "", word.removeprefix("./"))
            assert folder in made, f"{Path(script).name} reads {word}"
        made |= written
    assert made & {"outputs/shipped", "shipped", "model"}


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs the program shellcheck")
@pytest.mark.parametrize(
    "script", [*RECIPES, SCRIPTS / "recipe" / "steps.sh", REPOSITORY / ".ci" / "run"], ids=lambda script: script.name
)
def test_shellcheck_finds_nothing(script: Path) -> None:
    subprocess.run(["shellcheck", "--external-sources", str(script)], check=True)
