"""The command `hf-bigru-asr`: how it finds a command, what it refuses, and what it costs to be refused."""

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from repository import REPOSITORY

from hf_bigru_asr import __version__
from hf_bigru_asr.cli import main as main_module
from hf_bigru_asr.cli.main import COMMANDS, command_parser, main, make_parser

HEAVY = {
    "torch",
    "transformers",
    "numpy",
    "onnxruntime",
    "datasets",
    "jiwer",
    "soundfile",
    "pyarrow",
    "huggingface_hub",
    "num2words",
}

IN_ONE_PROCESS = f"""
import sys, time
from hf_bigru_asr.cli.main import COMMANDS, main
each = [[name, word] for name in COMMANDS for word in ("--help", "--bogus")]
for words in [["--help"], ["--bogus"], ["bogus"], *each]:
    start_s = time.process_time()
    try:
        main(words)
    except SystemExit as end:
        assert end.code == (0 if "--help" in words else 2), words
    heavy = {HEAVY!r} & sys.modules.keys()
    assert not heavy, (words, heavy)
    assert time.process_time() - start_s < 0.1, (words, time.process_time() - start_s)
"""


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    out, line = capsys.readouterr()
    assert out == ""
    assert line.count("\n") == 1
    return line.rstrip("\n")


def test_help_and_a_wrong_option_import_nothing_heavy() -> None:
    child = subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr[-2000:]
    assert child.stderr.count("\n") == 2 + len(COMMANDS)


def test_a_fresh_process_shows_its_help_in_a_fifth_of_a_second() -> None:
    before = os.times()
    shown = subprocess.run(
        [sys.executable, "-m", "hf_bigru_asr", "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    after = os.times()
    used_s = after.children_user + after.children_system - before.children_user - before.children_system
    assert used_s < 0.2
    assert all(f"\n    {name}" in shown for name in COMMANDS)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["trian"], "hf-bigru-asr: error: unknown command trian; did you mean train? See hf-bigru-asr --help."),
        (["zzz"], "hf-bigru-asr: error: unknown command zzz. See hf-bigru-asr --help."),
        (["--versoin"], "hf-bigru-asr: error: unknown argument --versoin; did you mean --version? See hf-bigru-asr"),
        (
            ["info", "--jsno"],
            "hf-bigru-asr info: error: unknown argument --jsno; did you mean --json? See hf-bigru-asr info",
        ),
        (["info", "stray"], "hf-bigru-asr info: error: unknown argument stray. See hf-bigru-asr info --help."),
        (["completion"], "hf-bigru-asr completion: error: the following arguments are required: shell. See"),
        (["prepare", "--source"], "hf-bigru-asr prepare: error: argument --source: expected one argument. See"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_misspelt_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, *words).startswith(line)


def test_a_recording_without_a_command_is_shown_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main_module, "COMMANDS", COMMANDS | {"transcribe": (".info", "Transcribe.")})
    recording = tmp_path / "a.wav"
    recording.touch()
    assert f"did you mean hf-bigru-asr transcribe {recording}?" in refusal(capsys, str(recording))
    assert "did you mean" not in refusal(capsys, str(tmp_path / "b.wav"))


def test_without_a_word_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 0
    assert "COMMAND" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert capsys.readouterr().out == f"hf-bigru-asr {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_does(name: str) -> None:
    module = import_module(COMMANDS[name][0], "hf_bigru_asr.cli")
    parser = command_parser(name)
    assert parser.prog == f"hf-bigru-asr {name}"
    assert parser.description == (module.__doc__ or "").partition("\n")[0]
    assert "hf-bigru-asr " + name in (parser.epilog or ""), "an example"
    assert parser.get_default("run") is module.run
    assert all(action.help for action in parser._actions)


def test_the_parser_of_everything_has_the_options_of_every_command() -> None:
    (commands,) = (action for action in make_parser(with_commands=True)._actions if action.dest == "command")
    assert isinstance(commands.choices, dict)
    options = {name: set(parser._option_string_actions) for name, parser in commands.choices.items()}
    assert options == {name: set(command_parser(name)._option_string_actions) for name in COMMANDS}


def test_the_wheel_has_the_command() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"hf-bigru-asr": f"{main.__module__}:{main.__name__}"}
