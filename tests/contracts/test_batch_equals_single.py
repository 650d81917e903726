"""Contract 1: batch equals single.

The same audio gives the same text alone, in any batch, in any order, behind any padding: through the model, through
`pipeline(batch_size=N)`, through the exported graph, and as a long recording in chunks. Log-probabilities agree within
`TOLERANCE`. On padded frames the model puts all probability on the blank, because the pipeline never trims them.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from recognition import RATE_HZ, TOLERANCE, recognise
from runtime_support import RUNTIME_CASES, needs_onnx, run_graph, weights_of
from speech_prior import set_normalization
from tone_speech import speak
from transformers import pipeline

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.long_audio.network import log_probs_of_long_audio
from hf_bigru_asr.runtime.export import export_onnx
from hf_bigru_asr.runtime.log_mel import LogMelSettings
from hf_bigru_asr.runtime.onnx_graph import waveform_recognizer_graph
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer, greedy_text

TASK = "automatic-speech-recognition"
TEXTS = ["HELLO", "A", "THE QUICK BROWN FOX", "ALL WELL", "JUMPS OVER", "'TIS"]


# The model


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 5], [3, 1], [1, 1, 2]], ids=str)
@pytest.mark.parametrize(
    ("extra_frames", "fill"), [(0, 0.0), (7, 0.0), (7, 1e6), (7, float("nan"))], ids=["tight", "wide", "huge", "nan"]
)
def test_batch_equals_single(
    order: list[int],
    extra_frames: int,
    fill: float,
    alone: list[tuple[torch.Tensor, str]],
    tiny_model: BiGRUForCTC,
    processor: BiGRUCTCProcessor,
    waveforms: list[np.ndarray],
) -> None:
    batch = recognise(tiny_model, processor, [waveforms[index] for index in order], extra_frames, fill)
    for index, (log_probs, text) in zip(order, batch, strict=True):
        torch.testing.assert_close(log_probs, alone[index][0], atol=TOLERANCE, rtol=0)
        assert text == alone[index][1]


@pytest.mark.parametrize("favourite", range(29))
def test_padding_adds_no_text_whatever_its_best_class(
    favourite: int, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, waveforms: list[np.ndarray]
) -> None:
    tiny_model.lm_head.bias.data[favourite] = 2.0
    single = recognise(tiny_model, processor, waveforms[:1])[0][1]
    assert recognise(tiny_model, processor, [waveforms[0], waveforms[2]], extra_frames=5)[0][1] == single


# Long recordings


@pytest.mark.parametrize(("chunk_s", "num_segments"), [(0.02, 1), (0.3, 1), (0.3, 3), (60.0, 2)])
def test_long_audio_equals_short(
    chunk_s: float,
    num_segments: int,
    alone: list[tuple[torch.Tensor, str]],
    tiny_model: BiGRUForCTC,
    processor: BiGRUCTCProcessor,
    waveforms: list[np.ndarray],
) -> None:
    for waveform, (expected, text) in zip(waveforms, alone, strict=True):
        log_probs = log_probs_of_long_audio(
            tiny_model,
            processor.feature_extractor,
            waveform,
            sampling_rate=RATE_HZ,
            chunk_s=chunk_s,
            num_segments=num_segments,
        )
        torch.testing.assert_close(log_probs, expected, atol=TOLERANCE, rtol=0)
        assert processor.greedy_decoder()(log_probs[None])[0][0].text == text


# The pipeline


@pytest.mark.parametrize("batch_size", [2, 3, 6, 8])
def test_pipeline(listener_dir: Path, batch_size: int) -> None:
    listener = pipeline(TASK, model=str(listener_dir))
    clips = [speak(text, seed=seed)[0] for seed, text in enumerate(TEXTS)]
    for order in (list(range(6)), [5, 3, 1, 0, 2, 4]):
        results = listener([clips[index] for index in order], batch_size=batch_size)
        assert [result["text"] for result in results] == [TEXTS[index] for index in order]


@pytest.mark.parametrize("options", [{}, {"chunk_length_s": 0.5}], ids=["whole", "chunks"])
def test_pipeline_with_a_network_that_remembers(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, options: dict
) -> None:
    tiny_model.lm_head.bias.data[5] = 1.0  # a network that would write "C" on padding
    recogniser = pipeline(
        TASK, model=tiny_model, feature_extractor=processor.feature_extractor, tokenizer=processor.tokenizer
    )
    rng = np.random.default_rng(0)
    clips = [rng.normal(0.0, 0.1, size).astype(np.float32) for size in (16_000, 1, 4000, 320, 9999, 12_345)]
    alone = [recogniser(clip.copy(), return_timestamps="char", **options) for clip in clips]
    assert len({result["text"] for result in alone}) > 3, "the texts have to differ, or the test shows nothing"
    for batch_size in (2, 6):
        assert list(recogniser(clips, return_timestamps="char", batch_size=batch_size, **options)) == alone
        backwards = list(recogniser(clips[::-1], return_timestamps="char", batch_size=batch_size, **options))
        assert backwards[::-1] == alone


# The exported graph


@pytest.mark.parametrize("normalization", ["utterance", "speech"])
@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_exported_graph_of_waveforms(
    runtime: str,
    normalization: str,
    tiny_model: BiGRUForCTC,
    processor: BiGRUCTCProcessor,
    waveforms: list[np.ndarray],
) -> None:
    """The features are part of the graph: padding of noise must not count as speech, nor as silence."""
    set_normalization(processor.feature_extractor, normalization)
    waveforms = [np.concatenate([waveform, np.zeros(8000, np.float32), waveform]) for waveform in waveforms]
    settings = LogMelSettings.from_dict(processor.feature_extractor.to_dict())
    graph = waveform_recognizer_graph(weights_of(tiny_model), settings)
    alone = [recognise(tiny_model, processor, [waveform])[0][0] for waveform in waveforms]
    for order in ([0, 1, 2, 3, 4, 5], [5, 2], [1]):
        lengths = np.array([len(waveforms[index]) for index in order])
        padded = np.random.default_rng(0).normal(0, 0.5, (len(order), lengths.max() + 999)).astype(np.float32)
        for row, index in zip(padded, order, strict=True):
            row[: len(waveforms[index])] = waveforms[index]
        log_probs, num_frames = run_graph(runtime, graph, waveform=padded, lengths=lengths)
        for row, count, index in zip(log_probs, num_frames, order, strict=True):
            np.testing.assert_allclose(row[:count], alone[index], atol=1e-3)


@needs_onnx
def test_exported_graph(
    alone: list[tuple[torch.Tensor, str]], model_dir: Path, waveforms: list[np.ndarray], tmp_path: Path
) -> None:
    recognizer = OnnxRecognizer(export_onnx(model_dir, tmp_path / "exported").parent, num_threads=1)
    for order in ([0, 1, 2, 3, 4, 5], [5, 2], [1]):
        batch = recognizer.log_probs([waveforms[index] for index in order])
        for index, log_probs in zip(order, batch, strict=True):
            np.testing.assert_allclose(log_probs, alone[index][0], atol=1e-3)
            assert greedy_text(log_probs, recognizer.symbols) == alone[index][1]
