"""What sherpa-onnx runs: its graph against the waveform graph, and sherpa-onnx itself against the recogniser here."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ctc_frames import words_in
from repository import SAMPLE
from runtime_support import needs_onnx, randomise_biases, real_waveforms, run_graph, weights_of

from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC
from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.runtime.export import export_onnx, export_sherpa_onnx
from hf_bigru_asr.runtime.log_mel import LogMelSettings
from hf_bigru_asr.runtime.onnx_graph import waveform_recognizer_graph
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer, greedy_text
from hf_bigru_asr.runtime.sherpa_onnx import sherpa_graph, sherpa_tokens

pytestmark = needs_onnx

SYMBOLS = ["", " ", *"'ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
SETTINGS = LogMelSettings(hop_length=336, win_length=640)


@pytest.fixture
def model() -> BiGRUForCTC:
    torch.manual_seed(1)
    model = BiGRUForCTC(BiGRUCTCConfig(hidden_size=8, num_hidden_layers=1)).eval()
    model.lm_head.weight.data *= 30
    randomise_biases(model)
    return model


def as_sherpa_onnx(waveform: np.ndarray) -> np.ndarray:
    """`OfflineOmnilingualAsrCtcModel::NormalizeFeatures` of sherpa-onnx 2.0.1."""
    centred = waveform - waveform.mean()
    return (centred / np.sqrt(np.square(centred).mean() + np.float32(1e-5))).astype(np.float32)


def centred(waveform: np.ndarray) -> np.ndarray:
    """Without the mean, which sherpa-onnx subtracts and nothing brings back."""
    return waveform - waveform.mean(dtype=np.float64).astype(np.float32)


def noise(num_samples: int, level: float) -> np.ndarray:
    """Bursts of noise that are as loud as `level`, with pauses far below the floor of the mel powers."""
    rng = np.random.default_rng(num_samples)
    envelope = np.where(np.arange(num_samples) // 1500 % 3 == 0, 1.0, 1e-4)
    return (rng.normal(0, level, num_samples) * envelope).astype(np.float32)


@pytest.mark.parametrize(("hop_length", "level"), [(320, 0.05), (336, 1e-4), (336, 0.5), (600, 0.05)])
def test_the_graph_equals_that_of_waveforms(model: BiGRUForCTC, hop_length: int, level: float) -> None:
    settings = LogMelSettings(hop_length=hop_length)
    waveform = centred(noise(20_001, level))

    (found,) = run_graph(
        "onnx", sherpa_graph(weights_of(model), settings, SYMBOLS), waveform=as_sherpa_onnx(waveform)[None]
    )

    graph = waveform_recognizer_graph(weights_of(model), settings)
    ((frames,), _) = run_graph("onnx", graph, waveform=waveform[None], lengths=np.array([len(waveform)]))
    spans = [range(index * hop_length, (index + 1) * hop_length) for index in range(len(frames))]
    expected = [
        frame
        for time in range(0, len(frames) * hop_length, 320)
        for frame, span in zip(frames, spans, strict=True)
        if time in span
    ]
    assert found.shape == (1, len(expected), 29)
    np.testing.assert_allclose(np.exp(found[0]), np.exp(expected), atol=2e-3)


@pytest.mark.parametrize(
    ("pause_frames", "scale", "blank_bias", "space", "has_pauses"),
    [(1, 1.0, 6.0, " ", True), (5, 0.3, 4.0, "P", True), (1000, 1.0, 12.0, " ", False)],
)
def test_pauses_are_word_boundaries_as_in_greedy_decoding(
    model: BiGRUForCTC, pause_frames: int, scale: float, blank_bias: float, space: str, has_pauses: bool
) -> None:
    model.lm_head.weight.data *= scale
    model.lm_head.bias.data[0] += blank_bias  # pauses between letters
    symbols = list(SYMBOLS)  # with a class for the space that this network has a liking for
    symbols[1], symbols[SYMBOLS.index(space)] = symbols[SYMBOLS.index(space)], " "
    plain = sherpa_graph(weights_of(model), SETTINGS, symbols)
    with_pauses = sherpa_graph(weights_of(model), SETTINGS, symbols, pause_frames=pause_frames)
    for num_samples in (1, 80_000):
        waveform = as_sherpa_onnx(noise(num_samples, 0.1))[None]
        ((log_probs,),), ((found,),) = (run_graph("onnx", graph, waveform=waveform) for graph in (plain, with_pauses))
        of_21_ms = np.unique(np.arange(len(log_probs)) * 320 // 336, return_index=True)[1]
        expected = greedy_text(log_probs[of_21_ms], symbols, pause_frames)
        assert greedy_text(found, symbols) == expected
    assert len(expected) > 20
    assert (expected != greedy_text(log_probs, symbols)) == has_pauses


def test_silence_gives_finite_numbers(model: BiGRUForCTC) -> None:
    graph = sherpa_graph(weights_of(model), SETTINGS, SYMBOLS, pause_frames=3)
    (found,) = run_graph("onnx", graph, waveform=np.zeros((1, 400), np.float32))
    assert np.isfinite(found).all()
    assert found.shape == (1, 3, 29)


def test_a_recording_that_fills_the_range_keeps_its_level(model: BiGRUForCTC) -> None:
    """The variance of the quotient can be rounded to one or more, and its difference from one is then nothing."""
    waveform = np.tile(np.float32([1, -1]), 8000)[None]
    graph = sherpa_graph(weights_of(model), SETTINGS, SYMBOLS)
    (expected,) = run_graph("onnx", graph, waveform=as_sherpa_onnx(waveform))
    (found,) = run_graph("onnx", graph, waveform=as_sherpa_onnx(waveform) * np.float32(1.0001))
    np.testing.assert_allclose(np.exp(found), np.exp(expected), atol=1e-3)


@pytest.mark.parametrize("options", [{"hop_length": 160}, {"sampling_rate": 8000}, {"hop_length": 319}], ids=str)
def test_what_sherpa_onnx_would_time_wrongly_is_refused(model: BiGRUForCTC, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must take 16000 Hz and have at least 320 samples a frame\. Export the"):
        sherpa_graph(weights_of(model), LogMelSettings(**options), SYMBOLS)


def test_tokens_are_those_of_sherpa_onnx() -> None:
    lines = sherpa_tokens(SYMBOLS).splitlines()
    assert lines[:4] == ["<blk> 0", "▁ 1", "' 2", "A 3"]
    assert lines[-1] == "Z 28"
    assert sherpa_tokens(["A", ""]) == "A 0\n<blk> 1\n"
    with pytest.raises(ValueError, match=r"symbol 'A\\tB' has white space"):
        sherpa_tokens(["", "A\tB"])
    with pytest.raises(ValueError, match="'▁' stands for two classes"):
        sherpa_tokens(["", " ", "▁"])


def test_the_folder_has_what_sherpa_onnx_takes_and_no_more(model_dir: Path, tmp_path: Path) -> None:
    import onnx

    path = export_sherpa_onnx(model_dir, tmp_path / "exported")

    assert sorted(each.name for each in path.parent.iterdir()) == ["model.onnx", "tokens.txt"]
    assert path.with_name("tokens.txt").read_text(encoding="utf-8") == sherpa_tokens(SYMBOLS)
    graph = onnx.load(path)
    shapes = {
        each.name: [size.dim_value or size.dim_param for size in each.type.tensor_type.shape.dim]
        for each in [*graph.graph.input, *graph.graph.output]
    }
    # One input, because sherpa-onnx fills the first alone; and the classes are read from the shape of the output.
    assert shapes == {"waveform": [1, "samples"], "log_probs": [1, "frames", 29]}
    metadata = {each.key: each.value for each in graph.metadata_props}
    assert metadata["sampling_rate"] == "16000"
    assert metadata["inputs_to_logits_ratio"] == "320"
    assert json.loads(metadata["symbols"]) == SYMBOLS


def test_the_two_kinds_of_export_do_not_mix(model_dir: Path, tmp_path: Path) -> None:
    export_sherpa_onnx(model_dir, tmp_path / "sherpa")
    export_sherpa_onnx(model_dir, tmp_path / "sherpa")  # what is written anew is no leftover
    with pytest.raises(FileExistsError, match=r"sherpa holds tokens\.txt, which"):
        export_onnx(model_dir, tmp_path / "sherpa")
    with pytest.raises(FileExistsError, match=r"model holds config\.json, model\.safetensors, .*name another folder"):
        export_sherpa_onnx(model_dir, model_dir)


# sherpa-onnx itself


def sherpa_results(folder: Path, waveforms: Sequence[np.ndarray]) -> tuple[list[Any], list[Any]]:
    """Text, tokens and times from sherpa-onnx: of every recording alone, and of all in one batch."""
    sherpa_onnx = pytest.importorskip("sherpa_onnx", reason="sherpa-onnx is not installed")
    recognizer = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(
        str(folder / "model.onnx"), str(folder / "tokens.txt"), num_threads=1
    )

    def streams() -> list[Any]:
        made = [recognizer.create_stream() for _ in waveforms]
        for stream, waveform in zip(made, waveforms, strict=True):
            stream.accept_waveform(16_000, waveform)
        return made

    def results(streams: list[Any]) -> list[Any]:
        return [(each.result.text, list(each.result.tokens), list(each.result.timestamps)) for each in streams]

    alone, together = streams(), streams()
    for stream in alone:
        recognizer.decode_stream(stream)
    recognizer.decode_streams(together)
    return results(alone), results(together)


def starts_of_letters(log_probs: np.ndarray, frame_s: float) -> list[float]:
    """Time at which each symbol begins."""
    best = log_probs.argmax(-1).tolist()
    before = [0, *best[:-1]]
    return [index * frame_s for index, (old, new) in enumerate(zip(before, best, strict=True)) if new not in (old, 0)]


def check_sherpa_onnx(folder: Path, waveforms: Sequence[np.ndarray]) -> list[str]:
    """Compare it with the recogniser of this package, and return the texts."""
    alone, together = sherpa_results(export_sherpa_onnx("bundled", folder).parent, waveforms)
    assert together == alone
    recognizer = OnnxRecognizer("bundled", num_threads=1)
    for waveform, (text, tokens, times) in zip(waveforms, alone, strict=True):
        (log_probs,) = recognizer.log_probs([waveform])
        assert words_in(text) == greedy_text(log_probs, recognizer.symbols, recognizer.pause_frames)
        assert "".join(tokens).removeprefix(" ") == text
        expected = starts_of_letters(log_probs, recognizer.feature_settings.frame_s)
        num_pauses = words_in(text).count(" ") - greedy_text(log_probs, recognizer.symbols).count(" ")
        assert len(times) == len(expected) + num_pauses
        if num_pauses == 0:
            np.testing.assert_array_less(np.subtract(times, expected), 0.02)
            np.testing.assert_array_less(-1e-5, np.subtract(times, expected))
    return [text for text, *_ in alone]


def test_sherpa_onnx_gives_the_same_text(tmp_path: Path) -> None:
    speech = load_audio(SAMPLE)
    with_pause = np.concatenate([speech[22_000:38_000], np.zeros(64_000, np.float32), speech[36_000:50_000]])
    waveforms = [speech[:30_000], speech, with_pause, speech[:400]]

    texts = check_sherpa_onnx(tmp_path / "exported", [centred(each) for each in waveforms])

    assert texts[1].endswith("ATTENTION TO HER")
    assert len({*map(len, texts)}) == len(texts)


def test_sherpa_onnx_gives_no_text_to_less_than_25_ms(model_dir: Path, tmp_path: Path) -> None:
    folder = export_sherpa_onnx(model_dir, tmp_path / "exported").parent
    alone, _ = sherpa_results(folder, [np.full(399, 0.1, np.float32)])
    assert alone == [("", [], [])]


@pytest.mark.slow
def test_sherpa_onnx_gives_the_same_text_for_real_speech(librispeech_dir: Path, tmp_path: Path) -> None:
    waveforms = [centred(each) for each in real_waveforms(librispeech_dir, step=7)]
    assert len(waveforms) >= 20
    check_sherpa_onnx(tmp_path / "exported", [*waveforms, waveforms[0] * np.float32(0.02)])
