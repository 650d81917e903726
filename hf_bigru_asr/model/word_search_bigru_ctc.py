"""Beam search over the words of a lexicon, by flashlight-text, with KenLM's n-gram and hotwords."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .ctc_output_bigru_ctc import CTCSymbols, FrameArray, IntArray
from .hotwords_bigru_ctc import HotwordPhrases
from .language_model_files_bigru_ctc import LEXICON_NAME, MODEL_NAME
from .lexicon_bigru_ctc import Lexicon
from .search_settings_bigru_ctc import BeamSearchSettings

__all__ = ["FoundPath", "WordPlace", "WordSearch", "load_word_search"]

WordPlace = tuple[tuple[int, ...], int, int]
"""A word's token ids, its first frame and its last frame."""
_UNKNOWN = "<unk>"


@dataclass(frozen=True)
class FoundPath:
    """A path that a search found.

    Args:
        words: Its entries of the lexicon, words and units of spelled words.
        score: Logarithm of its weight.
        classes: Class of every frame `(frames,)`.
    """

    words: list[str]
    score: float
    classes: IntArray

    def places(self, symbols: CTCSymbols) -> list[WordPlace]:
        """Words between delimiters with their first and last frames."""
        starts = np.flatnonzero(np.diff(self.classes, prepend=-1))
        starts = starts[self.classes[starts] != symbols.blank]
        tokens = self.classes[starts]
        edges = [-1, *np.flatnonzero(tokens == symbols.delimiter).tolist(), len(tokens)]
        token_list, frame_list = tokens.tolist(), starts.tolist()
        return [
            (tuple(token_list[before + 1 : end]), frame_list[before + 1], frame_list[end - 1])
            for before, end in pairwise(edges)
            if end > before + 1
        ]


WordSearch = Callable[[FrameArray], list[FoundPath]]
"""From scores `(frames, classes)` to the paths that are found, the best one first."""


def load_word_search(
    folder: str | Path, symbols: CTCSymbols, settings: BeamSearchSettings, num_found: int
) -> WordSearch:
    """Return a search over the words of a language model.

    Args:
        folder: A language model from `scripts/build_lm.py`: `lm.binary` and `lexicon.txt`.
        symbols: The symbols of the classes.
        settings: Weights and widths.
        num_found: Paths that it returns at most.

    Raises:
        ImportError: If flashlight-text or KenLM is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon has symbols outside the alphabet.
    """
    for path in (Path(folder) / MODEL_NAME, Path(folder) / LEXICON_NAME):
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; scripts/build_lm.py makes a language model.")
    lexicon = Lexicon.read(folder, symbols)
    try:
        return FlashlightSearch(Path(folder) / MODEL_NAME, lexicon, symbols, settings, num_found)
    except ImportError as error:
        raise ImportError(
            "Beam search needs flashlight-text and KenLM: pip install flashlight-text kenlm-ex. Greedy decoding works "
            "without them."
        ) from error


class FlashlightSearch:
    """The lexicon decoder of flashlight-text. Threads can share it: every search has states of its own.

    Args:
        model_path: KenLM's n-gram.
        lexicon: The words.
        symbols: The symbols of the classes.
        settings: Weights and widths.
        num_found: Paths that it returns at most.

    Raises:
        ImportError: If flashlight-text or KenLM is not installed.
        ValueError: If KenLM cannot read the file.

    Source: `torchaudio.models.decoder.ctc_decoder` 2.11, which sets flashlight-text up in the same way; J. Kahn et
    al., "Flashlight: enabling innovation in tools for machine learning", ICML 2022.
    """

    def __init__(
        self, model_path: Path, lexicon: Lexicon, symbols: CTCSymbols, settings: BeamSearchSettings, num_found: int
    ) -> None:
        try:
            import kenlm
            from flashlight.lib.text.decoder import CriterionType, LexiconDecoder, LexiconDecoderOptions
            from flashlight.lib.text.decoder.kenlm import KenLM
            from flashlight.lib.text.dictionary import Dictionary
        except ImportError:
            raise
        phrases = HotwordPhrases(settings.hotwords)
        lexicon = lexicon.with_words(phrases.words, symbols)
        self._words = lexicon.words
        self._num_found = num_found
        try:
            model = kenlm.Model(str(model_path))
            if phrases.words:
                from .hotword_lm_bigru_ctc import HotwordLM

                self._new_language_model = lambda: HotwordLM(model, lexicon.words, phrases, settings.lm_weight)
            else:
                dictionary = Dictionary([*lexicon.words, _UNKNOWN])
                dictionary.set_default_index(len(lexicon.words))
                language_model = KenLM(str(model_path), dictionary)
                self._new_language_model = lambda: language_model
        except (RuntimeError, OSError) as error:
            raise ValueError(f"{model_path} is no language model that KenLM reads: {error}") from error
        trie = _trie_of(lexicon, _unigram_scores(model, kenlm.State, lexicon, phrases, settings.lm_weight), symbols)
        options = LexiconDecoderOptions(
            beam_size=settings.beam_size,
            beam_size_token=settings.beam_size_token or len(symbols),
            beam_threshold=settings.beam_threshold,
            lm_weight=settings.lm_weight,
            word_score=settings.word_score,
            unk_score=-np.inf,
            sil_score=0.0,
            log_add=settings.log_add,
            criterion_type=CriterionType.CTC,
        )
        self._new_decoder = lambda language_model: LexiconDecoder(
            options, trie, language_model, symbols.delimiter, symbols.blank, len(lexicon.words), [], False
        )

    def __call__(self, scores: FrameArray) -> list[FoundPath]:
        """The best paths; see [`WordSearch`]."""
        scores = np.ascontiguousarray(scores, dtype=np.float32)
        # Kept in a variable: the decoder does not keep a model that is written in Python alive.
        language_model = self._new_language_model()
        found = self._new_decoder(language_model).decode(scores.ctypes.data, *scores.shape)
        return [
            FoundPath([self._words[number] for number in each.words if number >= 0], each.score, np.array(each.tokens))
            for each in found[: self._num_found]
        ]


def _unigram_scores(
    model: Any,  # noqa: ANN401 - kenlm is untyped
    new_state: Callable[[], Any],
    lexicon: Lexicon,
    phrases: HotwordPhrases,
    lm_weight: float,
) -> list[float]:
    """Score of every word at the beginning of a hypothesis, which the search uses before a word is complete."""
    start, after = new_state(), new_state()
    model.BeginSentenceWrite(start)
    score_of = model.BaseScore
    scores = [score_of(start, word, after) for word in lexicon.words]
    if phrases.words:
        for number, word in enumerate(lexicon.words):
            if word in phrases.words:
                scores[number] += phrases.advance(phrases.start, word)[1] / lm_weight
    return scores


def _trie_of(lexicon: Lexicon, scores: list[float], symbols: CTCSymbols) -> Any:  # noqa: ANN401 - flashlight is untyped
    """Trie of the spellings, every node with the best score of the words below it."""
    from flashlight.lib.text.decoder import SmearingMode, Trie

    trie = Trie(len(symbols), symbols.delimiter)
    insert = trie.insert
    classes, begin = lexicon.classes.tolist(), 0
    for number, end in zip(lexicon.numbers.tolist(), lexicon.ends.tolist(), strict=True):
        insert(classes[begin:end], number, scores[number])
        begin = end
    trie.smear(SmearingMode.MAX)
    return trie
