"""Commands and scripts that are interrupted anywhere: one line, the right status, and the next run goes on."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from openslr_corpus import corpus, write_archive
from repository import REPOSITORY, SAMPLE, SCRIPTS
from script_runs import spoken, write_split

SUPPORT = REPOSITORY / "tests" / "support"

PREPARATION = """
import signal, sys
from pathlib import Path
sys.path.append(sys.argv[1])
from interrupted_runs import run_interrupted
from openslr_corpus import contents
from hf_bigru_asr.cli.main import main

def prepare(name):
    return lambda: main(["prepare", "--source", "a.tar.gz", "--output-dir", name, "--max-shard-size-mb", "0.01"])

here = Path()
assert prepare("whole")() == 0  # in this process: what it imports late is there for all forks
expected = contents(here / "whole")
counted = run_interrupted(prepare("counted"), here)
assert counted.status == 0 and contents(here / "counted") == expected, counted
num_callbacks = run_interrupted(prepare("counted too"), here, in_callback=True).num_calls
assert num_callbacks > 30, num_callbacks
moments = [(counted.num_calls * part // 11, False) for part in range(1, 11)]
moments += [(num_callbacks * part // 5, True) for part in range(1, 5)]
for place, (moment, in_callback) in enumerate(moments):
    number = signal.SIGTERM if place % 5 == 4 else signal.SIGINT
    ended = run_interrupted(prepare(f"cut-{place}"), here, moment, number=number, in_callback=in_callback)
    what = "interrupted" if number == signal.SIGINT else "terminated"
    assert ended.status == 128 + number, (moment, in_callback, ended)
    assert ended.output.endswith(f"hf-bigru-asr prepare: {what}.\\n"), (moment, in_callback, ended)
    assert "Traceback" not in ended.output and "ignored" not in ended.output, (moment, in_callback, ended)
    again = run_interrupted(prepare(f"cut-{place}"), here)
    assert again.status == 0, again
    assert contents(here / f"cut-{place}") == expected, moment
print(len(moments))
"""


def test_preparation_is_interrupted_anywhere_and_goes_on(run_in_child: Callable[..., str], tmp_path: Path) -> None:
    """Also in the callbacks through which libsndfile reads: an exception there would be swallowed."""
    write_archive(tmp_path / "a.tar.gz", corpus())
    assert run_in_child(PREPARATION, SUPPORT).endswith("\n14\n")


SCRIPT_RUNS = """
import runpy, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from interrupted_runs import run_interrupted, script
name, parts = sys.argv[3], range(1, 1 + int(sys.argv[4]))
runpy.run_path(str(Path(sys.argv[2]) / name), run_name="imported")  # for all forks
here = Path()

def program(output):
    return script(Path(sys.argv[2]) / name, *sys.argv[5:], "--output_dir", here / output)

run_interrupted(program("first"), here)  # what it caches on disk is there for the others
whole = run_interrupted(program("whole"), here)
assert whole.status == 0, whole
num_calls = whole.num_calls
for part in parts:
    moment = num_calls * part // (len(parts) + 1)
    ended = run_interrupted(program(f"cut-{part}"), here, moment)
    assert ended.status == 130, (moment, ended)
    assert ended.output.endswith(f"{name}: interrupted.\\n"), (moment, ended)
    assert "Traceback" not in ended.output, (moment, ended)
again = run_interrupted(program("cut-1"), here)
assert again.status == 0, again
print(num_calls)
"""
TRAINING = ("--max_steps", 2, "--warmup_steps", 0, "--report_to", "none", "--disable_tqdm", "true")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    rows = [{"audio": spoken("HELLO"), "text": "HELLO"}] * 2
    speech = [
        {"audio": {"bytes": SAMPLE.read_bytes(), "path": SAMPLE.name}, "text": SAMPLE.with_suffix(".txt").read_text()}
    ]
    for split in ("train", "validation"):
        write_split(tmp_path / "data", split, rows)
    return write_split(tmp_path / "data", "test", speech)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("segment_dataset.py", ("--split_name", "test")),
        ("evaluate.py", ("--split", "test")),
        ("train.py", TRAINING),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_script_is_interrupted_anywhere(
    name: str, arguments: tuple[object, ...], data_dir: Path, run_in_fork: Callable[..., str]
) -> None:
    words = map(str, ("--dataset_name", data_dir, *arguments))
    assert int(run_in_fork(SCRIPT_RUNS, SUPPORT, SCRIPTS, name, "5", *words)) > 1000


HASHED = """
import os, signal, time
from datasets import Dataset
from hf_bigru_asr.processes.interrupts import Interrupts

class Interrupting:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGINT)
        return str, ("pickled to its end",)

rows = Dataset.from_dict({"text": ["A"]})
argument = Interrupting()
try:
    with Interrupts():
        rows.map(lambda row, argument: row, fn_kwargs={"argument": argument})
        time.sleep(10)  # the signal comes again
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_signal_while_datasets_computes_a_fingerprint_is_not_swallowed(run_in_fork: Callable[..., str]) -> None:
    assert run_in_fork(HASHED).endswith("interrupted\n")


def is_program(path: Path) -> bool:
    return '__name__ == "__main__"' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [
        path
        for folder in (SCRIPTS, SCRIPTS / "benchmarks", SCRIPTS / "recipe")
        for path in sorted(folder.glob("*.py"))
        if is_program(path)
    ],
    ids=lambda path: path.name,
)
def test_a_script_is_ready_for_signals_before_it_imports_anything(path: Path) -> None:
    first = [ast.unparse(node) for node in ast.parse(path.read_text(encoding="utf-8")).body[1:3]]
    assert first == ["from hf_bigru_asr.processes.interrupts import begin_script", "begin_script(__name__)"]
