"""A text in the log-probabilities of a recording: times of its words, and how well they match. Without torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ..model.ctc_alignment_bigru_ctc import CharacterSpan, best_path, encode_text, label_spans
from ..model.ctc_output_bigru_ctc import CTCSymbols, as_array
from ..text.languages import ENGLISH, Normalizer
from ..text.written_words import WrittenWord, written_words
from .unwritten_speech import unwritten_speech
from .word_times import word_characters

__all__ = ["AlignedWord", "Alignment", "OnUnknown", "SpokenText"]

OnUnknown = Literal["error", "remove"]


@dataclass(frozen=True)
class AlignedWord:
    """One word of a text and its time.

    Args:
        text: The word as it is written in the given text.
        normalized: Its spoken form in the alphabet of the model: several words for `$5` or `well-known`.
        start_s: Where it begins, in seconds.
        end_s: Where it ends.
        score: How well it matches what the network recognises there, from 0 to 1. It is the probability of its path
            over that of the best path through the same frames, as a geometric mean over its characters. 1 is a word
            that the network would have written itself; a word that is not spoken is mostly far below 0.1.
        characters: The characters of `normalized`, which fill the time of the word without gaps; the `score` of each
            is the highest probability that the network gives it.
    """

    text: str
    normalized: str
    start_s: float
    end_s: float
    score: float
    characters: tuple[CharacterSpan, ...] = field(repr=False)


@dataclass(frozen=True)
class Alignment:
    """A text and its times.

    Args:
        words: The words in order. They do not overlap; there are gaps where there are pauses.
        duration_s: Length of the recording.
        score: As that of a word, over the whole recording; speech in pauses, missing from the text, counts too.
        is_as_written: Whether the words are those of the given text. If these cannot be matched with the normalised
            text, the words are those of the normalised one.
        unwritten: Beginnings and ends of speech that is not in the text, in seconds, see [`unwritten_speech`].
    """

    words: tuple[AlignedWord, ...] = field(repr=False)
    duration_s: float
    score: float
    is_as_written: bool = True
    unwritten: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class SpokenText:
    """A text that is spoken in a recording.

    Args:
        words: Its words.
        is_as_written: As in [`Alignment`].
    """

    words: tuple[WrittenWord, ...]
    is_as_written: bool = True

    @classmethod
    def of(
        cls,
        text: str,
        on_unknown: OnUnknown = "error",
        tokenizer: Any = None,  # noqa: ANN401 - a tokenizer, which cannot be named without torch
    ) -> "SpokenText":
        """The words of a text in the ordinary spelling of the model's language.

        Args:
            text: What is spoken, from beginning to end.
            on_unknown: Refuse characters that cannot be normalised, `"error"`, or `"remove"` them.
            tokenizer: Names the language and the alphabet, as in `align`; English without it.

        Raises:
            ValueError: If the text is empty, or has characters that cannot be normalised.
        """
        normalize = Normalizer() if tokenizer is None else Normalizer.of(tokenizer)
        normalized = normalize(text, on_unknown=on_unknown)
        if not normalized:
            raise ValueError(f"text is {text[:60]!r}, in which nothing is said; give the words of the recording.")
        if normalize.language != ENGLISH:
            return cls._of_pieces(text, normalized, normalize, on_unknown)
        words = written_words(text, on_unknown=on_unknown)
        return cls(tuple(words or [WrittenWord(word, word) for word in normalized.split()]), words is not None)

    @classmethod
    def _of_pieces(cls, text: str, normalized: str, normalize: Normalizer, on_unknown: OnUnknown) -> "SpokenText":
        """The words of a text whose pieces between spaces are normalised one by one."""
        pieces = ((piece, normalize(piece, on_unknown=on_unknown)) for piece in text.split())
        words = tuple(WrittenWord(piece, spoken) for piece, spoken in pieces if spoken)
        if " ".join(word.normalized for word in words) == normalized:
            return cls(words)
        return cls(tuple(WrittenWord(word, word) for word in normalized.split()), False)

    def part(self, first: int, end: int) -> "SpokenText":
        """The words from one to the one before another."""
        return replace(self, words=self.words[first:end])

    def align(
        self,
        log_probs: Any,  # noqa: ANN401 - an array, or a torch.Tensor, which cannot be named without torch
        tokenizer: Any,  # noqa: ANN401 - the same of a tokenizer
        frame_s: float,
        duration_s: float | None = None,
    ) -> Alignment:
        """Times of the words and characters.

        Args:
            log_probs: `(frames, classes)` of one recording without padding.
            tokenizer: Gives the classes of the characters: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
            frame_s: Seconds per frame.
            duration_s: Length of the recording; that of its frames if `None`.

        Raises:
            ValueError: If the text is too long for the recording.
        """
        symbols, frames = CTCSymbols.of(tokenizer), as_array(log_probs)
        duration_s = len(frames) * frame_s if duration_s is None else duration_s
        text = " ".join(word.normalized for word in self.words)
        path = best_path(frames, encode_text(text, symbols, len(frames), frame_s), symbols.blank)
        chosen = frames[np.arange(len(path)), path]
        spans = label_spans(path, symbols.blank)
        peaks = [float(np.exp(chosen[span.start : span.end].max())) for span in spans]
        characters = iter(word_characters(text, spans, peaks, frame_s, duration_s))
        costs = np.concatenate([[0.0], np.cumsum(frames.max(-1) - chosen, dtype=np.float64)])
        aligned = []
        position = 0
        for word in self.words:
            parts = [next(characters) for _ in word.normalized.split(" ")]
            after = position + len(word.normalized)
            cost = costs[spans[after - 1].end] - costs[spans[position].start]
            score = float(np.exp(-cost / len(word.normalized)))
            aligned.append(
                AlignedWord(
                    word.text,
                    word.normalized,
                    parts[0][0].start_s,
                    parts[-1][-1].end_s,
                    score,
                    _with_spaces(parts, peaks, position),
                )
            )
            position = after + 1
        score = float(np.exp(-costs[-1] / len(text)))
        unwritten = unwritten_speech(frames, path, symbols, frame_s)
        return Alignment(tuple(aligned), duration_s, score, self.is_as_written, unwritten)


def _with_spaces(
    parts: Sequence[tuple[CharacterSpan, ...]], peaks: Sequence[float], position: int
) -> tuple[CharacterSpan, ...]:
    """Characters of words that are written as one, with the spaces between them.

    Args:
        parts: Characters of each of the words.
        peaks: Highest probability of every character of the text.
        position: Where in the text the first word begins.
    """
    characters = list(parts[0])
    for part in parts[1:]:
        score = peaks[position + len(characters)]
        characters += [CharacterSpan(" ", characters[-1].end_s, part[0].start_s, score), *part]
    return tuple(characters)
