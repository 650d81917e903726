"""What the classes of a CTC network mean, and its frames as arrays: all that decoding needs, without torch.

The decoders and the forced alignment take log-probabilities as NumPy arrays or torch tensors, and a tokenizer or
[`CTCSymbols`]. Nothing that they import loads torch or transformers.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "UNLIKELY",
    "CTCSymbols",
    "FrameArray",
    "IntArray",
    "as_array",
    "kept_characters",
    "spoken_part",
    "tidy_text",
    "unknown_characters",
    "upper_case",
    "word_boundary",
]

FrameArray = npt.NDArray[np.float32]
"""Log-probabilities, `(frames, classes)` or `(batch, frames, classes)`."""
IntArray = npt.NDArray[np.int64]
"""Class ids or lengths."""

UNLIKELY = -1e4
"""Log-probability that rules a class out and whose sums over many frames stay finite."""


@dataclass(frozen=True)
class CTCSymbols:
    """The symbols of the classes.

    Args:
        symbols: Symbol of every class, in the order of the classes.
        blank: Class of the blank.
        delimiter: Class of the word delimiter, which stands for a space.
        pause_frames: Frames without a letter between two letters that make a word boundary; `None`: no number does.
        do_upper_case: Whether lower-case letters are encoded as upper-case ones; an error otherwise.
        language: Name of the rules that make transcripts of texts.
    """

    symbols: tuple[str, ...]
    blank: int
    delimiter: int
    pause_frames: int | None = None
    do_upper_case: bool = True
    language: str = "en"

    @classmethod
    def of(cls, tokenizer: Any) -> "CTCSymbols":  # noqa: ANN401 - a tokenizer's class cannot be named without torch
        """Symbols of a [`BiGRUCTCTokenizer`], of this or an earlier release; symbols are returned as they are."""
        if isinstance(tokenizer, cls):
            return tokenizer
        symbols = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        return cls(
            tuple(str(symbol) for symbol in symbols),
            int(tokenizer.pad_token_id),
            int(tokenizer.encoder[tokenizer.word_delimiter_token]),
            getattr(tokenizer, "pause_frames", None),
            getattr(tokenizer, "do_upper_case", True),
            getattr(tokenizer, "language", "en"),
        )

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.symbols)

    @cached_property
    def characters(self) -> tuple[str, ...]:
        """Text of every class: a character, a space for the word delimiter, an empty string for the blank."""
        special = {self.blank: "", self.delimiter: " "}
        return tuple(special.get(index, symbol) for index, symbol in enumerate(self.symbols))

    @cached_property
    def _class_of(self) -> Mapping[str, int]:
        return {char: index for index, char in enumerate(self.characters) if char}

    def encode(self, text: str) -> list[int]:
        """Class of every character of a text.

        Raises:
            ValueError: If characters are outside the alphabet.
        """
        characters = upper_case(text, self._class_of) if self.do_upper_case else text
        try:
            return [self._class_of[char] for char in characters]
        except KeyError:
            unknown = set(characters) - self._class_of.keys()
            alphabet = "".join([" ", *(char for char in self.characters if char.strip())])
            raise ValueError(unknown_characters(text, unknown, alphabet)) from None


def upper_case(text: str, alphabet: Container[str]) -> str:
    """Capitals; `ß` has one of its own where the alphabet has it, and is two letters elsewhere."""
    return (text.replace("\u00df", "\u1e9e") if "\u1e9e" in alphabet else text).upper()


def unknown_characters(text: str, unknown: set[str], alphabet: str) -> str:
    """Message for a text that has characters outside the alphabet."""
    named = ", ".join(f"{char!r} (U+{ord(char):04X})" for char in sorted(unknown))
    return (
        f"The text {text[:80]!r} has characters outside the alphabet: {named}. Allowed are {alphabet!r}; "
        "hf_bigru_asr.text.normalize_transcript spells out digits and maps punctuation. For a class of each, train "
        "with a vocabulary from data."
    )


def kept_characters(characters: Sequence[str]) -> list[int]:
    """Places of the characters that are text, among those that a network emits.

    A network emits spaces before the first word and after the last one, several in a pause, and apostrophes without
    letters. One space between two words is kept, and every word with a letter.

    Args:
        characters: Letters, apostrophes and spaces.
    """
    kept: list[int] = []
    space = None
    for is_space, group in groupby(range(len(characters)), key=lambda place: characters[place] == " "):
        places = list(group)
        if is_space:
            space = places[0] if kept else None
        elif any(characters[place] != "'" for place in places):
            kept += places if space is None else [space, *places]
            space = None
    return kept


def tidy_text(text: str) -> str:
    """A text without the characters that [`kept_characters`] leaves out.

    Example:
        >>> tidy_text(" U  'UD ' O")
        "U 'UD O"
    """
    return "".join(text[place] for place in kept_characters(text))


def spoken_part(spans: Sequence[tuple[float, float]], max_gap: float) -> tuple[float, float]:
    """Start and end of a word: those of its longest part without a gap.

    A network often marks the first letter of a word early, at the beginning of the pause before it.

    Args:
        spans: Start and end of every letter, at least one.
        max_gap: A longer gap between two letters ends a part. Of equally long parts the last one is taken.
    """
    parts = [[spans[0]]]
    for before, after in pairwise(spans):
        if after[0] - before[1] > max_gap:
            parts.append([])
        parts[-1].append(after)
    longest = max(reversed(parts), key=len)
    return longest[0][0], longest[-1][1]


def word_boundary(pause_frames: int | None, end: int, start: int) -> int | None:
    """Frame of the word boundary between two letters, if there is a pause between them.

    Args:
        pause_frames: Frames that make a pause; `None` if no number of them does.
        end: First frame after the one letter.
        start: First frame of the next letter.

    Returns:
        The middle frame of the pause; `None` without a pause.
    """
    if pause_frames is None or start - end < pause_frames:
        return None
    return (end + start) // 2


def as_array(values: Any) -> FrameArray:  # noqa: ANN401 - a torch.Tensor cannot be named without torch
    """A NumPy array, or a torch tensor on any device and of any floating-point type, as a float32 array."""
    if hasattr(values, "detach"):
        values = values.detach().float().cpu().numpy()
    return np.asarray(values, dtype=np.float32)
