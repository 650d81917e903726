"""Batches, units and factors that processes agree on without talking."""

from collections import deque
from itertools import chain

import numpy as np
import pytest

from hf_bigru_asr.data.streaming import Unit
from hf_bigru_asr.training.stream_plan import StreamState, cut, deal, deal_again, loss_scales, num_wanted


@pytest.mark.parametrize("by_seconds", [False, True])
@pytest.mark.parametrize("by_length", [False, True])
@pytest.mark.parametrize(("num", "num_batches"), [(1, 1), (5, 5), (7, 3), (40, 6), (3, 9), (0, 4)])
def test_every_utterance_is_in_one_batch_and_no_batch_is_empty(
    by_seconds: bool, by_length: bool, num: int, num_batches: int
) -> None:
    durations_s = np.random.default_rng(num).exponential(5, num)
    rng = np.random.default_rng(0)
    parts = cut(durations_s.tolist(), num_batches, by_seconds=by_seconds, by_length=by_length, rng=rng)
    assert len(parts) == min(num, num_batches)
    assert all(map(len, parts))
    assert sorted(chain(*(part.tolist() for part in parts))) == list(range(num))
    if by_length:
        lengths = durations_s[np.concatenate(parts)] if num else np.zeros(0)
        assert (np.diff(lengths) >= 0).all()


def test_batches_are_alike_in_utterances_or_in_seconds() -> None:
    durations_s = [1.0] * 16 + [4.0] * 4
    options = {"by_length": True, "rng": np.random.default_rng(0)}
    by_number = cut(durations_s, 4, by_seconds=False, **options)
    assert [len(part) for part in by_number] == [5, 5, 5, 5]
    by_seconds = cut(durations_s, 4, by_seconds=True, **options)
    assert [sum(durations_s[each] for each in part) for part in by_seconds] == [8.0] * 4


def test_units_are_dealt_in_turns_to_those_with_the_fewest_utterances() -> None:
    queue = deque(Unit(0, shard) for shard in range(6))
    assert deal(queue, [0, 2, 3], [9, 5, 1]) == [[], [Unit(0, 1), Unit(0, 3)], [Unit(0, 0), Unit(0, 2), Unit(0, 4)]]
    assert list(queue) == [Unit(0, 5)]
    assert deal(queue, [1, 1], [0, 0]) == [[Unit(0, 5)], []]


def test_a_process_wants_several_units_but_near_the_end() -> None:
    assert [num_wanted(True, 99, 2), num_wanted(False, 16, 2), num_wanted(False, 15, 2)] == [0, 4, 1]


def test_factors_make_the_mean_over_all_utterances() -> None:
    sizes = [[{0: (2, 1.0)}, {}], [{0: (1, 1.0), 1: (1, 1.0)}, {0: (4, 9.0)}], [{}, {}], [{0: (1, 1.0)}, {}]]
    scales = [loss_scales(sizes, process, num_accumulated=2, is_mean=True) for process in range(2)]
    assert scales == [[1.0, 1.0, 0.0, 4.0], [0.0, 2.0, 0.0, 0.0]]
    scales = [loss_scales(sizes, process, num_accumulated=2, is_mean=False) for process in range(2)]
    assert scales == [[4.0, 4.0, 0.0, 4.0], [0.0, 4.0, 0.0, 0.0]]


def test_what_is_left_is_dealt_to_another_number() -> None:
    a, b, c = [(0, 0, 1)], [(0, 0, 2), (0, 1, 0)], [(0, 2, 0)]
    state = StreamState(
        queue=[Unit(0, 9)], open_units=[[Unit(0, 0, next_row=3)], [Unit(0, 1, next_row=1)]], steps=[[a, []], [b, c]]
    )
    deal_again(state, 2, 1)
    assert state.steps == [[a, []], [b, c]]
    deal_again(state, 3, 2)
    assert state.steps == [[a, b, c], [[], [], []]]
    assert state.open_units == [[], [], []]
    assert state.queue == [Unit(0, 0, next_row=3), Unit(0, 1, next_row=1), Unit(0, 9)]


@pytest.mark.parametrize("values", [{"epoch": 1, "seconds": 2}, {"queue": [[1, 2, 3, 4, 5, 6]]}, {"steps": [[[[1]]]]}])
def test_a_state_in_another_form_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="The state of the stream has another form"):
        StreamState.of_json(values)
