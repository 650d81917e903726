"""What the benchmark of live recognition makes of lines and their times."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.listening import RATE, Line, Stream, make_stream, summary
from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis

WORDS = [(2.0, 2.5), (2.6, 3.0), (6.0, 6.5)]


def test_delays_count_from_the_last_word() -> None:
    stream = Stream(np.zeros(10 * RATE, dtype=np.float32), WORDS, ["A B", "C"], ["A", "C"])
    lines = [Line(3.4, 2.0, 2.9, "A B"), Line(5.0, 4.2, 4.6, "X"), Line(7.1, 6.1, 6.6, "C")]

    found = summary(stream, lines)

    assert found["delay_max_s"] == pytest.approx(2.0)
    assert found["delay_median_s"] == pytest.approx(0.6)
    assert (found["num_utterances"], found["num_lines"], found["num_false_lines"]) == (2, 3, 1)
    assert (found["wer"], found["wer_of_whole_utterances"]) == pytest.approx((1 / 3, 1 / 3), abs=1e-4)


def test_words_lie_in_the_stream_where_the_utterances_do() -> None:
    words: Any = (SimpleNamespace(start_s=0.25, end_s=0.5),)
    recognizer: Any = SimpleNamespace(recognize=lambda samples: [Hypothesis("A", 0.0, (), words)])
    utterance = np.full(RATE, 0.5, dtype=np.float32)

    stream = make_stream([(utterance, "A"), (utterance, "B")], recognizer, noise_db=-80)

    assert stream.words == [(2.25, 2.5), (2 + 1 + 0.8 + 0.25, 2 + 1 + 0.8 + 0.5)]
    assert (stream.references, stream.hypotheses) == (["A", "B"], ["A", "A"])
    loud = np.flatnonzero(np.abs(stream.samples) > 0.25) / RATE
    assert (loud[0], loud[-1], len(loud)) == (2, pytest.approx(4.8, abs=1e-3), 2 * RATE)
