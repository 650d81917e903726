"""The commands of the README and of the documentation: scripts and options exist, and cheap ones run."""

import re
import tomllib
from glob import glob
from pathlib import Path

import pytest
from documents import PAGES, Command, commands_of, page_id
from repository import REPOSITORY
from runtime_support import needs_onnx
from script_parsers import all_scripts, module_parser, script_parser
from script_runs import run_script

from hf_bigru_asr.cli.format_option import formats_of
from hf_bigru_asr.cli.main import command_parser
from hf_bigru_asr.runtime import recognizer

OWN = [(page, each) for page in PAGES for each in commands_of(page) if each.script or each.module or each.command]
CHEAP = {"scripts/transcribe.py", "scripts/align.py", "scripts/export.py"}


def cheap_commands() -> dict[Path, list[Command]]:
    """By page; a command that several pages show is in the first."""
    seen: set[tuple[str, ...]] = set()
    found: dict[Path, list[Command]] = {}
    for page, command in OWN:
        if (command.script in CHEAP or command.module) and command.words not in seen:
            seen.add(command.words)
            found.setdefault(page, []).append(command)
    return found


def name(value: object) -> str | None:
    if isinstance(value, Command):
        return " ".join([value.script or value.module or value.command or "", *value.arguments[:6]])
    return page_id(value) if isinstance(value, Path) else "commands"


@pytest.mark.parametrize(("page", "command"), OWN, ids=name)
def test_every_option_is_known(page: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    if command.script:
        assert (REPOSITORY / command.script).is_file()
    try:
        if command.command:
            args = command_parser(command.command).parse(command.arguments)
            if command.command in ("transcribe", "align"):
                formats_of(args.format, [args.audio] if command.command == "align" else args.paths, "txt")
            return
        parser = script_parser(REPOSITORY / command.script) if command.script else module_parser(command.module or "")
        parser.parse_args(command.arguments)
    except SystemExit:
        pytest.fail(capsys.readouterr().err)


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize(("page", "cheap"), cheap_commands().items(), ids=name)
def test_cheap_commands_run_without_a_network(
    page: Path, cheap: list[Command], clone: Path, closed_network: list[str]
) -> None:
    if any("--lm" in command.arguments for command in cheap):
        pytest.importorskip("kenlm", reason="it has no wheels for this Python")
    for command in cheap:
        arguments = [word for each in command.arguments for word in (sorted(glob(each)) or [each])]
        if command.module:
            assert recognizer.main(arguments) == 0
        else:
            ended = run_script(Path(command.script or "").name, *arguments)
            assert ended.returncode == 0, ended.stderr

    assert closed_network == []


def test_what_is_installed_has_a_name() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        extra
        for page in PAGES
        for each in commands_of(page)
        for word in each.words
        for extra in re.findall(r"^\.\[([\w,]+)\]$", word)
    }

    assert extras
    assert {name for each in extras for name in each.split(",")} <= set(project["optional-dependencies"])


def test_every_script_is_on_a_page() -> None:
    named = {each.script for _, each in OWN}

    assert {f"scripts/{script.name}" for script in all_scripts()} <= named
