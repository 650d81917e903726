import numpy as np
import pytest
import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader, RandomSampler

from hf_bigru_asr.training.batching import DurationBatchSampler, find_sampler


@pytest.fixture
def durations_s() -> np.ndarray:
    """Mostly short utterances, and some of up to 20 s."""
    return np.random.default_rng(0).gamma(2.0, 3.0, 3000).clip(0.5, 20.0)


@pytest.mark.parametrize("batch_s", [25.0, 60.0, 400.0])
def test_every_utterance_comes_once_in_batches_of_like_seconds(durations_s: np.ndarray, batch_s: float) -> None:
    sampler = DurationBatchSampler(durations_s, batch_s)
    batches = list(sampler)
    assert len(batches) == len(sampler) == np.ceil(durations_s.sum() / batch_s)
    assert sorted(index for batch in batches for index in batch) == list(range(3000))
    seconds = np.array([durations_s[batch].sum() for batch in batches])
    # Half an utterance more or less at either end.
    assert (np.abs(seconds - durations_s.sum() / len(batches)) <= durations_s.max()).all()
    assert seconds.mean() <= batch_s


def test_a_batch_has_like_lengths(durations_s: np.ndarray) -> None:
    batches = list(DurationBatchSampler(durations_s, 60.0))
    padded_s = sum(len(batch) * durations_s[batch].max() for batch in batches)
    assert padded_s < 1.06 * durations_s.sum()
    # By numbers of utterances in the order that they come it would be three times as much padding as audio.
    rows = durations_s.reshape(-1, 8)
    assert (rows.max(axis=1) * 8).sum() > 1.9 * durations_s.sum()
    # And they do not come by length.
    firsts = [durations_s[batch].max() for batch in batches]
    assert abs(np.corrcoef(firsts, np.arange(len(firsts)))[0, 1]) < 0.2


def test_the_order_depends_on_seed_and_epoch_alone(durations_s: np.ndarray) -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        np.random.seed(len(str(seed)))  # noqa: NPY002 - the state that must not matter
        torch.manual_seed(epoch + seed)
        sampler = DurationBatchSampler(durations_s, 60.0, seed=seed)
        sampler.set_epoch(epoch)
        assert list(sampler) == list(sampler)
        return list(sampler)

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)
    assert len(order(1, 2)) == len(order(1, 3))
    members = {frozenset(batch) for batch in order(1, 2)}
    assert len(members & {frozenset(batch) for batch in order(1, 3)}) < len(members) / 10


@pytest.mark.parametrize("num_processes", [2, 3, 7])
def test_processes_share_the_batches_out(durations_s: np.ndarray, num_processes: int) -> None:
    shares = []
    for process in range(num_processes):
        sampler = DurationBatchSampler(durations_s, 60.0, multiple_of=num_processes)
        loader = DataLoader(range(3000), batch_sampler=sampler)
        loader = prepare_data_loader(loader, num_processes=num_processes, process_index=process, even_batches=False)
        assert find_sampler(loader) is sampler
        shares.append([batch.tolist() for batch in loader])
    assert len({len(share) for share in shares}) == 1
    assert sorted(index for share in shares for batch in share for index in batch) == list(range(3000))


def test_processes_have_like_batches_at_the_same_time(durations_s: np.ndarray) -> None:
    """They wait for each other at every step, and long utterances take longer than as many seconds of short ones."""
    batches = list(DurationBatchSampler(durations_s, 60.0, multiple_of=2))
    lengths_s = np.array([durations_s[batch].mean() for batch in batches]).reshape(-1, 2)
    assert np.median(lengths_s.max(axis=1) / lengths_s.min(axis=1)) < 1.1
    assert np.median(lengths_s.max(axis=0) / lengths_s.min(axis=0)) > 2
    # Which process has the longer ones is left to chance, and steps do not come by length.
    assert 0.2 < np.mean(lengths_s[:, 0] > lengths_s[:, 1]) < 0.8
    assert abs(np.corrcoef(lengths_s[:, 0], np.arange(len(lengths_s)))[0, 1]) < 0.2


def test_no_batch_is_empty() -> None:
    """As tight as it gets: batches that are hardly longer than the longest utterance."""
    rng = np.random.default_rng(1)
    for trial in range(200):
        durations_s = rng.choice([0.1, 1.0, 9.9], size=rng.integers(3, 40))
        longest_s = durations_s.max()
        num_batches = max(1, int(durations_s.sum() / longest_s))
        sampler = DurationBatchSampler(durations_s, durations_s.sum() / num_batches * (1 + 1e-9), seed=trial)
        batches = list(sampler)
        assert len(batches) == len(sampler) == num_batches
        assert all(batches)


def test_the_sampler_of_an_ordinary_loader_is_found() -> None:
    loader = DataLoader(range(5), batch_size=2, shuffle=True)
    assert isinstance(find_sampler(loader), RandomSampler)
    assert find_sampler(None) is None


@pytest.mark.parametrize(
    ("durations_s", "batch_s", "multiple_of", "message"),
    [
        ([3.0, 12.0, 3.0], 10.0, 1, r"longest utterance has 12\.0 s and 2 batches of 18\.0 s have 9\.0 s each"),
        ([3.0, 3.0], 10.0, 4, r"longest utterance has 3\.0 s and 4 batches of 6\.0 s have 1\.5 s each"),
        ([3.0, 3.0], 0.0, 1, "both lengths must be positive"),
        ([], 10.0, 1, "0 utterances that have 0 s together: both lengths must be positive"),
    ],
)
def test_batches_that_cannot_be_are_refused(
    durations_s: list[float], batch_s: float, multiple_of: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DurationBatchSampler(durations_s, batch_s, multiple_of=multiple_of)
