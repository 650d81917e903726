"""Grammars in the JSpeech Grammar Format, version 1.0.

Source: A. Hunt, JSpeech Grammar Format, W3C Note of 5 June 2000, https://www.w3.org/TR/jsgf/. Tags are ignored.
Imports are refused: a grammar is one file.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

from ..text.normalization import normalize_transcript
from .expansions import NULL, VOID, Choice, Expansion, Reference, Repetition, Sequence, Words

__all__ = ["HEADER", "JSGFError", "decode_jsgf", "parse_jsgf"]

HEADER = "#JSGF"
"""A file that begins so is in this format."""
MAX_DEPTH = 100
"""Brackets inside brackets."""

_HEADER = re.compile(r"#JSGF[ \t]+V1\.0(?:[ \t]+(?P<encoding>[^\s;]+))?(?:[ \t]+[^\s;]+)?[ \t]*;")
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<weight>/[^/*][^/]*/)
    |(?P<rule><[^<>]*>)
    |(?P<tag>\{(?:\\.|[^\\}])*\})
    |(?P<quoted>"(?:\\.|[^"\\])*")
    |(?P<symbol>[;=|*+()\[\]])
    |(?P<word>[^\s;=|*+<>()\[\]{}/"]+)""",
    re.DOTALL | re.VERBOSE,
)
_RULE_NAME = re.compile(r"[^\s;=|*+<>()\[\]{}/\".]+")
_CLOSING = {"(": ")", "[": "]"}


