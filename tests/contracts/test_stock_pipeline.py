"""Contract 3: the stock pipeline works.

`pipeline("automatic-speech-recognition", model=PATH_OR_ID)` takes an array, a dictionary with another sampling rate,
bytes and a path; `chunk_length_s`, `stride_length_s`, `batch_size`, and `return_timestamps="char"` or `"word"`, with
times within one frame of the truth. Texts and times are known by construction: the speech is tones.
"""

import io
import json
import shutil
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile
import torch
from tone_speech import HOP, RATE_HZ, Span, speak
from transformers import AutomaticSpeechRecognitionPipeline, pipeline

from hf_bigru_asr import bundled_checkpoint

TASK = "automatic-speech-recognition"
FRAME_S = HOP / RATE_HZ
TEXT = "HELLO BOOKKEEPER DON'T QUIZ"
TEXTS = ["HELLO", "A", "THE QUICK BROWN FOX", "ALL WELL", "JUMPS OVER", "'TIS"]

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="transformers reads bytes and paths through the ffmpeg program"
)


@pytest.fixture(scope="module")
def listener(listener_dir: Path) -> AutomaticSpeechRecognitionPipeline:
    """On a network that understands the tones of `speak`."""
    return pipeline(TASK, model=str(listener_dir))


def words_of(spans: list[Span]) -> list[Span]:
    """Words with the start of their first and the end of their last letter."""
    words = []
    for is_space, group in groupby(spans, key=lambda span: span[0] == " "):
        if not is_space:
            letters = list(group)
            words.append(("".join(letter for letter, _, _ in letters), letters[0][1], letters[-1][2]))
    return words


def encoded(audio: np.ndarray, container: str, rate_hz: int = RATE_HZ) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, rate_hz, format=container)
    return file.getvalue()


def test_every_letter_is_understood(listener: AutomaticSpeechRecognitionPipeline) -> None:
    text = "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG'S BACK"
    assert listener(speak(text)[0]) == {"text": text}


# Kinds of input


@pytest.mark.parametrize(
    ("convert", "rate_hz"),
    [
        (lambda audio: audio, RATE_HZ),
        (lambda audio: audio.astype(np.float64), RATE_HZ),
        (lambda audio: (audio * 32767).astype(np.int16), RATE_HZ),
        (torch.from_numpy, RATE_HZ),
        (lambda audio: np.stack([audio, audio]), RATE_HZ),
        (lambda audio: {"raw": audio, "sampling_rate": RATE_HZ}, RATE_HZ),
        (lambda audio: {"array": audio, "sampling_rate": RATE_HZ, "path": None}, RATE_HZ),
        (lambda audio: {"raw": audio, "sampling_rate": 48_000}, 48_000),
        (lambda audio: {"raw": audio, "sampling_rate": 22_050}, 22_050),
        (lambda audio: {"raw": torch.from_numpy(audio), "sampling_rate": 44_100}, 44_100),
        (lambda audio: {"raw": np.stack([audio, audio]), "sampling_rate": 48_000}, 48_000),
        pytest.param(lambda audio: encoded(audio, "WAV"), RATE_HZ, marks=needs_ffmpeg),
        pytest.param(lambda audio: encoded(audio, "FLAC", 44_100), 44_100, marks=needs_ffmpeg),
    ],
    ids=[
        *("array", "float64", "int16", "tensor", "stereo", "dict", "dict of datasets", "48 kHz", "22.05 kHz"),
        *("44.1 kHz tensor", "48 kHz stereo", "bytes", "44.1 kHz bytes"),
    ],
)
def test_kinds_of_input(
    listener: AutomaticSpeechRecognitionPipeline, convert: Callable[[np.ndarray], object], rate_hz: int
) -> None:
    audio, spans = speak(TEXT, rate_hz)
    result = listener(convert(audio), return_timestamps="word")
    assert result["text"] == TEXT
    assert_times(result["chunks"], words_of(spans))


@needs_ffmpeg
@pytest.mark.parametrize("name", ["speech.flac", "speech.wav", "with space.ogg"])
def test_a_path(listener: AutomaticSpeechRecognitionPipeline, name: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / name, speak(TEXT)[0], RATE_HZ)
    assert listener(str(tmp_path / name)) == {"text": TEXT}


# Timestamps


