"""The writers: commands and scripts, on data that take no time."""

import contextlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import datasets
import numpy as np
import torch
from card_records import EVALUATION, TRAINING
from fake_recognition import FakeRecognition
from fault_readers_models import save_model, save_with_language_model
from fault_writers import OUT, Writer
from openslr_corpus import corpus, write_tree
from script_runs import run_script, spoken, write_noise, write_split
from small_language_model import write_language_model
from transformers.utils import logging

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC
from hf_bigru_asr.cli import transcribe
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.runtime.export import export_onnx
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer
from recipe import synthesis, teacher

TEXTS = ["IT NO", "YOU", "NO A", "I"]
CHANGING = frozenset({"speed", "date", "wall_time_s", "started", "hardware", "machine", "versions", "commit", "time"})
"""Fields of records that tell of the run and not of the result."""


def start(*words: object) -> None:
    """The command; its refusals end this process with a line, as they do for users."""
    status = main([str(word) for word in words])
    if status:
        raise SystemExit(status)


def start_script(script: str, *words: object) -> None:
    """A script, as `start`."""
    result = run_script(script, *words)
    if result.returncode:
        raise SystemExit(f"{result.returncode}: {result.stderr[-1500:]}")


def steady(name: str, content: bytes) -> Any:  # noqa: ANN401 - of JSON
    """What of a record is the same at every run."""
    if not name.endswith(".json"):
        return content
    return _without(json.loads(content))


def _without(value: Any) -> Any:  # noqa: ANN401 - of JSON
    if isinstance(value, dict):
        return {key: _without(each) for key, each in value.items() if key not in CHANGING and "_time" not in key}
    return [_without(each) for each in value] if isinstance(value, list) else value


