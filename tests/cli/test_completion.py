"""Completions, tried in the shell that is on every machine of this project."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hf_bigru_asr.cli.completion import completion
from hf_bigru_asr.cli.main import COMMANDS, main

ASK = """
source "$1"; shift
for words in "$@"; do
    COMP_WORDS=(hf-bigru-asr $words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
    _shtab_hf_bigru_asr
    echo "${COMPREPLY[*]}"
done
"""


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    return {shell: completion(shell) for shell in ("bash", "zsh", "fish")}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_options_and_values(scripts: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "c.bash").write_text(scripts["bash"])
    asked = ["tr", "train --eval-b", "completion z", "info --j", "train --num-train"]
    answered = subprocess.run(
        ["bash", "-c", ASK, "bash", tmp_path / "c.bash", *asked], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    starts = [name for name in COMMANDS if name.startswith("tr")]
    assert answered == [" ".join(starts), "--eval-beam-size", "zsh", "--json", ""]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_is_a_script_of_its_shell(shell: str, scripts: dict[str, str], tmp_path: Path) -> None:
    assert all(name in scripts[shell] for name in COMMANDS)
    assert "eval_beam_size" not in scripts[shell]
    if shutil.which(shell) is not None:
        (tmp_path / "script").write_text(scripts[shell])
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_the_command_prints_it(scripts: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish"]) == 0
    assert capsys.readouterr().out == scripts["fish"] + "\n"


def test_without_its_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as end:
        main(["completion", "bash"])
    assert end.value.code == 2
    assert "A completion needs the extra `completion`: pip install shtab" in capsys.readouterr().err
