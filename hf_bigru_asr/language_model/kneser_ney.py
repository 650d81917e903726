"""Modified Kneser-Ney n-grams in bounded memory, without another program: what KenLM's `lmplz` computes.

Adjusted counts, three discounts for each order, interpolation with the lower order, and pruning by counts are those of
`lmplz` with `--discount_fallback`, so the probabilities are the same up to rounding. Counts lie in files.

Source: K. Heafield, I. Pouzyrevsky, J. H. Clark, P. Koehn, "Scalable modified Kneser-Ney language model estimation",
ACL 2013; S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling", 1999, section 3.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from .ngram_counts import Columns, Keys, SortedRuns, Table

__all__ = ["check_size", "estimate_arpa", "parse_memory"]

_UNKNOWN, _BEGIN, _END = 0, 1, 2
_SPECIAL = ("<unk>", "<s>", "</s>")
_KEY_BITS = 64
_BYTES_PER_ROW = 160  # of counts while they are sorted, with all copies
_LINES_AT_ONCE = 20_000
_FALLBACK = np.array([0.0, 0.5, 1.0, 1.5])  # of lmplz, where counts are too few to estimate a discount
Floats = npt.NDArray[np.float64]
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_memory(memory: str) -> int:
    """Bytes of a size like `"500M"` or `"1G"`.

    Raises:
        ValueError: If it is none.
    """
    number, unit = memory.strip().rstrip("bB"), ""
    if number and number[-1].casefold() in _UNITS:
        number, unit = number[:-1], number[-1].casefold()
    try:
        value = int(float(number) * _UNITS[unit])
    except ValueError:
        value = 0
    if value < 1 << 24:
        raise ValueError(f"memory is {memory!r}; give at least 16M, 1G for example.")
    return value


def check_size(order: int, num_words: int) -> None:
    """Refuse n-grams that do not fit into 64 bits.

    Raises:
        ValueError: If they do not.
    """
    bits = _bits(num_words)
    if bits * order > _KEY_BITS:
        allowed = (1 << (_KEY_BITS // order)) - len(_SPECIAL)
        raise ValueError(
            f"n-grams of the order {order} over {num_words:,} words and units are too large to be counted here; give "
            f"max_words of at most {max(allowed - 100, 1):,}, a lower order, or KenLM's programs with --kenlm_bin."
        )


def _bits(num_words: int) -> int:
    return (num_words + len(_SPECIAL) - 1).bit_length()


@dataclass(frozen=True)
class _Order:
    """The n-grams of one order that are kept: their keys, and logarithms of probabilities, in files."""

    order: int
    path: Path
    num_rows: int

    def keys(self) -> Keys:
        return self._map("keys", np.uint64)

    def probabilities(self) -> Floats:
        return self._map("probabilities", np.float64)

    def _map(self, name: str, kind: type) -> npt.NDArray:  # type: ignore[type-arg]
        if self.num_rows == 0:
            return np.empty(0, kind)
        return np.memmap(f"{self.path}.{name}", kind, "r", shape=(self.num_rows,))


def estimate_arpa(
    sentences: Iterable[str],
    words: Sequence[str],
    order: int,
    prune: Sequence[int],
    arpa: Path,
    work_dir: Path,
    memory: int,
) -> list[int]:
    """Estimate an n-gram and write it in the ARPA format.

    Args:
        sentences: Tokens with spaces between them.
        words: All tokens.
        order: Length of the longest n-grams, from 2 on.
        prune: For each order, the count up to which n-grams are left out; the last holds for higher orders.
        arpa: File to write.
        work_dir: Folder for counts, some ten bytes for each distinct n-gram.
        memory: Bytes for counts at a time. Beside them there are the words, and pages of files that the system can
            take back.

    Returns:
        Numbers of n-grams, by order.

    Raises:
        ValueError: If the n-grams are too large to be counted.
        OSError: If the disk takes no more.
    """
    check_size(order, len(words))
    estimator = _Estimator(words, order, prune, work_dir, max(memory // _BYTES_PER_ROW, 10_000))
    num_sentences = estimator.count(sentences)
    tables = estimator.adjusted(num_sentences)
    orders = estimator.estimate(tables)
    estimator.write(orders, arpa)
    return [each.num_rows for each in orders]


class _Estimator:
    def __init__(self, words: Sequence[str], order: int, prune: Sequence[int], folder: Path, max_rows: int) -> None:
        self._words = [*_SPECIAL, *words]
        self._bits, self._order, self._folder, self._max_rows = _bits(len(words)), order, folder, max_rows
        self._prune = [*prune, *[prune[-1]] * order][:order]
        # Of the highest order all n-grams; of lower ones those at the beginning of a sentence, which have no left
        # neighbour. Columns: occurrences, and adjusted counts.
        self._runs = {n: SortedRuns(folder, f"counts-{n}", 2, max_rows) for n in range(1, order + 1)}

    def count(self, sentences: Iterable[str]) -> int:
        """Count the n-grams of a text; the number of its sentences."""
        numbers = {word: number for number, word in enumerate(self._words)}
        num_sentences = 0
        lines = iter(sentences)
        while block := list(islice(lines, _LINES_AT_ONCE)):
            num_sentences += len(block)
            ids: list[int] = []
            places: list[int] = []
            for line in block:
                tokens = line.split()
                ids += [_BEGIN, *(numbers[token] for token in tokens), _END]
                places += range(len(tokens) + 2)
            self._count_block(np.array(ids, np.uint64), np.array(places))
        return num_sentences

    def _count_block(self, ids: Keys, places: npt.NDArray[np.int64]) -> None:
        keys = ids
        for n in range(2, self._order + 1):
            keys = np.concatenate([keys[:1], keys[:-1]]) << np.uint64(self._bits) | ids
            chosen = places >= n - 1 if n == self._order else places == n - 1
            self._runs[n].add(keys[chosen], np.ones((int(chosen.sum()), 2), np.int64))

    def adjusted(self, num_sentences: int) -> dict[int, Table]:
        """Occurrences and adjusted counts of all n-grams, by order, in files."""
        tables = {self._order: self._runs[self._order].merged(self._max_rows)}
        for n in range(self._order - 1, 0, -1):
            rest = np.uint64((1 << n * self._bits) - 1)
            for keys, values in tables[n + 1].blocks(self._max_rows // 4):
                # Each distinct word before an n-gram counts once.
                self._runs[n].add(keys & rest, np.stack([values[:, 0], np.ones(len(keys), np.int64)], axis=1))
            if n == 1:
                self._runs[1].add(np.array([_UNKNOWN, _BEGIN], np.uint64), np.array([[0, 0], [num_sentences, 0]]))
            tables[n] = self._runs[n].merged(self._max_rows)
        return tables

    def estimate(self, tables: dict[int, Table]) -> list[_Order]:
        """Probabilities and back-off weights of the n-grams that are kept."""
        found = [self._unigrams(tables[1])]
        for n in range(2, self._order + 1):
            found.append(self._higher_order(n, tables[n], found[-1]))
            tables[n].remove()
        return found

    def _unigrams(self, table: Table) -> _Order:
        keys, values = table.read(0, table.num_rows)
        adjusted = values[:, 1]
        discounts = _discounts(_histogram([adjusted]))
        total = adjusted.sum()
        left = discounts[np.minimum(adjusted, 3)]
        # All words but <s>, which nothing predicts, share what is left.
        probabilities = (adjusted - left) / total + left.sum() / total / (len(keys) - 1)
        logs = np.log10(probabilities)
        logs[keys == _BEGIN] = -99.0
        return self._save(1, [(keys, logs)])

    def _higher_order(self, n: int, table: Table, lower: _Order) -> _Order:
        discounts = _discounts(_histogram(values[:, 1] for _, values in table.blocks(self._max_rows // 4)))
        with (
            open(f"{self._path(n - 1)}.contexts", "wb") as contexts,
            open(f"{self._path(n - 1)}.weights", "wb") as weights,
        ):

            def kept() -> Iterator[tuple[Keys, Floats]]:
                for _, keys, values in table.blocks_by(self._max_rows // 8, self._bits):
                    keys, logs, heads, gammas = self._interpolated(n, keys, values, discounts, lower)
                    heads.tofile(contexts)
                    gammas.tofile(weights)
                    yield keys, logs

            return self._save(n, kept())

    def _interpolated(
        self, n: int, keys: Keys, values: Columns, discounts: Floats, lower: _Order
    ) -> tuple[Keys, Floats, Keys, Floats]:
        """Kept n-grams with logarithms of their probabilities, and contexts with those of their weights."""
        occurrences, adjusted = values.T
        heads = keys >> np.uint64(self._bits)
        first = np.flatnonzero(np.concatenate([[True], heads[1:] != heads[:-1]]))
        is_kept = occurrences > self._prune[n - 1]
        left = np.where(is_kept, discounts[np.minimum(adjusted, 3)], adjusted)
        totals = np.add.reduceat(adjusted, first)
        gammas = np.add.reduceat(left, first) / totals
        place = np.repeat(np.arange(len(first)), np.diff([*first, len(keys)]))[is_kept]
        keys_kept = keys[is_kept]
        suffixes = keys_kept & np.uint64((1 << (n - 1) * self._bits) - 1)
        below = 10.0 ** _look_up(lower.keys(), lower.probabilities(), suffixes)
        probabilities = (adjusted - left)[is_kept] / totals[place] + gammas[place] * below
        return keys_kept, np.log10(probabilities), heads[first], np.log10(gammas)

    def _save(self, n: int, blocks: Iterable[tuple[Keys, Floats]]) -> _Order:
        path, num_rows = self._path(n), 0
        with open(f"{path}.keys", "wb") as key_file, open(f"{path}.probabilities", "wb") as log_file:
            for keys, logs in blocks:
                keys.tofile(key_file)
                logs.tofile(log_file)
                num_rows += len(keys)
        return _Order(n, path, num_rows)

    def _path(self, n: int) -> Path:
        return self._folder / f"order-{n}"

    def write(self, orders: Sequence[_Order], arpa: Path) -> None:
        """Write all orders in the ARPA format."""
        with arpa.open("w", encoding="utf-8") as stream:
            lines = [f"ngram {each.order}={each.num_rows}\n" for each in orders]
            stream.write("\\data\\\n" + "".join(lines))
            for each in orders:
                stream.write(f"\n\\{each.order}-grams:\n")
                self._write_order(each, stream)
            stream.write("\n\\end\\\n")

    def _write_order(self, each: _Order, stream: TextIO) -> None:
        keys, logs = each.keys(), each.probabilities()
        mask = np.uint64((1 << self._bits) - 1)
        words = np.array(self._words, dtype=object)
        weights: tuple[Keys, Floats] | None = None
        if each.order < self._order:
            contexts = _Order(each.order, each.path, Path(f"{each.path}.contexts").stat().st_size // 8)
            weights = contexts._map("contexts", np.uint64), contexts._map("weights", np.float64)
        for start in range(0, each.num_rows, 100_000):
            part = np.array(keys[start : start + 100_000])
            columns = [
                words[(part >> np.uint64(self._bits * (each.order - 1 - k)) & mask).astype(np.int64)].tolist()
                for k in range(each.order)
            ]
            texts = map(" ".join, zip(*columns, strict=True))
            values = logs[start : start + 100_000].tolist()
            if weights is None:
                stream.writelines(f"{log:.7g}\t{text}\n" for log, text in zip(values, texts, strict=True))
            else:
                back = _look_up(*weights, part, missing=0.0).tolist()
                stream.writelines(
                    f"{log:.7g}\t{text}\t{weight:.7g}\n" for log, text, weight in zip(values, texts, back, strict=True)
                )


def _look_up(keys: Keys, values: Floats, wanted: Keys, missing: float | None = None) -> Floats:
    """Values of keys in a sorted table, read in the order of the table."""
    order = np.argsort(wanted)
    places = np.searchsorted(keys, wanted[order])
    found = np.empty(len(wanted))
    if missing is None:
        found[order] = values[places]
        return found
    inside = np.minimum(places, max(len(keys) - 1, 0))
    found[order] = np.where(keys[inside] == wanted[order], values[inside], missing) if len(keys) else missing
    return found


def _histogram(counts: Iterable[Columns]) -> npt.NDArray[np.int64]:
    """How many adjusted counts are 0, 1, 2, 3 and 4."""
    found = np.zeros(5, np.int64)
    for block in counts:
        found += np.bincount(block[block < 5], minlength=5)
    return found


def _discounts(histogram: npt.NDArray[np.int64]) -> Floats:
    """What is taken from counts of 0, 1, 2, and 3 or more; those of `lmplz` where they cannot be estimated."""
    number = histogram.astype(np.float64)
    if not number[1:].all():
        return _FALLBACK
    ratio = number[1] / (number[1] + 2 * number[2])
    discounts = np.array([0.0, *(k - (k + 1) * ratio * number[k + 1] / number[k] for k in (1, 2, 3))])
    is_sound = all(0 <= discounts[k] <= k for k in (1, 2, 3))
    return discounts if is_sound else _FALLBACK
