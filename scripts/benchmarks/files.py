"""Times recognisers from file to text: this package on every runtime, and its peers, on the same recordings."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

from benchmarks.memory import peak_memory_mib, reset_peak_memory
from benchmarks.peers import POCKETSPHINX, load_peer
from benchmarks.workers import Worker
from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe

__all__ = [
    "FileTiming",
    "load_files_peer",
    "load_files_recognizer",
    "measure_files",
    "measure_stages",
    "measure_start",
    "write_files",
]


@dataclass
class FileTiming:
    """One recogniser, on one set of recordings.

    Args:
        name: System, runtime and decoding.
        audio_s: Seconds of audio.
        times_s: Seconds of every pass over all recordings, without loading the model. With a language model and more
            than one thread every pass starts its processes.
        load_s: Seconds until the first recording could be taken.
        wer: Word error rate of both sides normalised as Whisper's authors do, a fraction; `None` without references.
        memory_mib: Memory of the process with the model loaded; `None` where unknown, or where it is not the only one.
        peak_memory_mib: The most meanwhile.
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


def write_files(waveforms: Sequence[np.ndarray], sampling_rate: int, folder: Path) -> list[Path]:
    """Write recordings `(samples,)` as 16-bit FLAC files."""
    paths = [folder / f"{number:05}.flac" for number in range(len(waveforms))]
    for path, waveform in zip(paths, waveforms, strict=True):
        soundfile.write(path, waveform, sampling_rate, subtype="PCM_16")
    return paths


def measure_files(
    workers: Mapping[str, tuple[Worker, float]],
    paths: Sequence[Path],
    references: Sequence[str] | None,
    repeats: Mapping[str, int],
) -> list[FileTiming]:
    """Time recognisers in turns.

    Args:
        workers: Processes by the name of their recogniser, with the seconds in which it was loaded, see
            [`load_files_recognizer`] and [`load_files_peer`].
        paths: Recordings.
        references: What is said in them.
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


def measure_start(model: str | Path, path: Path, repeats: int) -> dict[str, float]:
    """A fresh process that transcribes one file without torch: median seconds, and the most memory in MiB.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        path: The recording.
        repeats: Processes, one after another.

    Raises:
        subprocess.CalledProcessError: If a process fails; it says why on the error output.
    """
    # What the system says of an ended process counts the memory of the one that started it; so it says it itself.
    code = "import sys; from hf_bigru_asr import runtime, peak_memory; status = runtime.main(sys.argv[1:]); "
    code += "print(peak_memory.peak_memory_mib() or ''); sys.exit(status)"
    command = [sys.executable, "-c", code, "--model", str(model), str(path)]
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

_recognize: list[Any] = []
"""Gives the texts of files; whether it does so in this process alone; and this package's recogniser."""


def load_files_recognizer(
    model: str,
    runtime: str,
    num_threads: int,
    language_model: str | None = None,
    num_offsets: int | None = None,
    dtype: str | None = None,
) -> float:
    """Make this package ready in this process, see [`load_recognizer`]; gives the seconds it took."""
    start_s = time.perf_counter()
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

    def recognize(paths: list[Path]) -> list[str]:
        return [found.text or "" for found in transcribe(recognizer, paths, num_workers=num_threads)]

    _recognize[:] = [recognize, language_model is None or num_threads == 1, recognizer]
    return time.perf_counter() - start_s


def load_files_peer(name: str, num_threads: int) -> float:
    """Make a peer ready in this process; gives the seconds it took."""
    start_s = time.perf_counter()
    _recognize[:] = [load_peer(name, num_threads), name != POCKETSPHINX]
    return time.perf_counter() - start_s


def _time_files(paths: list[Path]) -> tuple[list[str], float, float | None, float | None]:
    memory = reset_peak_memory()
    start_s = time.perf_counter()
    texts = _recognize[0](paths)
    time_s = time.perf_counter() - start_s
    is_alone = _recognize[1]
    return texts, time_s, *((memory, peak_memory_mib()) if is_alone else (None, None))


def measure_stages(paths: list[Path]) -> dict[str, float]:
    """Seconds of audio per second of one thread: reading files, and computing the features of what was read."""
    extractor = _recognize[2].feature_extractor
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
