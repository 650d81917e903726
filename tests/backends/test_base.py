"""ONNX Runtime and OpenVINO in the place of torch: same outputs, same pipeline, same transcripts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runtime_support import RUNTIME_CASES, needs_onnx, needs_openvino, padded_batch, real_waveforms
from tone_speech import RATE_HZ, save_listener, speak
from transformers import pipeline

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC, OnnxBiGRUForCTC, OpenVINOBiGRUForCTC, bundled_checkpoint
from hf_bigru_asr.backends import loading as model_loading
from hf_bigru_asr.backends.base import RuntimeModel
from hf_bigru_asr.backends.loading import choose_runtime, load_model, precision_of
from hf_bigru_asr.backends.openvino import openvino_core
from hf_bigru_asr.runtime.export import export_onnx
from hf_bigru_asr.transcription.recognizer import load_recognizer

TASK = "automatic-speech-recognition"
TOLERANCE = 1e-4
TEXTS = ["HELLO", "A", "THE QUICK BROWN FOX", "ALL WELL"]
CLASSES: dict[str, type[RuntimeModel]] = {"onnx": OnnxBiGRUForCTC, "openvino": OpenVINOBiGRUForCTC}


@pytest.fixture(scope="module")
def listener_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listener")
    save_listener(folder)
    return folder


@torch.inference_mode()
def torch_logits(model: BiGRUForCTC, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    return model(features, attention_mask=mask).logits


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_call_and_output_are_those_of_the_model(tiny_model: BiGRUForCTC, runtime: str) -> None:
    model = CLASSES[runtime].from_model(tiny_model, num_threads=1)
    features, mask = padded_batch([12, 5, 1])
    expected = torch_logits(tiny_model, features, mask)

    outputs = model(input_features=features, attention_mask=mask)

    torch.testing.assert_close(outputs.logits, expected, atol=TOLERANCE, rtol=0)
    assert outputs.loss is None
    (logits,) = model(features, mask.bool(), return_dict=False)
    torch.testing.assert_close(logits, outputs.logits)
    clean = features.nan_to_num()
    torch.testing.assert_close(model(clean).logits, torch_logits(tiny_model, clean), atol=TOLERANCE, rtol=0)
    original_layout = features.transpose(1, 2)[:, None]
    torch.testing.assert_close(model(original_layout, mask).logits, outputs.logits)


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_batch_equals_single(tiny_model: BiGRUForCTC, runtime: str) -> None:
    model = CLASSES[runtime].from_model(tiny_model, num_threads=1)
    lengths = [9, 1, 30, 2, 29]
    features, mask = padded_batch(lengths)

    batch = model(features, attention_mask=mask).logits

    for row, utterance, length in zip(batch, features, lengths, strict=True):
        torch.testing.assert_close(row[:length], model(utterance[None, :length]).logits[0], atol=TOLERANCE, rtol=0)
        assert (row[length:].argmax(-1) == 0).all()


@pytest.mark.parametrize("num_utterances", [7, 8, 9])
@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_threads_share_a_batch(tiny_model: BiGRUForCTC, runtime: str, num_utterances: int) -> None:
    model = CLASSES[runtime].from_model(tiny_model, num_threads=2)
    features, mask = padded_batch([3 + number for number in range(num_utterances)])

    logits = model(features, attention_mask=mask).logits

    torch.testing.assert_close(logits, torch_logits(tiny_model, features, mask), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("lengths", [[0], [1], [40], [9, 9, 9], [9, 8, 9]])
@needs_onnx
def test_threads_share_the_directions_of_a_small_batch(tiny_model: BiGRUForCTC, lengths: list[int]) -> None:
    model = OnnxBiGRUForCTC.from_model(tiny_model, num_threads=2)
    features, mask = padded_batch([*lengths, 42])
    features, mask = features[:-1], mask[:-1]

    logits = model(features, attention_mask=mask).logits

    torch.testing.assert_close(logits, torch_logits(tiny_model, features, mask), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_save_and_load(model_dir: Path, tiny_model: BiGRUForCTC, tmp_path: Path, runtime: str) -> None:
    names = sorted(path.name for path in model_dir.iterdir())
    features, mask = padded_batch([7, 3])
    expected = torch_logits(tiny_model, features, mask)

    model = CLASSES[runtime].from_pretrained(model_dir, num_threads=1)
    model.save_pretrained(tmp_path / "saved")
    again = CLASSES[runtime].from_pretrained(tmp_path / "saved", num_threads=1)

    assert sorted(path.name for path in model_dir.iterdir()) == names  # the folder may be read-only
    assert model.config.to_dict() == BiGRUForCTC.from_pretrained(model_dir).config.to_dict()
    assert not list((tmp_path / "saved").glob("*.safetensors"))
    for each in (model, again):
        torch.testing.assert_close(each(features, mask).logits, expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_stock_pipeline(listener_dir: Path, runtime: str) -> None:
    processor = BiGRUCTCProcessor.from_pretrained(listener_dir)
    recognizer, reference = (
        pipeline(
            TASK,
            model=model,
            tokenizer=processor.tokenizer,
            feature_extractor=processor.feature_extractor,
            device="cpu",
        )
        for model in (
            CLASSES[runtime].from_pretrained(listener_dir, num_threads=1),
            BiGRUForCTC.from_pretrained(listener_dir),
        )
    )
    recordings = [{"raw": speak(text)[0], "sampling_rate": RATE_HZ} for text in TEXTS]

    def both(**options: Any) -> None:
        given = [dict(recording) for recording in recordings], [dict(recording) for recording in recordings]
        assert recognizer(given[0], **options) == reference(given[1], **options)

    assert [each["text"] for each in recognizer([dict(each) for each in recordings])] == TEXTS
    both(batch_size=3)
    both(return_timestamps="word")
    both(return_timestamps="char", batch_size=2)
    both(chunk_length_s=1.0, stride_length_s=0.2, batch_size=2)


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_several_threads_share_a_model(tiny_model: BiGRUForCTC, runtime: str, num_threads: int) -> None:
    model = CLASSES[runtime].from_model(tiny_model, num_threads=num_threads)
    batches = [torch.randn(1, frames, 128) for frames in (3, 50, 20, 7) * 4]

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda batch: model(batch).logits, batches))

    for batch, logits in zip(batches, results, strict=True):
        torch.testing.assert_close(logits, torch_logits(tiny_model, batch), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_bad_input_is_refused(tiny_model: BiGRUForCTC, runtime: str) -> None:
    model = CLASSES[runtime].from_model(tiny_model, num_threads=1)
    features = torch.zeros(2, 5, 128)

    with pytest.raises(ValueError, match=r"input_features has the shape \(2, 5, 80\)"):
        model(torch.zeros(2, 5, 80))
    with pytest.raises(ValueError, match=r"attention_mask has the shape \(2, 4\)"):
        model(features, torch.ones(2, 4))
    with pytest.raises(ValueError, match="a valid frame after a padded one"):
        model(features, torch.tensor([[0, 1, 1, 1, 1], [1, 1, 1, 1, 1]]))
    with pytest.raises(ValueError, match="gives log-probabilities alone; take BiGRUForCTC"):
        model(features, labels=torch.ones(2, 1, dtype=torch.long))
    with pytest.raises(ValueError, match="num_threads is 0"):
        CLASSES[runtime].from_model(tiny_model, num_threads=0)
    with pytest.raises(ValueError, match="dtype is 'int8'; choose float32 or bfloat16"):
        CLASSES[runtime].from_model(tiny_model, dtype="int8")


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_broken_and_other_graphs_are_refused(model_dir: Path, runtime: str) -> None:
    graph = export_onnx(model_dir, model_dir, waveform=True)

    with pytest.raises(ValueError, match="takes waveform"):
        CLASSES[runtime](BiGRUForCTC.config_class(), graph.with_name("model_waveform.onnx").read_bytes())
    with pytest.raises(ValueError, match="cannot read the graph"):
        CLASSES[runtime](BiGRUForCTC.config_class(), b"not a graph")


@needs_onnx
def test_onnx_runtime_has_float32_alone(tiny_model: BiGRUForCTC) -> None:
    with pytest.raises(ValueError, match="runs this network in float32 alone"):
        OnnxBiGRUForCTC.from_model(tiny_model, dtype="bfloat16")


@needs_openvino
def test_bfloat16_where_the_processor_has_it(tiny_model: BiGRUForCTC) -> None:
    if "BF16" not in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(ValueError, match="does not compute with it; choose 'float32'"):
            OpenVINOBiGRUForCTC.from_model(tiny_model, dtype="bfloat16")
        return
    model = OpenVINOBiGRUForCTC.from_model(tiny_model, dtype="bfloat16", num_threads=1)
    features, mask = padded_batch([12, 5, 1])
    expected = torch_logits(tiny_model, features, mask)

    logits = model(features, attention_mask=mask).logits

    torch.testing.assert_close(logits[mask == 0], expected[mask == 0], atol=0, rtol=0)
    assert (logits[mask == 1].exp() - expected[mask == 1].exp()).abs().mean() < 0.05


def test_choice_of_a_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"onnx", "onnxruntime", "openvino"}
    monkeypatch.setattr(model_loading, "find_spec", lambda name: name if name in installed else None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert choose_runtime("auto") == "onnx"
    installed.discard("onnxruntime")
    assert choose_runtime("auto", "cpu") == "openvino"
    installed.clear()
    assert choose_runtime("auto") == "torch"
    assert choose_runtime("openvino") == "openvino"
    assert choose_runtime("auto", "cuda:0") == "torch"
    with pytest.raises(ValueError, match="runtime is 'tensorrt'; choose one of torch, onnx, openvino, auto"):
        choose_runtime("tensorrt")
    with pytest.raises(ValueError, match="runs on the CPU and not on cuda"):
        choose_runtime("onnx", "cuda")
    with pytest.raises(ValueError, match="device is 'gpu'; choose 'cpu', 'cuda'"):
        choose_runtime("auto", "gpu")


@pytest.mark.parametrize("load", [load_model, load_recognizer])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "device is 'gpu'; choose 'cpu', 'cuda'"),
        ({"device": "cuda:99"}, "device is 'cuda:99', which torch cannot use here; choose 'cpu'"),
        ({"num_threads": 0}, "num_threads is 0; it must be at least 1"),
        ({"dtype": "int7"}, "dtype is 'int7'; choose float32 or bfloat16"),
    ],
    ids=str,
)
def test_what_torch_cannot_do_is_refused(
    load: Callable[..., object], options: dict[str, Any], message: str, model_dir: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        load(model_dir, **options)


def test_what_a_model_computes_with(model_dir: Path, tiny_model: BiGRUForCTC, tmp_path: Path) -> None:
    assert precision_of(load_model(model_dir, device="cpu")) == "float32"
    tiny_model.bfloat16().save_pretrained(tmp_path / "half")
    assert precision_of(load_model(tmp_path / "half", device="cpu")) == "bfloat16"
    assert precision_of(load_model(tmp_path / "half", device="cpu", dtype="float32")) == "float32"


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_what_another_runtime_computes_with(model_dir: Path, tiny_model: BiGRUForCTC, runtime: str) -> None:
    tiny_model.bfloat16().save_pretrained(model_dir)
    assert precision_of(load_model(model_dir, runtime)) == "float32"


@pytest.mark.parametrize(
    ("package", "name", "message"),
    [
        ("onnxruntime", "onnx", "Running the network needs onnxruntime: pip install onnxruntime"),
        ("openvino", "openvino", "needs the extra `openvino`: pip install openvino"),
    ],
)
@needs_onnx
def test_a_missing_runtime_is_named(
    tiny_model: BiGRUForCTC, monkeypatch: pytest.MonkeyPatch, package: str, name: str, message: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)

    with pytest.raises(ImportError, match=message):
        CLASSES[name].from_model(tiny_model)


@pytest.fixture(scope="module")
def real_speech(librispeech_dir: Path) -> list[tuple[Any, torch.Tensor]]:
    """Batches of every twelfth utterance of `validation`, by length, and what torch makes of them."""
    processor = BiGRUCTCProcessor.from_pretrained(bundled_checkpoint())
    waveforms = sorted(real_waveforms(librispeech_dir, step=12), key=len)
    assert len(waveforms) > 10
    reference = load_model("bundled", "torch", device="cpu")
    batches = [
        processor(audio=waveforms[first : first + 16], sampling_rate=RATE_HZ) for first in range(0, len(waveforms), 16)
    ]
    with torch.inference_mode():
        return [(inputs, reference(**inputs).logits) for inputs in batches]


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_transcripts_of_real_speech_are_the_same(real_speech: list[tuple[Any, torch.Tensor]], runtime: str) -> None:
    processor = BiGRUCTCProcessor.from_pretrained(bundled_checkpoint())
    model = load_model("bundled", runtime, num_threads=1)

    for inputs, expected in real_speech:
        logits = model(**inputs).logits
        torch.testing.assert_close(logits, expected, atol=TOLERANCE, rtol=0)
        texts = processor.batch_decode(logits.argmax(-1))
        assert texts == processor.batch_decode(expected.argmax(-1))
        assert sum(len(text.split()) for text in texts) > 3 * len(texts)
        assert np.isfinite(logits.numpy()).all()
