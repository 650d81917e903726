"""From the network's log-probabilities to text: greedily, or by beam search with a language model.

Both decoders take log-probabilities `(batch, frames, classes)` with their lengths and give, for every utterance, its
best readings with times and confidences of words and characters.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import torch

from .alignment import CharacterSpan, align_log_probs
from .processing_bigru_ctc import LEXICON_NAME, MODEL_NAME, SETTINGS_NAME
from .tokenization_bigru_ctc import BiGRUCTCTokenizer

__all__ = ["BeamSearchDecoder", "BeamSearchSettings", "DecodedWord", "Decoder", "GreedyDecoder", "Hypothesis"]

_IMPOSSIBLE = -1e4
"""Logarithm of a probability that no path overcomes; sums of many of them stay finite."""
UNIT_INSIDE, UNIT_END = "~", "$"
"""Marks of the entries of a lexicon that are one letter of a word that is spelled: inside it, and at its end."""


@dataclass(frozen=True)
class DecodedWord:
    """One word of a reading.

    Args:
        characters: Its characters with their times.
    """

    characters: tuple[CharacterSpan, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """The word."""
        return "".join(span.char for span in self.characters)

    @property
    def start_s(self) -> float:
        """Where its first character begins, in seconds."""
        return self.characters[0].start_s

    @property
    def end_s(self) -> float:
        """Where its last character ends."""
        return self.characters[-1].end_s

    @property
    def confidence(self) -> float:
        """Geometric mean of the probabilities that the network gives its characters: not a probability by itself."""
        logs = [math.log(max(span.score, 1e-30)) for span in self.characters]
        return math.exp(sum(logs) / len(logs))


@dataclass(frozen=True)
class Hypothesis:
    """One reading of an utterance.

    Args:
        text: The transcript.
        score: Logarithm of its weight among the readings; comparable within one utterance and one decoder.
        characters: Its characters with their times.
    """

    text: str
    score: float
    characters: tuple[CharacterSpan, ...] = field(repr=False)

    @property
    def words(self) -> tuple[DecodedWord, ...]:
        """Its words with times and confidences."""
        groups = groupby(self.characters, key=lambda span: span.char == " ")
        return tuple(DecodedWord(tuple(group)) for is_space, group in groups if not is_space)


class Decoder(Protocol):
    """What [`GreedyDecoder`] and [`BeamSearchDecoder`] have in common."""

    def __call__(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        """Readings of every utterance, the best one first.

        Args:
            log_probs: `(batch, frames, classes)`, the `logits` of [`BiGRUForCTC`].
            lengths: `(batch,)` valid frames; all if `None`.
        """


class GreedyDecoder:
    """The best class of every frame.

    Args:
        tokenizer: Gives the characters of the classes.
        frame_s: Seconds per frame: `inputs_to_logits_ratio / sampling_rate`.
    """

    def __init__(self, tokenizer: BiGRUCTCTokenizer, frame_s: float) -> None:
        self.tokenizer = tokenizer
        self.frame_s = frame_s
        # The blank has none.
        self._characters = [str(tokenizer.decode([each], group_tokens=False)) for each in range(len(tokenizer))]

    def __call__(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        """One reading of every utterance; see [`Decoder`]. Its score is the log-probability of the best path."""
        return [[self._decode(frames)] for frames in utterances_of(log_probs, lengths, len(self.tokenizer))]

    def _decode(self, log_probs: torch.Tensor) -> Hypothesis:
        best, ids = log_probs.max(-1)
        # Runs of one class, and not frames: most frames are blanks, and Python is slow.
        runs, counts = torch.unique_consecutive(ids, return_counts=True)
        ends = counts.cumsum(0).tolist()
        probabilities = best.exp().tolist()
        spans = [
            CharacterSpan(
                self._characters[run], start * self.frame_s, end * self.frame_s, max(probabilities[start:end])
            )
            for run, start, end in zip(runs.tolist(), [0, *ends], ends, strict=False)
            if self._characters[run]
        ]
        return Hypothesis("".join(span.char for span in spans), float(best.sum()), tuple(spans))


@dataclass(frozen=True)
class BeamSearchSettings:
    """Weights and width of a beam search; the weights belong to one network and one language model.

    Args:
        lm_weight: Factor of the language model's logarithmic probabilities.
        word_score: Added for every word (and every letter of a word that is spelled).
        beam_size: Readings that are kept at every frame.
        beam_size_token: Classes of a frame that are tried; all if `None`.
        beam_threshold: Readings that are so much worse than the best one are dropped.
        nbest: Readings that are given back.
    """

    lm_weight: float = 2.0
    word_score: float = 0.0
    beam_size: int = 100
    beam_size_token: int | None = None
    beam_threshold: float = 50.0
    nbest: int = 1

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("beam_size", "nbest"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.beam_size_token is not None and self.beam_size_token < 1:
            raise ValueError(f"beam_size_token is {self.beam_size_token}; it must be at least 1, or None for all.")
        if self.beam_threshold <= 0 or self.lm_weight < 0:
            raise ValueError(
                f"beam_threshold is {self.beam_threshold} and lm_weight {self.lm_weight}; the one must be positive "
                "and the other not negative."
            )

    @classmethod
    def from_folder(cls, folder: str | Path) -> "BeamSearchSettings":
        """Settings that `scripts/tune_decoding.py` left beside a language model, or the defaults."""
        path = Path(folder) / SETTINGS_NAME
        if not path.is_file():
            return cls()
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{each.name: values[each.name] for each in fields(cls) if each.name in values})


class BeamSearchDecoder:
    """Beam search over the words of a lexicon with a language model.

    A lexicon with the entries of [`lexicon_entries`] lets it spell words that are not there. One limit of the search:
    the letter of a unit inside a word takes one frame (and blanks), where a word's own letters take as many as they
    will.

    Args:
        folder: A language model as `scripts/build_lm.py` writes it: `lm.binary` and `lexicon.txt`.
        tokenizer: Gives the characters of the classes.
        frame_s: Seconds per frame: `inputs_to_logits_ratio / sampling_rate`.
        settings: Weights and width; those that stand in the folder, or the defaults, if `None`.

    Raises:
        ImportError: If the extra `lm` is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon has symbols that the tokenizer has not.

    Source: `torchaudio.models.decoder.ctc_decoder`, the decoder of flashlight (J. Kahn et al., ICML 2022).
    """

    def __init__(
        self,
        folder: str | Path,
        tokenizer: BiGRUCTCTokenizer,
        frame_s: float,
        settings: BeamSearchSettings | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.frame_s = frame_s
        self.folder = Path(folder)
        self.settings = settings or BeamSearchSettings.from_folder(folder)
        model_path, lexicon_path = (Path(folder) / name for name in (MODEL_NAME, LEXICON_NAME))
        for path in (model_path, lexicon_path):
            if not path.is_file():
                raise FileNotFoundError(f"{path} does not exist; scripts/build_lm.py makes a language model.")
        symbols = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        _check_lexicon(lexicon_path, frozenset(symbols) - {tokenizer.pad_token}, tokenizer.word_delimiter_token)
        self._decoder = _load_decoder(model_path, lexicon_path, symbols, tokenizer, self.settings)

    def __call__(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        """The `nbest` best readings of every utterance; see [`Decoder`]."""
        return [self._decode(frames) for frames in utterances_of(log_probs, lengths, len(self.tokenizer))]

    def _decode(self, log_probs: torch.Tensor) -> list[Hypothesis]:
        if len(log_probs) == 0:
            return [Hypothesis("", 0.0, ())]
        found = self._decoder(self._with_end(log_probs)[None])[0]
        results: dict[str, Hypothesis] = {}
        for hypothesis in found:
            text = join_units(hypothesis.words)
            if text in results:
                continue
            spans = align_log_probs(log_probs, text, self.tokenizer, self.frame_s)
            results[text] = Hypothesis(text, float(hypothesis.score), tuple(spans))
            if len(results) == self.settings.nbest:
                break
        return list(results.values()) or [Hypothesis("", -math.inf, ())]

    def _with_end(self, log_probs: torch.Tensor) -> torch.Tensor:
        """Log-probabilities with one frame more, where the delimiter that every word of the lexicon ends with is free.

        The network is trained on texts that end with a letter, so it gives none after the last word.
        """
        end = log_probs.new_full((1, log_probs.shape[1]), _IMPOSSIBLE)
        end[:, [self.tokenizer.pad_token_id, self.tokenizer.encoder[self.tokenizer.word_delimiter_token]]] = 0.0
        return torch.cat([log_probs, end]).float().cpu().clamp(min=_IMPOSSIBLE).contiguous()


def join_units(tokens: Iterable[str]) -> str:
    """Text of the entries of a lexicon: words, and the letters of words that are spelled."""
    text = ""
    inside = False
    for token in tokens:
        is_unit = len(token) == 2 and token[1] in (UNIT_INSIDE, UNIT_END)
        text += ("" if inside or not text else " ") + (token[0] if is_unit else token)
        inside = is_unit and token[1] == UNIT_INSIDE
    return text


def _load_decoder(
    model_path: Path,
    lexicon_path: Path,
    symbols: Sequence[str],
    tokenizer: BiGRUCTCTokenizer,
    settings: BeamSearchSettings,
) -> Any:  # noqa: ANN401 - torchaudio's class, whose module does not import without the extra
    try:
        from torchaudio.models.decoder import ctc_decoder
    except (ImportError, RuntimeError) as error:  # torchaudio makes the one into the other
        raise ImportError(
            "Beam search needs the extra `lm`: pip install 'hf-bigru-asr[lm]'. Greedy decoding works without it."
        ) from error
    try:
        return ctc_decoder(
            lexicon=str(lexicon_path),
            tokens=list(symbols),
            lm=str(model_path),
            # One text can stand there several times: as a word, and spelled.
            nbest=1 if settings.nbest == 1 else settings.beam_size,
            beam_size=settings.beam_size,
            beam_size_token=settings.beam_size_token,
            beam_threshold=settings.beam_threshold,
            lm_weight=settings.lm_weight,
            word_score=settings.word_score,
            blank_token=str(tokenizer.pad_token),
            sil_token=tokenizer.word_delimiter_token,
        )
    except RuntimeError as error:
        raise ValueError(f"{model_path} is no language model that KenLM reads: {error}") from error


def _check_lexicon(path: Path, symbols: frozenset[str], word_delimiter: str) -> None:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            _, *spelling = line.split()
            unknown = sorted(set(spelling) - symbols)
            if unknown or not spelling:
                raise ValueError(
                    f"Line {number} of {path}, {line.strip()!r}, has "
                    + (f"symbols outside the alphabet: {' '.join(unknown)}." if unknown else "a word and no spelling.")
                    + f" A line is a word and its characters, from {' '.join(sorted(symbols))}, {word_delimiter} last."
                )


def utterances_of(log_probs: torch.Tensor, lengths: torch.Tensor | None, num_classes: int) -> list[torch.Tensor]:
    """Log-probabilities `(frames, classes)` of each utterance without its padding."""
    if log_probs.dim() != 3 or log_probs.shape[2] != num_classes:
        raise ValueError(
            f"log_probs has the shape {tuple(log_probs.shape)}; it must be (batch, frames, {num_classes})."
        )
    if lengths is None:
        return list(log_probs)
    if lengths.shape != log_probs.shape[:1] or bool(((lengths < 0) | (lengths > log_probs.shape[1])).any()):
        raise ValueError(
            f"lengths are {lengths.tolist()}; give one of 0 to {log_probs.shape[1]} frames for each of the "
            f"{log_probs.shape[0]} utterances."
        )
    return [row[:length] for row, length in zip(log_probs, lengths.tolist(), strict=True)]
