"""A model with a language model and speech that it understands, for the scripts that decode."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from inline_workers import InlinePool, InlineWorker
from script_runs import spoken, write_split
from small_language_model import write_language_model

from benchmarks import workers
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchSettings
from hf_bigru_asr.runtime import decoding_pool


@pytest.fixture
def in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a script would have done in worker processes it does in this one."""
    monkeypatch.setattr(decoding_pool, "WorkerPool", InlinePool)
    monkeypatch.setattr(workers, "Worker", InlineWorker)


@pytest.fixture
def tone_model(listener_dir: Path, tmp_path: Path) -> Path:
    """The network that understands tones, with a language model and settings that `tune_decoding.py` could write."""
    folder = shutil.copytree(listener_dir, tmp_path / "model")
    write_language_model(folder / "language_model")
    settings = BeamSearchSettings(lm_weight=0.5, beam_size=20, num_offsets=3)
    (folder / "language_model" / "decoding.json").write_text(json.dumps(asdict(settings)))
    return folder


@pytest.fixture
def tone_data(tmp_path: Path) -> tuple[object, ...]:
    """Options that name a data set; some of its transcripts are wrong, so that some words of a hypothesis are."""
    texts = {"IT NO": "IT NO", "YOU": "YOU", "NO A": "IT A", "I": "I", "NO YOU": "NO I", "QUIZ": "QUIZ"}
    rows = [{"sound": spoken(text), "transcript": transcript} for text, transcript in texts.items()]
    data = write_split(tmp_path / "data", "validation", rows)
    return ("--dataset_name", data, "--audio_column_name", "sound", "--text_column_name", "transcript")
