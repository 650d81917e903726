"""The log-mel front end against a spectrogram written with numpy's FFT."""

import copy
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from log_mel_reference import HOP, RATE_HZ, features, noise, normalized, reference_log_mel
from speech_prior import SPEECH, set_normalization
from transformers import AutoFeatureExtractor

from hf_bigru_asr import BiGRUCTCFeatureExtractor


@pytest.fixture(scope="module")
def extractor() -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor()


@pytest.fixture(scope="module")
def small() -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor(feature_size=20, normalization="none")


# Values


@pytest.mark.parametrize("num_samples", [3200, 5000])
def test_default_features_equal_the_reference(extractor: BiGRUCTCFeatureExtractor, num_samples: int) -> None:
    audio = noise(num_samples)
    got = features(extractor, audio)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, normalized(reference_log_mel(audio)), atol=2e-4)
    np.testing.assert_allclose(got.mean(0), 0.0, atol=1e-5)


@pytest.mark.parametrize("normalization", ["utterance", "speech"])
@pytest.mark.parametrize("num_offsets", [1, 3])
def test_an_utterance_alone_has_the_features_of_a_batch(num_offsets: int, normalization: str) -> None:
    extractor = BiGRUCTCFeatureExtractor(num_offsets=num_offsets)
    set_normalization(extractor, normalization)
    short, audio = noise(3000), noise(5000)
    short[1500:], audio[2000:3000] = short[1500:] / 50, audio[2000:3000] / 50  # steady noise would be silence
    batch = extractor([short, audio], sampling_rate=RATE_HZ, return_tensors="np").input_features
    alone = extractor.extract(torch.from_numpy(short)).numpy()
    np.testing.assert_array_equal(alone, batch[0, : extractor.num_frames(3000)])
    np.testing.assert_array_equal(extractor.extract(torch.from_numpy(audio)).numpy(), batch[1])
    assert len(np.unique(alone)) > 1000
    if num_offsets == 1 and normalization == "utterance":
        np.testing.assert_allclose(alone, normalized(reference_log_mel(short)), atol=2e-4)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"feature_size": 40, "hop_length": 160, "win_length": 400, "n_fft": 512},
        {"feature_size": 30, "sampling_rate": 8000, "hop_length": 80, "win_length": 200, "n_fft": 256},
        {"feature_size": 40, "fmin": 60.0, "fmax": 7600.0},
        {"feature_size": 16, "hop_length": 640, "win_length": 512, "n_fft": 1024, "mel_floor": 20.0},
        {"feature_size": 20, "hop_length": 256, "win_length": 256, "n_fft": 256},
    ],
    ids=["defaults", "10 ms", "8 kHz", "band", "floor and gaps", "no overlap"],
)
def test_unnormalised_features_equal_the_reference(parameters: dict) -> None:
    audio = noise(3333, seed=1)
    got = features(BiGRUCTCFeatureExtractor(normalization="none", **parameters), audio)
    expected = reference_log_mel(audio, **parameters)
    if parameters.get("mel_floor"):
        assert 0.05 < (expected == math.log(20.0)).mean() < 0.95, "the case has to touch the floor"
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_a_tone_peaks_in_the_mel_bin_of_its_frequency(extractor: BiGRUCTCFeatureExtractor) -> None:
    hertz = 1000.0
    audio = 0.5 * np.sin(2 * np.pi * hertz * np.arange(RATE_HZ) / RATE_HZ)
    centres_mel = np.linspace(0, 2595 * math.log10(1 + 8000 / 700), 130)[1:-1]
    nearest = np.abs(centres_mel - 2595 * math.log10(1 + hertz / 700)).argmin()
    peak = features(BiGRUCTCFeatureExtractor(normalization="none"), audio)[5:45].argmax(1)
    assert np.abs(peak - nearest).max() <= 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hop_length": 0}, "hop_length is 0; it must be a whole number, at least 1"),
        ({"feature_size": -1}, "feature_size is -1"),
        ({"win_length": 2048}, r"win_length is 2048 and hop_length 320; neither may exceed n_fft \(1024\)"),
        ({"hop_length": 1025}, "hop_length 1025; neither may exceed n_fft"),
        ({"fmax": 9000.0}, "fmax 9000.0 Hz; they must satisfy .* 8000.0 Hz"),
        ({"fmin": 5000.0, "fmax": 4000.0}, "fmin is 5000.0 Hz"),
        ({"mel_floor": 0.0}, "mel_floor is 0.0; it must be a finite number, above 0"),
        ({"normalization": "batch"}, "normalization is 'batch'; it must be one of 'speech', 'utterance', 'none'"),
        ({"normalization": "global"}, "normalization is 'global'; it must be one of 'speech', 'utterance', 'none'"),
        ({"prior_frames": -1}, "prior_frames is -1; it must be a whole number, at least 0"),
        ({"prior_frames": 60}, "which needs prior_std with 128 values; got None. fit_prior"),
        ({"prior_frames": 60, "prior_std": [1.0]}, "needs prior_std with 128 values; got 1"),
        (
            {"prior_frames": 60, "prior_std": [1.0] * 127 + [0.0]},
            r"prior_std\[127\] is 0.0; it must be a finite number, above 0",
        ),
        (
            {"normalization": "speech"},
            "prior_frames is 0, prior_mean has no values and prior_std no values. fit_prior",
        ),
        (SPEECH | {"prior_mean": None}, 'normalization="speech" needs prior_frames, and 128 values of prior_mean'),
        (SPEECH | {"prior_mean": [1.0] * 20}, "prior_mean has 20 values and prior_std 128 values"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_bad_parameters_are_refused(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BiGRUCTCFeatureExtractor(**parameters)


# Frames


@pytest.mark.parametrize("num_samples", [1, 2, 319, 320, 321, 639, 640, 641, 1024, 16_000, 16_001])
def test_number_of_frames(extractor: BiGRUCTCFeatureExtractor, num_samples: int) -> None:
    expected = -(-num_samples // HOP)
    assert extractor.num_frames(num_samples) == expected
    batch = extractor(noise(num_samples), sampling_rate=RATE_HZ, return_tensors="pt")
    assert batch.input_features.shape == (1, expected, 128)
    assert batch.attention_mask.tolist() == [[1] * expected]


def test_chunks_cut_at_multiples_of_the_hop_have_the_frames_of_the_whole(small: BiGRUCTCFeatureExtractor) -> None:
    audio = noise(40 * HOP + 77)
    whole = features(small, audio)
    for first, last in [(0, 20), (7, 23), (30, 41)]:
        chunk = features(small, audio[first * HOP : last * HOP])
        left, right = (0 if first == 0 else 1), (0 if last == 41 else 1)
        np.testing.assert_allclose(
            chunk[left : len(chunk) - right], whole[first + left : last - right], atol=1e-5, rtol=0
        )


# Normalisation


@pytest.mark.parametrize("num_samples", [1, 320, 16_000])
@pytest.mark.parametrize("normalization", ["speech", "utterance", "none"])
def test_silence_is_finite(num_samples: int, normalization: str) -> None:
    extractor = BiGRUCTCFeatureExtractor()
    set_normalization(extractor, normalization)
    expected = math.log(1e-6) if normalization == "none" else 0.0
    np.testing.assert_allclose(features(extractor, np.zeros(num_samples)), expected, atol=1e-4)


def test_one_sample_is_finite(extractor: BiGRUCTCFeatureExtractor) -> None:
    assert np.isfinite(features(extractor, np.array([1.0]))).all()


def test_loudness_is_normalised_away(extractor: BiGRUCTCFeatureExtractor) -> None:
    audio = noise(8000)
    np.testing.assert_allclose(features(extractor, audio / 4), features(extractor, audio), atol=1e-3)


def test_the_variance_of_short_speech_is_drawn_to_the_prior() -> None:
    clips = [noise(5000, 3), noise(640, 4) / 10, noise(12_345, 5)]
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    extractor.fit_prior(iter(clips), 60)
    frames = [reference_log_mel(clip, feature_size=20) for clip in clips]
    prior = sum(len(each) * each.var(0) for each in frames) / sum(map(len, frames))
    assert extractor.normalization == "utterance"
    np.testing.assert_allclose(extractor.prior_std, np.sqrt(prior), atol=1e-4)
    for each, clip in zip(frames, clips, strict=True):
        # As if 60 more frames stood at the prior's distance from the mean.
        squares = ((each - each.mean(0)) ** 2).sum(0) + 60 * prior
        expected = (each - each.mean(0)) / np.sqrt(squares / (len(each) + 60))
        np.testing.assert_allclose(features(extractor, clip), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("clips", "prior_frames", "message"),
    [
        ([], 60, "no utterance to take a variance from; give at least one"),
        ([np.zeros(640)], 60, "prior_std has the value 0.0; all of them must be positive"),
        ([noise(640)], 0, "prior_frames is 0; give at least 1"),
    ],
    ids=["none", "silence", "no frames"],
)
def test_a_prior_that_cannot_be_had(clips: list[np.ndarray], prior_frames: int, message: str) -> None:
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    with pytest.raises(ValueError, match=message):
        extractor.fit_prior(clips, prior_frames)
    assert extractor.prior_frames == 0, "a failure changes nothing"


def test_speech_is_normalised_by_a_prior_that_is_fitted() -> None:
    """An extractor that normalises by utterances until it has a prior."""
    bursts = [np.concatenate([noise(8000, seed), noise(8000, seed) / 300, noise(4000, seed)]) for seed in (1, 2)]
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    extractor.fit_prior(bursts, 60, normalization="speech")
    assert extractor.normalization == "speech"
    # Both have the same bursts with a margin; the quarter of frames between them is no speech.
    frames = np.concatenate([reference_log_mel(clip, feature_size=20) for clip in bursts])
    loud = frames[frames.mean(1) > -5]
    assert 0.5 < len(loud) / len(frames) < 0.8
    assert np.abs(np.array(extractor.prior_mean) - loud.mean(0)).max() < np.abs(frames.mean(0) - loud.mean(0)).min()
    loaded = BiGRUCTCFeatureExtractor.from_dict(extractor.to_dict())
    np.testing.assert_array_equal(features(loaded, bursts[0]), features(extractor, bursts[0]))
    assert np.isfinite(features(extractor, bursts[0])).all()


def test_without_speech_there_is_no_prior_for_it() -> None:
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    with pytest.raises(ValueError, match=r"prior_mean has no values .* of utterances that have speech"):
        extractor.fit_prior([noise(8000)], 60, normalization="speech")
    with pytest.raises(ValueError, match="normalization is 'batch'; it must be one of"):
        extractor.fit_prior([noise(8000)], 60, normalization="batch")
    assert (extractor.normalization, extractor.prior_frames) == ("utterance", 0), "a failure changes nothing"


def test_a_normalisation_that_is_set_without_its_prior_is_refused() -> None:
    extractor = BiGRUCTCFeatureExtractor()
    extractor.normalization = "speech"
    with pytest.raises(ValueError, match='normalization="speech" needs prior_frames, and 128 values of prior_mean'):
        features(extractor, noise(2000))


def test_speech_has_no_single_mean() -> None:
    extractor = BiGRUCTCFeatureExtractor(**SPEECH)
    with pytest.raises(ValueError, match="has no single mean and variance; use extract, or SpeechSums"):
        extractor.normalize(torch.zeros(3, 128), torch.zeros(128), torch.ones(128))


# Saving


def with_prior() -> BiGRUCTCFeatureExtractor:
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    extractor.fit_prior([noise(3200)], 60)
    return extractor


def by_speech() -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor(**SPEECH)


def changed() -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor(feature_size=20, hop_length=160, fmin=50.0, padding_value=-1.0)


@pytest.mark.parametrize("make", [BiGRUCTCFeatureExtractor, changed, with_prior, by_speech])
def test_save_and_load(make: type, tmp_path: Path) -> None:
    extractor = make()
    extractor.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.glob("*.json")] == ["preprocessor_config.json"]
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert {"mel_filters", "window"}.isdisjoint(saved)
    assert saved["feature_extractor_type"] == "BiGRUCTCFeatureExtractor"
    for loaded in (
        BiGRUCTCFeatureExtractor.from_pretrained(tmp_path),
        AutoFeatureExtractor.from_pretrained(tmp_path),
    ):
        assert type(loaded) is BiGRUCTCFeatureExtractor
        assert loaded.to_dict() == extractor.to_dict()
        np.testing.assert_array_equal(features(loaded, noise(2000)), features(extractor, noise(2000)))


def test_fields_of_former_releases_are_dropped(tmp_path: Path) -> None:
    BiGRUCTCFeatureExtractor().save_pretrained(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"global_mean": [0.0] * 128, "global_std": None}))

    BiGRUCTCFeatureExtractor.from_pretrained(tmp_path).save_pretrained(tmp_path)

    assert json.loads(path.read_text()) == values


