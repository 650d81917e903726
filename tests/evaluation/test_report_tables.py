"""The tables of a report, against counts made by hand."""

import pytest

from hf_bigru_asr.evaluation.report_runs import ReportedUtterance, Run
from hf_bigru_asr.evaluation.report_tables import (
    Confusion,
    confidence_bins,
    error_tables,
    group_tables,
    won_words,
)
from hf_bigru_asr.metrics import ErrorCounts

RUN = Run(
    "first",
    (
        ReportedUtterance("1", "THE CAT SAT", "THE BAT SAT DOWN", "10", 1.0, -22.0, 35.0, (0.95, 0.25, 0.96, 1.0)),
        ReportedUtterance("2", "A CAT", "A BAT", "9", 12.0, -21.0, 9.0, (0.91, 0.22)),
        ReportedUtterance("3", "ONE", "", "9", 11.0, None, None),
    ),
)
OTHER = Run(
    "second",
    (
        ReportedUtterance("1", "THE CAT SAT", "A CAT SAT", "10"),
        ReportedUtterance("2", "A CAT", "CAT", "9"),
        ReportedUtterance("3", "ONE", "ONE", "9"),
    ),
)


def test_groups() -> None:
    groups = group_tables(RUN, RUN.score(), OTHER.score())
    speakers = [(each.name, each.num_utterances, each.counts.num_edits, each.other) for each in groups["speaker"]]
    assert speakers == [
        ("9", 2, 2, ErrorCounts(hits=2, deletions=1)),
        ("10", 1, 2, ErrorCounts(hits=2, substitutions=1)),
    ]
    assert [(each.name, each.num_utterances) for each in groups["length"]] == [("0 to 2 s", 1), ("10 to 15 s", 2)]
    minus = "\N{MINUS SIGN}"
    assert [each.name for each in groups["level"]] == [f"{minus}25 to {minus}20 dB", "unknown"]
    assert [each.name for each in groups["ratio"]] == ["below 10 dB", "30 to 40 dB", "unknown"]
    bare = Run("bare", tuple(ReportedUtterance(each.id, each.reference, each.hypothesis) for each in RUN.utterances))
    assert group_tables(bare, bare.score(), None) == {"speaker": [], "length": [], "level": [], "ratio": []}


def test_errors() -> None:
    tables = error_tables(RUN.score(), 5)
    assert tables["substitutions"] == [Confusion("CAT", "BAT", 2)]
    assert tables["deletions"] == [Confusion("ONE", None, 1)]
    assert tables["insertions"] == [Confusion(None, "DOWN", 1)]
    assert tables["characters"] == [Confusion("C", "B", 2)]


def test_words_that_only_one_run_gets_right() -> None:
    first, second = RUN.score(), OTHER.score()
    assert [(each.word, each.count, each.instead) for each in won_words(first, second, 9)] == [
        ("A", 1, ((None, 1),)),
        ("THE", 1, (("A", 1),)),
    ]
    assert [(each.word, each.count, each.instead) for each in won_words(second, first, 1)] == [
        ("CAT", 2, (("BAT", 2),)),
    ]


def test_confidences() -> None:
    bins = confidence_bins(RUN, RUN.score())
    assert [(each.low, each.num_words) for each in bins] == [(0.2, 2), (0.9, 4)]
    assert bins[0].accuracy == 0
    assert bins[0].confidence == pytest.approx(0.235)
    assert bins[1].accuracy == 3 / 4  # DOWN was inserted
    assert confidence_bins(OTHER, OTHER.score()) == []
