"""A loaded language model: its n-gram, its lexicon and the trie of flashlight-text, shared by all searches with it."""

from functools import cached_property
from itertools import repeat
from pathlib import Path
from threading import RLock
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from .ctc_output_bigru_ctc import CTCSymbols
from .language_model_files_bigru_ctc import LEXICON_NAME, MODEL_NAME, RECORD_NAME, check_language_model
from .lexicon_bigru_ctc import Lexicon

__all__ = [
    "NUM_BONUS_CLASSES",
    "NUM_FURTHER_LABELS",
    "FlashlightModel",
    "FloatArray",
    "LanguageModel",
    "has_flashlight",
]

FloatArray = npt.NDArray[np.float32]
NUM_FURTHER_LABELS = 10_000
"""Labels beside the words of the lexicon, for hotwords; the n-gram takes each for an unknown word."""
NUM_BONUS_CLASSES = 8
"""Classes beside those of the network, each a word delimiter with a bonus."""
_UNKNOWN = "<unk>"

_lock = RLock()


def has_flashlight() -> bool:
    """Whether flashlight-text is installed; it has no wheels for Python 3.13 and later."""
    try:
        import flashlight.lib.text.decoder.kenlm  # noqa: F401 - whether it can be imported
    except ImportError:
        return False
    return True


class LanguageModel:
    """The n-gram and the lexicon of a folder. Threads can share it.

    Args:
        folder: A language model from `scripts/build_lm.py`: `lm.binary` and `lexicon.txt`.
        symbols: The symbols of the classes.

    Raises:
        ImportError: If KenLM is not installed.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon has symbols outside the alphabet.
    """

    def __init__(self, folder: Path, symbols: CTCSymbols) -> None:
        self.path = folder / MODEL_NAME
        self.symbols = symbols
        check_language_model(folder)
        try:
            import kenlm
        except ImportError as error:
            raise ImportError(
                "Beam search needs KenLM: pip install kenlm-ex. Greedy decoding works without it."
            ) from error
        self.new_state = kenlm.State
        self.lexicon = Lexicon.read(folder, symbols)
        try:
            self.model = kenlm.Model(str(self.path))
        except (RuntimeError, OSError, ValueError) as error:
            raise ValueError(f"{self.path} is no language model that KenLM reads: {error}") from error
        self._flashlight: FlashlightModel | None = None
        self.unigram_scores = self._unigram_scores()
        if not np.isfinite(self.unigram_scores).all():
            word = self.lexicon.words[int(np.flatnonzero(~np.isfinite(self.unigram_scores))[0])]
            raise ValueError(
                f"{self.path} gives the word {word!r} a score that is no finite number; build it again with "
                "scripts/build_lm.py."
            )

    @classmethod
    def load(cls, folder: str | Path, symbols: CTCSymbols) -> "LanguageModel":
        """The language model of a folder; while one with the same files is in use, that one.

        So a decoder with other weights or hotwords reads nothing. The errors are those of the class.
        """
        for name in (MODEL_NAME, LEXICON_NAME):
            if not (Path(folder) / name).is_file():
                raise FileNotFoundError(
                    f"{Path(folder) / name} does not exist; scripts/build_lm.py makes a language model."
                )
        with _lock:
            key = (str(Path(folder).resolve()), _signatures(Path(folder)), symbols)
            found = _loaded.get(key)
            if found is None:
                found = _loaded[key] = cls(Path(folder), symbols)
            return found

    def score_at_start(self, word: str) -> float:
        """Base-10 logarithm of the probability of a word at the beginning of a sentence."""
        start = self.new_state()
        self.model.BeginSentenceWrite(start)
        score: float = self.model.BaseScore(start, word, self.new_state())
        return score

    def _unigram_scores(self) -> FloatArray:
        """Score of every word at the beginning of a hypothesis, which the search uses before a word is complete."""
        start, after = self.new_state(), self.new_state()
        self.model.BeginSentenceWrite(start)
        words = self.lexicon.words
        scores = map(self.model.BaseScore, repeat(start), words, repeat(after))
        return np.fromiter(scores, dtype=np.float32, count=len(words))

    @cached_property
    def number_of(self) -> dict[str, int]:
        """Number of every word."""
        return {word: number for number, word in enumerate(self.lexicon.words)}

    @property
    def has_flashlight_model(self) -> bool:
        """Whether `flashlight` has been made."""
        return self._flashlight is not None

    @property
    def flashlight(self) -> "FlashlightModel":
        """The same for flashlight-text, made when it is first asked for.

        Raises:
            ImportError: If flashlight-text is not installed.
        """
        with _lock:
            if self._flashlight is None:
                self._flashlight = FlashlightModel(self.path, self.lexicon, self.unigram_scores, self.symbols)
            return self._flashlight


class FlashlightModel:
    """The n-gram, and the spellings of the lexicon as a trie, of flashlight-text. Threads can share it.

    Args:
        path: The n-gram.
        lexicon: The words.
        unigram_scores: Score of every word at the beginning of a hypothesis `(words,)`.
        symbols: The symbols of the classes.

    Raises:
        ImportError: If flashlight-text is not installed.
    """

    def __init__(self, path: Path, lexicon: Lexicon, unigram_scores: FloatArray, symbols: CTCSymbols) -> None:
        try:
            from flashlight.lib.text import decoder
            from flashlight.lib.text.decoder.kenlm import KenLM
            from flashlight.lib.text.dictionary import Dictionary
        except ImportError as error:
            raise ImportError("This search needs flashlight-text: pip install flashlight-text.") from error
        self.decoder = decoder
        self.number_of_unknown = len(lexicon.words)
        dictionary = Dictionary([*lexicon.words, _UNKNOWN, *_further_entries()])
        dictionary.set_default_index(self.number_of_unknown)
        self.n_gram = KenLM(str(path), dictionary)
        self.trie = decoder.Trie(len(symbols) + NUM_BONUS_CLASSES, symbols.delimiter)
        insert = self.trie.insert
        classes, begin, scores = lexicon.classes.tolist(), 0, unigram_scores.tolist()
        for number, end in zip(lexicon.numbers.tolist(), lexicon.ends.tolist(), strict=True):
            insert(classes[begin:end], number, scores[number])
            begin = end
        self.trie.smear(decoder.SmearingMode.MAX)


def _further_entries() -> list[str]:
    """Entries that no n-gram has."""
    return [f"\t{number}" for number in range(NUM_FURTHER_LABELS)]


def _signatures(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Sizes and times of the files that are read."""
    found = []
    for name in (MODEL_NAME, LEXICON_NAME, RECORD_NAME):
        if (folder / name).is_file():
            status = (folder / name).stat()
            found.append((name, status.st_size, status.st_mtime_ns))
    return tuple(found)


_loaded: "WeakValueDictionary[tuple[object, ...], LanguageModel]" = WeakValueDictionary()
