"""Beam search over the words of a lexicon with an n-gram language model."""

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .compiled_search_bigru_ctc import CompiledSearch
from .confidence_bigru_ctc import ConfidenceModel
from .ctc_alignment_bigru_ctc import align_log_probs
from .ctc_output_bigru_ctc import UNLIKELY, CTCSymbols, FrameArray, tidy_text
from .decoding_bigru_ctc import Hypothesis, ScoredTokens, hypothesis_of, utterances_of, words_of
from .found_path_bigru_ctc import Check, FoundPath, FoundWords, no_check
from .lexicon_bigru_ctc import UNIT_END, UNIT_INSIDE
from .search_settings_bigru_ctc import BeamSearchSettings
from .speech_evidence_bigru_ctc import without_weak_letters
from .word_search_bigru_ctc import load_word_search

__all__ = ["BeamSearchDecoder", "BeamSearchSettings", "join_units", "surplus_blanks"]

_NUM_CONSIDERED = 100
"""Hypotheses of a beam search, at most, from which posteriors are computed."""


class BeamSearchDecoder:
    """Beam search over the words of a lexicon with a language model.

    With the spelling units of [`lexicon_entries`] in the lexicon it can spell words that are not there. The search has
    one limit: a letter inside a spelled word takes exactly one frame (and blanks), a letter of a lexicon word any
    number.

    Threads can share a decoder.

    Args:
        folder: A language model as `scripts/build_lm.py` writes it: `lm.binary` and `lexicon.txt`.
        tokenizer: Gives the characters of the classes: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
        frame_s: Seconds per frame: `inputs_to_logits_ratio / sampling_rate`.
        settings: Weights and width; `None` takes those of the folder, or the defaults.
        confidence: Turns the features of a word into a confidence; `"own"` takes that of the folder, if there is one.

    Raises:
        ImportError: If neither the compiled part of the package nor KenLM is there.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, the lexicon has symbols that the tokenizer lacks, or `class_priors` do not fit
            the tokenizer.

    Source: the decoder of flashlight (J. Kahn et al., ICML 2022); division by priors: Y. Miao, M. Gowayyed, F. Metze,
    "EESEN", ASRU 2015, there with a weight of 1.
    """

    def __init__(
        self,
        folder: str | Path,
        tokenizer: Any,  # noqa: ANN401 - a tokenizer's class cannot be named without torch
        frame_s: float,
        settings: BeamSearchSettings | None = None,
        confidence: ConfidenceModel | Literal["own"] | None = "own",
    ) -> None:
        self.tokenizer = tokenizer
        self.symbols = CTCSymbols.of(tokenizer)
        self.frame_s = frame_s
        self.folder = Path(folder)
        self.settings = settings or BeamSearchSettings.from_folder(folder)
        self.confidence = ConfidenceModel.from_folder(folder) if confidence == "own" else confidence
        self._log_priors: FrameArray | None = None
        if self.settings.prior_weight:
            if len(self.settings.class_priors) != len(self.symbols):
                raise ValueError(
                    f"prior_weight is {self.settings.prior_weight}, and there are {len(self.settings.class_priors)} "
                    f"class_priors; give one for each of the {len(self.symbols)} classes."
                )
            self._log_priors = np.log(np.array(self.settings.class_priors, dtype=np.float32))
        # A text can be found several times, as a word and spelled, and posteriors need more than one hypothesis.
        num_found = self.settings.beam_size if self.settings.nbest > 1 else _NUM_CONSIDERED
        self._find = load_word_search(folder, self.symbols, self.settings, num_found)
        self._check = no_check

    def __call__(self, log_probs: Any, lengths: Any = None) -> list[list[Hypothesis]]:  # noqa: ANN401 - see `Decoder`
        """The `nbest` best hypotheses of every utterance; see [`Decoder`]."""
        return [self._decode(self._speech(each)) for each in utterances_of(log_probs, lengths, len(self.symbols))]

    def with_settings(self, **changes: Any) -> "BeamSearchDecoder":
        """A decoder with other settings, other hotwords for example, that reads nothing anew.

        Args:
            changes: Fields of [`BeamSearchSettings`].

        Raises:
            TypeError: If there is no such field.
            ValueError: If a value is out of range.
        """
        settings = replace(self.settings, **changes)
        return BeamSearchDecoder(self.folder, self.tokenizer, self.frame_s, settings, self.confidence)

    @property
    def shares_time(self) -> bool:
        """Whether other threads of Python run while it searches."""
        return isinstance(self._find, CompiledSearch)

    def checked(self, check: Check) -> "BeamSearchDecoder":
        """The same decoder, whose search can be ended.

        Args:
            check: Called at least once a second of computing; what it raises ends the search.
        """
        decoder = copy.copy(self)
        decoder._check = check
        return decoder

    def search(self, log_probs: Any, lengths: Any = None) -> list[list[ScoredTokens]]:  # noqa: ANN401 - see `Decoder`
        """The `nbest` best hypotheses of every utterance without times and confidences, which take long.

        Args:
            log_probs: `(batch, frames, classes)`.
            lengths: `(batch,)` valid frames; all if `None`.

        Returns:
            Token ids and scores, the best first; one hypothesis without tokens where nothing is found.
        """
        utterances = utterances_of(log_probs, lengths, len(self.symbols))
        return [self._search(self._speech(frames)) for frames in utterances]

    def _speech(self, log_probs: FrameArray) -> FrameArray:
        return without_weak_letters(log_probs, self.symbols, self.frame_s, self.settings.min_evidence)

    def _has_letters(self, log_probs: FrameArray) -> bool:
        """Whether a letter is the best class of any frame: where none is, a language model must not write words."""
        best = log_probs.argmax(-1)
        return bool(((best != self.symbols.blank) & (best != self.symbols.delimiter)).any())

    def _search(self, log_probs: FrameArray) -> list[ScoredTokens]:
        if not self._has_letters(log_probs):
            return [((), 0.0)]
        found = self._distinct(self._find(self._with_end(log_probs), self._check))
        return [(self.symbols.encode(text), path.score) for text, path in found] or [((), 0.0)]

    def _distinct(self, found: Iterable[FoundPath]) -> list[tuple[str, FoundPath]]:
        """The best path of each of the `nbest` best texts; a text can be found as a word and spelled."""
        best: dict[str, FoundPath] = {}
        for path in found:
            best.setdefault(tidy_text(join_units(path.words)), path)
            if len(best) == self.settings.nbest:
                break
        return list(best.items())

    def _decode(self, log_probs: FrameArray) -> list[Hypothesis]:
        if not self._has_letters(log_probs):
            return [Hypothesis("", 0.0, (), ())]
        found = self._find(self._with_end(log_probs), self._check)
        if not found:
            return [Hypothesis("", -math.inf, (), ())]
        considered = found[:_NUM_CONSIDERED]  # so that confidences do not depend on `nbest`
        alternatives = FoundWords.of(considered, self.symbols)
        weights = _softmax([path.score for path in considered])
        results: list[Hypothesis] = []
        for _, path in self._distinct(found):
            spans = align_log_probs(log_probs, join_units(path.words), self.symbols, self.frame_s)
            posteriors = FoundWords.of([path], self.symbols).posteriors(alternatives, weights)
            words = words_of(spans, self.confidence, posteriors)
            results.append(hypothesis_of(spans, path.score, words))
        return results

    def _with_end(self, log_probs: FrameArray) -> FrameArray:
        """Scores of the search: log-probabilities less those of the priors, without frames that are surely blank.

        One more frame follows, on which blank and delimiter cost nothing: every word of the lexicon ends with a
        delimiter, but the network emits none after the last word.
        """
        scores = np.full((len(log_probs) + 1, log_probs.shape[1]), UNLIKELY)
        scores[:-1] = log_probs
        scores[-1, [self.symbols.blank, self.symbols.delimiter]] = 0.0
        if self._log_priors is not None:
            scores[:-1] -= np.float32(self.settings.prior_weight) * self._log_priors
        scores = np.maximum(scores, UNLIKELY)
        if self.settings.blank_margin is None:
            return scores
        return scores[~surplus_blanks(scores[:-1], self.symbols.blank, self.settings.blank_margin)]


