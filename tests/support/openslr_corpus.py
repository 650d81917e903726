"""A corpus of six short utterances as OpenSLR hands LibriSpeech out, and what can be wrong with one of its files."""

import io
import os
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile

from hf_bigru_asr.data.librispeech.parquet import prepare_parquet
from hf_bigru_asr.data.librispeech.report import PreparationReport

Files = dict[str, bytes]

TOP = "LibriSpeech/train-clean-100"
TEXTS = {
    "19-198-0000": "NORTHANGER ABBEY",
    "19-198-0001": "IT'S ALL HELLO",
    "19-198-0002": "A",
    "19-227-0000": "OH  TWO SPACES",
    "7312-92432-0000": "SHE DIDN'T",
    "7312-92432-0001": "WHY NOT",
}
BAD = "19-198-0001"
"""The utterance that tests damage."""


@cache
def audio_file(
    seed: int = 0, rate_hz: int = 16_000, num_channels: int = 1, num_samples: int = 3200, **options: str | float
) -> bytes:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, num_samples).astype(np.float32)
    tone = 0.4 * np.sin(2 * np.pi * (200 + 50 * seed) * np.arange(num_samples) / 16_000) + 0.1 * noise
    samples = np.repeat(tone[:, None], num_channels, axis=1) if num_channels > 1 else tone
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate_hz, **{"format": "FLAC", "subtype": "PCM_16"} | options)
    return stream.getvalue()


def path_of(utterance_id: str) -> str:
    speaker, chapter, _ = utterance_id.split("-")
    return f"{TOP}/{speaker}/{chapter}/{utterance_id}.flac"


def transcript_path_of(utterance_id: str) -> str:
    speaker, chapter, _ = utterance_id.split("-")
    return f"{TOP}/{speaker}/{chapter}/{speaker}-{chapter}.trans.txt"


def corpus(texts: dict[str, str] = TEXTS) -> Files:
    files: Files = {"LibriSpeech/README.TXT": b"not data"}
    for seed, (utterance_id, text) in enumerate(texts.items()):
        files[path_of(utterance_id)] = audio_file(seed)
        transcript = transcript_path_of(utterance_id)
        files[transcript] = files.get(transcript, b"") + f"{utterance_id} {text}\n".encode()
    return files


def write_tree(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (0, 0))
    return folder


def write_archive(path: Path, files: Files, *, order: Callable[[list[str]], list[str]] = sorted) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name in order(list(files)):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            tar.addfile(info, io.BytesIO(files[name]))
    return path


def contents(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(folder: Path, pattern: str = "*/*.parquet") -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob(pattern)) for row in pq.read_table(path).to_pylist()]


def prepare(source: Path, output_dir: Path, **options: str | float) -> PreparationReport:
    return prepare_parquet(source, output_dir, progress=False, **options)


def without(files: Files, path: str) -> Files:
    return {name: content for name, content in files.items() if name != path}


def with_line(files: Files, line: bytes) -> Files:
    """The transcript line of `BAD` replaced."""
    path = transcript_path_of(BAD)
    old = f"{BAD} {TEXTS[BAD]}\n".encode()
    assert old in files[path]
    return files | {path: files[path].replace(old, line)}
