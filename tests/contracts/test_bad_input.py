"""Contract 6: bad input is refused by name, and good input is not.

Refused are empty audio, NaN or infinite samples, the wrong sampling rate, more than two channels, channels last,
a broken file, and labels longer than the frames can carry. The error says what came, what is allowed and what to do.
Silence and clips of one frame are valid input and give text, perhaps empty.
"""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from transformers import AutomaticSpeechRecognitionPipeline, pipeline

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.audio.loading import AudioError, load_audio, to_mono_float32

RATE_HZ = 16_000
SECOND = np.zeros(RATE_HZ, dtype=np.float32)
NOISE = np.random.default_rng(0).normal(0.0, 0.1, RATE_HZ).astype(np.float32)


def spoiled(value: float, *positions: int) -> np.ndarray:
    audio = NOISE.copy()
    audio[list(positions)] = value
    return audio


def file_of(audio: np.ndarray, container: str = "FLAC", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, RATE_HZ, format=container, subtype=subtype)
    return file.getvalue()


# Samples that neither the feature extractor, the processor nor the pipeline takes.
BAD_SAMPLES = {
    "empty": (np.zeros(0, dtype=np.float32), ValueError, r"audio has no samples; give at least one sample"),
    "NaN": (
        spoiled(np.nan, 7),
        ValueError,
        r"has 1 NaN or infinite samples, the first at sample 7; .*repair or leave",
    ),
    "infinite": (spoiled(np.inf, 9, 12), ValueError, r"has 2 NaN or infinite samples, the first at sample 9"),
    "minus infinite": (spoiled(-np.inf, 0), ValueError, r"has 1 NaN or infinite samples, the first at sample 0"),
    "int64": (np.ones(800, dtype=np.int64), TypeError, r"type int64; allowed are floats in \[-1, 1\], and int8"),
    "uint16": (np.ones(800, dtype=np.uint16), TypeError, r"type uint16; allowed are floats"),
    "unscaled": (spoiled(-20_000.0, 5), ValueError, r"up to 20000; allowed is \[-1, 1\]: divide them .* 32768"),
    "complex": (np.ones(800, dtype=np.complex64), TypeError, r"type complex64; allowed are floats"),
}

# What only calls on the feature extractor can contain.
BAD_BATCHES = {
    "no utterance": ([], ValueError, r"batch of audio is empty; give at least one utterance"),
    "an empty utterance": ([NOISE, np.zeros(0)], ValueError, r"audio has no samples; give at least one sample"),
    "empty list": ([[]], ValueError, r"audio has no samples; give at least one sample"),
    "three channels": (
        [np.zeros((3, 800))],
        ValueError,
        r"has 3 channels; allowed are 1 and 2, .* select",
    ),
    "batch of three channels": (np.zeros((1, 3, 800)), ValueError, r"has 3 channels; allowed are 1 and 2"),
    "channels last": (np.zeros((800, 2)), ValueError, r"shape \(800, 2\), which looks like .* transpose it"),
    "channels last in a list": ([np.zeros((800, 1))], ValueError, r"shape \(800, 1\), which looks like \(samples, ch"),
    "channels last tensor": ([torch.zeros(800, 2)], ValueError, r"which looks like \(samples, channels\)"),
    "batch of channels last": (torch.zeros(2, 800, 2), ValueError, r"which looks like \(samples, channels\)"),
    "four dimensions": (
        np.zeros((1, 1, 2, 800)),
        ValueError,
        r"an utterance is \(samples,\) or \(channels, samples\)",
    ),
    "a number": (np.array(0.5), ValueError, r"has the shape \(\); an utterance is"),
    "integers in a list": ([1, 2, 3], TypeError, r"type int64; allowed are floats"),
    "a path": ("speech.flac", TypeError, r"audio is of type str; give its samples .*load_audio reads files"),
    "a list of paths": (["a.flac", "b.flac"], TypeError, r"samples of type str\d+; allowed are floats"),
    "a list of dictionaries": ([{"array": NOISE}], TypeError, r"samples of type object; allowed are floats"),
    "bytes": (file_of(NOISE), TypeError, r"audio is of type bytes"),
    "path object": (Path("speech.flac"), TypeError, r"audio is of type \w*Path"),
    "a dictionary": ({"array": NOISE, "sampling_rate": RATE_HZ}, TypeError, r"audio is of type dict"),
    "nothing": (None, TypeError, r"audio is of type NoneType"),
}


