"""The log-mel front end against a spectrogram written with numpy's FFT, one frame at a time."""

import copy
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, BatchFeature

from hf_bigru_asr import BiGRUCTCFeatureExtractor

RATE_HZ = 16_000
HOP = 320


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    """Noise on the grid of 16-bit samples, so that every type of number holds it exactly."""
    samples = np.random.default_rng(seed).normal(0.0, 3000.0, num_samples)
    return (samples.round().clip(-32768, 32767) / 32768).astype(np.float32)


def mel_triangles(num_bins: int, num_mels: int, fmin: float, fmax: float, rate_hz: int) -> np.ndarray:
    """`(bins, mels)`: triangles with a peak of one between neighbouring points of the HTK mel scale."""
    points_mel = np.linspace(2595 * math.log10(1 + fmin / 700), 2595 * math.log10(1 + fmax / 700), num_mels + 2)
    points_hz = 700 * (10 ** (points_mel / 2595) - 1)
    left, centre, right = points_hz[:-2], points_hz[1:-1], points_hz[2:]
    hertz = np.linspace(0, rate_hz / 2, num_bins)[:, None]
    return np.minimum((hertz - left) / (centre - left), (right - hertz) / (right - centre)).clip(min=0)


def reference_log_mel(
    audio: np.ndarray,
    *,
    feature_size: int = 128,
    sampling_rate: int = RATE_HZ,
    hop_length: int = HOP,
    win_length: int = 512,
    n_fft: int = 1024,
    fmin: float = 0.0,
    fmax: float | None = None,
    mel_floor: float = 1e-6,
) -> np.ndarray:
    """Unnormalised features in double precision, with every window centred on its frame's samples."""
    fmax = sampling_rate / 2 if fmax is None else fmax
    bank = mel_triangles(n_fft // 2 + 1, feature_size, fmin, fmax, sampling_rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    margin = np.zeros(win_length)
    surrounded = np.concatenate([margin, audio.astype(np.float64), margin, np.zeros(hop_length)])
    frames = []
    for start in range(0, len(audio), hop_length):
        first = start + hop_length // 2 - win_length // 2 + win_length
        power = np.abs(np.fft.rfft(surrounded[first : first + win_length] * window, n_fft)) ** 2
        frames.append(np.log(np.maximum(power @ bank, mel_floor)))
    return np.array(frames)


def normalized(frames: np.ndarray) -> np.ndarray:
    return (frames - frames.mean(0)) / np.sqrt(frames.var(0) + 1e-5)


@pytest.fixture(scope="module")
def extractor() -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor()


@pytest.fixture(scope="module")
def small() -> BiGRUCTCFeatureExtractor:
    return BiGRUCTCFeatureExtractor(feature_size=20, normalization="none")


def features(extractor: BiGRUCTCFeatureExtractor, audio: object, **kwargs: object) -> np.ndarray:
    """Features of one utterance `(frames, mels)`."""
    batch = extractor(audio, sampling_rate=extractor.sampling_rate, return_tensors="np", **kwargs)
    assert batch.input_features.shape[0] == 1
    return batch.input_features[0]


# Values


@pytest.mark.parametrize("num_samples", [3200, 5000])
def test_default_features_equal_the_reference(extractor: BiGRUCTCFeatureExtractor, num_samples: int) -> None:
    audio = noise(num_samples)
    got = features(extractor, audio)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, normalized(reference_log_mel(audio)), atol=2e-4)
    np.testing.assert_allclose(got.mean(0), 0.0, atol=1e-5)


@pytest.mark.parametrize("num_offsets", [1, 3])
def test_an_utterance_alone_has_the_features_of_a_batch(num_offsets: int) -> None:
    extractor = BiGRUCTCFeatureExtractor(num_offsets=num_offsets)
    short, audio = noise(3000).astype(np.float32), noise(5000).astype(np.float32)
    batch = extractor([short, audio], sampling_rate=RATE_HZ, return_tensors="np").input_features
    alone = extractor.extract(torch.from_numpy(short)).numpy()
    np.testing.assert_array_equal(alone, batch[0, : extractor.num_frames(3000)])
    np.testing.assert_array_equal(extractor.extract(torch.from_numpy(audio)).numpy(), batch[1])
    if num_offsets == 1:
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


def test_no_default_mel_filter_is_empty(extractor: BiGRUCTCFeatureExtractor) -> None:
    assert (extractor.mel_filters.numpy() > 0).any(axis=0).all()
    np.testing.assert_allclose(extractor.mel_filters, mel_triangles(513, 128, 0.0, 8000.0, RATE_HZ), atol=1e-4)