def test_a_value_given_on_loading_is_used(tmp_path: Path) -> None:
    BiGRUCTCFeatureExtractor().save_pretrained(tmp_path)
    loaded = BiGRUCTCFeatureExtractor.from_pretrained(tmp_path, normalization="none")
    np.testing.assert_allclose(features(loaded, noise(2000)), reference_log_mel(noise(2000)), atol=1e-4)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda extractor: pickle.loads(pickle.dumps(extractor))])
def test_copies_compute_the_same(duplicate: object) -> None:
    extractor = with_prior()
    twin = duplicate(extractor)
    np.testing.assert_array_equal(features(twin, noise(2000)), features(extractor, noise(2000)))
    assert twin.to_dict() == extractor.to_dict()


# Devices


def test_the_device_can_be_named(extractor: BiGRUCTCFeatureExtractor) -> None:
    audio = noise(2000)
    for device in ("cpu", torch.device("cpu")):
        batch = extractor(audio, sampling_rate=RATE_HZ, return_tensors="pt", device=device)
        assert batch.input_features.device.type == "cpu"
        np.testing.assert_array_equal(batch.input_features[0], features(extractor, audio))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_computes_the_same() -> None:
    extractor = with_prior()
    clips = [noise(9000), torch.from_numpy(noise(2000)).cuda()]
    batch = extractor(clips, sampling_rate=RATE_HZ, return_tensors="pt", device="cuda")
    assert batch.input_features.is_cuda
    assert batch.attention_mask.is_cuda
    assert batch.attention_mask.sum(-1).tolist() == [57, 13]
    np.testing.assert_allclose(batch.input_features[0].cpu(), features(extractor, noise(9000)), atol=1e-3)
    np.testing.assert_allclose(batch.input_features[1, :13].cpu(), features(extractor, noise(2000)), atol=1e-3)
