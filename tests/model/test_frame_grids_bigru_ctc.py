"""Frame grids: the features of each, the mean of their log-probabilities, and every place that uses them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from runtime_support import RUNTIME_CASES, needs_onnx
from small_language_model import write_language_model
from speech_prior import SPEECH, set_normalization
from tone_speech import speak
from transformers import Wav2Vec2FeatureExtractor, pipeline

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.backends.loading import load_model
from hf_bigru_asr.long_audio.network import log_probs_of_long_audio
from hf_bigru_asr.model.frame_grids_bigru_ctc import use_offsets
from hf_bigru_asr.runtime.export import export_onnx
from hf_bigru_asr.runtime.log_mel import LogMelSettings, log_mel
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer
from hf_bigru_asr.training.building import build_processor
from hf_bigru_asr.training.collator import DataCollatorForCTC
from hf_bigru_asr.transcription.pipeline import BeamSearchPipeline
from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe

RATE_HZ = 16_000
LOWEST = torch.finfo(torch.float32).min


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, num_samples).astype(np.float32)


def bursts(num_samples: int) -> np.ndarray:
    """Noise with pauses: steady noise would be silence for the normalisation by speech."""
    is_loud = np.arange(num_samples) // 2500 % 2 == 0
    return np.where(is_loud, 1, 0.01).astype(np.float32) * noise(num_samples)


def features_of(extractor: BiGRUCTCFeatureExtractor, waveform: np.ndarray) -> torch.Tensor:
    return extractor(waveform, sampling_rate=RATE_HZ, return_tensors="pt").input_features


@torch.inference_mode()
def mean_by_hand(model: BiGRUForCTC, features: torch.Tensor, num_grids: int) -> np.ndarray:
    """Normalised geometric mean of the probabilities on each grid `(batch, frames, classes)`, in double precision."""
    mels = features.shape[-1] // num_grids
    grids = [features[..., grid * mels : (grid + 1) * mels] for grid in range(num_grids)]
    product = np.prod([model(grid).logits.double().exp().numpy() for grid in grids], axis=0) ** (1 / num_grids)
    return np.log(product / product.sum(-1, keepdims=True))


# Features


@pytest.mark.parametrize(("num_offsets", "offsets"), [(1, [0]), (2, [-80, 80]), (3, [-107, 0, 107])])
def test_each_grid_has_the_frames_of_the_audio_moved(num_offsets: int, offsets: list[int]) -> None:
    one, several = BiGRUCTCFeatureExtractor(), BiGRUCTCFeatureExtractor(num_offsets=num_offsets)
    one.normalization = several.normalization = "none"
    waveform = noise(4000)

    found = features_of(several, waveform)[0]

    assert found.shape == (13, num_offsets * 128)
    for grid, offset in enumerate(offsets):
        moved = waveform[offset:] if offset >= 0 else np.concatenate([np.zeros(-offset, np.float32), waveform])
        expected = features_of(one, moved)[0][: len(found)]
        # The first frame of audio that was cut has lost what stands before it, the last one may be missing.
        inside = slice(1, 11)
        torch.testing.assert_close(found[inside, grid * 128 : (grid + 1) * 128], expected[inside])


@pytest.mark.parametrize("num_samples", [1, 319, 320, 321, 5000])
def test_grids_have_the_frames_that_one_has(num_samples: int) -> None:
    several = BiGRUCTCFeatureExtractor(num_offsets=3)

    batch = several([noise(num_samples), noise(7000)], sampling_rate=RATE_HZ, return_tensors="pt")

    assert batch.input_features.shape == (2, 22, 384)
    assert batch.attention_mask.sum(-1).tolist() == [-(-num_samples // 320), 22]
    assert batch.input_features.isfinite().all()


@pytest.mark.parametrize(
    "options",
    [{"normalization": "none"}, {}, {"prior_frames": 20, "prior_std": [1.5] * 128}, SPEECH],
    ids=["none", "utterance", "prior", "speech"],
)
@pytest.mark.parametrize("num_samples", [1, 321, 9999])
def test_features_without_torch_are_the_same(options: dict[str, Any], num_samples: int) -> None:
    extractor = BiGRUCTCFeatureExtractor(num_offsets=3, **options)
    waveform = bursts(num_samples)

    found = log_mel(waveform, LogMelSettings.from_dict(extractor.to_dict()))

    np.testing.assert_allclose(found, features_of(extractor, waveform)[0], atol=1e-3)


def test_statistics_are_those_of_all_frames() -> None:
    extractor = BiGRUCTCFeatureExtractor(num_offsets=2, normalization="none")
    grids = features_of(extractor, noise(6000))[0].split(128, dim=1)

    extractor.fit_prior([noise(6000)], 60)

    variance = torch.stack([grid.var(0, correction=0) for grid in grids]).mean(0)
    np.testing.assert_allclose(extractor.prior_std, variance.sqrt(), rtol=1e-3)


def test_the_number_is_saved_and_can_be_given(tmp_path: Path) -> None:
    BiGRUCTCFeatureExtractor(num_offsets=3).save_pretrained(tmp_path)

    assert BiGRUCTCFeatureExtractor.from_pretrained(tmp_path).num_offsets == 3
    assert BiGRUCTCFeatureExtractor.from_pretrained(tmp_path, num_offsets=2).num_offsets == 2


@pytest.mark.parametrize("num_offsets", [0, 9])
def test_a_number_out_of_range_is_refused(num_offsets: int) -> None:
    extractor = BiGRUCTCFeatureExtractor()

    with pytest.raises(ValueError, match="num_offsets is"):
        BiGRUCTCFeatureExtractor(num_offsets=num_offsets)
    with pytest.raises(ValueError, match="num_offsets is"):
        extractor.set_num_offsets(num_offsets)
    with pytest.raises(ValueError, match="num_offsets is"):
        LogMelSettings(num_offsets=num_offsets)
    assert extractor.num_offsets == 1


# The mean


@pytest.mark.parametrize("num_offsets", [3, 6])
@pytest.mark.parametrize("runtime", ["torch", *RUNTIME_CASES])
def test_log_probabilities_are_averaged(model_dir: Path, runtime: str, num_offsets: int) -> None:
    extractor = BiGRUCTCFeatureExtractor(num_offsets=num_offsets)
    reference = BiGRUForCTC.from_pretrained(model_dir)
    model = load_model(str(model_dir), runtime, num_threads=1)
    waveforms = [noise(9000), noise(3300, seed=1)]
    batch = extractor(waveforms, sampling_rate=RATE_HZ, return_tensors="pt")

    with torch.inference_mode():
        found = model(**batch).logits

    for row, waveform in zip(found, waveforms, strict=True):
        alone = mean_by_hand(reference, features_of(extractor, waveform), num_offsets)[0]
        np.testing.assert_allclose(row[: len(alone)], alone, atol=1e-3)
        assert (row[len(alone) :, 0] == 0).all()
        assert (row[len(alone) :, 1:] == LOWEST).all()


def test_three_grids_differ_from_one(tiny_model: BiGRUForCTC) -> None:
    one, three = BiGRUCTCFeatureExtractor(), BiGRUCTCFeatureExtractor(num_offsets=3)

    with torch.inference_mode():
        single = tiny_model(features_of(one, noise(9000))).logits
        mean = tiny_model(features_of(three, noise(9000))).logits

    assert single.shape == mean.shape
    assert (single - mean).abs().max() > 0.1


@pytest.mark.parametrize("width", [129, 9 * 128])
def test_input_that_is_not_of_grids_is_refused(tiny_model: BiGRUForCTC, width: int) -> None:
    with pytest.raises(ValueError, match=r"input_features has the shape"):
        tiny_model(torch.zeros(1, 20, width))


@pytest.mark.parametrize("options", [{"labels": torch.tensor([[1, 2]])}, {"output_hidden_states": True}])
def test_a_loss_or_hidden_states_of_several_grids_are_refused(
    tiny_model: BiGRUForCTC, options: dict[str, object]
) -> None:
    features = features_of(BiGRUCTCFeatureExtractor(num_offsets=2), noise(9000))

    with pytest.raises(ValueError, match=r"set_num_offsets\(1\)"):
        tiny_model(features, **options)
    tiny_model.config.output_hidden_states = True
    with pytest.raises(ValueError, match=r"set_num_offsets\(1\)"):
        tiny_model(features)


def test_training_on_several_grids_is_refused(processor: BiGRUCTCProcessor) -> None:
    processor.feature_extractor.set_num_offsets(3)

    with pytest.raises(ValueError, match=r"set_num_offsets\(1\)"):
        DataCollatorForCTC(processor)


def test_training_goes_on_with_one_grid(model_dir: Path, processor: BiGRUCTCProcessor) -> None:
    processor.feature_extractor.set_num_offsets(3)
    processor.save_pretrained(model_dir)

    assert build_processor(str(model_dir)).feature_extractor.num_offsets == 1
    assert build_processor(str(model_dir), hop_length=480).feature_extractor.num_offsets == 1


# Where it is used


@pytest.mark.parametrize("normalization", ["utterance", "speech"])
@pytest.mark.parametrize("num_samples", [1, 700, 20_001])
@pytest.mark.parametrize("chunk_s", [0.1, 100.0])
def test_long_audio_equals_the_whole(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, num_samples: int, chunk_s: float, normalization: str
) -> None:
    processor.feature_extractor.set_num_offsets(3)
    set_normalization(processor.feature_extractor, normalization)
    waveform = bursts(num_samples)
    blocks = iter([waveform[:5000], waveform[5000:]])

    found = log_probs_of_long_audio(
        tiny_model, processor.feature_extractor, blocks, sampling_rate=RATE_HZ, chunk_s=chunk_s, num_segments=2
    )

    with torch.inference_mode():
        expected = tiny_model(features_of(processor.feature_extractor, waveform)).logits[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("long_s", [100.0, 0.5], ids=["whole", "in chunks"])
def test_recordings_pipeline_and_network_agree(model_dir: Path, tmp_path: Path, long_s: float) -> None:
    waveforms = [speak(text)[0] for text in ("THREE GRIDS", "A", "OF FRAMES")]
    paths = [tmp_path / f"{number}.wav" for number in range(len(waveforms))]
    for path, waveform in zip(paths, waveforms, strict=True):
        soundfile.write(path, waveform, RATE_HZ, subtype="FLOAT")
    recognizer = load_recognizer(model_dir, num_offsets=3)
    processor = BiGRUCTCProcessor.from_pretrained(model_dir)
    processor.feature_extractor.set_num_offsets(3)
    model = BiGRUForCTC.from_pretrained(model_dir)
    with torch.inference_mode():
        best = [model(features_of(processor.feature_extractor, waveform)).logits.argmax(-1) for waveform in waveforms]
    expected = [processor.batch_decode(ids)[0] for ids in best]
    inputs = [{"raw": waveform, "sampling_rate": RATE_HZ} for waveform in waveforms]

    transcripts = list(transcribe(recognizer, paths, long_s=long_s))

    assert [each.text.split() for each in transcripts] == [text.split() for text in expected]
    # The pipeline empties what it is given.
    assert [each["text"] for each in recognizer(list(map(dict, inputs)), batch_size=3)] == expected
    assert expected != [each["text"] for each in load_recognizer(model_dir)(inputs)]


def test_pipelines_that_share_a_processor_keep_their_grids(model_dir: Path) -> None:
    write_language_model(model_dir / "language_model")
    model, processor = BiGRUForCTC.from_pretrained(model_dir), BiGRUCTCProcessor.from_pretrained(model_dir)
    parts = {"model": model, "tokenizer": processor.tokenizer, "feature_extractor": processor.feature_extractor}

    beam = pipeline(
        "automatic-speech-recognition",
        processor=processor,
        pipeline_class=BeamSearchPipeline,
        decoding={"num_offsets": 3},
        **parts,
    )

    assert beam.feature_extractor.num_offsets == 3
    assert processor.feature_extractor.num_offsets == 1
    inputs = [{"raw": noise(size), "sampling_rate": RATE_HZ} for size in (30_000, 4000)]
    together = beam([dict(each) for each in inputs], batch_size=2)
    assert together == [beam(dict(each)) for each in inputs]


def test_another_feature_extractor_is_named() -> None:
    with pytest.raises(ValueError, match="A Wav2Vec2FeatureExtractor gives one frame grid"):
        use_offsets(Wav2Vec2FeatureExtractor(), 3)


@pytest.mark.parametrize(("given", "expected"), [({}, 3), ({"num_offsets": 1}, 1), ({"num_offsets": 2}, 2)])
def test_a_language_model_says_with_how_many_it_was_tuned(
    model_dir: Path, given: dict[str, int], expected: int
) -> None:
    folder = write_language_model(model_dir / "language_model")
    settings = json.loads((folder / "decoding.json").read_text())
    (folder / "decoding.json").write_text(json.dumps(settings | {"num_offsets": 3}))

    recognizer = load_recognizer(model_dir, language_model="own", **given)

    assert recognizer.feature_extractor.num_offsets == expected
    assert load_recognizer(model_dir).feature_extractor.num_offsets == 1


@needs_onnx
def test_without_torch(model_dir: Path) -> None:
    waveforms = [noise(9000), noise(3300, seed=1)]
    extractor = BiGRUCTCFeatureExtractor(num_offsets=3)

    found = OnnxRecognizer(model_dir, num_threads=1, num_offsets=3).log_probs(waveforms)

    model = BiGRUForCTC.from_pretrained(model_dir)
    for row, waveform in zip(found, waveforms, strict=True):
        np.testing.assert_allclose(row, mean_by_hand(model, features_of(extractor, waveform), 3)[0], atol=1e-3)


@needs_onnx
def test_a_graph_that_takes_waveforms_has_one_grid(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    processor.feature_extractor.set_num_offsets(3)
    tiny_model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)

    with pytest.raises(ValueError, match="num_offsets of the feature extractor is 3"):
        export_onnx(tmp_path, tmp_path / "exported", waveform=True)
