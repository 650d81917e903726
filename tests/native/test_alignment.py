"""The compiled forced alignment, against the search in NumPy."""

import numpy as np
import pytest

from hf_bigru_asr.model.ctc_alignment_bigru_ctc import _path_of_arrays
from hf_bigru_asr.native.alignment import forced_path


@pytest.mark.parametrize("seed", range(40))
def test_the_path_is_that_of_numpy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_labels = int(rng.integers(1, 12))
    labels = rng.integers(1, 4, num_labels)
    emissions = rng.normal(0, 3, (int(rng.integers(2 * num_labels, 60)), 4)).astype(np.float32)
    if seed % 3 == 0:
        emissions = np.round(emissions)  # paths of one score
    if seed % 4 == 0:
        emissions[0, 1:] = -np.inf  # as between the milestones of long recordings
    path = forced_path(emissions, labels, 0)
    assert path.tolist() == _path_of_arrays(emissions, labels, 0).tolist()
    kept = path[np.flatnonzero(np.diff(path, prepend=-1))]
    assert kept[kept != 0].tolist() == labels.tolist()


def test_what_is_out_of_range_is_refused() -> None:
    emissions = np.zeros((5, 4), dtype=np.float32)
    for labels, blank in (([4], 0), ([-1], 0), ([1], 4), ([], 0)):
        with pytest.raises(ValueError, match=r"out of range|at least one"):
            forced_path(emissions, np.array(labels, dtype=np.int64), blank)


@pytest.mark.parametrize(
    ("frames", "labels"), [((5,), (1,)), ((2, 5, 4), (1,)), ((0, 4), (1,)), ((5, 4), (1, 1))], ids=str
)
def test_arrays_of_other_shapes_are_refused(frames: tuple[int, ...], labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        forced_path(np.zeros(frames, dtype=np.float32), np.ones(labels, dtype=np.int64), 0)


def test_arrays_may_have_gaps() -> None:
    emissions, labels = np.random.default_rng(1).normal(0, 3, (20, 8)), np.array([1, 3, 2, 1])
    path = forced_path(emissions[:, ::-2].astype(np.float32), labels[::-2], 0)
    assert path.tolist() == forced_path(emissions.astype(np.float32)[:, ::-2], np.array([1, 3]), 0).tolist()
