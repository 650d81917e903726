"""Writes docs/command-line.md from the parsers of the commands: `python tests/support/command_line_page.py`."""

import argparse
import sys
from dataclasses import MISSING, fields
from pathlib import Path

if __name__ == "__main__":  # as pytest sets it up
    sys.path[:0] = [str(Path(__file__).parents[2])]
    sys.path.append(str(Path(__file__).parents[2] / "scripts"))

from repository import REPOSITORY, SCRIPTS
from script_parsers import all_scripts, module_parser, script_parser

from hf_bigru_asr.cli.main import COMMANDS, command_parser

PAGE = REPOSITORY / "docs" / "command-line.md"

GROUPS = {
    "Recognise": ["transcribe", "align", "export"],
    "Measure": ["evaluate", "benchmark", "benchmark_gpu", "compare_chunks", "compare_int8", "draw_figures"],
    "Language model and confidences": ["build_lm", "tune_decoding", "calibrate_confidence", "measure_hotwords"],
    "Data": ["prepare_librispeech", "segment_dataset", "spelled_text", "synthesize", "teach_dataset"],
    "Train": ["train", "learn_silence", "average_checkpoints", "build_character_lm", "plot_training"],
    "Hub": ["push_to_hub"],
    "Build": ["build_native"],
}

HEAD = """# Command line

Every option of every command, from their parsers.

## hf-bigru-asr

The command comes with the package; `python -m hf_bigru_asr` is the same. `hf-bigru-asr COMMAND --help` shows what is
here. An option can also be written with underscores, as the scripts have it.

| exit status | meaning |
|---|---|
| 0 | everything was done |
| 1 | something failed meanwhile: a full disk, a server |
| 2 | what was given is refused; one line on the error output says why |
| 3 | `align`: the text is not that of the recording |
| 130, 143 | Ctrl-C, SIGTERM |
| 141 | nobody reads the output on |
"""

SCRIPTS_HEAD = """## Scripts

They are in the clone and not in the wheel. Every script shows its options with `--help`.
"""


def build_page() -> str:
    """The page, with a section for each command and each script."""
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == [script.stem for script in all_scripts()], "GROUPS has to name every script once"
    parts = [HEAD]
    for name in COMMANDS:
        parser = command_parser(name)
        parts.append(_section(parser.prog, parser, parser.prog))
        parts += [f"```text\n{parser.epilog}\n```\n"] if parser.epilog else []
    parts.append(SCRIPTS_HEAD)
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [
            _section(f"{name}.py", script_parser(SCRIPTS / f"{name}.py"), f"python scripts/{name}.py")
            for name in names
        ]
    parts.append("## Without torch\n")
    name = "hf_bigru_asr.runtime"
    parts.append(_section(f"python -m {name}", module_parser(name), f"python -m {name}"))
    return "\n".join(parts)


def _section(title: str, parser: argparse.ArgumentParser, command: str) -> str:
    description = " ".join((parser.description or "").split())
    positional = [action for action in parser._actions if not action.option_strings]
    usage = " ".join([command, "[OPTIONS]", *(_arguments(action) for action in positional)])
    lines = [
        f"### {title}\n",
        f"{description}\n",
        "```text",
        usage,
        "```\n",
        "| option | default | meaning |",
        "|---|---|---|",
    ]
    foreign = _foreign_options(parser)
    for action in parser._actions:
        if action.dest == "help" or action.dest in foreign or _is_opposite(action):
            continue
        names = [name for name in action.option_strings if name.startswith("--")]
        name = f"`{names[0]}`" if names else f"`{_arguments(action)}`"
        lines.append(f"| {name} | {_default(action)} | {_escape(_help(action))} |")
    if foreign:
        link = "https://huggingface.co/docs/transformers/main_classes/trainer#transformers.TrainingArguments"
        lines.append(f"\nBeside these it takes every field of [`TrainingArguments`]({link}).")
    return "\n".join(lines) + "\n"


def _is_opposite(action: argparse.Action) -> bool:
    return any(name in (f"--no_{action.dest}", f"--no-{action.dest}") for name in action.option_strings)


def _foreign_options(parser: argparse.ArgumentParser) -> set[str]:
    """Options that a dataclass inherits from a library, as it declares them; a command does not show them."""
    foreign = {action.dest for action in parser._actions if action.help == argparse.SUPPRESS}
    for kind in getattr(parser, "dataclass_types", ()):
        own = set(kind.__annotations__)
        foreign |= {field.name for field in fields(kind) if field.init and field.name not in own}
    return foreign


def _arguments(action: argparse.Action) -> str:
    name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.nargs == "+":
        return f"{name} ..."
    return f"[{name}]" if action.nargs == "?" else name


def _default(action: argparse.Action) -> str:
    if action.required:
        return "required"
    if action.default in (None, MISSING, [], False, argparse.SUPPRESS):
        return ""
    value = action.default
    return f"`{' '.join(map(str, value)) if isinstance(value, list | tuple) else value}`"


def _help(action: argparse.Action) -> str:
    text = action.help or ""
    return text % {"default": action.default} if "%(default)" in text else text.replace("%%", "%")


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