def whole_files(folder: Path) -> dict[str, bytes]:
    """Files that nobody takes for anything but results."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


# The command: files of recordings


def _make_recordings(folder: Path) -> None:
    (folder / OUT).mkdir()
    for name in ("a", "b", "c"):
        write_noise(folder / f"{name}.wav", 0.1)


def _transcribe(folder: Path, *words: object) -> None:
    with mock.patch.object(transcribe, "_recognition", return_value=FakeRecognition()):
        start("transcribe", *(folder / f"{name}.wav" for name in "abc"), "--jobs", 1, *words)


def _write_results(folder: Path) -> None:
    _transcribe(folder, "--format", "txt,json,srt,ctm", "--output-dir", folder / OUT)


def _write_shared(folder: Path) -> None:
    _transcribe(folder, "--format", "jsonl", "--output", folder / OUT / "all.jsonl")


def _look_shared(out: Path) -> Any:  # noqa: ANN401 - of JSON
    """While it grows a record lies beside it; what is in it is whole then, up to where the record says."""
    path = out / "all.jsonl"
    if not path.exists() or any(out.glob(".*progress*")):
        raise FileNotFoundError(f"{path} is not complete")
    return [json.loads(line)["source"] for line in path.read_text().splitlines()]


def _make_alignment(folder: Path) -> None:
    (folder / OUT).mkdir()
    save_model(folder / "model")
    write_noise(folder / "a.wav", 0.5)
    (folder / "a.txt").write_text("It's $2, no?\n")


def _align(folder: Path) -> None:
    files = ("--format", "json,ctm,textgrid", "--output-dir", folder / OUT)
    status = main([str(word) for word in ("align", folder / "a.wav", "--model", folder / "model", *files)])
    if status not in (0, 3):  # noise is not the text
        raise SystemExit(status)


# Data sets


def look_dataset(out: Path) -> list[Any]:
    """All rows, as training reads them."""
    datasets.config.HF_DATASETS_CACHE = out.parent / "cache"
    datasets.disable_progress_bars()
    if not any(out.rglob("*.parquet")):
        raise FileNotFoundError(f"{out} holds no data set")
    config = "clean" if (out / "clean").exists() else None
    rows = load_speech_dataset(out, config, "train.100" if config else "train", text_column="text")
    return [(row["id"], row["text"], row["audio"]["bytes"], row.get("teacher_features")) for row in rows]


def _make_corpus(folder: Path) -> None:
    (folder / OUT).mkdir()
    write_tree(folder / "source", corpus())


def _prepare(folder: Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        start("prepare", "--source", folder / "source", "--output-dir", folder / OUT, "--max-shard-size-mb", 0.01)


def _make_speech(folder: Path) -> None:
    (folder / OUT).mkdir()
    save_model(folder / "model")
    rows = [{"audio": spoken(text), "text": text, "id": f"u{number}"} for number, text in enumerate(TEXTS)]
    write_split(folder / "data", "train", rows)
    write_split(folder / "data", "validation", rows)


def _segment(folder: Path) -> None:
    datasets.config.HF_DATASETS_CACHE = folder / "cache"
    start_script(
        *("segment_dataset.py", "--dataset_name", folder / "data", "--model", folder / "model", "--num_passes", 2),
        *("--duration_s", 0.1, 0.3, "--min_pause_s", 0.01, "--output_dir", folder / OUT),
    )


class ToneVoice:
    """A tone of 200 Hz, of a twentieth of a second per letter."""

    sampling_rate = 24_000

    def __call__(self, text: str, pace: float, seed: int) -> np.ndarray:
        time = np.arange(round(1200 * len(text) / pace)) / self.sampling_rate
        return (0.2 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


def _make_sentences(folder: Path) -> None:
    (folder / OUT).mkdir()
    (folder / "text.txt").write_text("hello there you\nit is a fox\nthe dog is here\nno it is not\nfive more words\n")


def _synthesize(folder: Path) -> None:
    with mock.patch.object(synthesis, "load_voice", return_value=ToneVoice()):
        start_script(
            *("synthesize.py", "--text_file", folder / "text.txt", "--output_dir", folder / OUT),
            *("--num_utterances", 5, "--voices", "tone:a", "--shard_size", 2),
        )


def _loudness(waveform: np.ndarray) -> np.ndarray:
    frames = np.pad(waveform, (0, -len(waveform) % 320)).reshape(-1, 320)
    level = np.sqrt(np.mean(frames**2, axis=1, keepdims=True)) + np.arange(len(frames))[:, None] % 7 / 100
    return np.sin(level * np.arange(1, 9) * 20).astype(np.float32)


def _teach(folder: Path) -> None:
    datasets.config.HF_DATASETS_CACHE = folder / "cache"
    with mock.patch.object(teacher, "WhisperTeacher", return_value=_loudness):
        start_script(
            *("teach_dataset.py", "--dataset_name", folder / "data", "--output_dir", folder / OUT),
            *("--num_features", 3, "--shard_size", 2),
        )


# Models


def _save_network(folder: Path, seed: int, hop_length: int = 320) -> Path:
    torch.manual_seed(seed)
    config = BiGRUCTCConfig(hidden_size=8, num_hidden_layers=1, inputs_to_logits_ratio=hop_length)
    BiGRUForCTC(config).save_pretrained(folder)
    BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(hop_length=hop_length), BiGRUCTCTokenizer()).save_pretrained(folder)
    return folder


def look_model(out: Path) -> list[Any]:
    """The log-probabilities and the text of a sound."""
    waveform = np.sin(np.arange(8000) ** 1.5 / 100).astype(np.float32)
    processor = BiGRUCTCProcessor.from_pretrained(out)
    model = BiGRUForCTC.from_pretrained(out).eval()
    with torch.inference_mode():
        logits = model(**processor(audio=waveform, sampling_rate=16_000, return_tensors="pt")).logits
    return [logits.numpy().tobytes(), processor.batch_decode(logits.argmax(-1)), model.config.inputs_to_logits_ratio]


def _make_networks(folder: Path) -> None:
    for seed in range(2):
        _save_network(folder / str(seed), seed)
    _save_network(folder / OUT, 2)


def _average(folder: Path) -> None:
    start_script("average_checkpoints.py", folder / "0", folder / "1", "--output_dir", folder / OUT)


def _average_in_place(folder: Path) -> None:
    start_script("average_checkpoints.py", folder / "0", folder / OUT, "--output_dir", folder / OUT)


def _make_exports(folder: Path) -> None:
    """An older export of a network with another hop lies there."""
    _save_network(folder / "model", 0, hop_length=320)
    export_onnx(_save_network(folder / "other", 1, hop_length=160), folder / OUT, waveform=True)


def _export(folder: Path) -> None:
    start("export", "--model", folder / "model", "--output-dir", folder / OUT, "--waveform")


def look_export(out: Path) -> list[Any]:
    """The log-probabilities of a sound."""
    recognizer = OnnxRecognizer(out, num_threads=1)
    waveform = np.sin(np.arange(8000) ** 1.5 / 100).astype(np.float32)
    return [recognizer.log_probs([waveform])[0].tobytes(), recognizer.feature_settings.hop_length]


def _make_lm_text(folder: Path) -> None:
    (folder / "text.txt").write_text("IT\nYOU\nNO I\nIT A\n")
    write_language_model(folder / "given")
    write_language_model(folder / OUT)
    content = (folder / OUT / "lm.binary").read_text().replace("IT NO", "NO IT")
    (folder / OUT / "lm.binary").write_text(content)
    for name, command in {
        "lmplz": f'while [ "$1" != --arpa ]; do shift; done; cp {folder.parent}/work/given/lm.binary "$2"',
        "build_binary": 'while [ $# -gt 2 ]; do shift; done; cp "$1" "$2"',
    }.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)


def _build_lm(folder: Path) -> None:
    start_script(
        *("build_lm.py", "--text_file", folder / "text.txt", "--min_count", 1, "--kenlm_bin", folder),
        *("--output_dir", folder / OUT),
    )


def look_lm(out: Path) -> list[Any]:
    """Scores of words and the lexicon that decoding has."""
    import kenlm

    from hf_bigru_asr import BiGRUCTCTokenizer
    from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder
    from hf_bigru_asr.model.search_settings_bigru_ctc import BeamSearchSettings

    BeamSearchDecoder(out, BiGRUCTCTokenizer(), 0.02, BeamSearchSettings.from_folder(out))
    model = kenlm.Model(str(out / "lm.binary"))
    return [model.score("IT NO"), model.score("NO IT"), (out / "lexicon.txt").read_bytes()]


def _train(folder: Path) -> None:
    datasets.config.HF_DATASETS_CACHE = folder / "cache"
    start_script(
        *("train.py", "--dataset_name", folder / "data", "--train_split_name", "train"),
        *("--eval_split_name", "validation", "--model_name_or_path", folder / "model", "--output_dir", folder / OUT),
        *("--max_steps", 3, "--save_strategy", "steps", "--save_steps", 1, "--eval_strategy", "no"),
        *("--load_best_model_at_end", "false", "--warmup_steps", 0, "--report_to", "none", "--use_cpu", "true"),
        *("--disable_tqdm", "true", "--save_total_limit", 2, "--min_duration_in_seconds", 0.1),
    )


def _trained(name: str, content: bytes) -> Any:  # noqa: ANN401 - of JSON
    """Weights and settings of the model; of the checkpoints and the record that there are some."""
    is_model = "/" not in name and name not in ("training.json", "run.json", "training_args.bin")
    return steady(name, content) if is_model else b""


def _make_release(folder: Path) -> None:
    save_with_language_model(folder / "model")
    (folder / "model" / "training.json").write_text(json.dumps(TRAINING))
    (folder / "model" / "evaluation_test.json").write_text(json.dumps(EVALUATION))


def _push(folder: Path) -> None:
    start("push", "--repo-id", "alice/tiny", "--model", folder / "model", "--dry-run", folder / OUT)


def _evaluate(folder: Path) -> None:
    datasets.config.HF_DATASETS_CACHE = folder / "cache"
    start_script(
        *("evaluate.py", "--dataset_name", folder / "data", "--split", "validation", "--model", folder / "model"),
        *("--output_dir", folder / OUT),
    )


def look_evaluation(out: Path) -> list[Any]:
    """The figures and the text beside them."""
    report = json.loads((out / "evaluation.json").read_text())
    return [_without(report), (out / "utterances.txt").read_bytes()]


def writers() -> Iterator[Writer]:
    """All of them."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    os.environ["TQDM_DISABLE"] = "1"
    yield Writer("transcribe, files", _make_recordings, _write_results, whole_files, grows=True)
    yield Writer("transcribe, one file", _make_recordings, _write_shared, _look_shared)
    yield Writer("align", _make_alignment, _align, whole_files, grows=True)
    yield Writer("prepare", _make_corpus, _prepare, look_dataset)
    yield Writer("segmentation", _make_speech, _segment, look_dataset)
    yield Writer("synthesis", _make_sentences, _synthesize, look_dataset)
    yield Writer("features of a teacher", _make_speech, _teach, look_dataset)
    yield Writer("mean of checkpoints", _make_networks, _average, look_model)
    yield Writer("mean into one of its inputs", _make_networks, _average_in_place, look_model, repeats=False)
    yield Writer("export", _make_exports, _export, look_export)
    yield Writer("language model", _make_lm_text, _build_lm, look_lm)
    yield Writer("training", _make_speech, _train, look_model, values=_trained)
    yield Writer("release", _make_release, _push, look_model, values=steady)
    yield Writer("evaluation", _make_speech, _evaluate, look_evaluation, values=steady)
