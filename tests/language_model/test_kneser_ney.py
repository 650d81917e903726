"""Estimation of n-grams in bounded memory, against counts of Python and against KenLM's program."""

import math
import os
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hf_bigru_asr.language_model.kneser_ney import check_size, estimate_arpa, parse_memory
from hf_bigru_asr.language_model.ngram_counts import SortedRuns

LMPLZ = Path(os.environ.get("HF_BIGRU_ASR_KENLM", "/nowhere")) / "lmplz"


def make_text(num_sentences: int = 300) -> list[str]:
    rng = np.random.default_rng(1)
    weights = 1 / np.arange(1, 41)
    words = [f"W{number}" for number in range(40)]
    return [" ".join(rng.choice(words, rng.integers(1, 9), p=weights / weights.sum())) for _ in range(num_sentences)]


def read_arpa(path: Path) -> dict[str, tuple[float, float]]:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line]
    return {row[1]: (float(row[0]), float(row[2]) if len(row) > 2 else 0.0) for row in rows}


def estimate(
    text: list[str], folder: Path, order: int, prune: list[int], memory: int = 1
) -> dict[str, tuple[float, float]]:
    (folder / "work").mkdir(parents=True)
    words = sorted({word for line in text for word in line.split()})
    numbers = estimate_arpa(text, words, order, prune, folder / "arpa", folder / "work", memory)
    found = read_arpa(folder / "arpa")
    assert numbers == [sum(name.count(" ") == n for name in found) for n in range(order)]
    return found


@pytest.mark.parametrize(("order", "prune"), [(2, [0]), (3, [0, 0, 1]), (4, [0, 1, 2, 3])])
@pytest.mark.skipif(not LMPLZ.exists(), reason="the environment variable HF_BIGRU_ASR_KENLM names no folder of lmplz")
def test_the_same_as_lmplz(order: int, prune: list[int], tmp_path: Path) -> None:
    text = make_text()
    found = estimate(text, tmp_path, order, prune)
    pruning = ["--prune", *map(str, prune), "--discount_fallback", "-S", "50M", "-T", str(tmp_path)]
    command = [LMPLZ, "-o", str(order), *pruning, "--arpa", str(tmp_path / "other")]
    subprocess.run(command, input="".join(f"{line}\n" for line in text), text=True, check=True, capture_output=True)
    expected = read_arpa(tmp_path / "other")
    assert found.keys() == expected.keys()
    for name in expected.keys() - {"<s>"}:
        assert found[name] == pytest.approx(expected[name], abs=2e-6)


def probability(model: dict[str, tuple[float, float]], words: list[str]) -> float:
    """By the rule of back-off, as every reader of the format has it."""
    if (name := " ".join(words)) in model:
        return 10 ** model[name][0]
    return 10 ** model.get(" ".join(words[:-1]), (0, 0.0))[1] * probability(model, words[1:])


@pytest.mark.parametrize("prune", [[0], [0, 1, 2]])
def test_probabilities_after_every_history_add_to_one(prune: list[int], tmp_path: Path) -> None:
    text = make_text(100)
    model = estimate(text, tmp_path, 3, prune)
    following = [name for name in model if " " not in name and name != "<s>"]
    for history in (["<s>"], ["<s>", "W0"], ["W1", "W0"], ["W0", "W39"], ["W38", "W39"]):
        assert sum(probability(model, [*history, word]) for word in following) == pytest.approx(1, abs=1e-5)


def test_memory_changes_nothing(tmp_path: Path) -> None:
    text = make_text(3000)
    assert estimate(text, tmp_path / "a", 3, [0], 1) == estimate(text, tmp_path / "b", 3, [0], 1 << 40)


def test_counts_are_those_of_python(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    keys = rng.integers(0, 500, 20_000).astype(np.uint64)
    runs = SortedRuns(tmp_path, "counts", 1, max_rows=700)
    for part in np.split(keys, 40):
        runs.add(part, np.ones((len(part), 1), np.int64))
    assert len(runs.runs) > 10
    table = runs.merged(2000)
    found_keys, found = table.read(0, table.num_rows)
    assert dict(zip(found_keys.tolist(), found[:, 0].tolist(), strict=True)) == Counter(keys.tolist())
    assert all(first < second for first, second in pairwise(found_keys.tolist()))
    heads = [(block >> np.uint64(3)).tolist() for _, block, _ in table.blocks_by(20, 3)]
    assert sum(map(len, heads)) == len(found_keys)
    assert all(first[-1] < second[0] for first, second in pairwise(heads))


def test_sizes() -> None:
    assert (parse_memory("1G"), parse_memory("500M")) == (1 << 30, 500 << 20)
    for memory in ("much", "1M", "50%", ""):
        with pytest.raises(ValueError, match="give at least 16M, 1G for example"):
            parse_memory(memory)
    check_size(4, 60_000)
    with pytest.raises(ValueError, match=r"order 5 over 60,000 words .* max_words of at most 3,\d{3}, a lower order"):
        check_size(5, 60_000)
    assert math.log2(4096) * 5 < 64