def assert_times(chunks: list[dict], truth: list[Span]) -> None:
    assert [chunk["text"] for chunk in chunks] == [text for text, _, _ in truth]
    times = np.array([chunk["timestamp"] for chunk in chunks])
    expected = np.array([(start, end) for _, start, end in truth])
    assert np.abs(times - expected).max() <= FRAME_S + 1e-9
    assert (times[:, 0] < times[:, 1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_timestamps(listener: AutomaticSpeechRecognitionPipeline, seed: int) -> None:
    audio, spans = speak(TEXT, seed=seed)
    result = listener(audio, return_timestamps="char")
    assert set(result) == {"text", "chunks"}
    assert result["text"] == TEXT
    assert_times(result["chunks"], spans)
    assert_times(listener(audio, return_timestamps="word")["chunks"], words_of(spans))


@pytest.mark.parametrize(
    "options",
    [
        {"chunk_length_s": 1.0},
        {"chunk_length_s": 2.0, "stride_length_s": 0.3},
        {"chunk_length_s": 1.337, "stride_length_s": (0.211, 0.1)},
        {"chunk_length_s": 1.0, "batch_size": 4},
        {"chunk_length_s": 1000.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("timestamps", ["char", "word"])
def test_long_audio_in_chunks_equals_the_whole(
    listener: AutomaticSpeechRecognitionPipeline, options: dict, timestamps: str
) -> None:
    audio, spans = speak(" ".join([TEXT, TEXT]), seed=5)
    whole = listener(audio, return_timestamps=timestamps)
    assert listener(audio, return_timestamps=timestamps, **options) == whole
    assert_times(whole["chunks"], spans if timestamps == "char" else words_of(spans))


def test_no_word_changes_wherever_chunks_are_cut(listener: AutomaticSpeechRecognitionPipeline) -> None:
    """A border one frame off would lose or double a letter, or a space, of some of these."""
    audio, _ = speak(" ".join([TEXT, TEXT]), seed=5)
    whole = listener(audio)
    for num_frames in range(0, 16, 3):
        length_s = 0.8 + num_frames * FRAME_S
        assert listener(audio, chunk_length_s=length_s, stride_length_s=0.1) == whole, num_frames


def test_the_configuration_carries_what_the_pipeline_reads(listener_dir: Path) -> None:
    config = json.loads((listener_dir / "config.json").read_text())
    assert config["inputs_to_logits_ratio"] == HOP


# More ways to call it


def test_a_generator_streams(listener: AutomaticSpeechRecognitionPipeline) -> None:
    clips = ({"raw": speak(text)[0], "sampling_rate": RATE_HZ} for text in TEXTS)
    assert [result["text"] for result in listener(clips, batch_size=2)] == TEXTS


def test_only_keys_of_the_user_are_passed_through(listener: AutomaticSpeechRecognitionPipeline) -> None:
    audio = speak("HI")[0]
    assert listener({"raw": audio, "sampling_rate": RATE_HZ, "id": "x"}) == {"text": "HI", "id": ["x"]}
    assert set(listener(audio, chunk_length_s=1.0, return_timestamps="char")) == {"text", "chunks"}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_other_precisions(listener_dir: Path, dtype: str) -> None:
    recogniser = pipeline(TASK, model=str(listener_dir), dtype=dtype)
    assert recogniser(speak("HELLO ALL")[0]) == {"text": "HELLO ALL"}


# The trained network


def test_the_bundled_model_transcribes_librispeech(librispeech_dir: Path) -> None:
    try:
        folder = bundled_checkpoint()
    except FileNotFoundError:
        pytest.skip("the trained checkpoint is not in this installation")
    import pyarrow.parquet

    file = next((librispeech_dir / "librispeech_asr" / "clean").glob("validation*.parquet"))
    rows = next(pyarrow.parquet.ParquetFile(file).iter_batches(4)).to_pylist()
    clips = [soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="float32")[0] for row in rows]
    recogniser = pipeline(TASK, model=str(folder))
    alone = [recogniser(clip) for clip in clips]
    assert list(recogniser(clips, batch_size=3)) == alone
    assert list(recogniser(clips[::-1], batch_size=2))[::-1] == alone
    error_rate = jiwer.cer([row["text"] for row in rows], [result["text"] for result in alone])
    assert error_rate < 0.5
    words = recogniser(clips[0], return_timestamps="word")
    assert " ".join(chunk["text"] for chunk in words["chunks"]) == " ".join(words["text"].split())
    times = [time for chunk in words["chunks"] for time in chunk["timestamp"]]
    assert times == sorted(times)
    assert times[-1] <= len(clips[0]) / RATE_HZ + FRAME_S
