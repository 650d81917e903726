"""Beam search over the words of a lexicon with KenLM's n-gram and hotwords: compiled, or else in NumPy."""

from pathlib import Path
from typing import Protocol

from .array_search_bigru_ctc import ArraySearch
from .compiled_search_bigru_ctc import CompiledSearch
from .ctc_output_bigru_ctc import CTCSymbols, FrameArray
from .found_path_bigru_ctc import Check, FoundPath, no_check
from .hotwords_bigru_ctc import HotwordPhrases
from .language_model_bigru_ctc import LanguageModel
from .search_settings_bigru_ctc import BeamSearchSettings

__all__ = ["WordSearch", "load_word_search"]


class WordSearch(Protocol):
    """Finds the paths of an utterance."""

    def __call__(self, scores: FrameArray, check: Check = no_check) -> list[FoundPath]:
        """The paths that are found, the best one first.

        Args:
            scores: `(frames, classes)`.
            check: Called at least once a second of computing; what it raises ends the search.
        """


def load_word_search(
    folder: str | Path, symbols: CTCSymbols, settings: BeamSearchSettings, num_found: int
) -> WordSearch:
    """Return a search over the words of a language model.

    With the compiled part of the package it is [`CompiledSearch`]. Otherwise it is [`ArraySearch`], which finds the
    same and takes many times as long.

    Args:
        folder: A language model from `scripts/build_lm.py`: `lm.binary` and `lexicon.txt`. It is read once for all
            searches that are in use.
        symbols: The symbols of the classes.
        settings: Weights and widths.
        num_found: Paths that it returns at most.

    Raises:
        ImportError: If neither the compiled part nor KenLM is there.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon or a hotword has symbols outside the alphabet.
    """
    phrases = HotwordPhrases(settings.hotwords, symbols)
    language_model = LanguageModel.load(folder, symbols)
    kind = ArraySearch if language_model.compiled is None else CompiledSearch
    return kind(language_model, phrases, settings, num_found)
