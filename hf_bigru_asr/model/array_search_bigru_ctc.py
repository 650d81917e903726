"""Beam search over the words of a lexicon in NumPy, where the package is not compiled."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .ctc_output_bigru_ctc import FrameArray, IntArray
from .found_path_bigru_ctc import Check, FoundPath, no_check
from .hotwords_bigru_ctc import HotwordPhrases
from .language_model_bigru_ctc import FloatArray, LanguageModel
from .lexicon_bigru_ctc import Lexicon
from .search_settings_bigru_ctc import BeamSearchSettings

__all__ = ["ArraySearch"]

ScoreArray = npt.NDArray[np.float64]
_ROOT, _NONE = 0, -1
_MANY_HISTORIES = 8192
"""Sequences of words that a search may know beside those of its hypotheses; each takes some 400 bytes."""


@dataclass(frozen=True)
class SpellingTree:
    """Prefix tree of the spellings, as arrays over its nodes.

    Args:
        children: Node after each class `(nodes, classes)`, -1 if there is none.
        is_inner: Whether there are children `(nodes,)`.
        labels: Words that end at a node `(nodes, most words)`, -1 for none.
        best_scores: Best score of the words that end at a node or below it `(nodes,)`; 0 at the root. Words with one
            spelling count together.
    """

    children: npt.NDArray[np.int32]
    is_inner: npt.NDArray[np.bool_]
    labels: IntArray
    best_scores: FloatArray

    @classmethod
    def of(cls, lexicon: Lexicon, scores: FloatArray, num_classes: int) -> "SpellingTree":
        """The tree of a lexicon.

        Args:
            lexicon: The words.
            scores: Score of every word `(words,)`.
            num_classes: Classes of the network.
        """
        starts = np.concatenate([[0], lexicon.ends[:-1]])
        lengths = lexicon.ends - starts
        node_of = np.zeros(len(lengths), dtype=np.int64)
        parents, classes = [np.array([_NONE])], [np.array([_NONE])]
        level_starts, num_nodes = [0, 1], 1
        for depth in range(int(lengths.max())):
            active = np.flatnonzero(lengths > depth)
            keys = node_of[active] * num_classes + lexicon.classes[starts[active] + depth]
            unique, places = np.unique(keys, return_inverse=True)
            node_of[active] = num_nodes + places
            parents.append(unique // num_classes)
            classes.append(unique % num_classes)
            num_nodes += len(unique)
            level_starts.append(num_nodes)
        parent, of_class = np.concatenate(parents), np.concatenate(classes)
        children = np.full((num_nodes, num_classes), _NONE, dtype=np.int32)
        children[parent[1:], of_class[1:]] = np.arange(1, num_nodes)
        best = np.full(num_nodes, -np.inf, dtype=np.float32)
        labels = _labels_of(node_of, lexicon.numbers, num_nodes)
        for column in labels.T:
            is_word = column >= 0
            # flashlight-text adds the scores of words with one spelling, as natural logarithms, in its mode MAX too.
            added = np.logaddexp(best[is_word].astype(np.float64), scores[column[is_word]])
            best[is_word] = added
        for start, end in zip(level_starts[-2:0:-1], level_starts[:1:-1], strict=True):
            np.maximum.at(best, parent[start:end], best[start:end])
        best[_ROOT] = 0.0
        is_inner = np.zeros(num_nodes, dtype=np.bool_)
        is_inner[parent[1:]] = True
        return cls(children, is_inner, labels, best)


def _labels_of(node_of: IntArray, numbers: IntArray, num_nodes: int) -> IntArray:
    """Words that end at each node `(nodes, most words)`."""
    order = np.argsort(node_of, kind="stable")
    nodes = node_of[order]
    is_first = np.diff(nodes, prepend=-1) != 0
    first = np.flatnonzero(is_first)
    ranks = np.arange(len(nodes)) - np.repeat(first, np.diff(np.append(first, len(nodes))))
    labels = np.full((num_nodes, int(ranks.max()) + 1), _NONE)
    labels[nodes, ranks] = numbers[order]
    return labels


class _Histories:
    """Sequences of words of one search, each with a number, and the language model's scores of the next word.

    Args:
        model: `kenlm.Model`.
        new_state: `kenlm.State`.
        words: The words by number.
        phrases: Hotwords.
        lm_weight: Factor of all scores from here; bonuses are divided by it.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - kenlm is untyped
        new_state: Any,  # noqa: ANN401 - the same
        words: list[str],
        phrases: HotwordPhrases,
        lm_weight: float,
    ) -> None:
        self._score_of, self._new_state, self._words = model.BaseScore, new_state, words
        self._phrases, self._lm_weight = phrases, lm_weight
        self._known: dict[int, tuple[int, float]] = {}
        state = new_state()
        model.BeginSentenceWrite(state)
        self._states = {0: (state, phrases.start)}  # the empty sequence has the number 0
        self._next_number = 1
        self._num_kept = 0
        # Whether the next word may end or lengthen a phrase, whatever word it is.
        self.is_in_phrase = np.zeros(1024, dtype=np.bool_)

    def after(self, histories: IntArray, labels: IntArray) -> tuple[IntArray, FloatArray]:
        """Numbers of sequences with one more word each, and the scores of these words, base-10 logarithms."""
        keys = (histories * len(self._words) + labels).tolist()
        known = self._known
        found = [known[key] if key in known else self._score(key) for key in keys]
        numbers = np.array([number for number, _ in found], dtype=np.int64)
        return numbers, np.array([score for _, score in found], dtype=np.float32)

    def _score(self, key: int) -> tuple[int, float]:
        history, label = divmod(key, len(self._words))
        (before, phrase), state = self._states[history], self._new_state()
        word = self._words[label]
        log10 = self._score_of(before, word, state)
        number = self._next_number
        self._next_number += 1
        if self._phrases.words:
            phrase, gain = self._phrases.advance(phrase, word)
            log10 += gain / self._lm_weight
            if number == len(self.is_in_phrase):
                self.is_in_phrase = np.concatenate([self.is_in_phrase, np.zeros_like(self.is_in_phrase)])
            self.is_in_phrase[number] = phrase != self._phrases.start
        self._states[number] = (state, phrase)
        self._known[key] = number, log10
        return self._known[key]

    def forget_all_but(self, histories: IntArray) -> None:
        """Forget sequences that no hypothesis has, when there are many; one that comes again gets a new number."""
        if len(self._states) < self._num_kept + _MANY_HISTORIES:
            return
        kept = set(histories.tolist())
        self._states = {number: self._states[number] for number in kept}
        num_words = len(self._words)
        # Two hypotheses at one place are one if they have the same number.
        self._known = {
            key: found for key, found in self._known.items() if found[0] in kept and key // num_words in kept
        }
        self._num_kept = len(kept)

    def finish(self, histories: IntArray) -> FloatArray:
        """Scores of the end of sequences."""
        scores = {}
        for history in set(histories.tolist()):
            state, phrase = self._states[history]
            log10 = self._score_of(state, "</s>", self._new_state())
            scores[history] = log10 + self._phrases.finish(phrase) / self._lm_weight
        return np.array([scores[history] for history in histories.tolist()], dtype=np.float32)