def cases(*tables: dict) -> pytest.MarkDecorator:
    merged = {name: case for table in tables for name, case in table.items()}
    return pytest.mark.parametrize(("audio", "error", "message"), list(merged.values()), ids=list(merged))


@cases(BAD_SAMPLES, BAD_BATCHES)
def test_feature_extractor(audio: object, error: type[Exception], message: str) -> None:
    extractor = BiGRUCTCFeatureExtractor()
    with pytest.raises(error, match=message):
        extractor(audio, sampling_rate=RATE_HZ)


@cases(BAD_SAMPLES)
def test_bad_samples_are_found_in_a_batch_and_in_a_tensor(
    audio: np.ndarray, error: type[Exception], message: str
) -> None:
    extractor = BiGRUCTCFeatureExtractor()
    for batch in ([NOISE, audio], [NOISE, torch.from_numpy(audio)]):
        with pytest.raises(error, match=message):
            extractor(batch, sampling_rate=RATE_HZ)


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 0])
def test_another_sampling_rate(processor: BiGRUCTCProcessor, rate_hz: int) -> None:
    message = rf"sampling rate of {rate_hz} Hz; this feature extractor takes 16000 Hz. Resample it.*load_audio"
    for call in (processor.feature_extractor, processor):
        with pytest.raises(ValueError, match=message):
            call(NOISE, sampling_rate=rate_hz)


@cases({name: case for name, case in (BAD_SAMPLES | BAD_BATCHES).items() if name != "nothing"})
def test_processor(processor: BiGRUCTCProcessor, audio: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        processor(audio, sampling_rate=RATE_HZ)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CAFÉ", r"'É' \(U\+00C9\)\. Allowed are .*normalize_transcript spells out digits"),
        ("ROOM 101", r"'0' \(U\+0030\), '1' \(U\+0031\)"),
        ("A <pad>", r"'<' \(U\+003C\), '>' \(U\+003E\)"),
        ("X" * 51, r"needs 101 frames, .* but its audio has 50\. Check that text and audio belong together"),
    ],
    ids=["foreign", "digits", "blank", "too long"],
)
def test_processor_with_bad_text(processor: BiGRUCTCProcessor, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        processor(NOISE, text, sampling_rate=RATE_HZ)


def test_model_with_labels_that_do_not_fit(processor: BiGRUCTCProcessor, tiny_model: BiGRUForCTC) -> None:
    batch = processor(NOISE, "TEXT", sampling_rate=RATE_HZ)
    tiny_model.config.ctc_zero_infinity = False
    with pytest.raises(ValueError, match=r"labels of utterance 0 .* need 99 frames, .* but it has 50"):
        tiny_model(batch["input_features"], labels=torch.full((1, 50), 3))
    with pytest.raises(ValueError, match=r"labels contain the id 29; this model has 29 classes, 0 to 28"):
        tiny_model(batch["input_features"], labels=torch.tensor([[29]]))


# Files


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"is empty \(0 bytes\); give a file with audio"),
        (b"this is no audio" * 100, r"ffmpeg"),
        (file_of(NOISE)[:9000], r"broken or truncated FLAC file .*record or download it again"),
        (file_of(NOISE, "WAV")[:9000], r"truncated: its header promises .*record or download it again"),
        (file_of(NOISE, "OGG")[:3000], r"broken or truncated Ogg file"),
        (file_of(SECOND[:0], "WAV"), r"has no samples; give at least one sample"),
        (
            file_of(spoiled(np.nan, 3), "WAV", "FLOAT"),
            r"has 1 NaN or infinite samples, the first at sample 3; .*repair or leave",
        ),
        (file_of(spoiled(np.inf, 3, 4), "WAV", "FLOAT"), r"has 2 NaN or infinite samples"),
    ],
    ids=["empty", "no audio", "cut FLAC", "cut WAV", "cut Ogg", "no samples", "NaN", "infinite"],
)
@pytest.mark.parametrize("kind", ["path", "bytes"])
def test_load_audio(data: bytes, message: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "speech.audio"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=message):
        load_audio(path if kind == "path" else data)


