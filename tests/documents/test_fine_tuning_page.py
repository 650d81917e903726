"""The tables of docs/fine-tuning.md are those that were measured."""

import importlib
import json

import pytest
from repository import REPOSITORY

PAGE = (REPOSITORY / "docs" / "fine-tuning.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
CELLS = json.loads((REPOSITORY / "docs" / "figures" / "fine_tuning.json").read_text(encoding="utf-8"))["cells"]
COMPARED = [each for each in CELLS if (each["recordings"], each["minutes"]) == ("new voice", 15)]
SETTINGS = {"learning_rate": 3e-4, "num_frozen_layers": 0}
EXPECTED = [each for each in CELLS if each.items() >= SETTINGS.items()]


def shown(rate: float) -> str:
    return f"{100 * rate:.1f} %"


def name(cell: dict[str, object]) -> str:
    return f"{cell['recordings']}-{cell['minutes']:g}-{cell['learning_rate']}-{cell['num_frozen_layers']}"


@pytest.mark.parametrize("cell", COMPARED, ids=name)
def test_settings_are_compared_on_the_part_that_chooses(cell: dict[str, dict[str, float]]) -> None:
    rates = [shown(cell["after_validation"][measure]) for measure in ("wer", "cer")]
    settings = [f"{cell['learning_rate']:.0e}".replace("e-0", "e-"), str(cell["num_frozen_layers"])]
    assert [*settings, *rates] in ROWS


@pytest.mark.parametrize("cell", EXPECTED, ids=name)
def test_what_to_expect_is_on_the_other_part(cell: dict[str, dict[str, float]]) -> None:
    rates = [shown(cell[f"{when}_test"][measure]) for measure in ("wer", "cer") for when in ("before", "after")]
    (row,) = (row for row in ROWS if row[1:] == [f"{cell['minutes']:g}", *rates, f"{cell['cpu_minutes']:g}"])
    assert cell["recordings"] in row[0]


def test_the_settings_with_the_fewest_character_errors_are_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "examples"))
    example = importlib.import_module("finetune")
    best = min(COMPARED, key=lambda cell: cell["after_validation"]["cer"])
    assert best.items() >= SETTINGS.items()
    recommended = [row for row in ROWS if len(row) == 4 and row[0] in ("5", "15", "60")]
    rate = example.SETTINGS["learning_rate"]
    assert recommended == [[str(each), str(example.epochs_for(each)), rate, "0"] for each in (5, 15, 60)]
    assert float(rate) == best["learning_rate"]
