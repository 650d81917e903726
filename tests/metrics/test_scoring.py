"""Scores of files: against sclite where it is installed, and against counts by hand."""

import random
from pathlib import Path

import jiwer
import pytest
from sclite import needs_sclite, sclite_counts

from hf_bigru_asr.metrics import ErrorCounts
from hf_bigru_asr.metrics.score_files import UtterancePair, find_format, pair_files
from hf_bigru_asr.metrics.scoring import Score, score_pairs


def scored(reference: Path, hypothesis: Path) -> Score:
    return score_pairs(pair_files(reference, hypothesis, find_format(reference), find_format(hypothesis)))


def all_counts(score: Score) -> tuple[int, ...]:
    """As `sclite_counts` gives them."""
    each = score.counts
    kinds = (each.num_reference, each.hits, each.substitutions, each.deletions, each.insertions, each.num_edits)
    return (len(score.utterances), *kinds, score.num_wrong_utterances)


def random_trn(source: random.Random, least: int) -> str:
    lines = (f"{' '.join(source.choices('abCD', k=source.randint(least, 12)))} (s{i % 5}-{i:03d})" for i in range(60))
    return ";; a comment\n" + "\n".join(lines) + "\n"


def random_stm(source: random.Random) -> str:
    lines, now_s = [], 0.0
    for number in range(12):
        start_s = now_s + source.choice([0, 0, 0.5, 1.25])
        now_s = start_s + source.choice([0.5, 1, 2])
        words = " ".join(source.choices("abCD", k=source.randint(0, 6)))
        text = words if number % 5 else "IGNORE_TIME_SEGMENT_IN_SCORING"
        lines.append(f"f 1 s{number % 3} {start_s:.2f} {now_s:.2f} <o,f0> {text}\n")
    return "".join(lines)


def random_ctm(source: random.Random) -> str:
    """At most 50 words, and times on a grid, so that many middles lie on the border of a segment."""
    times = [0.25 * number for number in range(80) if source.random() < 0.6][:50]
    return "".join(f"f 1 {t:.2f} {source.choice([0, 0.1, 0.25, 0.5]):.2f} {source.choice('abCD')}\n" for t in times)


MAKERS = {
    "trn-trn": (lambda source: random_trn(source, 1), lambda source: random_trn(source, 0)),
    "stm-ctm": (random_stm, random_ctm),
    "ctm-ctm": (random_ctm, random_ctm),
}


@needs_sclite
@pytest.mark.parametrize("formats", MAKERS)
@pytest.mark.parametrize("seed", range(3))
def test_the_counts_are_those_of_sclite(formats: str, seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    files = [tmp_path / f"{name}.{suffix}" for name, suffix in zip("rh", formats.split("-"), strict=True)]
    for file, make in zip(files, MAKERS[formats], strict=True):
        file.write_text(make(source))
    score = scored(*files)
    assert all_counts(score) == sclite_counts(*files)
    assert score.counts.num_edits > 20


def test_an_utterance_has_its_errors() -> None:
    score = score_pairs(
        [
            UtterancePair("1", "a", "The cat sat", "the bat sat down"),
            UtterancePair("2", "b", "one cat", "one bat"),
            UtterancePair("3", "a", "fine", "FINE"),
            UtterancePair("4", None, "", ""),
        ]
    )
    assert [each.counts for each in score.utterances] == [
        ErrorCounts(2, 1, 0, 1),
        ErrorCounts(1, 1, 0, 0),
        ErrorCounts(1, 0, 0, 0),
        ErrorCounts(),
    ]
    assert (score.num_wrong_utterances, score.sentence_error_rate) == (2, 0.5)
    assert [each.id for each in score.worst(5)] == ["1", "2"]
    assert [each.id for each in score.worst(1)] == ["1"]
    assert score.confusions(5) == [("cat", "bat", 2), (None, "down", 1)]
    assert {name: each.counts.num_edits for name, each in score.by_speaker().items()} == {"a": 2, "b": 1}
    assert score.as_dict()["wer"] == 0.5


def test_case_matters_if_it_is_asked_for() -> None:
    pairs = [UtterancePair("1", None, "The cat", "the cat")]
    assert score_pairs(pairs, str).counts == ErrorCounts(1, 1, 0, 0)
    assert score_pairs(pairs).counts == ErrorCounts(2, 0, 0, 0)


def test_the_fewest_errors_and_the_characters_are_those_of_jiwer() -> None:
    source = random.Random(5)
    texts = [[" ".join(source.choices("abc", k=source.randint(1, 14))) for _ in range(200)] for _ in range(2)]
    score = score_pairs(UtterancePair(str(i), None, *pair) for i, pair in enumerate(zip(*texts, strict=True)))
    words = jiwer.process_words(*texts)
    fewest = words.substitutions + words.deletions + words.insertions
    assert score.fewest_errors == fewest < score.counts.num_edits
    assert score.characters().error_rate == jiwer.cer(*texts)


def test_what_cannot_be_scored_is_refused() -> None:
    def refuse(text: str) -> str:
        raise ValueError(f"no words in {text}")

    with pytest.raises(ValueError, match="there is no utterance to score"):
        score_pairs([])
    with pytest.raises(ValueError, match="utterance 7: no words in x"):
        score_pairs([UtterancePair("7", None, "x", "y")], refuse)
    with pytest.raises(ValueError, match="no words at all"):
        score_pairs([UtterancePair("7", None, "", "y")]).as_dict()
