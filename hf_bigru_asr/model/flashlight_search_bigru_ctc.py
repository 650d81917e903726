"""Beam search over the words of a lexicon by flashlight-text, with hotwords as further spellings in its trie.

flashlight-text adds no bonus to words, and would call Python for every word of a language model that does. But it
takes any number of classes. Hotwords end with a further class, which has the score of the delimiter and a bonus.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .ctc_output_bigru_ctc import FrameArray, IntArray
from .found_path_bigru_ctc import Check, FoundPath, no_check
from .hotwords_bigru_ctc import HotwordPhrases
from .language_model_bigru_ctc import NUM_BONUS_CLASSES, NUM_FURTHER_LABELS, LanguageModel
from .search_settings_bigru_ctc import BeamSearchSettings

__all__ = ["MAX_PHRASES", "FlashlightSearch"]

MAX_PHRASES = NUM_FURTHER_LABELS
"""Hotwords that are phrases or are outside the lexicon, at most."""
STEP_FRAMES = 50
"""Frames from one call of C++ to the next. Within one nothing else of Python runs, signals and threads included."""
Spelling = tuple[int, ...]


class FlashlightSearch:
    """The lexicon decoder of flashlight-text. Threads can share it.

    The score of a hypothesis with hotwords is that of [`HotwordPhrases`]. For phrases of several words this holds of
    what is found: within the search a phrase is one word, whose words do not depend on those before it.

    Args:
        language_model: The n-gram and the lexicon.
        phrases: Hotwords.
        settings: Weights and widths.
        num_found: Paths that it returns at most.

    Raises:
        ImportError: If flashlight-text is not installed.
        ValueError: If there are too many hotwords.

    Source: `torchaudio.models.decoder.ctc_decoder` 2.11, which sets flashlight-text up in the same way; J. Kahn et
    al., "Flashlight: enabling innovation in tools for machine learning", ICML 2022.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        phrases: HotwordPhrases,
        settings: BeamSearchSettings,
        num_found: int,
    ) -> None:
        flashlight, symbols = language_model.flashlight, language_model.symbols
        self._symbols, self._num_found = symbols, num_found
        self._hotwords = _Hotwords.of(language_model, phrases, settings) if phrases.words else None
        self._bonuses = np.array(self._hotwords.bonuses if self._hotwords else [], dtype=np.float32)
        trie = self._hotwords.trie if self._hotwords else flashlight.trie
        self._words = [*language_model.lexicon.words, "", *(self._hotwords.texts if self._hotwords else ())]
        decoder = flashlight.decoder
        options = decoder.LexiconDecoderOptions(
            beam_size=settings.beam_size,
            beam_size_token=(settings.beam_size_token or len(symbols)) + len(self._bonuses),
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
            options,
            trie,
            flashlight.n_gram,
            symbols.delimiter,
            symbols.blank,
            flashlight.number_of_unknown,
            [],
            False,
        )

    def __call__(self, scores: FrameArray, check: Check = no_check) -> list[FoundPath]:
        """The best paths; see [`WordSearch`]."""
        if self._hotwords is not None:
            scores = np.concatenate([scores, scores[:, [self._symbols.delimiter]] + self._bonuses], axis=1)
        scores = np.ascontiguousarray(scores, dtype=np.float32)
        search = self._new_decoder()
        search.decode_begin()
        for first in range(0, len(scores), STEP_FRAMES):
            check()
            step = scores[first : first + STEP_FRAMES]
            search.decode_step(step.ctypes.data, *step.shape)
        search.decode_end()
        paths = []
        for each in search.get_all_final_hypothesis()[: self._num_found]:
            labels, classes = np.array(each.words), np.array(each.tokens)
            places = np.flatnonzero(labels >= 0)
            words = [self._words[label] for label in labels[places].tolist()]
            score = each.score
            if self._hotwords is not None:
                score += self._hotwords.correction(words, classes[places] - len(self._symbols))
                words = [part for word in words for part in word.split(" ")]
                classes = np.where(classes < len(self._symbols), classes, self._symbols.delimiter)
            paths.append(FoundPath(words, score, classes))
        if self._hotwords is not None:
            paths.sort(key=lambda path: -path.score)
        return paths


