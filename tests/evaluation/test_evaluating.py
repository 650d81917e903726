"""Figures of an evaluation, against counts made by hand."""

import io

import numpy as np
import pytest
import soundfile

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.evaluation.evaluating import UtteranceResult, comparison, evaluate_utterances, summarize

SAMPLING_RATE = 16_000


def encoded(seconds: float) -> dict[str, bytes | None]:
    rng = np.random.default_rng(int(seconds * 1000))
    file = io.BytesIO()
    soundfile.write(file, 0.1 * rng.standard_normal(int(seconds * SAMPLING_RATE)), SAMPLING_RATE, format="FLAC")
    return {"bytes": file.getvalue(), "path": None}


@pytest.fixture
def examples() -> list[dict]:
    return [
        {"id": "a", "audio": encoded(0.4), "text": "HELLO", "speaker_id": 1},
        {"id": "broken", "audio": {"bytes": b"nothing", "path": None}, "text": "HELLO", "speaker_id": 1},
        {"id": "b", "audio": encoded(1.1), "text": "hello there, twice", "speaker_id": 2},
        {"id": "c", "audio": encoded(0.7), "text": "A", "speaker_id": 2},
    ]


def test_batch_size_does_not_change_the_text(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, examples: list[dict]
) -> None:
    texts = [
        [result.hypothesis for result in evaluate_utterances(tiny_model, processor, examples, batch_size=size)]
        for size in (1, 2, 4)
    ]

    texts.append(
        [
            result.hypothesis
            for result in evaluate_utterances(tiny_model, processor, examples, batch_size=3, num_workers=2)
        ]
    )
    assert texts[0] == texts[1] == texts[2] == texts[3]
    assert any(texts[0])


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize("name", ["batch_size", "num_workers"])
def test_impossible_numbers_are_refused_at_once(
    name: str, number: int, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor
) -> None:
    with pytest.raises(ValueError, match=f"{name} is {number}; it must be at least 1"):
        evaluate_utterances(tiny_model, processor, [], **{name: number})


def test_a_broken_utterance_is_named_and_counted(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, examples: list[dict]
) -> None:
    results = list(evaluate_utterances(tiny_model, processor, examples, batch_size=3))

    assert [result.id for result in results] == ["a", "broken", "b", "c"]
    assert [result.error is None for result in results] == [True, False, True, True]
    assert results[2].reference == "HELLO THERE TWICE"
    summary = summarize(results)
    assert (summary["num_utterances"], summary["num_failed"]) == (3, 1)
    assert summary["hours"] == pytest.approx(2.2 / 3600)


def test_empty_cells_are_named(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, examples: list[dict]) -> None:
    rows = [
        examples[0],
        examples[0] | {"id": "no-audio", "audio": None},
        examples[0] | {"id": "no-bytes", "audio": {"bytes": None, "path": None}},
        examples[0] | {"id": "no-text", "text": None},
    ]
    errors = {result.id: result.error for result in evaluate_utterances(tiny_model, processor, rows, batch_size=4)}
    assert errors["a"] is None
    assert "The audio column holds a NoneType" in str(errors["no-audio"])
    assert "The audio column holds a NoneType" in str(errors["no-bytes"])
    assert "The text column holds a NoneType" in str(errors["no-text"])


def test_summary_against_counts_made_by_hand() -> None:
    results = [
        UtteranceResult("1", "A B C", "A B C", 4.0, 0.1, speaker_id=1, confidences=(0.9, 0.9, 0.8)),
        # one substitution
        UtteranceResult("2", "D E", "D X", 6.0, 0.3, 2, confidences=(0.7, 0.2), best_of_readings="D E"),
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
    assert metrics["wer_best_of_readings"] == pytest.approx(2 / 10)
    # The third has no confidences.
    assert summary["confidence"]["num_words"] == 5
    assert summary["confidence"]["share_wrong"] == pytest.approx(1 / 5)
    assert summary["confidence"]["wrong_words_average_precision"] == 1


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
