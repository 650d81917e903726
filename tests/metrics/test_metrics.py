"""Counts of errors against tables and jiwer, and the same counts through `evaluate`."""

import random
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from types import ModuleType

import jiwer
import pytest

from hf_bigru_asr.metrics import ErrorCounts, character_error_counts, metric_path, word_error_counts

COUNTERS = [pytest.param(word_error_counts, id="words"), pytest.param(character_error_counts, id="characters")]
Counter = Callable[[Sequence[str], Sequence[str]], ErrorCounts]

# Pairs of which only one alignment is minimal: reference, prediction, hits, substitutions, deletions, insertions.
WORD_CASES = [
    ("A B C", "A B C", 3, 0, 0, 0),
    ("A B C", "A X C", 2, 1, 0, 0),
    ("A B C", "A C", 2, 0, 1, 0),
    ("A B C", "A B X C", 3, 0, 0, 1),
    ("A B C", "", 0, 0, 3, 0),
    ("", "A B", 0, 0, 0, 2),
    ("", "", 0, 0, 0, 0),
    ("A", "X Y Z A", 1, 0, 0, 3),
    ("  A\t B ", "A B", 2, 0, 0, 0),
    ("DON'T STOP", "DONT STOP", 1, 1, 0, 0),
]
CHARACTER_CASES = [
    ("CAT", "CUT", 2, 1, 0, 0),
    ("A CAT", "ACAT", 4, 0, 1, 0),
    ("A CAT", "A  CAT ", 5, 0, 0, 0),
    ("HELLO", "HELO", 4, 0, 1, 0),
    ("CAT", "CARTS", 3, 0, 0, 2),
    ("", "AB C", 0, 0, 0, 4),
    ("AB", "", 0, 0, 2, 0),
]


def align_by_table(reference: Sequence[str], prediction: Sequence[str]) -> tuple[int, int, int]:
    """Edits of a minimal alignment, and the fewest and the most hits that a minimal alignment can have."""
    row = [(inserted, 0, 0) for inserted in range(len(prediction) + 1)]
    for deleted, wanted in enumerate(reference, start=1):
        previous, row = row, [(deleted, 0, 0)]
        for column, found in enumerate(prediction, start=1):
            same = int(wanted == found)
            edits, fewest, most = previous[column - 1]
            ways = [(edits + 1 - same, fewest + same, most + same)]
            ways += [(edits + 1, fewest, most) for edits, fewest, most in (previous[column], row[column - 1])]
            best = min(edits for edits, _, _ in ways)
            ways = [way for way in ways if way[0] == best]
            row.append((best, min(way[1] for way in ways), max(way[2] for way in ways)))
    return row[-1]


@pytest.mark.parametrize(("reference", "prediction", "hits", "substitutions", "deletions", "insertions"), WORD_CASES)
def test_word_counts(
    reference: str, prediction: str, hits: int, substitutions: int, deletions: int, insertions: int
) -> None:
    expected = ErrorCounts(hits, substitutions, deletions, insertions)
    assert word_error_counts([reference], [prediction]) == expected
    assert align_by_table(reference.split(), prediction.split()) == (expected.num_edits, hits, hits)


@pytest.mark.parametrize(
    ("reference", "prediction", "hits", "substitutions", "deletions", "insertions"), CHARACTER_CASES
)
def test_character_counts(
    reference: str, prediction: str, hits: int, substitutions: int, deletions: int, insertions: int
) -> None:
    assert character_error_counts([reference], [prediction]) == ErrorCounts(hits, substitutions, deletions, insertions)


@pytest.mark.parametrize("counter", COUNTERS)
def test_counts_of_random_texts_against_a_table_of_distances(counter: Counter) -> None:
    source = random.Random(0)
    for _ in range(300):
        reference, prediction = (" ".join(source.choices("ABC", k=source.randint(0, 8))) for _ in range(2))
        is_words = counter is word_error_counts
        units = [text.split() if is_words else list(text) for text in (reference, prediction)]
        counts = counter([reference], [prediction])
        num_edits, fewest_hits, most_hits = align_by_table(*units)
        assert counts.num_edits == num_edits
        assert fewest_hits <= counts.hits <= most_hits
        assert (counts.num_reference, counts.num_predicted) == (len(units[0]), len(units[1]))


@pytest.mark.parametrize("counter", COUNTERS)
def test_counts_of_parts_add_up_to_those_of_the_corpus(counter: Counter) -> None:
    source = random.Random(1)
    references, predictions = (
        [" ".join(source.choices(["A", "BB", "CAT"], k=source.randint(0, 6))) for _ in range(40)] for _ in range(2)
    )
    whole = counter(references, predictions)
    parts = [counter([reference], [prediction]) for reference, prediction in zip(references, predictions, strict=True)]
    assert reduce(add, parts) == sum(parts, ErrorCounts()) == whole
    assert "" in references


def test_rate_is_that_of_the_corpus_and_no_mean_of_utterances() -> None:
    references, predictions = ["A", "B C D E F G H I J"], ["X", "B C D E F G H I J"]
    counts = word_error_counts(references, predictions)
    assert counts.error_rate == 0.1  # the mean of the rates is 0.5
    assert counts.error_rate == jiwer.wer(references, predictions)
    assert character_error_counts(references, predictions).error_rate == jiwer.cer(references, predictions)


