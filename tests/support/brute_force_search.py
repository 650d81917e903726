"""A language model of five words in KenLM's text format, and a search through it by brute force."""

import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from small_network import SMALL_VOCABULARY

from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchSettings, join_units

# Base-10 logarithms: probability, and back-off weight where there is one.
UNIGRAMS = {"<s>": (-99, -0.2), "</s>": (-0.8, 0), "<unk>": (-3, 0), "A": (-0.5, -0.3), "AB": (-0.7, -0.1)}
UNIGRAMS |= {"BB": (-1.1, -0.2), "A~": (-1.6, -0.4), "B$": (-1.4, 0)}
BIGRAMS = {("<s>", "AB"): -0.3, ("A", "BB"): -0.2, ("AB", "</s>"): -0.4, ("A~", "B$"): -0.1}
LEXICON = {"A": "A|", "AB": "AB|", "BB": "BB|", "B$": "B|"}


def write_language_model(parent: Path) -> Path:
    """A language model in KenLM's text format, which it reads under any name."""
    unigrams = [f"{p}\t{word}\t{backoff}" for word, (p, backoff) in UNIGRAMS.items()]
    bigrams = [f"{p}\t{' '.join(words)}" for words, p in BIGRAMS.items()]
    head = ["\\data\\", f"ngram 1={len(unigrams)}", f"ngram 2={len(bigrams)}", "", "\\1-grams:"]
    arpa = [*head, *unigrams, "", "\\2-grams:", *bigrams, "", "\\end\\", ""]
    target = parent / "language_model"
    target.mkdir()
    (target / "lm.binary").write_text("\n".join(arpa))
    (target / "lexicon.txt").write_text("".join(f"{word} {' '.join(s)}\n" for word, s in LEXICON.items()))
    return target


def lm_score(words: tuple[str, ...]) -> float:
    """Base-10 logarithm of the probability of a sentence, by the rules of a back-off model."""
    total = 0.0
    for before, word in itertools.pairwise(("<s>", *words, "</s>")):
        total += BIGRAMS.get(
            (before, word), UNIGRAMS.get(before, (0, 0))[1] + UNIGRAMS.get(word, UNIGRAMS["<unk>"])[0]
        )
    return total


def segmentations(symbols: str, lexicon: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """All ways to divide symbols into entries of the lexicon, with any delimiters between them."""
    if not symbols:
        yield ()
        return
    if symbols[0] == "|":
        yield from segmentations(symbols[1:], lexicon)
    for word, spelling in lexicon.items():
        if symbols.startswith(spelling):
            for rest in segmentations(symbols[len(spelling) :], lexicon):
                yield (word, *rest)


def gain(words: tuple[str, ...], hotwords: Mapping[str, float]) -> float:
    """What phrases add to a score: each complete one its weight for every word, from left to right."""
    total, place = 0.0, 0
    paths = {tuple(phrase.split()): weight for phrase, weight in hotwords.items()}
    while place < len(words):
        found = [path for path in paths if words[place : place + len(path)] == path]
        longest = max(found, key=len, default=words[place : place + 1])
        total += paths.get(longest, 0.0) * len(longest)
        place += len(longest)
    return total


def brute_force(
    frames: torch.Tensor, settings: BeamSearchSettings, lexicon: dict[str, str] = LEXICON
) -> dict[str, float]:
    """Score of every text: its best path, or the sum over all that there are, and its best way through the lexicon."""
    scores: dict[tuple[str, ...], float] = {}
    values = frames.tolist()
    for path in itertools.product(range(len(SMALL_VOCABULARY)), repeat=len(values)):
        acoustic = sum(row[symbol] for row, symbol in zip(values, path, strict=True))
        if settings.prior_weight:
            acoustic -= settings.prior_weight * sum(math.log(settings.class_priors[symbol]) for symbol in path)
        for end in (0, 1):  # a blank or a delimiter after the last frame, for nothing
            collapsed = [symbol for symbol, _ in itertools.groupby((*path, end))]
            symbols = "".join(SMALL_VOCABULARY[symbol] for symbol in collapsed if symbol != 0)
            for words in segmentations(symbols, lexicon):
                score = acoustic + settings.lm_weight * lm_score(words) + settings.word_score * len(words)
                before = scores.get(words, -math.inf)
                scores[words] = float(np.logaddexp(score, before)) if settings.log_add else max(score, before)
    texts: dict[str, float] = {}
    for words, score in scores.items():
        text = join_units(words)
        texts[text] = max(score + gain(words, settings.hotwords), texts.get(text, -math.inf))
    return texts
