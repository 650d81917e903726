"""From file to text: the speed, error rate and memory of this package on every runtime, and of its peers.

    python scripts/benchmark.py --dataset_name openslr/librispeech_asr --dataset_config_name clean --peers

Each recogniser transcribes the same recordings in a process of its own. A fresh process that needs no torch is timed
from its start to its end.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile
import torch
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

from benchmarks.memory import peak_memory_mib, reset_peak_memory
from benchmarks.peers import POCKETSPHINX, load_peer
from benchmarks.workers import Worker
from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from hf_bigru_asr.text.normalization import normalize_transcript
from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe

__all__ = [
    "FileTiming",
    "FilesRecognizer",
    "load_files_peer",
    "load_files_recognizer",
    "measure_files",
    "measure_stages",
    "measure_start",
    "read_split",
    "repeat_recordings",
    "write_files",
]

SCRIPTS = Path(__file__).parents[1]


@dataclass
class FileTiming:
    """One recogniser, on one set of recordings.

    Args:
        name: System, runtime and decoding.
        audio_s: Seconds of audio.
        times_s: Seconds of every pass over all recordings, without loading the model. With a language model and more
            than one thread every pass starts its processes.
        load_s: Seconds to load the model.
        wer: Word error rate, a fraction; `None` without references. Both sides are normalised as Whisper's authors do.
        memory_mib: Memory of the process with the model loaded. `None` where unknown, or where other processes help.
        peak_memory_mib: Peak of that memory during the passes.
    """

    name: str
    audio_s: float
    load_s: float
    times_s: list[float] = field(default_factory=list)
    wer: float | None = None
    memory_mib: float | None = None
    peak_memory_mib: float | None = None

    @property
    def real_time_factor(self) -> float:
        """Seconds of audio per second, by the median."""
        return self.audio_s / float(np.median(self.times_s))

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self) | {"real_time_factor": self.real_time_factor}


def read_split(
    name: str, config: str | None, split: str, every: int, sampling_rate: int
) -> tuple[list[np.ndarray], list[str]]:
    """Every n-th utterance of a split: waveforms `(samples,)`, and transcripts, normalised.

    Raises:
        ValueError: As [`load_speech_dataset`], and if an utterance cannot be used.
    """
    dataset = load_speech_dataset(name, config, split)
    rows = [dataset[number] for number in range(0, len(dataset), every)]
    return [load_utterance(row["audio"], sampling_rate) for row in rows], [
        normalize_transcript(row["text"]) for row in rows
    ]


def write_files(waveforms: Sequence[np.ndarray], sampling_rate: int, folder: Path) -> list[Path]:
    """Write recordings `(samples,)` as 16-bit FLAC files."""
    paths = [folder / f"{number:05}.flac" for number in range(len(waveforms))]
    for path, waveform in zip(paths, waveforms, strict=True):
        soundfile.write(path, waveform, sampling_rate, subtype="PCM_16")
    return paths


def repeat_recordings(waveforms: Sequence[np.ndarray], num_samples: int) -> np.ndarray:
    """Recordings `(samples,)` one after another, over and over, up to a length.

    Returns:
        `(num_samples,)`.

    Raises:
        ValueError: If there is no recording, or none with a sample.
    """
    if not any(map(len, waveforms)):
        raise ValueError("There is no recording to repeat; give at least one with a sample.")
    pieces, total = [], 0
    for waveform in cycle(waveforms):
        pieces.append(waveform)
        total += len(waveform)
        if total >= num_samples:
            break
    return np.concatenate(pieces)[:num_samples]


def measure_files(
    workers: Mapping[str, tuple[Worker, float]],
    paths: Sequence[Path],
    references: Sequence[str] | None,
    repeats: Mapping[str, int],
) -> list[FileTiming]:
    """Time recognisers in turns.

    Args:
        workers: Processes by the name of their recogniser, with the seconds that it took to load. Each has loaded
            [`load_files_recognizer`] or [`load_files_peer`].
        paths: Recordings.
        references: Their transcripts.
        repeats: Turns of each.
    """
    audio_s = sum(soundfile.info(path).duration for path in paths)
    timings = [FileTiming(name, audio_s, load_s) for name, (_, load_s) in workers.items()]
    for turn in range(max(repeats.values())):
        for timing in timings:
            if turn >= repeats[timing.name]:
                continue
            texts, time_s, timing.memory_mib, peak = workers[timing.name][0].run(_time_files, list(paths))
            timing.times_s.append(time_s)
            timing.peak_memory_mib = None if peak is None else max(peak, timing.peak_memory_mib or 0.0)
            if references is not None:
                timing.wer = _word_error_rate(references, texts)
    return timings


def _word_error_rate(references: Sequence[str], texts: Sequence[str]) -> float:
    # The systems write numbers and titles in ways of their own.
    normalize = EnglishTextNormalizer({})
    return word_error_counts(list(map(normalize, references)), list(map(normalize, texts))).error_rate


def measure_start(model: str | Path, path: Path, repeats: int, language_model: str | None = None) -> dict[str, float]:
    """A fresh process that transcribes one file without torch: median seconds, and peak memory in MiB.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        path: The recording.
        repeats: Processes, one after another.
        language_model: Folder of a language model, or `"own"`; greedy decoding if `None`.

    Raises:
        subprocess.CalledProcessError: If a process fails; it says why on the error output.
    """
    # The system's figure for an ended process includes the memory of its parent, so the process prints its own.
    code = "import sys; sys.path.append(sys.argv[1]); from benchmarks.memory import peak_memory_mib; "
    code += "from hf_bigru_asr.runtime import OnnxRecognizer; "
    code += "print(OnnxRecognizer(sys.argv[2], language_model=sys.argv[3] or None).transcribe(sys.argv[4])); "
    code += "print(peak_memory_mib() or '')"
    command = [sys.executable, "-c", code, str(SCRIPTS), str(model), language_model or "", str(path)]
    times_s, peaks = [], []
    for _ in range(repeats):
        start_s = time.perf_counter()
        process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        times_s.append(time.perf_counter() - start_s)
        peaks.append(float(process.stdout.splitlines()[-1] or "nan"))
    return {
        "audio_s": soundfile.info(path).duration,
        "time_s": float(np.median(times_s)),
        "peak_memory_mib": max(peaks),
    }


# In the worker


@dataclass(frozen=True)
class FilesRecognizer:
    """A recogniser that is ready in this process.

    Args:
        recognize: Gives the texts of files.
        is_alone: Whether it works in this process alone, so that its memory is that of the process.
        extractor: The feature extractor of this package; `None` of a peer.
    """

    recognize: Callable[[Sequence[Path]], list[str]]
    is_alone: bool
    extractor: BiGRUCTCFeatureExtractor | None = None


def load_files_recognizer(
    model: str,
    runtime: str,
    num_threads: int,
    language_model: str | None = None,
    num_offsets: int | None = None,
    dtype: str | None = None,
) -> FilesRecognizer:
    """This package; for the arguments see [`load_recognizer`]."""
    torch.set_num_threads(num_threads)
    recognizer = load_recognizer(
        model,
        runtime=runtime,
        num_threads=num_threads,
        num_offsets=num_offsets,
        device="cpu",
        dtype=dtype,
        language_model=language_model,
    )

    def recognize(paths: Sequence[Path]) -> list[str]:
        return [found.text or "" for found in transcribe(recognizer, paths, num_workers=num_threads)]

    extractor = cast("BiGRUCTCFeatureExtractor", recognizer.feature_extractor)
    return FilesRecognizer(recognize, language_model is None or num_threads == 1, extractor)


def load_files_peer(name: str, num_threads: int) -> FilesRecognizer:
    """A peer; see [`load_peer`]."""
    return FilesRecognizer(load_peer(name, num_threads), is_alone=name != POCKETSPHINX)


def _time_files(recognizer: FilesRecognizer, paths: list[Path]) -> tuple[list[str], float, float | None, float | None]:
    memory = reset_peak_memory()
    start_s = time.perf_counter()
    texts = recognizer.recognize(paths)
    time_s = time.perf_counter() - start_s
    return texts, time_s, *((memory, peak_memory_mib()) if recognizer.is_alone else (None, None))


def measure_stages(recognizer: FilesRecognizer, paths: Sequence[Path]) -> dict[str, float]:
    """Speed of the stages before the network on one thread, in seconds of audio per second.

    Args:
        recognizer: This package.
        paths: Recordings.

    Returns:
        `"reading"`: decoding of the files. `"features"`: log-mel features of the waveforms.

    Raises:
        ValueError: If the recogniser is a peer.
    """
    extractor = recognizer.extractor
    if extractor is None:
        raise ValueError("The recognizer is a peer, whose stages cannot be told apart; give one of this package.")
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start_s = time.perf_counter()
    waveforms = [load_audio(path, sampling_rate=extractor.sampling_rate) for path in paths]
    read_s = time.perf_counter()
    for waveform in waveforms:
        extractor(waveform, sampling_rate=extractor.sampling_rate)
    end_s = time.perf_counter()
    torch.set_num_threads(num_threads)
    audio_s = sum(map(len, waveforms)) / extractor.sampling_rate
    return {"reading": audio_s / (read_s - start_s), "features": audio_s / (end_s - read_s)}