class JSGFError(ValueError):
    """A grammar that cannot be used, with the line and what to do."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def decode_jsgf(data: bytes) -> str:
    """Text of a file, in the encoding that its header names; UTF-8 if it names none.

    Raises:
        JSGFError: If there is no such encoding, or the bytes are not in it.
    """
    found = _HEADER.match(data.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0].decode("latin-1"))
    encoding = (found["encoding"] if found else None) or "utf-8"
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise JSGFError(
            f"The header names the encoding {encoding!r}, which is unknown; save the grammar as UTF-8."
        ) from error
    except UnicodeDecodeError as error:
        raise JSGFError(
            f"Byte {error.start} is not {encoding}; name the encoding in the header, as in '#JSGF V1.0 ISO-8859-1;', "
            "or save the grammar as UTF-8."
        ) from error


def parse_jsgf(
    text: str, normalize: Callable[[str], str] = normalize_transcript
) -> tuple[dict[str, Expansion], tuple[str, ...]]:
    """Rules of a grammar by name, and the names of the public ones.

    Args:
        text: The whole file, with its header.
        normalize: Makes transcripts of words.

    Raises:
        JSGFError: If the text breaks the format, imports other grammars, refers to a rule that it does not define, or
            has a word that cannot be spelled. The message has the line.
    """
    header = _HEADER.match(text)
    if header is None:
        line = text.split("\n", 1)[0].strip()
        raise JSGFError(f"The grammar begins with {line!r}; it must begin with the header '#JSGF V1.0;'.")
    return _Parser(_tokens(text, header.end()), normalize).grammar()


def _tokens(text: str, position: int) -> list[_Token]:
    tokens = []
    line = text.count("\n", 0, position) + 1
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise JSGFError(_unmatched(text[position], line))
        if found.lastgroup != "space":
            tokens.append(_Token(str(found.lastgroup), found[0], line))
        line += found[0].count("\n")
        position = found.end()
    return [*tokens, _Token("end", "the end of the file", line)]


def _unmatched(char: str, line: int) -> str:
    opened = {"<": "rule name", "{": "tag", '"': "quotation", "/": "weight or comment"}.get(char)
    what = f"a {opened} that is not closed" if opened else "of no use"
    return f"Line {line}: {char!r} is {what}."


class _Parser:
    """Recursive descent; every method begins at the token where its part of the grammar begins."""

    def __init__(self, tokens: list[_Token], normalize: Callable[[str], str]) -> None:
        self._tokens, self._normalize = tokens, normalize
        self._position = 0
        self._depth = 0
        self._name = ""
        self._references: list[Reference] = []

    @property
    def _next(self) -> _Token:
        return self._tokens[self._position]

    def _take(self) -> _Token:
        token = self._next
        self._position += token.kind != "end"
        return token

    def _expect(self, text: str, after: str) -> None:
        token = self._take()
        if token.text != text:
            raise JSGFError(f"Line {token.line}: {token.text!r} comes after {after}; {text!r} must come there.")

    def grammar(self) -> tuple[dict[str, Expansion], tuple[str, ...]]:
        self._declaration()
        rules: dict[str, Expansion] = {}
        public = []
        while self._next.kind != "end":
            is_public = self._next.text == "public"
            if is_public:
                self._take()
            token = self._take()
            if token.text == "import":
                raise JSGFError(
                    f"Line {token.line}: import {self._next.text} is not supported; copy its rules into this file."
                )
            if token.kind != "rule":
                raise JSGFError(
                    f"Line {token.line}: {token.text!r} begins no rule; a rule is '<name> = ...;' or "
                    "'public <name> = ...;'."
                )
            name = self._local_name(token)
            if name in rules or name in ("NULL", "VOID"):
                raise JSGFError(f"Line {token.line}: the rule <{name}> is defined already; give it another name.")
            self._expect("=", f"<{name}>")
            rules[name] = self._choice(f"the rule <{name}>")
            self._expect(";", f"the rule <{name}>")
            if is_public:
                public.append(name)
        self._check(rules, public)
        return rules, tuple(public)

    def _declaration(self) -> None:
        if self._next.text == "grammar":
            self._take()
            self._name = self._take().text
            self._expect(";", f"grammar {self._name}")

    def _check(self, rules: dict[str, Expansion], public: list[str]) -> None:
        for reference in self._references:
            if reference.name not in rules:
                raise JSGFError(
                    f"Line {reference.line}: there is no rule <{reference.name}>; the grammar defines "
                    f"{', '.join(f'<{name}>' for name in rules)}."
                )
        if not public:
            raise JSGFError("The grammar has no public rule; write 'public' before the rule that can be spoken.")

    def _local_name(self, token: _Token) -> str:
        name = token.text[1:-1].strip()
        package, _, local = name.rpartition(".")
        if not _RULE_NAME.fullmatch(local) or (package and package not in (self._name, self._name.rpartition(".")[2])):
            raise JSGFError(
                f"Line {token.line}: {token.text} is no rule of this grammar; rules of other grammars are not "
                "supported, copy them into this file."
            )
        return local

    def _choice(self, where: str) -> Expansion:
        items, weights, line = [], [], self._next.line
        while True:
            if self._next.kind == "weight":
                weights.append(_weight(self._take()))
            items.append(self._sequence(where))
            if self._next.text != "|":
                break
            self._take()
        if weights and len(weights) != len(items):
            raise JSGFError(
                f"Line {line}: {len(weights)} of {len(items)} alternatives of {where} have a weight; give all of them "
                "one, or none."
            )
        if weights and not any(weights):
            raise JSGFError(f"Line {line}: all weights of {where} are 0, so that nothing can be spoken.")
        return items[0] if len(items) == 1 else Choice(tuple(items), tuple(weights))

    def _sequence(self, where: str) -> Expansion:
        items = []
        while (item := self._item()) is not None:
            items.append(item)
        if not items:
            raise JSGFError(
                f"Line {self._next.line}: {self._next.text!r} comes where a word must come in {where}; write <NULL> "
                "for nothing."
            )
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _item(self) -> Expansion | None:
        token = self._next
        kind = token.text if token.kind == "symbol" else token.kind
        readers: dict[str, Callable[[_Token], Expansion]] = {
            "(": self._bracket,
            "[": self._bracket,
            "rule": self._reference,
            "quoted": self._words,
            "word": self._words,
        }
        if kind not in readers:
            return None
        self._take()
        item = readers[kind](token)
        while self._next.kind == "tag" or (self._next.kind == "symbol" and self._next.text in "*+"):
            operator = self._take()
            if operator.kind == "symbol":
                item = Repetition(item, is_optional=operator.text == "*", is_unbounded=True)
        return item

    def _bracket(self, token: _Token) -> Expansion:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise JSGFError(
                f"Line {token.line}: more than {MAX_DEPTH} brackets inside each other; make rules of them."
            )
        item = self._choice(f"the {token.text!r} of line {token.line}")
        self._expect(_CLOSING[token.text], f"the {token.text!r} of line {token.line}")
        self._depth -= 1
        return Repetition(item, is_optional=True, is_unbounded=False) if token.text == "[" else item

    def _reference(self, token: _Token) -> Expansion:
        name = self._local_name(token)
        if name in ("NULL", "VOID"):
            return NULL if name == "NULL" else VOID
        reference = Reference(name, token.line)
        self._references.append(reference)
        return reference

    def _words(self, token: _Token) -> Expansion:
        spelled = re.sub(r"\\(.)", r"\1", token.text[1:-1]) if token.kind == "quoted" else token.text
        try:
            words = self._normalize(spelled)
        except ValueError as error:
            raise JSGFError(f"Line {token.line}: {token.text} cannot be spelled: {error}") from error
        if not words:
            raise JSGFError(f"Line {token.line}: {token.text} has no letters; write the words that are spoken.")
        return Words(words)


def _weight(token: _Token) -> float:
    try:
        weight = float(token.text[1:-1])
    except ValueError:
        weight = -1.0
    if not 0 <= weight < float("inf"):
        raise JSGFError(f"Line {token.line}: the weight is {token.text}; it must be a number from 0 up, as in /2.5/.")
    return weight
