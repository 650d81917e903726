"""The contracts of the design, each as a short statement on a tiny model. In other files stand:

- 1, through the pipeline, and 3: test_pipeline.py; 1, on the level of single layers: test_modeling_bigru_ctc.py; 1, of
  recordings in chunks, in detail: test_long_audio.py
- 2, push and pull: test_hub.py; missing keys: test_modeling_bigru_ctc.py; import orders: test_registration.py
- 4, in detail: test_training.py
- 5: test_tokenization_bigru_ctc.py
- 6: test_bad_input.py
"""

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Trainer, TrainingArguments

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.long_audio.network import log_probs_of_long_audio
from hf_bigru_asr.training.collator import DataCollatorForCTC

RATE_HZ = 16_000
TOLERANCE = 1e-4
NUM_SAMPLES = [9000, 1, 16_000, 320, 12_345, 321]


@pytest.fixture
def waveforms() -> list[np.ndarray]:
    """Noise whose colour changes, of very different lengths: a single sample and one frame among them."""
    rng = np.random.default_rng(0)
    return [
        np.sin(np.cumsum(np.repeat(rng.uniform(0.01, 2.5, num // 800 + 1), 800)[:num])).astype(np.float32) * 0.3
        + rng.normal(0, 0.05, num).astype(np.float32)
        for num in NUM_SAMPLES
    ]


def recognise(
    model: BiGRUForCTC,
    processor: BiGRUCTCProcessor,
    waveforms: list[np.ndarray],
    extra_frames: int = 0,
    fill: float = 0.0,
) -> list[tuple[torch.Tensor, str]]:
    """Log-probabilities of the valid frames and the text, decoded from all frames, of every utterance of a batch."""
    inputs = processor(audio=waveforms, sampling_rate=RATE_HZ)
    mask = torch.nn.functional.pad(inputs["attention_mask"], (0, extra_frames))
    features = torch.nn.functional.pad(inputs["input_features"], (0, 0, 0, extra_frames))
    features = features.masked_fill(mask[..., None] == 0, fill)
    with torch.no_grad():
        logits = model(features, attention_mask=mask).logits
    texts = processor.batch_decode(logits.argmax(-1))
    return [(row[: int(length)], text) for row, length, text in zip(logits, mask.sum(-1), texts, strict=True)]


@pytest.fixture
def alone(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, waveforms: list[np.ndarray]
) -> list[tuple[torch.Tensor, str]]:
    """The single results, that every batch has to give again."""
    results = [recognise(tiny_model, processor, [waveform])[0] for waveform in waveforms]
    assert len({text for _, text in results}) >= 4
    assert max(len(text) for _, text in results) > 8
    return results


# 1. Batch equals single


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


# 2. Save and load


def test_save_and_load_gives_equal_weights_and_outputs(
    model_dir: Path,
    alone: list[tuple[torch.Tensor, str]],
    tiny_model: BiGRUForCTC,
    waveforms: list[np.ndarray],
) -> None:
    model = BiGRUForCTC.from_pretrained(model_dir)
    for name, weight in tiny_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name
    again = recognise(model, BiGRUCTCProcessor.from_pretrained(model_dir), waveforms)
    for (log_probs, text), (expected, expected_text) in zip(again, alone, strict=True):
        torch.testing.assert_close(log_probs, expected, atol=TOLERANCE, rtol=0)
        assert text == expected_text


@pytest.mark.slow
def test_a_process_without_the_package_loads_with_trust(
    model_dir: Path,
    alone: list[tuple[torch.Tensor, str]],
    waveforms: list[np.ndarray],
    run_in_child: Callable[..., str],
    tmp_path: Path,
) -> None:
    np.savez(tmp_path / "audio.npz", *waveforms)
    code = """
        import json, sys
        import numpy as np
        sys.modules["hf_bigru_asr"] = None
        sys.modules["rapidfuzz"] = None  # for training alone
        try:
            import hf_bigru_asr
        except ImportError:
            pass
        else:
            raise SystemExit("the package can be imported")

        import torch
        from transformers import AutoModelForCTC, AutoProcessor, AutoTokenizer, pipeline

        folder, trust = sys.argv[1], {"trust_remote_code": True}
        waveforms = list(np.load("audio.npz").values())
        model = AutoModelForCTC.from_pretrained(folder, **trust).eval()
        processor = AutoProcessor.from_pretrained(folder, **trust)
        assert AutoTokenizer.from_pretrained(folder, **trust)("HELLO").input_ids == [10, 7, 14, 14, 17]
        with torch.no_grad():
            logits = [model(**processor(audio=each, sampling_rate=16000)).logits[0] for each in waveforms]
        recognizer = pipeline("automatic-speech-recognition", model=folder, **trust)
        texts = [result["text"] for result in recognizer(waveforms, batch_size=3)]
        np.savez("logits.npz", *logits)
        for each in (model, processor, recognizer.tokenizer, recognizer.feature_extractor):
            assert type(each).__module__.startswith("transformers_modules."), type(each)
        # What such a process saves can be loaded again.
        model.save_pretrained("again")
        processor.save_pretrained("again")
        AutoModelForCTC.from_pretrained("again", **trust)
        AutoProcessor.from_pretrained("again", **trust)
        print(json.dumps(texts))
    """
    printed = run_in_child(textwrap.dedent(code), model_dir)
    assert json.loads(printed.splitlines()[-1]) == [text for _, text in alone]
    remote = np.load(tmp_path / "logits.npz").values()
    for log_probs, (expected, _) in zip(remote, alone, strict=True):
        np.testing.assert_allclose(log_probs, expected, atol=TOLERANCE)


# 4. The stock Trainer


def test_the_stock_trainer_trains_it(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, waveforms: list[np.ndarray], tmp_path: Path
) -> None:
    tiny_model.lm_head.weight.data /= 30
    tiny_model.config.hidden_dropout = 0.0
    examples = [
        {"audio": {"array": waveforms[index], "sampling_rate": RATE_HZ}, "text": text}
        for index, text in ((0, "hello"), (2, "it's me"))
    ]
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=60,
        learning_rate=0.03,
        per_device_train_batch_size=2,
        remove_unused_columns=False,
        logging_steps=10,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(tiny_model, arguments, DataCollatorForCTC(processor), train_dataset=examples)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < 0.5 * losses[0]
    assert losses[-1] < 1.5


# 7. Only safetensors and JSON


def test_nothing_that_unpickles_is_written(model_dir: Path) -> None:
    names = {str(path.relative_to(model_dir)) for path in model_dir.rglob("*") if path.is_file()}
    assert {"config.json", "model.safetensors", "processor_config.json", "vocab.json"} <= names
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".py"}
    for path in model_dir.glob("*.json"):
        json.loads(path.read_text())
    sources = {path.name for path in model_dir.glob("*.py")}
    names = (
        "configuration",
        "modeling",
        "layers",
        "losses",
        "mmi",
        "mwer",
        "training_losses",
        "word_errors",
        "feature_extraction",
        "offsets",
        "waveforms",
        "tokenization",
        "processing",
    )
    decoding = ("alignment", "confidence", "decoding", "hotword_lm", "hotwords", "lexicon_decoder", "model_json")
    assert sources == {*(f"{name}.py" for name in decoding), *(f"{name}_bigru_ctc.py" for name in names)}