class _Words(NamedTuple):
    """Complete words that hypotheses can get, as arrays `(words,)`.

    Args:
        parents: Their hypotheses.
        labels: The words.
        classes: Class of the frame.
        scores: Scores of the hypotheses with the frame.
        before: What the scores have of the words that were possible, a base-10 logarithm.
    """

    parents: IntArray
    labels: IntArray
    classes: IntArray
    scores: ScoreArray
    before: FloatArray

    def taken(self, places: Any) -> "_Words":  # noqa: ANN401 - what an array is indexed with
        """Some of them, in the order of `places`."""
        return _Words(
            self.parents[places], self.labels[places], self.classes[places], self.scores[places], self.before[places]
        )


class _Beam(NamedTuple):
    """Hypotheses at one frame, as arrays `(hypotheses,)`.

    Args:
        scores: Logarithms of their weights.
        histories: Numbers of their complete words.
        nodes: Where they are in the tree.
        classes: Class of the frame.
        parents: Hypothesis at the frame before.
        words: Word that the frame completes, -1 for none.
    """

    scores: ScoreArray
    histories: IntArray
    nodes: IntArray
    classes: IntArray
    parents: IntArray
    words: IntArray

    def taken(self, places: Any) -> "_Beam":  # noqa: ANN401 - what an array is indexed with
        """Some of them, in the order of `places`."""
        return _Beam(self.scores[places], *(values[places] for values in self.numbers))

    @property
    def numbers(self) -> tuple[IntArray, ...]:
        """All but the scores."""
        return self.histories, self.nodes, self.classes, self.parents, self.words


