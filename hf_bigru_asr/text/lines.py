"""Normalised sentences of a text file or a data set, with an account of the lines that cannot be normalised."""

import logging
import lzma
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from .normalization import UnknownCharacterError, normalize_transcript

__all__ = ["ON_UNKNOWN_HELP", "NormalizedLines", "OnUnknownLine", "read_lines"]

OnUnknownLine = Literal["skip", "error"]
ON_UNKNOWN_HELP = "Lines with a character that no rule covers: skip (and count them), or error."

logger = logging.getLogger(__name__)

_MAX_EXAMPLES = 5
_EXCERPT_CHARACTERS = 60


def read_lines(path: str | Path) -> Iterator[str]:
    """Yield the lines of a text file in UTF-8, without their ends.

    A file that ends in `.xz` is decompressed as it is read. Bytes that are not UTF-8 become U+FFFD, which
    [`normalize_transcript`] does not cover.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a compressed file is broken or truncated.
    """
    open_text = lzma.open if Path(path).suffix == ".xz" else open
    with open_text(path, "rt", encoding="utf-8", errors="replace") as stream:
        try:
            for line in stream:
                yield line.rstrip("\n")
        except (lzma.LZMAError, EOFError) as error:
            raise ValueError(
                f"{path} is a broken or truncated .xz file ({error}); compress or copy it again."
            ) from error


class NormalizedLines:
    """The lines of a text as normalised transcripts, in order, empty ones included.

    Lines are read as they are needed. At the end of the iteration `num_lines` and `num_skipped` count them, and the
    log has the [`report`] of the skipped ones.

    Args:
        lines: The text, one sentence each.
        name: Name of the text for messages, such as its path.
        on_unknown: `"skip"` leaves out a line with a character that no rule covers; `"error"` refuses it.
        skip_lines: Number of lines to leave out at the beginning.
        max_lines: Most lines to read after these; all if `None`.
        unit: What messages call a line, `"row"` in a data set for example. The first one has the number 1.
        normalize: Makes a transcript of a line, or raises an `UnknownCharacterError`; that of a
            [`Normalizer`][hf_bigru_asr.text.languages.Normalizer] for other languages.

    Raises:
        ValueError: If `on_unknown` is another word, or a number of lines is negative. During the iteration with
            `"error"`: when such a line is reached; the message has its name, number and characters.

    Example:
        >>> lines = NormalizedLines(["Hello!", "C# is a language."], "text.txt")
        >>> list(lines)
        ['HELLO']
        >>> lines.num_skipped
        1
    """

    def __init__(
        self,
        lines: Iterable[str],
        name: str,
        *,
        on_unknown: OnUnknownLine = "skip",
        skip_lines: int = 0,
        max_lines: int | None = None,
        unit: str = "line",
        normalize: Callable[[str], str] = normalize_transcript,
    ) -> None:
        if on_unknown not in ("skip", "error"):
            raise ValueError(f"on_unknown is {on_unknown!r}; it must be 'skip' or 'error'.")
        if skip_lines < 0 or (max_lines is not None and max_lines < 0):
            raise ValueError(f"skip_lines is {skip_lines} and max_lines {max_lines}; neither can be negative.")
        self.name = name
        self.unit = unit
        self.num_lines = 0
        self.num_skipped = 0
        self._on_unknown = on_unknown
        self._normalize = normalize
        self._skip_lines = skip_lines
        self._lines = islice(lines, skip_lines, None if max_lines is None else skip_lines + max_lines)
        self._examples: list[str] = []

    @classmethod
    def of_file(
        cls,
        path: str | Path,
        *,
        on_unknown: OnUnknownLine = "skip",
        skip_lines: int = 0,
        max_lines: int | None = None,
        normalize: Callable[[str], str] = normalize_transcript,
    ) -> "NormalizedLines":
        """Lines of a text file as [`read_lines`] reads it."""
        return cls(
            read_lines(path),
            str(path),
            on_unknown=on_unknown,
            skip_lines=skip_lines,
            max_lines=max_lines,
            normalize=normalize,
        )

    def __iter__(self) -> Iterator[str]:
        """Yield the normalised lines."""
        for number, line in enumerate(self._lines, 1 + self._skip_lines):
            self.num_lines += 1
            try:
                normalized = self._normalize(line)
            except UnknownCharacterError as error:
                if self._on_unknown == "error":
                    raise ValueError(
                        f"{self.name}, {self.unit} {number}, {_excerpt(line)!r}, has characters that no rule covers: "
                        f"{error.listed}. Write them as words, or skip such {self.unit}s with on_unknown='skip'."
                    ) from error
                self.num_skipped += 1
                if len(self._examples) < _MAX_EXAMPLES:
                    self._examples.append(f"{self.unit} {number}, {_excerpt(line)!r}, has {error.listed}")
                continue
            yield normalized
        if report := self.report():
            logger.warning(report)

    def report(self) -> str | None:
        """Return the number of skipped lines and the first of them; `None` if none was skipped."""
        if not self.num_skipped:
            return None
        more = self.num_skipped - len(self._examples)
        return (
            f"Skipped {self.num_skipped:,} of {self.num_lines:,} {self.unit}s of {self.name}, which have characters "
            f"that no rule covers: {'; '.join(self._examples)}{f'; and {more:,} more' if more else ''}."
        )


def _excerpt(line: str) -> str:
    return line if len(line) <= _EXCERPT_CHARACTERS else f"{line[:_EXCERPT_CHARACTERS]}..."