def test_measures() -> None:
    counts = ErrorCounts(hits=6, substitutions=1, deletions=3, insertions=1)
    assert (counts.num_reference, counts.num_predicted, counts.num_edits) == (10, 8, 5)
    assert (counts.error_rate, counts.precision, counts.recall) == (0.5, 0.75, 0.6)
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert counts.as_dict("wer", "num_words") == {
        "wer": 0.5,
        "precision": 0.75,
        "recall": 0.6,
        "f1": counts.f1,
        "substitutions": 1,
        "deletions": 3,
        "insertions": 1,
        "hits": 6,
        "num_words": 10,
    }


def test_measures_at_the_edges() -> None:
    silent = word_error_counts(["A B"], [""])
    assert (silent.error_rate, silent.precision, silent.recall, silent.f1) == (1.0, 0.0, 0.0, 0.0)
    talkative = word_error_counts(["A", ""], ["X Y", "Z"])
    assert talkative.error_rate == 3.0
    with pytest.raises(TypeError):
        silent + 1  # type: ignore[operator]


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize(("references", "predictions"), [([""], [""]), (["", " "], ["A", ""]), ([], [])])
def test_references_without_words_have_no_rate(
    counter: Counter, references: list[str], predictions: list[str]
) -> None:
    counts = counter(references, predictions)
    assert counts == ErrorCounts(insertions=sum(map(len, predictions)))
    with pytest.raises(
        ValueError, match=r"the references hold no words at all.*\(\d were predicted\): score at least"
    ):
        assert counts.error_rate
    with pytest.raises(ValueError, match="no words at all"):
        counts.as_dict("wer", "num_words")


@pytest.mark.parametrize("counter", COUNTERS)
def test_bad_input_is_refused(counter: Counter) -> None:
    with pytest.raises(ValueError, match="2 references came with 1 predictions; give one prediction for each"):
        counter(["A", "B"], ["A"])
    with pytest.raises(TypeError, match="references is one string, 'A B'; give a list of strings"):
        counter("A B", ["A B"])
    with pytest.raises(TypeError, match="predictions is one string, 'A B'"):
        counter(["A B"], "A B")
    with pytest.raises(TypeError, match=r"predictions\[1\] is a NoneType, None; it must be a string"):
        counter(["A", "B"], ["A", None])  # type: ignore[list-item]


def test_metric_path() -> None:
    for name in ("wer", "cer"):
        assert (metric_path(name) / f"{name}.py").is_file()
    with pytest.raises(ValueError, match="name is 'mer'; it must be 'wer' or 'cer'"):
        metric_path("mer")  # type: ignore[arg-type]


# The evaluate modules


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package, offline and with an empty cache; what is imported from there, or was from another, is forgotten."""

    def refuse(*arguments: object) -> None:
        raise OSError("the network was used")

    package = pytest.importorskip("evaluate")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(package.config, "HF_EVALUATE_OFFLINE", True)
    for cache in ("HF_EVALUATE_CACHE", "HF_METRICS_CACHE", "HF_MODULES_CACHE"):
        monkeypatch.setattr(package.config, cache, tmp_path / cache)
    # The library appends its cache to the path, and leaves it there.
    monkeypatch.setattr(sys, "path", [each for each in sys.path if not (Path(each) / "evaluate_modules").is_dir()])
    monkeypatch.chdir(tmp_path)
    _forget_modules()
    yield package
    _forget_modules()


def _forget_modules() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "evaluate_modules"]:
        del sys.modules[name]


DATA = {"references": ["A B C", "", "D"], "predictions": ["A X C", "Y", "D"]}
WORDS = word_error_counts(**DATA).as_dict("wer", "num_words")
CHARACTERS = character_error_counts(**DATA).as_dict("cer", "num_characters")


def test_the_expected_counts() -> None:
    assert {
        **{"wer": 0.5, "precision": 0.6, "recall": 0.75, "f1": pytest.approx(2 / 3)},
        **{"substitutions": 1, "deletions": 0, "insertions": 1, "hits": 3, "num_words": 4},
    } == WORDS


def test_evaluate_modules_load_offline_and_agree(evaluate: ModuleType) -> None:
    for name, expected in (("wer", WORDS), ("cer", CHARACTERS)):
        metric = evaluate.load(str(metric_path(name)))
        assert metric.compute(**DATA) == expected
        metric.add_batch(references=DATA["references"][:2], predictions=DATA["predictions"][:2])
        metric.add(reference="D", prediction="D")
        assert metric.compute() == expected
    both = evaluate.combine([str(metric_path("wer")), str(metric_path("cer"))])
    both.add_batch(**DATA)
    results = both.compute()
    assert (results["wer"], results["cer"]) == (WORDS["wer"], CHARACTERS["cer"])
    assert results["wer_precision"] == WORDS["precision"]
    assert results["cer_precision"] == CHARACTERS["precision"]


@pytest.mark.parametrize(
    ("references", "message"),
    [
        (["", ""], "the references hold no words at all"),
        (["A"], r"Mismatch in the number of predictions \(2\) and references \(1\)"),
    ],
)
def test_evaluate_modules_refuse_what_has_no_rate(evaluate: ModuleType, references: list[str], message: str) -> None:
    metric = evaluate.load(str(metric_path("wer")))
    with pytest.raises(ValueError, match=message):
        metric.compute(references=references, predictions=["A", "B"])


def test_counting_imports_no_torch(run_in_child: Callable[..., str]) -> None:
    code = """
import sys
from hf_bigru_asr.metrics import word_error_counts
assert word_error_counts(["A"], ["A"]).error_rate == 0
print({"torch", "transformers", "evaluate"} & set(sys.modules))
"""
    assert run_in_child(code).strip() == "set()"