_Trace = tuple[npt.NDArray[np.int16], npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Classes, parents and words of a [`_Beam`]."""


class ArraySearch:
    """The search of flashlight's lexicon decoder, in NumPy. Threads can share it.

    It finds the same hypotheses with the same scores, but for the last bits, and knows hotwords: every word that
    continues a phrase gets its bonus at once, see [`HotwordPhrases`].

    Args:
        language_model: The n-gram and the lexicon.
        phrases: Hotwords.
        settings: Weights and widths.
        num_found: Paths that it returns at most.

    Source: `LexiconDecoder.cpp` and `Utils.h` of flashlight-text 0.0.7.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        phrases: HotwordPhrases,
        settings: BeamSearchSettings,
        num_found: int,
    ) -> None:
        symbols, model = language_model.symbols, language_model.model
        lexicon = language_model.lexicon.with_words(phrases.words, symbols)
        num_known = len(language_model.lexicon.words)
        further = [language_model.score_at_start(word) for word in lexicon.words[num_known:]]
        unigram_scores = np.concatenate([language_model.unigram_scores, np.array(further, dtype=np.float32)])
        if phrases.words:
            for number, word in enumerate(lexicon.words):
                if word in phrases.words:
                    unigram_scores[number] += phrases.advance(phrases.start, word)[1] / settings.lm_weight
        self._tree = SpellingTree.of(lexicon, unigram_scores, len(symbols))
        self._model, self._new_state = model, language_model.new_state
        self._words, self._phrases = lexicon.words, phrases
        self._symbols, self._settings, self._num_found = symbols, settings, num_found
        self._is_of_phrase = np.array([word in phrases.words for word in lexicon.words]) if phrases.words else None

    def __call__(self, scores: FrameArray, check: Check = no_check) -> list[FoundPath]:
        """The best paths; see [`WordSearch`]."""
        settings, symbols = self._settings, self._symbols
        histories = _Histories(self._model, self._new_state, self._words, self._phrases, settings.lm_weight)
        num_best = min(settings.beam_size_token or len(symbols), len(symbols))
        best_classes = np.argsort(-scores, axis=1, kind="stable")[:, :num_best]
        emissions = scores.astype(np.float64)
        beam = _Beam(np.zeros(1), *(np.array([each]) for each in (0, _ROOT, symbols.delimiter, _NONE, _NONE)))
        trail = [_traced(beam)]
        for row, classes in zip(emissions, best_classes, strict=True):
            check()
            beam = self._merged(self._extended(beam, row, classes, histories))
            if len(beam.scores) > settings.beam_size:
                beam = beam.taken(np.argpartition(-beam.scores, settings.beam_size)[: settings.beam_size])
            trail.append(_traced(beam))
            histories.forget_all_but(beam.histories)
        last = self._finished(beam, histories)
        return self._paths(last.scores, [*trail, _traced(last)])

    def _extended(self, beam: _Beam, row: ScoreArray, classes: IntArray, histories: _Histories) -> list[_Beam]:
        """Hypotheses for the next frame that are not below the threshold.

        They stay where they are, go on in the tree, or complete a word.
        """
        tree, symbols, settings = self._tree, self._symbols, self._settings
        is_root = beam.nodes == _ROOT
        blank_scores = beam.scores + row[symbols.blank]
        stays = np.flatnonzero(is_root | (beam.classes != symbols.blank))
        same = np.where(is_root, symbols.delimiter, beam.classes)[stays]
        stay_scores = beam.scores[stays] + row[same]
        children = tree.children[beam.nodes[:, None], classes]
        parents, ranks = np.nonzero(children >= 0)
        nodes, new = children[parents, ranks], classes[ranks]
        before = tree.best_scores[beam.nodes[parents]]
        scores = beam.scores[parents] + row[new]
        is_other = beam.classes[parents] != new
        next_scores = scores + settings.lm_weight * (tree.best_scores[nodes] - before).astype(np.float64)
        next_scores[~(is_other & tree.is_inner[nodes])] = -np.inf
        best = max(float(each.max(initial=-np.inf)) for each in (blank_scores, stay_scores, next_scores))
        least = best - settings.beam_threshold
        blank, stay, on = (np.flatnonzero(each >= least) for each in (blank_scores, stay_scores, next_scores))
        found = np.concatenate([blank, stays[stay], parents[on]])
        extended = _Beam(
            np.concatenate([blank_scores[blank], stay_scores[stay], next_scores[on]]),
            beam.histories[found],
            np.concatenate([beam.nodes[found[: len(blank) + len(stay)]], nodes[on]]),
            np.concatenate([np.full(len(blank), symbols.blank), same[stay], new[on]]),
            found,
            np.full(len(found), _NONE),
        )
        # A letter that is a word: on the next frame it is not the word again.
        ends, of_word = np.nonzero((tree.labels[nodes] >= 0) & (is_other | ~is_root[parents])[:, None])
        words = _Words(parents[ends], tree.labels[nodes[ends], of_word], new[ends], scores[ends], before[ends])
        return [extended, self._with_words(beam, words, least, histories)]

    def _with_words(self, beam: _Beam, words: "_Words", least: float, histories: _Histories) -> _Beam:
        """Hypotheses with one more complete word."""
        settings = self._settings
        # No word has a probability above 1, so most need not be looked up.
        highest = words.scores - settings.lm_weight * words.before.astype(np.float64) + settings.word_score
        if self._is_of_phrase is not None:
            can_gain = self._is_of_phrase[words.labels] | histories.is_in_phrase[beam.histories[words.parents]]
            highest[can_gain] = np.inf
        words = words.taken(highest >= least)
        after, gains = histories.after(beam.histories[words.parents], words.labels)
        total = words.scores + settings.lm_weight * (gains - words.before).astype(np.float64) + settings.word_score
        return _Beam(total, after, np.full(len(total), _ROOT), words.classes, words.parents, words.labels)

    def _merged(self, candidates: list[_Beam]) -> _Beam:
        """Candidates within the threshold; of those at one place in one history the best, with the weight of all."""
        every = _Beam(
            np.concatenate([each.scores for each in candidates]),
            *(np.concatenate(values) for values in zip(*(each.numbers for each in candidates), strict=True)),
        )
        every = every.taken(every.scores >= every.scores.max() - self._settings.beam_threshold)
        num_nodes, num_classes = self._tree.children.shape
        keys = (every.histories * num_nodes + every.nodes) * num_classes + every.classes
        order = np.lexsort((-every.scores, keys))
        scores, keys = every.scores[order], keys[order]
        heads = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        total = scores[heads]
        if self._settings.log_add and len(heads) < len(keys):
            sizes = np.diff(heads, append=len(keys))
            for rank in range(1, int(sizes.max())):
                groups = np.flatnonzero(sizes > rank)
                total[groups] = np.logaddexp(total[groups], scores[heads[groups] + rank])
        first = order[heads]
        return _Beam(total, *(values[first] for values in every.numbers))

    def _finished(self, beam: _Beam, histories: _Histories) -> _Beam:
        """Complete hypotheses, the best one first; if no word is complete at the end, all."""
        places = np.flatnonzero(beam.nodes == _ROOT)
        if len(places) == 0:
            places = np.arange(len(beam.nodes))
        ends = beam.histories[places]
        scores = beam.scores[places] + self._settings.lm_weight * histories.finish(ends).astype(np.float64)
        delimiters, none = np.full(len(places), self._symbols.delimiter), np.full(len(places), _NONE)
        merged = self._merged([_Beam(scores, ends, beam.nodes[places], delimiters, places, none)])
        best = np.argsort(-merged.scores, kind="stable")[: self._settings.beam_size]
        return merged.taken(best)

    def _paths(self, scores: ScoreArray, trail: list[_Trace]) -> list[FoundPath]:
        """Classes and words of the best hypotheses, which are in order at the end of the trail."""
        number = np.arange(min(self._num_found, len(scores)))
        classes = np.empty((len(trail), len(number)), dtype=np.int64)
        words = np.empty_like(classes)
        for frame in range(len(trail) - 1, -1, -1):
            of_classes, parents, of_words = trail[frame]
            classes[frame], words[frame] = of_classes[number], of_words[number]
            number = parents[number].astype(np.int64)
        return [
            FoundPath([self._words[label] for label in of_path[of_path >= 0].tolist()], score, path)
            for score, path, of_path in zip(scores.tolist(), classes.T, words.T, strict=False)
        ]


def _traced(beam: _Beam) -> _Trace:
    """What of a frame's hypotheses is kept until the end, in little memory."""
    return beam.classes.astype(np.int16), beam.parents.astype(np.int32), beam.words.astype(np.int32)
