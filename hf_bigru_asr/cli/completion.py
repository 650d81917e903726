"""Print the completion of `hf-bigru-asr` for a shell.

Examples:
  eval "$(hf-bigru-asr completion bash)"                                        in ~/.bashrc
  hf-bigru-asr completion zsh > "${fpath[1]}/_hf-bigru-asr"
  hf-bigru-asr completion fish > ~/.config/fish/completions/hf-bigru-asr.fish
"""

import argparse
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..extras import needs_extra

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=SHELLS, help="The shell to write for.")


def run(args: Namespace) -> int:
    """Print the completion, and return the exit status."""
    print(completion(args.shell))
    return 0


def completion(shell: str) -> str:
    """The completion of a shell, from the parsers of all commands; files are completed where a path is expected.

    Args:
        shell: One of `SHELLS`.

    Raises:
        ImportError: If the extra `completion` is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        raise ImportError(needs_extra("A completion", "completion")) from error
    from .main import make_parser

    parser = make_parser(with_commands=True)
    _simplify(parser, shtab.FILE)
    return str(shtab.complete(parser, shell))


def _simplify(parser: ArgumentParser, complete: object) -> None:
    """Offer an option by one name, and files for every argument that is a `Path`."""
    for action in parser._actions:
        action.option_strings = [name for name in action.option_strings if "_" not in name]
        if action.type is Path and not action.choices:
            action.complete = complete  # type: ignore[attr-defined]
        for each in (action.choices or {}).values() if isinstance(action, argparse._SubParsersAction) else ():
            _simplify(each, complete)
