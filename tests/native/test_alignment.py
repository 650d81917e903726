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
        with pytest.raises(MemoryError):
            forced_path(emissions, np.array(labels, dtype=np.int64), blank)