def test_load_audio_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing.flac.*there is no such file; check the path"):
        load_audio(tmp_path / "missing.flac")
    with pytest.raises(AudioError, match=r"is a folder; give the path of one file in it"):
        load_audio(tmp_path)


def test_arrays_with_channels_last() -> None:
    with pytest.raises(AudioError, match=r"shape \(800, 2\), which looks like .* transpose it"):
        to_mono_float32(np.zeros((800, 2)), RATE_HZ)


# The pipeline


@pytest.fixture
def recogniser(model_dir: Path) -> AutomaticSpeechRecognitionPipeline:
    return pipeline("automatic-speech-recognition", model=str(model_dir))


@cases({name: BAD_SAMPLES[name] for name in ("empty", "NaN", "infinite", "int64", "unscaled")})
@pytest.mark.parametrize("wrap", [lambda audio: audio, lambda audio: {"raw": audio, "sampling_rate": RATE_HZ}])
def test_pipeline(
    recogniser: AutomaticSpeechRecognitionPipeline,
    wrap: Callable[[np.ndarray], object],
    audio: np.ndarray,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        recogniser(wrap(audio))


def test_pipeline_with_the_librarys_own_checks(recogniser: AutomaticSpeechRecognitionPipeline, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="reads axis 0 as channels, and it has size 3"):
        recogniser(np.zeros((3, 800), dtype=np.float32))
    with pytest.raises(ValueError, match=r"channels-last .*transpose it"):
        recogniser(np.zeros((800, 2), dtype=np.float32))
    with pytest.raises(FileNotFoundError, match=r"missing\.flac"):
        recogniser(str(tmp_path / "missing.flac"))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="transformers reads bytes through the ffmpeg program")
@pytest.mark.parametrize("data", [b"", b"this is no audio" * 100], ids=["empty", "no audio"])
def test_pipeline_with_a_broken_file(recogniser: AutomaticSpeechRecognitionPipeline, data: bytes) -> None:
    with pytest.raises(ValueError, match="malformed"):
        recogniser(data)


# Valid, however unusual

UNUSUAL = {
    "silence": SECOND,
    "one frame": NOISE[:320],
    "less than a frame": NOISE[:100],
    "one sample": NOISE[:1],
    "one silent sample": SECOND[:1],
    "constant": np.full(800, 0.5, dtype=np.float32),
    "overdriven": 4 * NOISE,
    "very quiet": 1e-6 * NOISE,
}


@pytest.mark.parametrize("audio", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_unusual_audio_gives_text(
    processor: BiGRUCTCProcessor, tiny_model: BiGRUForCTC, model_dir: Path, audio: np.ndarray
) -> None:
    inputs = processor(audio, sampling_rate=RATE_HZ)
    with torch.no_grad():
        log_probs = tiny_model(**inputs).logits
    assert log_probs.shape == (1, -(-len(audio) // 320), 29)
    assert torch.isfinite(log_probs).all()
    (text,) = processor.batch_decode(log_probs.argmax(-1))
    result = pipeline("automatic-speech-recognition", model=str(model_dir))(audio, return_timestamps="char")
    assert result["text"] == text
    assert "".join(chunk["text"] for chunk in result["chunks"]) == text


def test_unusual_audio_in_one_batch(processor: BiGRUCTCProcessor, tiny_model: BiGRUForCTC) -> None:
    clips = [*UNUSUAL.values(), NOISE]
    tiny_model.lm_head.bias.data[5] = 1.0  # a network that would write "C" on padding
    with torch.no_grad():
        together = tiny_model(**processor(clips, sampling_rate=RATE_HZ)).logits
        for row, audio in enumerate(clips):
            alone = tiny_model(**processor(audio, sampling_rate=RATE_HZ)).logits[0]
            torch.testing.assert_close(together[row, : len(alone)], alone, atol=1e-4, rtol=0)
            assert (together[row, len(alone) :].argmax(-1) == 0).all()
