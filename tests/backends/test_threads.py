"""Batches side by side, against one after another."""

from threading import Barrier
from types import SimpleNamespace

import pytest
import torch
from runtime_support import RUNTIME_CASES

from hf_bigru_asr import BiGRUForCTC, OnnxBiGRUForCTC, OpenVINOBiGRUForCTC
from hf_bigru_asr.backends.base import RuntimeModel
from hf_bigru_asr.backends.threads import NetworkThreads

MAX_BATCHES = 4
CLASSES: dict[str, type[RuntimeModel]] = {"onnx": OnnxBiGRUForCTC, "openvino": OpenVINOBiGRUForCTC}


def test_batches_run_side_by_side_on_a_share_of_the_threads(tiny_model: BiGRUForCTC, two_threads: None) -> None:
    meeting = Barrier(2, timeout=30)

    def run(model: object, batch: int) -> tuple[object, int, int]:
        meeting.wait()  # ends in an error unless two are there at once
        return model, batch, torch.get_num_threads()

    with NetworkThreads(tiny_model, MAX_BATCHES) as network:
        assert network.num_batches == 2
        runs = network.submit(run, list(range(4)))
        assert [each.result() for each in runs] == [(tiny_model, batch, 1) for batch in range(4)]
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 2


def test_no_more_batches_than_there_may_be(tiny_model: BiGRUForCTC, two_threads: None) -> None:
    with NetworkThreads(tiny_model, 1) as network:
        runs = network.submit(lambda _, batch: (batch, torch.get_num_threads()), [1, 2])
        assert [each.result() for each in runs] == [(1, 2), (2, 2)]


def test_a_single_batch_has_all_threads(tiny_model: BiGRUForCTC, two_threads: None) -> None:
    with NetworkThreads(tiny_model, MAX_BATCHES) as network:
        for batches, num_threads in (([1], 2), ([1, 2], 1), ([1], 2)):
            runs = network.submit(lambda _, batch: torch.get_num_threads(), batches)
            assert [each.result() for each in runs] == [num_threads] * len(batches)


def test_a_model_of_another_make_runs_one_batch_at_a_time(two_threads: None) -> None:
    with NetworkThreads(SimpleNamespace(), MAX_BATCHES) as network:
        assert network.num_batches == 1


def test_what_a_batch_raises(tiny_model: BiGRUForCTC) -> None:
    def run(model: object, batch: int) -> None:
        raise ValueError(f"batch {batch}")

    with NetworkThreads(tiny_model, MAX_BATCHES) as network:
        runs = network.submit(run, [0, 1])
        with pytest.raises(ValueError, match="batch 1"):
            runs[1].result()


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_runtimes_side_by_side_give_the_same(runtime: str, tiny_model: BiGRUForCTC) -> None:
    model = CLASSES[runtime].from_model(tiny_model, num_threads=2)
    batches = [torch.randn(3, 40 + 7 * number, tiny_model.config.num_mel_bins) for number in range(6)]
    with NetworkThreads(model, MAX_BATCHES) as network:
        assert network.num_batches == 2
        runs = network.submit(lambda shared, batch: (shared.num_threads, shared(batch).logits), batches)
        results = [each.result() for each in runs]
    assert model.num_threads == 2
    for batch, (num_threads, logits) in zip(batches, results, strict=True):
        assert num_threads == 1
        torch.testing.assert_close(logits, tiny_model(batch).logits, atol=1e-4, rtol=0)


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_a_runtime_is_divided_once(runtime: str, tiny_model: BiGRUForCTC) -> None:
    model = CLASSES[runtime].from_model(tiny_model, num_threads=4)
    assert model.side_by_side(2) is model.side_by_side(2)
    assert [model.side_by_side(calls).num_threads for calls in (1, 2, 3, 8)] == [4, 2, 1, 1]


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_a_divided_batch_is_not_divided_again(
    runtime: str, tiny_model: BiGRUForCTC, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = CLASSES[runtime].from_model(tiny_model, num_threads=4)
    batch = torch.randn(16, 20, tiny_model.config.num_mel_bins)
    expected = model(batch).logits  # in four parts
    shared = model.side_by_side(2)
    monkeypatch.setattr(RuntimeModel, "side_by_side", None)
    torch.testing.assert_close(shared(batch).logits, expected, atol=1e-4, rtol=0)
    with pytest.raises(TypeError):
        model(batch)
