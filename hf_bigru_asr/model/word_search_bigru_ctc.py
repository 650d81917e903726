"""Beam search over the words of a lexicon with KenLM's n-gram and hotwords: by flashlight-text, or else in NumPy."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Protocol

from .array_search_bigru_ctc import ArraySearch
from .compiled_search_bigru_ctc import CompiledSearch
from .ctc_output_bigru_ctc import CTCSymbols, FrameArray
from .flashlight_search_bigru_ctc import FlashlightSearch
from .found_path_bigru_ctc import Check, FoundPath, no_check
from .hotwords_bigru_ctc import HotwordPhrases
from .language_model_bigru_ctc import LanguageModel, has_flashlight
from .search_settings_bigru_ctc import BeamSearchSettings

__all__ = ["QuickStartSearch", "WordSearch", "load_word_search"]

QUICK_FRAMES = 600
"""Frames until flashlight-text takes over. It is ready 0.13 s later, and saves 0.2 ms a frame."""
SMALL_HYPOTHESES = 900_000
"""Hypotheses of all frames of the largest utterance for flashlight-text where memory is saved; each has 100 bytes."""


class WordSearch(Protocol):
    """Finds the paths of an utterance."""

    def __call__(self, scores: FrameArray, check: Check = no_check) -> list[FoundPath]:
        """The paths that are found, the best one first.

        Args:
            scores: `(frames, classes)`.
            check: Called at least once a second of computing; what it raises ends the search.
        """


def load_word_search(
    folder: str | Path,
    symbols: CTCSymbols,
    settings: BeamSearchSettings,
    num_found: int,
    *,
    saves_memory: bool = False,
) -> WordSearch:
    """Return a search over the words of a language model.

    Where flashlight-text is installed it is [`QuickStartSearch`]. Otherwise it is [`ArraySearch`], which finds the
    same and takes three times as long.

    Args:
        folder: A language model from `scripts/build_lm.py`: `lm.binary` and `lexicon.txt`. It is read once for all
            searches that are in use.
        symbols: The symbols of the classes.
        settings: Weights and widths.
        num_found: Paths that it returns at most.
        saves_memory: Whether flashlight-text searches utterances alone in which it keeps at most
            [`SMALL_HYPOTHESES`].

    Raises:
        ImportError: If KenLM is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon or a hotword has symbols outside the alphabet.
    """
    phrases = HotwordPhrases(settings.hotwords, symbols)
    language_model = LanguageModel.load(folder, symbols)

    def array_search() -> WordSearch:
        return ArraySearch(language_model, phrases, settings, num_found)

    def flashlight_search() -> WordSearch:
        return FlashlightSearch(language_model, phrases, settings, num_found)

    if language_model.compiled is not None:
        return CompiledSearch(language_model, phrases, settings, num_found)
    if not has_flashlight():
        return array_search()
    small_frames = SMALL_HYPOTHESES // settings.beam_size
    search = QuickStartSearch(array_search, flashlight_search, small_frames, saves_memory=saves_memory)
    if phrases.words or language_model.has_flashlight_model:
        search.make_fast()
    return search


class QuickStartSearch:
    """The search that is sooner ready for a short recording, and the faster one when there is more.

    Both find the same paths with the same scores. Threads can share it.

    Args:
        make_quick: Makes the one that is sooner ready, and takes less memory.
        make_fast: Makes the faster one.
        small_frames: Frames of the longest utterance for the faster one while memory is saved.
        saves_memory: Whether the quick one searches longer utterances.
    """

    def __init__(
        self,
        make_quick: Callable[[], WordSearch],
        make_fast: Callable[[], WordSearch],
        small_frames: int,
        *,
        saves_memory: bool = False,
    ) -> None:
        self._make_quick, self._make_fast = make_quick, make_fast
        self._small_frames = small_frames
        self._saves_memory = saves_memory
        self._stays_quick = False
        self._quick: WordSearch | None = None
        self._fast: WordSearch | None = None
        self._num_frames = 0
        self._lock = Lock()

    def __call__(self, scores: FrameArray, check: Check = no_check) -> list[FoundPath]:
        """The best paths; see [`WordSearch`]."""
        with self._lock:
            search = self._choose(len(scores))
        return search(scores, check)

    def save_memory(self) -> None:
        """Let the quick one search long utterances from now on; all of them, unless the faster one has been made."""
        with self._lock:
            self._saves_memory = True
            self._stays_quick = self._fast is None

    def make_fast(self) -> None:
        """Use the faster one from the first frame."""
        with self._lock:
            self._fast = self._fast or self._make_fast()
            self._stays_quick = False

    def _choose(self, num_frames: int) -> WordSearch:
        if not self._stays_quick and (not self._saves_memory or num_frames <= self._small_frames):
            self._num_frames += num_frames
            if self._fast is None and self._num_frames > QUICK_FRAMES:
                self._fast = self._make_fast()
                if not self._saves_memory:
                    self._quick = None
            if self._fast is not None:
                return self._fast
        if self._quick is None:
            self._quick = self._make_quick()
        return self._quick
