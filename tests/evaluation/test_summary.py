"""Figures of an evaluation, against counts made by hand."""

import pytest

from hf_bigru_asr.evaluation.evaluating import UtteranceResult
from hf_bigru_asr.evaluation.summary import comparison, rates_by_group, summarize


def test_summary_against_counts_made_by_hand() -> None:
    results = [
        UtteranceResult("1", "A B C", "A B C", 4.0, 0.1, speaker_id=1, confidences=(0.9, 0.9, 0.8)),
        # one substitution
        UtteranceResult("2", "D E", "D X", 6.0, 0.3, 2, confidences=(0.7, 0.2), oracle="D E"),
        UtteranceResult(
            "3", "F G H I J", "F G I J K", duration_s=12.0, time_s=0.2, speaker_id=3
        ),  # H gone, K too much
    ]

    summary = summarize(results)

    metrics = summary["metrics"]
    assert metrics["wer"] == pytest.approx(3 / 10)
    assert (metrics["substitutions"], metrics["deletions"], metrics["insertions"]) == (1, 1, 1)
    assert metrics["precision"] == metrics["recall"] == pytest.approx(8 / 10)
    # By characters "D E" has one of three wrong, "F G H I J" three of nine: I, J, K for H, I, J.
    assert metrics["cer"] == pytest.approx(4 / 17)
    assert summary["speed"]["real_time_factor"] == pytest.approx(22 / 0.6)
    assert summary["speed"]["time_per_utterance_s"]["median"] == pytest.approx(0.2)
    assert summary["by_speaker"] == {"num_speakers": 3, "min": 0.0, "median": 2 / 5, "max": 1 / 2}
    assert [row["from_s"] for row in summary["by_duration_s"]] == [0, 5, 10]
    assert metrics["oracle_wer"] == pytest.approx(2 / 10)
    # The third has no confidences.
    assert summary["confidence"]["num_words"] == 5
    assert summary["confidence"]["share_wrong"] == pytest.approx(1 / 5)
    assert summary["confidence"]["wrong_words_average_precision"] == 1


def test_groups_have_rates_of_their_own() -> None:
    results = [
        UtteranceResult("1", "A B", "A X"),
        UtteranceResult("2", "C", "C"),
        UtteranceResult("3", "D E", error="broken"),
        UtteranceResult("4", "F G", "F G H I"),
    ]
    assert rates_by_group(results, ["far", "near", "near", "far"]) == {
        "far": {"num_utterances": 2, "wer": 3 / 4, "cer": 5 / 6},  # X for B; two spaces, H and I
        "near": {"num_utterances": 1, "wer": 0.0, "cer": 0.0},
    }


def test_summary_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="No utterance could be evaluated"):
        summarize([UtteranceResult("1", "A", error="broken")])


def test_comparison_has_the_worst_first_and_names_the_broken() -> None:
    text = comparison(
        [
            UtteranceResult("good", "A B", "A B"),
            UtteranceResult("bad", "A B", "X Y Z"),
            UtteranceResult("silent", "", ""),
            UtteranceResult("broken", "A", error="no audio"),
        ]
    )

    order = [text.index(name) for name in ("broken:", "bad:", "good:", "silent:")]
    assert order == sorted(order)
    assert "3 errors in 2 words (2 substitutions, 0 deletions, 1 insertions)" in text
    assert "not evaluated: no audio" in text
    assert "REF: A B" in text