def surplus_blanks(scores: FrameArray, blank: int, margin: float) -> npt.NDArray[np.bool_]:
    """Frames that a search can leave out, and the frame after them, which it cannot.

    Where the blank is far better than every other class, hardly a path has another one. All paths lose the same score
    with such a frame. One of them must remain between two equal letters.

    Args:
        scores: Scores of the classes `(frames, classes)`.
        blank: Class of the blank.
        margin: Nats by which it is better than every other class in frames that are left out.

    Returns:
        `(frames + 1,)`, true where the blank is so much better in the frame before, too; false at the end.

    Source: Z. Chen et al., "Phone synchronous speech recognition with CTC lattices", IEEE/ACM Transactions on Audio,
    Speech, and Language Processing 25 (2017).
    """
    is_sure = np.append(scores[:, blank] - np.delete(scores, blank, axis=1).max(1) >= margin, False)
    return np.concatenate([[False], is_sure[1:] & is_sure[:-1]])


def _softmax(scores: Sequence[float]) -> list[float]:
    """Weights that sum to 1 from logarithms of weights."""
    if not scores:
        return []
    weights = np.exp(np.array(scores) - max(scores))
    total: list[float] = (weights / weights.sum()).tolist()
    return total


def join_units(tokens: Iterable[str]) -> str:
    """Text of lexicon entries: words, and the units of spelled words, which are joined."""
    text = ""
    inside = False
    for token in tokens:
        is_unit = len(token) == 2 and token[1] in (UNIT_INSIDE, UNIT_END)
        text += ("" if inside or not text else " ") + (token[0] if is_unit else token)
        inside = is_unit and token[1] == UNIT_INSIDE
    return text
