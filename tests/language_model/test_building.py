import json
import math
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hf_bigru_asr.language_model import building as language_model
from hf_bigru_asr.language_model.building import (
    LanguageModelSettings,
    build_language_model,
    count_words,
    lexicon_entries,
    rarest_words,
    score_sentences,
    spell,
)
from hf_bigru_asr.model.beam_search_bigru_ctc import join_units

KENLM_BIN = os.environ.get("HF_BIGRU_ASR_KENLM")
needs_kenlm = pytest.mark.skipif(
    shutil.which("lmplz", path=KENLM_BIN) is None,
    reason="needs KenLM's estimator: on the path, or in the folder that HF_BIGRU_ASR_KENLM names",
)


def make_text(num_sentences: int = 400) -> list[str]:
    """Sentences of words whose frequency falls as in language."""
    rng = np.random.default_rng(0)
    words = ["BAT", "DEN", *(a + b + c for a in "BDFGK" for b in "AEIOU" for c in ("L", "ND", "ST", "RM", "CK", "M"))]
    weights = 1 / np.arange(1, len(words) + 1)
    return [" ".join(rng.choice(words, rng.integers(2, 8), p=weights / weights.sum())) for _ in range(num_sentences)]


class KneserNey:
    """Interpolated modified Kneser-Ney bigrams, written down from the paper and from KenLM's own description.

    Source: S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling", 1998,
    section 4.1.6, with the discounts of each order taken from its own (adjusted) counts.
    """

    def __init__(self, sentences: list[list[str]]) -> None:
        self.bigrams: Counter[tuple[str, str]] = Counter()
        for words in sentences:
            padded = ["<s>", *words, "</s>"]
            self.bigrams.update(pairwise(padded))
        # A word's count in the lower order is the number of words that it follows.
        self.unigrams = Counter(word for _, word in self.bigrams)
        self.discounts = [self._discounts(counts) for counts in (self.unigrams, self.bigrams)]
        # With <unk>, and without <s>, which is never foretold.
        self.vocabulary_size = len(self.unigrams) + 1

    @staticmethod
    def _discounts(counts: Counter) -> list[float]:
        n = [sum(count == times for count in counts.values()) for times in range(5)]
        y = n[1] / (n[1] + 2 * n[2])
        return [0.0] + [times - (times + 1) * y * n[times + 1] / n[times] for times in (1, 2, 3)]

    def _interpolate(self, counts: dict[str, int], word: str, order: int, lower: float) -> float:
        total = sum(counts.values())
        discounts = self.discounts[order]
        mass = sum(discounts[min(count, 3)] for count in counts.values()) / total
        count = counts.get(word, 0)
        return max(count - discounts[min(count, 3)], 0) / total + mass * lower

    def probability(self, word: str, before: str) -> float:
        unigram = self._interpolate(self.unigrams, word, 0, 1 / self.vocabulary_size)
        followers: dict[str, int] = {second: n for (first, second), n in self.bigrams.items() if first == before}
        return self._interpolate(followers, word, 1, unigram) if followers else unigram


