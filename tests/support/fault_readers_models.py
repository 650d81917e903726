"""Readers of models: every door through which a folder of a model, or what lies beside it, comes in."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fault_mutations import CUT, MISSING, NOT_FINITE, ZEROED
from fault_readers import Reader, check
from small_language_model import write_language_model
from tone_speech import RATE_HZ, save_listener, speak
from transformers.utils import logging

from hf_bigru_asr import Aligner, BiGRUCTCProcessor, BiGRUForCTC, load_recognizer
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis
from hf_bigru_asr.model.language_model_files_bigru_ctc import file_checksums
from hf_bigru_asr.model.search_settings_bigru_ctc import BeamSearchSettings
from hf_bigru_asr.runtime.export import export_onnx
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer
from hf_bigru_asr.training.mmi import load_character_lm

FILES = ("*.json", "*.safetensors", "*.onnx")
"""What is read; the code beside it is for the Hub."""
TEXT = "IT NO"
ALPHABET = set(" 'ABCDEFGHIJKLMNOPQRSTUVWXYZ")
REFUSED_WEIGHTS = frozenset({CUT, MISSING, NOT_FINITE})
"""Weights that end with zeros are weights, if their file has no checksum."""
OPTIONAL = frozenset({"confidence.json", "decoding.json", "language_model.json", "generation_config.json"})


@cache
def speech() -> np.ndarray:
    return speak(TEXT)[0]


def save_model(folder: Path) -> None:
    save_listener(folder)
    ConfidenceModel((1.0,) * len(FEATURES), 2.0).save(folder)
    for code in folder.glob("*.py"):  # it is for the Hub
        code.unlink()


def save_with_language_model(folder: Path) -> None:
    save_model(folder)
    language_model = write_language_model(folder / "language_model")
    settings = BeamSearchSettings(lm_weight=0.5, beam_size=20, class_priors=(0.5,) + (0.5 / 28,) * 28)
    (language_model / "decoding.json").write_text(json.dumps(asdict(settings)))
    ConfidenceModel((2.0,) * len(FEATURES), 3.0).save(language_model)
    sizes = {"order": 2, "num_words": 5, "num_bytes": 1000, "num_running_words": 10_000}
    record = {**sizes, "checksums": file_checksums(language_model)}
    (language_model / "language_model.json").write_text(json.dumps(record))


def save_exported(folder: Path) -> None:
    """A graph with what belongs to it, and no weights beside it."""
    source = folder.parent / "saved"
    source.mkdir()
    save_model(source)
    export_onnx(source, folder)


def _heard(hypotheses: list[Hypothesis]) -> list[Any]:
    best = hypotheses[0]
    check(set(best.text) <= ALPHABET, f"{best.text!r} is no text")
    last_s = 0.0
    for word in best.words:
        check(np.isfinite([word.start_s, word.end_s]).all() and last_s <= word.start_s <= word.end_s < 60, f"{word}")
        check(word.confidence is None or 0 <= word.confidence <= 1, f"{word}")
        last_s = word.start_s
    return [best.text, [(round(word.start_s, 3), word.confidence) for word in best.words]]


def _check_log_probs(log_probs: Any) -> None:  # noqa: ANN401 - of numpy or torch
    rows = np.asarray(log_probs, dtype=np.float64)
    check(bool(np.isfinite(rows).all()), "log-probabilities are not finite")
    check(bool(np.allclose(np.exp(rows).sum(-1), 1, atol=1e-3)), "log-probabilities that do not add up to 1")


def read_light(folder: Path, **options: Any) -> list[Any]:
    recognizer = OnnxRecognizer(folder, num_threads=1, **options)
    log_probs = recognizer.log_probs([speech()])[0]
    _check_log_probs(log_probs)
    return _heard(recognizer.hypotheses_of(log_probs))


def read_torch(folder: Path) -> list[Any]:
    logging.set_verbosity_warning()  # of missing weights the library warns
    model = BiGRUForCTC.from_pretrained(folder).eval()
    processor = BiGRUCTCProcessor.from_pretrained(folder)
    inputs = processor(audio=speech(), sampling_rate=RATE_HZ, return_tensors="pt")
    with torch.inference_mode():
        log_probs = model(**inputs).logits
    _check_log_probs(log_probs)
    (text,) = processor.batch_decode(log_probs.argmax(-1))
    check(set(text) <= ALPHABET, f"{text!r} is no text")
    return [text]


def read_pipeline(folder: Path, language_model: str | None = None) -> list[Any]:
    recognizer = load_recognizer(folder, language_model=language_model, device="cpu")
    found = recognizer({"raw": speech(), "sampling_rate": RATE_HZ}, return_timestamps="word")
    check(set(found["text"]) <= ALPHABET, f"{found['text']!r} is no text")
    times = [time for chunk in found["chunks"] for time in chunk["timestamp"]]
    check(all(time is not None and 0 <= time < 60 for time in times), f"times {times}")
    return [found["text"], times]


def read_aligner(folder: Path) -> list[Any]:
    found = Aligner.from_pretrained(folder).align(speech(), TEXT, sampling_rate=RATE_HZ)
    times = [(word.start_s, word.end_s, word.score) for word in found.words]
    check(bool(np.isfinite(times).all()) and 0 <= found.score <= 1, f"{times}")
    return [times]


def _make_character_lm(folder: Path) -> None:
    from hf_bigru_asr import BiGRUCTCTokenizer
    from recipe.character_lm import estimate_character_lm, save_character_lm

    save_character_lm(estimate_character_lm(["HELLO THERE"], BiGRUCTCTokenizer(), 3), folder / "lm.safetensors")


def read_character_lm(folder: Path) -> list[Any]:
    found = load_character_lm(folder / "lm.safetensors", 28)
    check(bool(torch.isfinite(found).all()) and found.ndim == 2, "transitions that are no probabilities")
    return [found.numpy()]


def _make_projection(folder: Path) -> None:
    from recipe.teacher import TeacherProjection

    rng = np.random.default_rng(0)
    mean, matrix = (rng.standard_normal(shape).astype(np.float32) for shape in ((6,), (6, 3)))
    TeacherProjection(mean, matrix).save(folder / "train-projection.safetensors")


def read_projection(folder: Path) -> list[Any]:
    from recipe.teacher import TeacherProjection

    found = TeacherProjection.load(folder / "train-projection.safetensors")(np.ones((4, 6), np.float32))
    check(bool(np.isfinite(found).all()), "features are not finite")
    return [found]


def model_readers() -> Iterator[Reader]:
    """The doors."""
    logging.disable_progress_bar()
    light = partial(read_light, language_model="own")
    doors: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any], tuple[str, ...]]] = {
        "model, OnnxRecognizer": (save_model, read_light, FILES),
        "model, exported graph": (save_exported, read_light, FILES),
        "language model, OnnxRecognizer": (save_with_language_model, light, ("language_model/*",)),
        "model, from_pretrained": (save_model, read_torch, FILES),
        "model, pipeline": (save_model, read_pipeline, FILES),
        "language model, pipeline": (
            save_with_language_model,
            partial(read_pipeline, language_model="own"),
            ("language_model/*",),
        ),
        "model, Aligner": (save_model, read_aligner, FILES),
        "character n-gram": (_make_character_lm, read_character_lm, ("*",)),
        "projection of a teacher": (_make_projection, read_projection, ("*",)),
    }
    for name, (make, read, files) in doors.items():
        refused = REFUSED_WEIGHTS | ({ZEROED} if name == "model, exported graph" else frozenset())
        says = "came without a language model"
        yield Reader(name, make, read, files, refused, OPTIONAL, says=says)
