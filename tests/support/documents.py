"""The documents of the repository and their code blocks."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from repository import REPOSITORY

README = REPOSITORY / "README.md"
PAGES = [README, REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page_id(page: Path) -> str:
    """Name of a page in the report of a test."""
    return str(page.relative_to(REPOSITORY))


def section(page: Path, title: str) -> str:
    """What stands under a heading of the second level."""
    text = page.read_text(encoding="utf-8")
    return re.split(r"^## ", text.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return [code for name, code in FENCE.findall(text) if name == language]


def languages(text: str) -> set[str]:
    """The languages of all code blocks."""
    return {name for name, _ in FENCE.findall(text)}


@dataclass(frozen=True)
class Command:
    """One call of a program in a bash block."""

    words: tuple[str, ...]

    @property
    def script(self) -> str | None:
        """The script of this repository that it runs, `scripts/NAME.py`."""
        return next((word for word in self.words[:4] if word.startswith("scripts/")), None)

    @property
    def module(self) -> str | None:
        """The module of the package that it runs."""
        if "-m" not in self.words[:2]:
            return None
        name = self.words[self.words.index("-m") + 1]
        return name if name.startswith("hf_bigru_asr") else None

    @property
    def command(self) -> str | None:
        """The command of `hf-bigru-asr` that it runs."""
        is_own = Path(self.words[0]).name == "hf-bigru-asr" and len(self.words) > 1
        return self.words[1] if is_own and not self.words[1].startswith("-") else None

    @property
    def arguments(self) -> list[str]:
        """What follows the script, the module or the command."""
        start = self.script or self.module or self.command
        assert start is not None, self.words
        return list(self.words[self.words.index(start) + 1 :])


def commands(block: str) -> list[Command]:
    """The calls of a bash block, without the settings of variables before them."""
    lexer = shlex.shlex(block.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set(";&|"):
            found.append([])
        elif found[-1] or not re.match(r"\w+=", word):
            found[-1].append(word)
    return [Command(tuple(words)) for words in found if words]


def commands_of(page: Path) -> list[Command]:
    """The calls of all bash blocks of a page."""
    return [each for block in blocks(page.read_text(encoding="utf-8"), "bash") for each in commands(block)]
