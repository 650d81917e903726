"""How the scripts start: their help, their modules, and what they refuse before they read data."""

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from repository import REPOSITORY, SCRIPTS
from script_parsers import script_parser
from script_runs import run_script

SCRIPT_NAMES = sorted(path.name for path in SCRIPTS.glob("*.py"))
# Only `evaluate` itself loads these, so what they import is not the script.
LOADED_BY_EVALUATE = {
    REPOSITORY / "hf_bigru_asr" / "metrics" / name for name in ("wer/wer.py", "cer/cer.py", "evaluate_info.py")
}
WORKER = """
import sys
sys.path[0] = sys.argv[1]  # as for a script that lies there
from benchmarks.memory import peak_memory_mib
from benchmarks.workers import Worker
with Worker(num_threads=1) as worker:
    worker.load(peak_memory_mib)
    print(worker.run(type).__name__, "torch" in sys.modules)
"""


@pytest.mark.parametrize("script", SCRIPT_NAMES)
def test_help_says_what_a_script_does(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = ast.get_docstring(ast.parse((SCRIPTS / script).read_text())) or ""
    shown = " ".join(run_script(script, "--help").stdout.split())
    assert document.partition("\n")[0] in shown


@pytest.mark.parametrize("script", SCRIPT_NAMES)
def test_a_mistyped_option_is_one_line(script: str) -> None:
    needed: list[str] = []
    for action in script_parser(SCRIPTS / script)._actions:
        if action.required:
            needed = [*needed, action.option_strings[0], "1"] if action.option_strings else ["1", *needed]
    result = run_script(script, *needed, "--bogus")
    assert result.returncode == 2
    assert result.stderr == f"{script}: error: unknown argument --bogus. See {script} --help.\n"


def imported_packages(path: Path) -> set[str]:
    return set(re.findall(r"^ *(?:import|from) (\w+)", path.read_text(), re.MULTILINE))


def test_no_script_hides_a_package_that_is_imported() -> None:
    """Python looks beside a script first: `import evaluate` would be `scripts/evaluate.py` there."""
    hidden = {path.stem for path in SCRIPTS.glob("*.py")}
    sources = [*SCRIPTS.rglob("*.py"), *(REPOSITORY / "hf_bigru_asr").rglob("*.py")]
    found = {path: imported_packages(path) & hidden for path in sources if path not in LOADED_BY_EVALUATE}
    assert {str(path): names for path, names in found.items() if names} == {}
    assert len(found) > 100


def test_a_worker_finds_the_modules_beside_a_script(run_in_child: Callable[..., str]) -> None:
    assert run_in_child(WORKER, SCRIPTS).split() == ["float", "False"]


@pytest.mark.parametrize(
    "command",
    [
        ("tune_decoding.py", "--lm", "own"),
        ("evaluate.py", "--plot_reliability"),
        ("benchmark.py", "--plot", "picture.png"),
    ],
    ids=lambda command: command[0],
)
def test_a_picture_that_cannot_be_drawn_is_refused_at_once(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run_script(*command, "--dataset_name", tmp_path / "nowhere")
    assert result.returncode == 2
    assert "A picture needs the extra `plot`: pip install matplotlib, or in a clone" in result.stderr


@pytest.mark.parametrize("script", ["tune_decoding.py", "calibrate_confidence.py", "measure_hotwords.py"])
def test_a_model_without_a_language_model_is_named_before_data_are_read(
    script: str, listener_dir: Path, tmp_path: Path
) -> None:
    result = run_script(script, "--dataset_name", tmp_path / "nowhere", "--model", listener_dir, "--lm", "own")
    assert result.returncode == 2
    assert f"{listener_dir} has no language model of its own; name the folder" in result.stderr