def test_a_transform_that_leaves_mel_filters_empty_is_refused() -> None:
    empty = int((mel_triangles(257, 128, 0.0, 8000.0, RATE_HZ).max(0) == 0).sum())
    assert empty > 0
    with pytest.raises(ValueError, match=rf"{empty} of the 128 mel filters .* 512-point .*raise n_fft or lower"):
        BiGRUCTCFeatureExtractor(n_fft=512)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hop_length": 0}, "hop_length is 0; it must be at least 1"),
        ({"feature_size": -1}, "feature_size is -1"),
        ({"win_length": 2048}, r"win_length is 2048 and hop_length 320; neither may exceed n_fft \(1024\)"),
        ({"hop_length": 1025}, "hop_length 1025; neither may exceed n_fft"),
        ({"fmax": 9000.0}, "fmax 9000.0 Hz; they must satisfy .* 8000.0 Hz"),
        ({"fmin": 5000.0, "fmax": 4000.0}, "fmin is 5000.0 Hz"),
        ({"mel_floor": 0.0}, "mel_floor is 0.0; .* must be positive"),
        ({"normalization": "batch"}, "normalization is 'batch'; choose one of utterance, global, none"),
        ({"normalization": "global"}, "needs global_mean with 128 values; got None. fit_global_statistics"),
        ({"normalization": "global", "global_mean": [0.0]}, "needs global_mean with 128 values; got 1"),
        (
            {"normalization": "global", "global_mean": [0.0] * 128, "global_std": [0.0] * 128},
            "global_std has the value 0.0; all of them must be positive",
        ),
        ({"prior_frames": -1}, "prior_frames is -1; it must be at least 0"),
        ({"prior_frames": 60}, "which needs prior_std with 128 values; got None. fit_prior"),
        ({"prior_frames": 60, "prior_std": [1.0]}, "needs prior_std with 128 values; got 1"),
        ({"prior_frames": 60, "prior_std": [1.0] * 127 + [0.0]}, "prior_std has the value 0.0"),
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


# Normalisation


@pytest.mark.parametrize("num_samples", [1, 320, 16_000])
@pytest.mark.parametrize("normalization", ["utterance", "none"])
def test_silence_is_finite(num_samples: int, normalization: str) -> None:
    got = features(BiGRUCTCFeatureExtractor(normalization=normalization), np.zeros(num_samples))
    expected = 0.0 if normalization == "utterance" else math.log(1e-6)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_one_sample_is_finite(extractor: BiGRUCTCFeatureExtractor) -> None:
    assert np.isfinite(features(extractor, np.array([1.0]))).all()


def test_loudness_is_normalised_away(extractor: BiGRUCTCFeatureExtractor) -> None:
    audio = noise(8000)
    np.testing.assert_allclose(features(extractor, audio / 4), features(extractor, audio), atol=1e-3)


def test_global_statistics_are_those_of_all_frames(small: BiGRUCTCFeatureExtractor) -> None:
    clips = [noise(5000, 3), noise(640, 4) / 10, noise(12_345, 5)]
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    extractor.fit_global_statistics(iter(clips))
    frames = np.concatenate([reference_log_mel(clip, feature_size=20) for clip in clips])
    assert extractor.normalization == "global"
    np.testing.assert_allclose(extractor.global_mean, frames.mean(0), atol=1e-4)
    np.testing.assert_allclose(extractor.global_std, frames.std(0), atol=1e-4)
    expected = (reference_log_mel(clips[1], feature_size=20) - frames.mean(0)) / frames.std(0)
    np.testing.assert_allclose(features(extractor, clips[1]), expected, atol=1e-3)


def test_global_statistics_survive_constant_bins_and_a_second_fit() -> None:
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    extractor.fit_global_statistics([np.zeros(640)])
    assert np.isfinite(features(extractor, noise(640))).all()
    extractor.fit_global_statistics([noise(6400)])
    frames = reference_log_mel(noise(6400), feature_size=20)
    np.testing.assert_allclose(extractor.global_mean, frames.mean(0), atol=1e-4)


def test_global_statistics_need_an_utterance() -> None:
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    with pytest.raises(ValueError, match="no utterance to take global statistics from; give at least one"):
        extractor.fit_global_statistics([])
    assert extractor.normalization == "utterance", "a failure changes nothing"


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


# Saving


def with_prior() -> BiGRUCTCFeatureExtractor:
    extractor = BiGRUCTCFeatureExtractor(feature_size=20)
    extractor.fit_prior([noise(3200)], 60)
    return extractor


def fitted() -> BiGRUCTCFeatureExtractor:
    extractor = BiGRUCTCFeatureExtractor(feature_size=20, hop_length=160, fmin=50.0, padding_value=-1.0)
    extractor.fit_global_statistics([noise(3200)])
    return extractor


@pytest.mark.parametrize("make", [BiGRUCTCFeatureExtractor, fitted, with_prior], ids=["defaults", "fitted", "prior"])
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


def test_a_value_given_on_loading_is_used(tmp_path: Path) -> None:
    BiGRUCTCFeatureExtractor().save_pretrained(tmp_path)
    loaded = BiGRUCTCFeatureExtractor.from_pretrained(tmp_path, normalization="none")
    np.testing.assert_allclose(features(loaded, noise(2000)), reference_log_mel(noise(2000)), atol=1e-4)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda extractor: pickle.loads(pickle.dumps(extractor))])
def test_copies_compute_the_same(duplicate: object) -> None:
    extractor = fitted()
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
    extractor = fitted()
    clips = [noise(9000), torch.from_numpy(noise(2000)).cuda()]
    batch = extractor(clips, sampling_rate=RATE_HZ, return_tensors="pt", device="cuda")
    assert batch.input_features.is_cuda
    assert batch.attention_mask.is_cuda
    assert batch.attention_mask.sum(-1).tolist() == [57, 13]
    np.testing.assert_allclose(batch.input_features[0].cpu(), features(extractor, noise(9000)), atol=1e-3)
    np.testing.assert_allclose(batch.input_features[1, :13].cpu(), features(extractor, noise(2000)), atol=1e-3)
