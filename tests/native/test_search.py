"""The bindings of the compiled search; what it finds is compared in tests/model/test_compiled_search_bigru_ctc.py."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brute_force_search import write_language_model

from hf_bigru_asr.native.ngram import NGram
from hf_bigru_asr.native.search import Lexicon, Phrases, Search

SETTINGS: dict[str, float] = {
    "lm_weight": 1.0,
    "word_score": 0.5,
    "beam_threshold": 50.0,
    "beam_size": 30,
    "beam_size_token": 4,
    "log_add": True,
    "blank": 0,
    "delimiter": 3,
}
WORDS = ["A", "AB", "BB"]
LEXICON: dict[str, Any] = {
    "num_classes": 4,
    "classes": np.array([1, 3, 1, 2, 3, 2, 2, 3]),
    "ends": np.array([2, 5, 8]),
    "numbers": np.array([0, 1, 2]),
}


@pytest.fixture
def ngram(tmp_path: Path) -> NGram:
    return NGram(write_language_model(tmp_path) / "lm.binary")


@pytest.fixture
def lexicon(ngram: NGram) -> Lexicon:
    vocabulary, scores = ngram.scores_at_start(WORDS)
    return Lexicon(**LEXICON, scores=scores, vocabulary=vocabulary)


def frames(count: int) -> np.ndarray:
    values = np.random.default_rng(1).normal(0, 2, (count, 4)).astype(np.float32)
    return values - np.log(np.exp(values).sum(1, keepdims=True))


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_frames_come_in_pieces_of_any_length(size: int, ngram: NGram, lexicon: Lexicon) -> None:
    scores = frames(100)
    whole, pieces = (Search(ngram, lexicon, None, SETTINGS) for _ in range(2))
    whole.step(scores)
    for first in range(0, len(scores), size):
        pieces.step(scores[first : first + size])
    for one, other in zip(whole.finish(8), pieces.finish(8), strict=True):
        assert one.tolist() == other.tolist()
    assert 1000 < whole.num_bytes < 10_000_000


def test_paths_are_consistent(ngram: NGram, lexicon: Lexicon) -> None:
    search = Search(ngram, lexicon, None, SETTINGS)
    search.step(frames(40))
    scores, classes, words = search.finish(5)
    assert classes.shape == words.shape == (len(scores), 42)
    assert (np.diff(scores) <= 0).all()
    for path, labels in zip(classes, words, strict=True):
        letters = path[np.flatnonzero(np.diff(path, prepend=-1))]
        text = "".join("-AB|"[letter] for letter in letters if letter)
        spelled = "|".join(WORDS[label] for label in labels[labels >= 0])
        assert "|".join(text.replace("|", " ").split()) == spelled


@pytest.mark.parametrize(
    "changes",
    [
        {"num_classes": 0},
        {"num_classes": 3},
        {"num_classes": 256},
        {"ends": np.array([2, 2, 8])},
        {"ends": np.array([5, 2, 8])},
        {"numbers": np.array([0, 1, 3])},
        {"numbers": np.array([0, -1, 2])},
        {"classes": np.array([1, 3, 1, -2, 3, 2, 2, 3])},
    ],
    ids=str,
)
def test_a_lexicon_that_is_out_of_range_is_refused(changes: dict[str, Any], ngram: NGram) -> None:
    vocabulary, scores = ngram.scores_at_start(WORDS)
    with pytest.raises(ValueError, match="out of range"):
        Lexicon(**LEXICON | changes, scores=scores, vocabulary=vocabulary)


@pytest.mark.parametrize(
    "changes",
    [
        {"words": [3]},
        {"nexts": [2]},
        {"failures": [0, 1]},
        {"failures": [1, 0]},
        {"failures": [0, 7]},
        {"ends": [1, 0]},
    ],
    ids=str,
)
def test_phrases_that_are_out_of_range_are_refused(changes: dict[str, Any]) -> None:
    given: dict[str, Any] = {"ends": [1, 1], "words": [0], "nexts": [1], "gains": [2.0], "failures": [0, 0]}
    given |= {"failure_gains": [0.0, 0.0], "finish_gains": [0.0, 0.0]}
    Phrases(**{name: np.array(values) for name, values in given.items()}, num_words=3)
    with pytest.raises(ValueError, match="out of range"):
        Phrases(**{name: np.array(values) for name, values in (given | changes).items()}, num_words=3)


@pytest.mark.parametrize(
    "changes", [{"beam_size": 0}, {"beam_size_token": 0}, {"blank": 4}, {"delimiter": -1}], ids=str
)
def test_settings_that_are_out_of_range_are_refused(changes: dict[str, float], ngram: NGram, lexicon: Lexicon) -> None:
    with pytest.raises(ValueError, match="cannot begin"):
        Search(ngram, lexicon, None, SETTINGS | changes)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("setting", ["lm_weight", "word_score", "beam_threshold"])
def test_weights_that_are_no_numbers_are_refused(setting: str, value: float, ngram: NGram, lexicon: Lexicon) -> None:
    with pytest.raises(ValueError, match="cannot begin"):
        Search(ngram, lexicon, None, SETTINGS | {setting: value})


@pytest.mark.parametrize(
    "changes",
    [{"ends": np.array([2, 5, 9])}, {"numbers": np.array([0, 1])}, {"classes": np.array([[1, 3]])}, {"ends": []}],
    ids=str,
)
def test_a_lexicon_of_arrays_that_do_not_fit_is_refused(changes: dict[str, Any], ngram: NGram) -> None:
    vocabulary, scores = ngram.scores_at_start(WORDS)
    with pytest.raises(ValueError, match="The lexicon"):
        Lexicon(**LEXICON | changes, scores=scores, vocabulary=vocabulary)
    with pytest.raises(ValueError, match="different lengths"):
        Lexicon(**LEXICON, scores=scores, vocabulary=vocabulary[:2])


def test_phrases_of_other_words_are_refused(ngram: NGram, lexicon: Lexicon) -> None:
    given: dict[str, Any] = {"ends": [1, 1], "words": [0], "nexts": [1], "gains": [2.0], "failures": [0, 0]}
    given |= {"failure_gains": [0.0, 0.0], "finish_gains": [0.0, 0.0]}
    with pytest.raises(ValueError, match="for 2 words and the lexicon has 3"):
        Search(ngram, lexicon, Phrases(**given, num_words=2), SETTINGS)
    for changes in ({"ends": [1, 2]}, {"gains": [1.0, 2.0]}, {"failures": [0]}, {"finish_gains": [0.0]}):
        with pytest.raises(ValueError, match="The hotwords"):
            Phrases(**given | changes, num_words=3)


@pytest.mark.parametrize("shape", [(5, 3), (5, 5), (4,), (1, 5, 4)], ids=str)
def test_scores_of_other_classes_are_refused(shape: tuple[int, ...], ngram: NGram, lexicon: Lexicon) -> None:
    with pytest.raises(ValueError, match=r"are not \(frames, 4\)"):
        Search(ngram, lexicon, None, SETTINGS).step(np.zeros(shape, dtype=np.float32))


def test_a_search_ends_once(ngram: NGram, lexicon: Lexicon) -> None:
    search = Search(ngram, lexicon, None, SETTINGS)
    search.step(np.asfortranarray(frames(5), dtype=np.float64))
    search.finish(3)
    with pytest.raises(RuntimeError, match="has ended"):
        search.finish(3)
    with pytest.raises(RuntimeError, match="has ended"):
        search.step(frames(5))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_what_has_memory_of_its_own_is_not_copied(
    copied: Callable[[object], object], ngram: NGram, lexicon: Lexicon
) -> None:
    for each in (ngram, lexicon, Search(ngram, lexicon, None, SETTINGS)):
        with pytest.raises(TypeError, match="cannot be copied"):
            copied(each)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("log_add", [False, True])
def test_scores_that_are_no_numbers_give_no_scores_that_are_none(
    log_add: bool, value: float, ngram: NGram, lexicon: Lexicon
) -> None:
    scores = frames(20)
    scores[0], scores[7:9, 2] = value, value
    search = Search(ngram, lexicon, None, SETTINGS | {"log_add": log_add})
    search.step(scores)
    weights, classes, _ = search.finish(5)
    assert len(weights) == len(classes)
    assert not np.isnan(weights).any()


@pytest.mark.parametrize("num_words", [3, 300])
def test_the_best_hypothesis_is_kept_among_many_of_one_score(num_words: int, ngram: NGram) -> None:
    # All unknown to the n-gram, so with one score; the last one has another letter.
    words = [f"X{number}" for number in range(num_words)]
    vocabulary, scores = ngram.scores_at_start(words)
    classes = [1] * (num_words - 1) + [2]
    lexicon = Lexicon(4, np.array(classes), np.arange(1, num_words + 1), np.arange(num_words), scores, vocabulary)
    for beam_size in (1, 2, num_words - 1):
        search = Search(ngram, lexicon, None, SETTINGS | {"beam_size": beam_size, "lm_weight": 0.1, "word_score": 9.0})
        search.step(np.array([[-8.0, -1.0, -0.5, -8.0]], dtype=np.float32))
        weights, _, labels = search.finish(1)
        assert labels[0].max() == num_words - 1
        assert weights[0] > 0
