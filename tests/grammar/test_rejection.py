import itertools
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from hf_bigru_asr.grammar import rejection
from hf_bigru_asr.grammar.rejection import MIN_CONFIDENCE, confidence

BLANK, SPACE = 1, 2


def random_log_probs(frames: int, classes: int = 5) -> np.ndarray:
    return np.log(np.random.default_rng(frames).dirichlet(np.full(classes, 0.4), frames)).astype(np.float32)


def test_it_is_the_probability_of_the_text_per_letter() -> None:
    log_probs = random_log_probs(5)
    by_text: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(5), repeat=5):
        text = tuple(class_id for class_id, _ in itertools.groupby(path) if class_id != BLANK)
        by_text[text] += math.exp(sum(float(log_probs[frame, class_id]) for frame, class_id in enumerate(path)))

    assert sum(by_text.values()) == pytest.approx(1, abs=1e-4)
    for text, probability in by_text.items():
        num_letters = sum(class_id != SPACE for class_id in text)
        found = confidence(log_probs, text, blank_id=BLANK, space_id=SPACE)
        assert found == pytest.approx(probability ** (1 / max(num_letters, 1)), rel=1e-4)


def test_a_text_that_needs_more_frames_has_none() -> None:
    log_probs = random_log_probs(3)

    assert confidence(log_probs, [0, 0, 3], blank_id=BLANK) == 0
    assert confidence(log_probs, [0, 3, 0], blank_id=BLANK) > 0


def test_the_record_has_what_the_fit_was_tried_on() -> None:
    record = json.loads(Path(rejection.__file__).with_name("rejection.json").read_text("utf-8"))

    tried = record["on_other_voices_and_speakers"]
    assert record["min_confidence"] == MIN_CONFIDENCE
    assert 0 < MIN_CONFIDENCE < 1
    assert tried["commands"]["right"] >= 0.95
    assert tried["speech"]["rejected"] >= 0.95
    assert tried["other"]["rejected"] >= 0.95
