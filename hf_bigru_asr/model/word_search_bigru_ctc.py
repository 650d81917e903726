"""Beam search over the words of a lexicon with KenLM's n-gram and hotwords: by flashlight-text, or else in NumPy."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from .array_search_bigru_ctc import ArraySearch
from .ctc_output_bigru_ctc import CTCSymbols, FrameArray
from .found_path_bigru_ctc import FoundPath
from .hotwords_bigru_ctc import HotwordPhrases
from .language_model_files_bigru_ctc import LEXICON_NAME, MODEL_NAME, check_language_model
from .lexicon_bigru_ctc import Lexicon
from .search_settings_bigru_ctc import BeamSearchSettings

__all__ = ["FlashlightSearch", "QuickStartSearch", "WordSearch", "has_flashlight", "load_word_search"]

_UNKNOWN = "<unk>"
QUICK_FRAMES = 600
"""Frames until flashlight-text takes over. It is ready 0.13 s later, and saves 0.2 ms a frame."""
SMALL_FRAMES = 700
"""Frames of the longest utterance for flashlight-text where memory is to be saved: it keeps up to 100 kB of each."""

WordSearch = Callable[[FrameArray], list[FoundPath]]
"""From scores `(frames, classes)` to the paths that are found, the best one first."""


def has_flashlight() -> bool:
    """Whether flashlight-text is installed; it has no wheels for Python 3.13 and later."""
    try:
        import flashlight.lib.text.decoder.kenlm  # noqa: F401 - whether it can be imported
    except ImportError:
        return False
    return True


def load_word_search(
    folder: str | Path,
    symbols: CTCSymbols,
    settings: BeamSearchSettings,
    num_found: int,
    *,
    saves_memory: bool = False,
) -> WordSearch:
    """Return a search over the words of a language model.

    Without hotwords it is [`QuickStartSearch`] where flashlight-text is installed. Otherwise it is [`ArraySearch`],
    which finds the same. It takes three times as long, but flashlight-text would call Python for every word to add the
    bonus of hotwords, which takes longer still.

    Args:
        folder: A language model from `scripts/build_lm.py`: `lm.binary` and `lexicon.txt`.
        symbols: The symbols of the classes.
        settings: Weights and widths.
        num_found: Paths that it returns at most.
        saves_memory: Whether flashlight-text searches utterances of at most [`SMALL_FRAMES`] alone.

    Raises:
        ImportError: If KenLM is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon has symbols outside the alphabet.
    """
    model_path = Path(folder) / MODEL_NAME
    for path in (model_path, Path(folder) / LEXICON_NAME):
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; scripts/build_lm.py makes a language model.")
    check_language_model(folder)
    try:
        import kenlm
    except ImportError as error:
        raise ImportError(
            "Beam search needs KenLM: pip install kenlm-ex. Greedy decoding works without it."
        ) from error
    phrases = HotwordPhrases(settings.hotwords)
    lexicon = Lexicon.read(folder, symbols).with_words(phrases.words, symbols)
    try:
        model = kenlm.Model(str(model_path))
    except (RuntimeError, OSError, ValueError) as error:
        raise ValueError(f"{model_path} is no language model that KenLM reads: {error}") from error
    scores = _unigram_scores(model, kenlm.State, lexicon, phrases, settings.lm_weight)
    if not np.isfinite(scores).all():
        word = lexicon.words[int(np.flatnonzero(~np.isfinite(scores))[0])]
        raise ValueError(
            f"{model_path} gives the word {word!r} a score that is no finite number; build it again with "
            "scripts/build_lm.py."
        )

    def array_search() -> WordSearch:
        unigrams = np.array(scores, dtype=np.float32)
        return ArraySearch(model, kenlm.State, lexicon, unigrams, phrases, symbols, settings, num_found)

    if phrases.words or not has_flashlight():
        return array_search()
    return QuickStartSearch(
        array_search,
        lambda: FlashlightSearch(model_path, lexicon, scores, symbols, settings, num_found),
        SMALL_FRAMES if saves_memory else None,
    )


class QuickStartSearch:
    """The search that is sooner ready for a short recording, and the faster one when there is more.

    Both find the same paths with the same scores. Threads can share it.

    Args:
        make_quick: Makes the one that is sooner ready, and takes less memory.
        make_fast: Makes the faster one.
        max_fast_frames: Frames of the longest utterance for the faster one; any number if `None`.
    """

    def __init__(
        self,
        make_quick: Callable[[], WordSearch],
        make_fast: Callable[[], WordSearch],
        max_fast_frames: int | None = None,
    ) -> None:
        self._make_quick, self._make_fast = make_quick, make_fast
        self._max_fast_frames = max_fast_frames
        self._quick: WordSearch | None = None
        self._fast: WordSearch | None = None
        self._num_frames = 0
        self._lock = Lock()

    def __call__(self, scores: FrameArray) -> list[FoundPath]:
        """The best paths; see [`WordSearch`]."""
        with self._lock:
            search = self._choose(len(scores))
        return search(scores)

    def save_memory(self) -> None:
        """Let the quick one do everything from now on, and the other one go."""
        with self._lock:
            self._max_fast_frames, self._fast = 0, None

    def _choose(self, num_frames: int) -> WordSearch:
        if self._max_fast_frames is None or num_frames <= self._max_fast_frames:
            self._num_frames += num_frames
            if self._fast is None and self._num_frames > QUICK_FRAMES:
                self._fast = self._make_fast()
                if self._max_fast_frames is None:
                    self._quick = None
            if self._fast is not None:
                return self._fast
        if self._quick is None:
            self._quick = self._make_quick()
        return self._quick


class FlashlightSearch:
    """The lexicon decoder of flashlight-text, without hotwords. Threads can share it.

    Args:
        model_path: The n-gram.
        lexicon: The words.
        unigram_scores: Score of every word at the beginning of a hypothesis.
        symbols: The symbols of the classes.
        settings: Weights and widths.
        num_found: Paths that it returns at most.

    Source: `torchaudio.models.decoder.ctc_decoder` 2.11, which sets flashlight-text up in the same way; J. Kahn et
    al., "Flashlight: enabling innovation in tools for machine learning", ICML 2022.
    """

    def __init__(
        self,
        model_path: Path,
        lexicon: Lexicon,
        unigram_scores: list[float],
        symbols: CTCSymbols,
        settings: BeamSearchSettings,
        num_found: int,
    ) -> None:
        try:
            from flashlight.lib.text import decoder
            from flashlight.lib.text.decoder.kenlm import KenLM
            from flashlight.lib.text.dictionary import Dictionary
        except ImportError as error:
            raise ImportError("This search needs flashlight-text: pip install flashlight-text.") from error
        self._words = lexicon.words
        self._num_found = num_found
        number_of_unknown = len(lexicon.words)
        dictionary = Dictionary([*lexicon.words, _UNKNOWN])
        dictionary.set_default_index(number_of_unknown)
        language_model = KenLM(str(model_path), dictionary)
        trie = _trie_of(decoder, lexicon, unigram_scores, symbols)
        options = decoder.LexiconDecoderOptions(
            beam_size=settings.beam_size,
            beam_size_token=settings.beam_size_token or len(symbols),
            beam_threshold=settings.beam_threshold,
            lm_weight=settings.lm_weight,
            word_score=settings.word_score,
            unk_score=-np.inf,
            sil_score=0.0,
            log_add=settings.log_add,
            criterion_type=decoder.CriterionType.CTC,
        )
        # A decoder keeps the states of its last search: so each search has its own.
        self._new_decoder = lambda: decoder.LexiconDecoder(
            options, trie, language_model, symbols.delimiter, symbols.blank, number_of_unknown, [], False
        )

    def __call__(self, scores: FrameArray) -> list[FoundPath]:
        """The best paths; see [`WordSearch`]."""
        scores = np.ascontiguousarray(scores, dtype=np.float32)
        found = self._new_decoder().decode(scores.ctypes.data, *scores.shape)
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


def _trie_of(
    decoder: Any,  # noqa: ANN401 - a module of flashlight-text, which is untyped
    lexicon: Lexicon,
    scores: list[float],
    symbols: CTCSymbols,
) -> Any:  # noqa: ANN401 - the same
    """Trie of the spellings, every node with the best score of the words below it."""
    trie = decoder.Trie(len(symbols), symbols.delimiter)
    insert = trie.insert
    classes, begin = lexicon.classes.tolist(), 0
    for number, end in zip(lexicon.numbers.tolist(), lexicon.ends.tolist(), strict=True):
        insert(classes[begin:end], number, scores[number])
        begin = end
    trie.smear(decoder.SmearingMode.MAX)
    return trie