@pytest.fixture(params=[pytest.param("kenlm", marks=needs_kenlm), "here"])
def build(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Builds a language model with KenLM's programs, and without them."""
    is_kenlm = request.param == "kenlm"
    if not is_kenlm:
        monkeypatch.setenv("PATH", str(tmp_path))

    def run(sentences: list[str], **settings: object) -> Path:
        values = {"order": 2, "prune": (0,), "min_count": 1, "quantization_bits": 16, **settings}
        options = {"kenlm_bin": KENLM_BIN if is_kenlm else None, "memory": "50M"}
        build_language_model(sentences, tmp_path / "lm", LanguageModelSettings(**values), **options)
        return tmp_path / "lm"

    return run


def test_probabilities_are_those_of_modified_kneser_ney(build: Callable[..., Path]) -> None:
    text = make_text()
    folder = build(text)
    reference = KneserNey([sentence.split() for sentence in text])
    for sentence in ["BAT", "DEN BAT", "DEN DEN BAT KACK", *make_text(20)]:
        words = ["<s>", *sentence.split(), "</s>"]
        log10 = sum(math.log10(reference.probability(word, before)) for before, word in pairwise(words))
        perplexity = 10 ** (-log10 / (len(words) - 1))
        assert score_sentences(folder, [sentence]).perplexity == pytest.approx(perplexity, rel=2e-3)


def test_rare_words_are_spelled_and_every_word_has_a_probability(build: Callable[..., Path]) -> None:
    text = [*make_text(), "QUOTH BAT", "QUOTE BAT", "QUICK BAT"]
    once = [word for word, count in Counter(" ".join(text).split()).items() if count == 1]
    folder = build(text, order=3, prune=(0, 0, 1), min_count=2)
    words = {line.split()[0] for line in (folder / "lexicon.txt").read_text().splitlines()}
    assert "BAT" in words
    assert not words & {"QUOTH", "QUOTE", "QUICK"}
    assert {"Q~", "Q$", "'~"} <= words
    record = json.loads((folder / "language_model.json").read_text())
    assert record["num_sentences"] == 403
    assert record["spelled_share"] == pytest.approx(len(once) / record["num_running_words"])
    assert record["num_bytes"] == sum((folder / name).stat().st_size for name in ("lm.binary", "lexicon.txt"))
    assert len(record["num_ngrams"]) == 3
    seen, other = (score_sentences(folder, [f"{word} BAT"]) for word in ("QUIT", "XZZX"))
    assert seen.out_of_vocabulary_rate == other.out_of_vocabulary_rate == 0.5
    assert seen.perplexity < other.perplexity < math.inf


def test_a_vocabulary_of_the_most_frequent_words(build: Callable[..., Path]) -> None:
    text = make_text()
    folder = build(text, max_words=5)
    counts = Counter(" ".join(text).split())
    lines = (folder / "lexicon.txt").read_text().splitlines()
    assert {line.split()[0] for line in lines[:5]} == {word for word, _ in counts.most_common(5)}
    assert len(lines) == 5 + 2 * 27


def test_text_is_normalised(build: Callable[..., Path]) -> None:
    folder = build(["The cat, it's here.", "", *make_text()])
    assert "IT'S I T ' S |" in (folder / "lexicon.txt").read_text().splitlines()


@pytest.mark.parametrize("word", ["A", "IT", "DON'T"])
def test_spelling_is_undone_by_joining(word: str) -> None:
    assert join_units(["THE", *spell(word), "END"]) == f"THE {word} END"


def test_lexicon_entries_end_words_with_the_delimiter() -> None:
    entries = dict(line.split(maxsplit=1) for line in lexicon_entries(["IT'S"]))
    assert entries["IT'S"] == "I T ' S |"
    assert entries["Q~"] == "Q"
    assert entries["Q$"] == "Q |"
    assert len(entries) == 1 + 2 * 27


def test_counting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "_MAX_COUNTED", 50)
    counts = count_words(["BAT BAT", *(f"ONCE{number}" for number in range(500)), "BAT"])
    assert counts["BAT"] == 3
    assert len(counts) <= 51


def test_missing_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no program lmplz in [\s\S]*cmake -S kenlm"):
        build_language_model(["A"], tmp_path / "lm", LanguageModelSettings(), kenlm_bin=tmp_path)


def fake_program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{script}\n")
    path.chmod(0o755)


def test_what_a_program_says_is_passed_on(tmp_path: Path) -> None:
    for name in ("lmplz", "build_binary"):
        fake_program(tmp_path, name, "import sys; sys.exit('out of cheese')")
    with pytest.raises(RuntimeError, match=r"lmplz failed with status 1: out of cheese"):
        build_language_model(["A"], tmp_path / "lm", LanguageModelSettings(), kenlm_bin=tmp_path)
    with pytest.raises(ValueError, match="There is no text"):
        build_language_model(["", "  "], tmp_path / "lm", LanguageModelSettings(), kenlm_bin=tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"order": 1}, "order is 1"),
        ({"order": 7}, "order is 7"),
        ({"prune": (1, 2)}, "begin with 0"),
        ({"prune": (0, 2, 1)}, "do not fall"),
        ({"max_words": 0}, "max_words is 0"),
        ({"quantization_bits": 1}, "quantization_bits is 1"),
    ],
)
def test_bad_settings(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LanguageModelSettings(**values)


def test_rarest_words(tmp_path: Path) -> None:
    unigrams = {"<unk>": -9, "<s>": -99, "</s>": -1, "A": -1, "B": -3, "C": -2, "X~": -4}
    lines = ["\\data\\", f"ngram 1={len(unigrams)}", "ngram 2=1", "", "\\1-grams:"]
    lines += [f"{log10}\t{word}\t0" for word, log10 in unigrams.items()]
    (tmp_path / "lm.binary").write_text("\n".join([*lines, "", "\\2-grams:", "-0.1\tA B", "", "\\end\\", ""]))
    assert rarest_words(["A B", "C B OTHER A"], tmp_path, 3) == ["OTHER", "B", "C"]


def test_nothing_to_measure_on(tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    with pytest.raises(OSError, match="Cannot read model"):
        score_sentences(tmp_path, [])
