"""Docstrings as the API reference shows them; an extension of griffe, which reads them.

[`Name`] becomes a link to `Name` where a page of the reference documents it, and code elsewhere. A section `Example:`
becomes `Examples:`, which griffe knows, and `Args:` of a configuration `Attributes:`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import griffe

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
NAME = re.compile(r"\[`([A-Za-z_][\w.]*)`\](?![\[(])")
EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
ARGS = re.compile(r"^Args:$", re.MULTILINE)
TYPE = re.compile(r"^ {4}\w+ \(`.*?\):", re.MULTILINE)
DIRECTIVE = re.compile(r"^::: (\S+)", re.MULTILINE)


class DocstringLinks(griffe.Extension):
    """Resolves the short links of the docstrings when a package has been loaded."""

    def on_package(self, *, pkg: griffe.Module, **_: object) -> None:
        """Rewrite every docstring of the package."""
        pages = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md"))
        documented = set(DIRECTIVE.findall(pages))
        targets: dict[str, str] = {}
        for member in _members(pkg):
            if not member.is_module and member.module.path in documented and _is_public(member):
                targets.setdefault(member.name, member.path)
                targets.setdefault(member.path.removeprefix(f"{member.module.path}."), member.path)

        def link(match: re.Match[str]) -> str:
            target = targets.get(match[1])
            return f"[`{match[1]}`][{target}]" if target else f"`{match[1]}`"

        for member in _members(pkg):
            if member.docstring is not None:
                text = EXAMPLE.sub("Examples:", NAME.sub(link, member.docstring.value))
                text = TYPE.sub(lambda match: match[0].replace("`", ""), text)  # griffe sets it as code by itself
                member.docstring.value = ARGS.sub("Attributes:", text) if _has_fields_alone(member) else text


def _has_fields_alone(member: griffe.Object) -> bool:
    """Whether a class has its parameters from annotations that griffe does not take for those of a dataclass."""
    if not isinstance(member, griffe.Class) or any("dataclass" in str(each.value) for each in member.decorators):
        return False
    return bool(member.attributes) and not member.parameters


def _is_public(member: griffe.Object) -> bool:
    return not any(part.startswith("_") for part in member.path.split(".")[1:])


def _members(owner: griffe.Object) -> Iterator[griffe.Object]:
    yield owner
    for member in owner.members.values():
        if isinstance(member, griffe.Object):
            yield from _members(member)
