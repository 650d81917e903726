"""When live recognition works, and what it gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hf_bigru_asr.audio.speech import Utterance
from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis
from hf_bigru_asr.runtime.listening import recognize_live


@dataclass
class Recogniser:
    """Its text is the number of samples, and nothing for a single one."""

    sampling_rate: int = 16_000
    lengths: list[int] = field(default_factory=list)

    def recognize(self, samples: np.ndarray) -> list[Hypothesis]:
        self.lengths.append(len(samples))
        return [Hypothesis(str(len(samples)) if len(samples) > 1 else "", 0.0, (), ())]


class Cutter:
    """Finds the utterances that are sent to it."""

    def __init__(self, last: Utterance | None = None) -> None:
        self.last = last

    def add(self, utterances: list[Utterance]) -> Iterator[Utterance]:
        return iter(utterances)

    def flush(self) -> Utterance | None:
        return self.last


def utterance(start: int, length: int, *, is_over: bool = True) -> Utterance:
    return Utterance(start, np.zeros(length, dtype=np.float32), is_over)


EARLY = [[utterance(32_000, 5, is_over=False)], [utterance(32_000, 5)]]
RESUMED = [[utterance(0, 5, is_over=False)], [utterance(0, 9, is_over=False)], [utterance(0, 9)]]


@pytest.mark.parametrize(
    ("blocks", "is_behind", "lengths", "texts"),
    [
        (EARLY, False, [5], [(2.0, "5")]),
        (EARLY, True, [5], [(2.0, "5")]),
        (RESUMED, False, [5, 9], [(0.0, "9")]),
        (RESUMED, True, [9], [(0.0, "9")]),
        ([[utterance(0, 1)], [utterance(16_000, 1)]], False, [1, 1], []),
        # The same length elsewhere is another utterance.
        ([[utterance(0, 5), utterance(8000, 5)]], False, [5, 5], [(0.0, "5"), (0.5, "5")]),
    ],
    ids=["early", "early, behind", "resumed", "resumed, behind", "without text", "same length"],
)
def test_each_utterance_is_recognised_when_it_may_be_over(
    blocks: list[Any], is_behind: bool, lengths: list[int], texts: list[tuple[float, str]]
) -> None:
    recognizer: Any = Recogniser()
    cutter: Any = Cutter()
    found = recognize_live(recognizer, blocks, cutter, lambda: is_behind)
    assert [(each.start_s, each.hypothesis.text) for each in found] == texts
    assert recognizer.lengths == lengths


def test_the_text_is_there_before_the_next_block_is_read() -> None:
    recognizer: Any = Recogniser()
    cutter: Any = Cutter(last=utterance(80_000, 3))
    read = []

    def blocks() -> Iterator[Any]:
        for block in EARLY:
            read.append(block)
            yield block
        read.append("end")

    found = recognize_live(recognizer, blocks(), cutter)
    assert next(found).hypothesis.text == "5"
    assert read == EARLY
    assert [(each.start_s, each.hypothesis.text) for each in found] == [(5.0, "3")]
