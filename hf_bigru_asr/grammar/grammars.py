"""What may be spoken: a list of phrases, or rules."""

import codecs
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..text.normalization import normalize_transcript
from .expansions import Choice, Expansion, Words
from .jsgf import HEADER, decode_jsgf, parse_jsgf

__all__ = ["Grammar"]


@dataclass(frozen=True)
class Grammar:
    """The phrases that may be spoken.

    Args:
        rules: Expansion of every rule, by name.
        public: Names of the rules that can be spoken.

    Example:
        >>> Grammar.from_phrases(["Turn on the light.", "Set a timer for 10 minutes"]).rules["phrases"].items[1].text
        'SET A TIMER FOR TEN MINUTES'
    """

    rules: Mapping[str, Expansion]
    public: tuple[str, ...]

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], normalize: Callable[[str], str] = normalize_transcript
    ) -> "Grammar":
        """Read a list of phrases, one a line, or a grammar in the JSpeech Grammar Format.

        Args:
            path: A file that begins with `#JSGF` is in that format. In a list, empty lines and lines that begin with
                `#` are skipped.
            normalize: Makes transcripts of words: the [`Normalizer`][hf_bigru_asr.text.languages.Normalizer] of a
                model of another language than English.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file cannot be used; the message has the line.
        """
        data = Path(path).read_bytes()
        try:
            if data.removeprefix(codecs.BOM_UTF8).startswith(HEADER.encode()):
                return cls.from_jsgf(decode_jsgf(data), normalize)
            return cls._from_lines(data.decode("utf-8-sig"), normalize)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the list of phrases as UTF-8.") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def from_jsgf(cls, text: str, normalize: Callable[[str], str] = normalize_transcript) -> "Grammar":
        """Parse a grammar in the JSpeech Grammar Format.

        Args:
            text: The whole file, with its header.
            normalize: As in `from_file`.

        Raises:
            JSGFError: As [`parse_jsgf`].
        """
        return cls(*parse_jsgf(text, normalize))

    @classmethod
    def from_phrases(cls, phrases: Iterable[str], normalize: Callable[[str], str] = normalize_transcript) -> "Grammar":
        """Take each of some phrases as what may be spoken.

        Args:
            phrases: As people write them; numbers and abbreviations become words.
            normalize: As in `from_file`.

        Raises:
            ValueError: If there is no phrase, or one cannot be spelled.
            TypeError: If `phrases` is one string.
        """
        if isinstance(phrases, str):
            raise TypeError(f"phrases is the string {phrases!r}; it must be a list of phrases.")
        spelled = (_spelled(f"Phrase {number}", text, normalize) for number, text in enumerate(phrases, 1))
        return cls._from_words(spelled)

    @classmethod
    def _from_lines(cls, text: str, normalize: Callable[[str], str]) -> "Grammar":
        lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
        return cls._from_words(
            _spelled(f"Line {number}", line, normalize) for number, line in lines if line and not line.startswith("#")
        )

    @classmethod
    def _from_words(cls, texts: Iterable[str]) -> "Grammar":
        words = tuple(Words(text) for text in dict.fromkeys(texts))
        if not words:
            raise ValueError("The grammar has no phrase; write one a line.")
        return cls({"phrases": Choice(words)}, ("phrases",))


def _spelled(where: str, text: str, normalize: Callable[[str], str]) -> str:
    try:
        words = normalize(text)
    except ValueError as error:
        raise ValueError(f"{where}: {text!r} cannot be spelled: {error}") from error
    if not words:
        raise ValueError(f"{where}: {text!r} has no letters; write the words that are spoken.")
    return words
