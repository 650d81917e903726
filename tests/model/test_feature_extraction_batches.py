"""Batches of utterances, their padding, and the kinds of arrays that hold them."""

import numpy as np
import pytest
import torch
from log_mel_reference import HOP, RATE_HZ, features, noise
from transformers import BatchFeature

from hf_bigru_asr import BiGRUCTCFeatureExtractor


@pytest.fixture(scope="module")
def extractor() -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor()


@pytest.fixture(scope="module")
def small() -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor(feature_size=20, normalization="none")


# Batches and padding


def test_a_batch_has_the_very_numbers_of_single_files(extractor: BiGRUCTCFeatureExtractor) -> None:
    clips = [noise(num_samples, seed) for seed, num_samples in enumerate([5000, 1, 321, 8000, 320])]
    batch = extractor(clips, sampling_rate=RATE_HZ, return_tensors="np")
    assert batch.input_features.shape == (5, 25, 128)
    assert batch.attention_mask.dtype == np.int32
    for row, clip in enumerate(clips):
        frames = extractor.num_frames(len(clip))
        np.testing.assert_array_equal(batch.input_features[row, :frames], features(extractor, clip))
        assert not batch.input_features[row, frames:].any()
        assert batch.attention_mask[row].tolist() == [1] * frames + [0] * (25 - frames)


def test_padding_value(small: BiGRUCTCFeatureExtractor) -> None:
    padded = BiGRUCTCFeatureExtractor(feature_size=20, normalization="none", padding_value=-3.5)
    batch = padded([noise(640), noise(1600)], sampling_rate=RATE_HZ, return_tensors="pt")
    assert (batch.input_features[0, 2:] == -3.5).all()
    np.testing.assert_array_equal(batch.input_features[0, :2], features(small, noise(640)))


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ({"padding": True}, [10, 10]),
        ({"padding": "longest"}, [10, 10]),
        ({"padding": False}, [4, 10]),
        ({"padding": "max_length", "max_length": 12}, [12, 12]),
        ({"padding": "max_length", "max_length": 6, "truncation": True}, [6, 6]),
        ({"padding": "longest", "max_length": 6, "truncation": True}, [6, 6]),
        ({"padding": True, "pad_to_multiple_of": 8}, [16, 16]),
        ({"padding": False, "max_length": 6, "truncation": True}, [4, 6]),
    ],
    ids=str,
)
def test_padding_and_truncation(small: BiGRUCTCFeatureExtractor, options: dict, frames: list[int]) -> None:
    clips = [noise(4 * HOP), noise(10 * HOP)]
    batch = small(clips, sampling_rate=RATE_HZ, **options)
    assert [len(row) for row in batch["input_features"]] == frames
    assert [len(row) for row in batch["attention_mask"]] == frames
    limit = options.get("max_length", 10) if options.get("truncation") else 10
    assert [int(np.sum(row)) for row in batch["attention_mask"]] == [4, min(limit, 10)]
    for row, clip in zip(batch["input_features"], clips, strict=True):
        valid = min(len(row), small.num_frames(len(clip)))
        np.testing.assert_array_equal(row[:valid], features(small, clip)[:valid])


def test_the_mask_is_left_out_on_request(small: BiGRUCTCFeatureExtractor) -> None:
    assert set(small(noise(640), sampling_rate=RATE_HZ)) == {"input_features", "attention_mask"}
    assert set(small(noise(640), sampling_rate=RATE_HZ, return_attention_mask=False)) == {"input_features"}
    without = BiGRUCTCFeatureExtractor(feature_size=20, return_attention_mask=False)
    assert set(without(noise(640), sampling_rate=RATE_HZ)) == {"input_features"}
    assert "attention_mask" in without(noise(640), sampling_rate=RATE_HZ, return_attention_mask=True)


@pytest.mark.parametrize(("return_tensors", "kind"), [("pt", torch.Tensor), ("np", np.ndarray)])
def test_result_types(small: BiGRUCTCFeatureExtractor, return_tensors: str, kind: type) -> None:
    batch = small([noise(640), noise(900)], sampling_rate=RATE_HZ, return_tensors=return_tensors)
    assert isinstance(batch, BatchFeature)
    assert all(isinstance(value, kind) for value in batch.values())
    assert str(batch["input_features"].dtype).endswith("float32")


def test_pad_joins_features_that_were_computed_one_by_one(extractor: BiGRUCTCFeatureExtractor) -> None:
    clips = [noise(5000), noise(800)]
    single = [{"input_features": features(extractor, clip)} for clip in clips]
    joined = extractor.pad(single, return_tensors="pt")
    batch = extractor(clips, sampling_rate=RATE_HZ, return_tensors="pt")
    assert torch.equal(joined.input_features, batch.input_features)
    assert torch.equal(joined.attention_mask, batch.attention_mask)


# Kinds of input


@pytest.mark.parametrize(
    "convert",
    [
        lambda audio: audio.astype(np.float64),
        lambda audio: (audio * 32768).astype(np.int16),
        lambda audio: audio.tolist(),
        lambda audio: tuple(audio.tolist()),
        torch.from_numpy,
        lambda audio: torch.from_numpy(audio).double(),
        lambda audio: torch.from_numpy((audio * 32768).astype(np.int16)),
        lambda audio: torch.from_numpy(audio).requires_grad_(),
        lambda audio: np.repeat(audio, 2)[::2],
        lambda audio: audio[::-1].copy()[::-1],
        lambda audio: np.frombuffer(audio.tobytes(), np.float32),
        lambda audio: [audio],
        lambda audio: [audio.tolist()],
        lambda audio: audio[None],
        lambda audio: audio[None, None],
        lambda audio: np.stack([audio, audio])[None],
        lambda audio: [np.stack([audio, audio])],
    ],
    ids=[
        *("float64", "int16", "list", "tuple", "tensor", "float64 tensor", "int16 tensor", "tensor with gradient"),
        *("strided", "reversed", "read-only", "list of one", "nested list", "batch of one", "batch of one mono"),
        *("batch of one stereo", "list of one stereo"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_every_kind_of_array_gives_the_same(extractor: BiGRUCTCFeatureExtractor, convert: object) -> None:
    audio = noise(2000)
    np.testing.assert_array_equal(features(extractor, convert(audio)), features(extractor, audio))


def test_half_precision_audio_is_taken(small: BiGRUCTCFeatureExtractor) -> None:
    half = torch.from_numpy(noise(2000)).half()
    np.testing.assert_array_equal(features(small, half), features(small, half.float()))


def test_stereo_is_averaged(small: BiGRUCTCFeatureExtractor) -> None:
    left, right = noise(2000, 1), noise(2000, 2)
    expected = features(small, (left + right) / 2)
    batch = small([np.stack([left, right]), left], sampling_rate=RATE_HZ, return_tensors="np")
    np.testing.assert_allclose(batch.input_features[0], expected, atol=1e-5)
    np.testing.assert_array_equal(batch.input_features[1], features(small, left))


def test_two_rows_of_an_array_are_a_batch_of_two(small: BiGRUCTCFeatureExtractor) -> None:
    rows = np.stack([noise(2000, 1), noise(2000, 2)])
    batch = small(rows, sampling_rate=RATE_HZ, return_tensors="np").input_features
    np.testing.assert_array_equal(batch[1], features(small, rows[1]))


def test_the_audio_is_left_as_it_was(extractor: BiGRUCTCFeatureExtractor) -> None:
    audio = noise(2000)
    before = audio.copy()
    extractor(audio, sampling_rate=RATE_HZ)
    np.testing.assert_array_equal(audio, before)
