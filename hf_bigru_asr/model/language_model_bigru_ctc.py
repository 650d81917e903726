"""A loaded language model: its n-gram and its lexicon, shared by all searches with it."""

from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from threading import RLock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from .ctc_output_bigru_ctc import CTCSymbols
from .language_model_files_bigru_ctc import LEXICON_NAME, MODEL_NAME, RECORD_NAME, check_language_model
from .lexicon_bigru_ctc import Lexicon

try:
    from hf_bigru_asr.native.ngram import NGram
    from hf_bigru_asr.native.search import MAX_CLASSES
    from hf_bigru_asr.native.search import Lexicon as CompiledLexicon
except ImportError:  # as remote code, without the package
    MAX_CLASSES = 0

__all__ = ["CompiledModel", "FloatArray", "LanguageModel"]

FloatArray = npt.NDArray[np.float32]

_lock = RLock()


class LanguageModel:
    """The n-gram and the lexicon of a folder. Threads can share it.

    Args:
        folder: A language model from `scripts/build_lm.py`: `lm.binary` and `lexicon.txt`.
        symbols: The symbols of the classes.

    Raises:
        ImportError: If neither the compiled part of the package nor KenLM is there.
        FileNotFoundError: If a file of the language model is missing.
        ValueError: If a file is broken, or the lexicon has symbols outside the alphabet.
    """

    def __init__(self, folder: Path, symbols: CTCSymbols) -> None:
        self.path = folder / MODEL_NAME
        self.symbols = symbols
        check_language_model(folder)
        self.lexicon = Lexicon.read(folder, symbols)
        self.compiled = CompiledModel.open(self.path, self.lexicon, len(symbols))
        if self.compiled is None:
            self.unigram_scores = self._unigram_scores()
        else:
            self.unigram_scores = self.compiled.unigram_scores
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

    @cached_property
    def _kenlm(self) -> Any:  # noqa: ANN401 - kenlm is untyped
        try:
            import kenlm
        except ImportError as error:
            raise ImportError(
                "Beam search needs KenLM: pip install kenlm-ex. Greedy decoding works without it."
            ) from error
        return kenlm

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 - the same
        """`kenlm.Model`.

        Raises:
            ImportError: If KenLM is not installed.
            ValueError: If the file is broken.
        """
        try:
            return self._kenlm.Model(str(self.path))
        except (RuntimeError, OSError, ValueError) as error:
            raise ValueError(f"{self.path} is no language model that KenLM reads: {error}") from error

    def new_state(self) -> Any:  # noqa: ANN401 - the same
        """`kenlm.State`."""
        return self._kenlm.State()

    def score_at_start(self, word: str) -> float:
        """Base-10 logarithm of the probability of a word at the beginning of a sentence."""
        if self.compiled is not None:
            return float(self.compiled.ngram.scores_at_start([word])[1][0])
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


class CompiledModel:
    """The n-gram and the lexicon for [`CompiledSearch`]. Threads can share it.

    Args:
        ngram: The n-gram.
        lexicon: The words.
        num_classes: Classes of the network.

    Attributes:
        lexicon: Their spellings as a tree.
        unigram_scores: Score of every word at the beginning of a hypothesis `(words,)`, a base-10 logarithm.
    """

    def __init__(self, ngram: "NGram", lexicon: Lexicon, num_classes: int) -> None:
        self.ngram, self._num_classes = ngram, num_classes
        self._vocabulary, self.unigram_scores = ngram.scores_at_start(lexicon.words)
        self._num_words = len(lexicon.words)
        self.lexicon = self.tree_of(lexicon, {})

    @classmethod
    def open(cls, path: Path, lexicon: Lexicon, num_classes: int) -> "CompiledModel | None":
        """The model of a file; `None` without the compiled part of the package, or if KenLM has to read the file.

        Raises:
            ValueError: If the file cannot be read and KenLM is not installed.
        """
        if num_classes > MAX_CLASSES:
            return None
        try:
            return cls(NGram(path), lexicon, num_classes)
        except ImportError:
            return None
        except (OSError, ValueError):  # KenLM reads more, and has messages of its own
            if find_spec("kenlm") is None:
                raise
            return None

    def tree_of(self, lexicon: Lexicon, gains: Mapping[int, float]) -> "CompiledLexicon":
        """The tree of the lexicon and some words behind it.

        Args:
            lexicon: The words.
            gains: What words have beside their scores, by their numbers.
        """
        added = lexicon.words[self._num_words :]
        vocabulary, scores = self.ngram.scores_at_start(added) if added else (self._vocabulary[:0], np.empty(0))
        scores = np.concatenate([self.unigram_scores, scores]).astype(np.float32)
        for number, gain in gains.items():
            scores[number] += gain
        vocabulary = np.concatenate([self._vocabulary, vocabulary])
        return CompiledLexicon(self._num_classes, lexicon.classes, lexicon.ends, lexicon.numbers, scores, vocabulary)


def _signatures(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Sizes and times of the files that are read."""
    found = []
    for name in (MODEL_NAME, LEXICON_NAME, RECORD_NAME):
        if (folder / name).is_file():
            status = (folder / name).stat()
            found.append((name, status.st_size, status.st_mtime_ns))
    return tuple(found)


_loaded: "WeakValueDictionary[tuple[object, ...], LanguageModel]" = WeakValueDictionary()