@dataclass(frozen=True)
class _Hotwords:
    """Hotwords in a trie.

    Args:
        trie: That of the lexicon with the hotwords, most of whose nodes it shares.
        bonuses: Bonus of every further class, in nats.
        texts: Words of the further labels, of several words with spaces.
        phrases: The hotwords.
        language_model: The n-gram and the lexicon.
        settings: Weights.
    """

    trie: Any
    bonuses: list[float]
    texts: list[str]
    phrases: HotwordPhrases
    language_model: LanguageModel
    settings: BeamSearchSettings

    @classmethod
    def of(cls, language_model: LanguageModel, phrases: HotwordPhrases, settings: BeamSearchSettings) -> "_Hotwords":
        """The hotwords beside a lexicon."""
        symbols, number_of = language_model.symbols, language_model.number_of
        paths = sorted(phrases.complete)
        texts = [" ".join(path) for path in paths if len(path) > 1 or path[0] not in number_of]
        if len(texts) > NUM_FURTHER_LABELS:
            raise ValueError(
                f"{len(texts)} hotwords are phrases or are outside the lexicon; give at most {NUM_FURTHER_LABELS}."
            )
        first = language_model.flashlight.number_of_unknown + 1
        label_of = {text: first + place for place, text in enumerate(texts)}
        found = cls(None, [], texts, phrases, language_model, settings)
        wanted = [found._bonus_of(path) for path in paths]
        levels = _levels(wanted)
        trie = _Trie(language_model)
        for path, bonus in zip(paths, wanted, strict=True):
            text = " ".join(path)
            level = int(np.abs(np.array(levels) - bonus).argmin())
            spelling = [*symbols.encode(text), symbols.delimiter]
            label = label_of.get(text, number_of.get(text, -1))
            if len(path) == 1:
                trie.remove(spelling, label)
            expected = found._score_of(text) + levels[level] / settings.lm_weight
            trie.insert([*spelling[:-1], len(symbols) + level], label, expected)
        return replace(found, trie=trie.finish(), bonuses=levels)

    def _score_of(self, text: str) -> float:
        """Base-10 logarithm of the probability that the n-gram gives a label within the search, without a history."""
        return self.language_model.score_at_start(text)

    def _bonus_of(self, path: Sequence[str]) -> float:
        """What the further class of a phrase adds, in nats, so that its score without a history is right."""
        bonus = self.phrases.complete[tuple(path)]
        if len(path) == 1:
            return bonus
        alone = self._score_of(" ".join(path))
        weight, word_score = self.settings.lm_weight, self.settings.word_score
        return bonus + weight * (self._sum_of(path) - alone) + word_score * (len(path) - 1)

    def _sum_of(self, words: Sequence[str]) -> float:
        """Base-10 logarithm of the probability of words at the beginning of a sentence."""
        model = self.language_model
        before, after = model.new_state(), model.new_state()
        model.model.BeginSentenceWrite(before)
        total = 0.0
        for word in words:
            total += model.model.BaseScore(before, word, after)
            before, after = after, before
        return total

    def correction(self, words: Sequence[str], classes: IntArray) -> float:
        """What the score of a path lacks.

        Args:
            words: Texts of its labels.
            classes: Number of the further class that ends each, or a negative number.
        """
        parts = [part for word in words for part in word.split(" ")]
        given = sum(self.bonuses[number] for number in classes.tolist() if number >= 0)
        change = self._gain(parts) - given
        if len(parts) > len(words):
            weight, word_score = self.settings.lm_weight, self.settings.word_score
            difference = self._sum_of([*parts, "</s>"]) - self._sum_of([*words, "</s>"])
            change += weight * difference + word_score * (len(parts) - len(words))
        return change

    def _gain(self, words: Sequence[str]) -> float:
        """Bonus of a sequence of words, in nats."""
        if not self.phrases.words.intersection(words):
            return 0.0
        state, total = self.phrases.start, 0.0
        for word in words:
            state, gain = self.phrases.advance(state, word)
            total += gain
        return total + self.phrases.finish(state)


def _levels(bonuses: Sequence[float]) -> list[float]:
    """Few bonuses near to all of some."""
    distinct = sorted(set(bonuses))
    if len(distinct) <= NUM_BONUS_CLASSES:
        return distinct
    values: npt.NDArray[np.float64] = np.linspace(distinct[0], distinct[-1], NUM_BONUS_CLASSES)
    return [float(value) for value in values]


class _Trie:
    """A trie of flashlight-text with changes that leave the one of the lexicon as it is: nodes on the way are copies.

    Args:
        language_model: The lexicon.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        flashlight, symbols = language_model.flashlight, language_model.symbols
        self._new_node = flashlight.decoder.TrieNode
        self._trie = flashlight.decoder.Trie(len(symbols) + NUM_BONUS_CLASSES, symbols.delimiter)
        # The root by search(), because get_root() lets Python free what the trie frees too.
        root, origin = self._trie.search([]), flashlight.trie.search([])
        root.max_score = origin.max_score
        self._nodes: dict[Spelling, Any] = {(): root}
        self._children: dict[Spelling, dict[int, Any]] = {(): origin.children}

    def insert(self, spelling: Sequence[int], label: int, score: float) -> None:
        """Add a word, and let all nodes on its way expect it."""
        for length in range(1, len(spelling) + 1):
            node = self._copied(tuple(spelling[:length]))
            node.max_score = max(node.max_score, score)
        node.labels, node.scores = [*node.labels, label], [*node.scores, score]

    def remove(self, spelling: Sequence[int], label: int) -> None:
        """Take a word out of the node at the end of its spelling, if it is there."""
        node = self._nodes[()]
        for length, number in enumerate(spelling):
            siblings = self._children.get(tuple(spelling[:length]))
            node = (node.children if siblings is None else siblings).get(number)
            if node is None:
                return
        if label not in node.labels:
            return
        copy = self._copied(tuple(spelling))
        kept = [(each, score) for each, score in zip(copy.labels, copy.scores, strict=True) if each != label]
        copy.labels, copy.scores = [each for each, _ in kept], [score for _, score in kept]

    def _copied(self, spelling: Spelling) -> Any:  # noqa: ANN401 - a node of flashlight-text
        if spelling in self._nodes:
            return self._nodes[spelling]
        self._copied(spelling[:-1])
        siblings = self._children[spelling[:-1]]
        node, origin = self._new_node(spelling[-1]), siblings.get(spelling[-1])
        node.max_score = -np.inf if origin is None else origin.max_score
        if origin is not None:
            node.labels, node.scores = origin.labels, origin.scores
        siblings[spelling[-1]] = self._nodes[spelling] = node
        self._children[spelling] = {} if origin is None else origin.children
        return node

    def finish(self) -> Any:  # noqa: ANN401 - a trie of flashlight-text
        """The trie."""
        for spelling, node in self._nodes.items():
            node.children = self._children[spelling]
        return self._trie
