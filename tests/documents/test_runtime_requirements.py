"""What is installed for the command without torch is what its modules import."""

import re
import sys
from importlib.metadata import packages_distributions

import layout_rules
from repository import REPOSITORY

LIGHT_COMMANDS = ("main", "transcribe", "listen", "evaluate", "export", "info")
OTHERWISE = {"torch", "torchaudio", "transformers", "openvino", "huggingface_hub", "sounddevice"}
"""Other runtimes, models on the Hub, and the microphone, which a server has not."""


def light_imports() -> set[str]:
    """Packages that the commands import without torch, in functions too.

    Where a module imports torch at its head, it is for another runtime, and so is what it imports.
    """
    imports: dict[str, list[layout_rules.Import]] = {}
    for each in layout_rules.imports_of(REPOSITORY):
        imports.setdefault(each.module, []).append(each)
    waiting = [f"hf_bigru_asr.cli.{name}" for name in LIGHT_COMMANDS]
    waiting += [name for name in imports if layout_rules.room_of(name) in {"runtime", "grammar"}]
    reached, found = set(), set()
    while waiting:
        module = waiting.pop()
        here = imports.get(module, [])
        is_heavy = any(each.target.split(".")[0] in layout_rules.HEAVY and not each.is_guarded for each in here)
        if module in reached or is_heavy or module in {"hf_bigru_asr", "hf_bigru_asr._registration"}:
            continue
        reached.add(module)
        for each in here:
            waiting += [each.target, each.target.rpartition(".")[0]]
            found.add(each.target.split(".")[0])
    return found - sys.stdlib_module_names - {"hf_bigru_asr"} - OTHERWISE


def distribution_names(lines: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in lines}


def test_the_list_is_what_the_commands_import() -> None:
    lines = (REPOSITORY / "requirements-runtime.txt").read_text(encoding="utf-8").splitlines()
    listed = distribution_names([line for line in lines if not line.startswith("#")])

    distributions = packages_distributions()
    assert listed == distribution_names([distributions[package][0] for package in light_imports()])
