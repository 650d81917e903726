import io

import numpy as np
import pytest

from hf_bigru_asr.data.teacher_features import (
    FRAME_S,
    TEACHER_COLUMN,
    cut_features,
    features_at,
    find_teacher_size,
    pack_features,
    unpack_features,
)


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)


def test_features_are_kept_in_half_precision(features: np.ndarray) -> None:
    assert np.array_equal(unpack_features(pack_features(features)), features.astype(np.float16))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 3), dtype=np.float32), r"the shape \(4, 3\) and the type float32"),
        (np.zeros(4, dtype=np.float16), r"the shape \(4,\)"),
        (np.zeros((0, 3), dtype=np.float16), r"the shape \(0, 3\)"),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, message: str) -> None:
    file = io.BytesIO()
    np.save(file, array)
    with pytest.raises(ValueError, match=message):
        unpack_features(file.getvalue())


def test_between_frames_as_numpy_interpolates(features: np.ndarray) -> None:
    times_s = np.array([-1.0, 0.0, 0.013, 0.02, 0.5, 0.9799, 0.98, 5.0])
    frames_s = FRAME_S * np.arange(len(features))
    expected = np.stack([np.interp(times_s, frames_s, column) for column in features.T], axis=1)
    np.testing.assert_allclose(features_at(features, times_s), expected, atol=1e-5)
    np.testing.assert_allclose(features_at(features[:1], times_s), np.tile(features[:1], (8, 1)))


def test_a_part_has_a_frame_at_its_beginning(features: np.ndarray) -> None:
    part = cut_features(features, 0.11, 0.2)
    assert part.shape == (5, 3)
    np.testing.assert_allclose(part, (features[5:10] + features[6:11]) / 2, atol=1e-5)
    assert cut_features(features, 0.1, 0.1).shape == (1, 3)


def test_the_size_is_that_of_the_first_utterance_that_has_some(features: np.ndarray) -> None:
    rows = [{}, {TEACHER_COLUMN: None}, {TEACHER_COLUMN: pack_features(features)}]
    assert find_teacher_size(rows) == 3
    with pytest.raises(ValueError, match=r"No utterance has the column 'teacher_features'; scripts/teach_dataset.py"):
        find_teacher_size(rows[:2])
