"""Many recordings in one run: the text of each, and the names of those that cannot be used."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from small_language_model import write_language_model
from tone_speech import speak
from transformers import AutomaticSpeechRecognitionPipeline

from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.evaluation.evaluated_model import EvaluatedModel
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe

SAMPLING_RATE = 16_000


@pytest.fixture
def recognizer(model_dir: Path) -> AutomaticSpeechRecognitionPipeline:
    return load_recognizer(model_dir, device="cpu")


def samples_of(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Noise of several lengths in several formats, and a broken file between them."""
    rng = np.random.default_rng(0)
    paths = []
    for number, (seconds, suffix) in enumerate([(0.5, "wav"), (0.0, "wav"), (1.3, "flac"), (0.9, "ogg")]):
        path = tmp_path / f"{number}.{suffix}"
        if seconds:
            soundfile.write(path, 0.1 * rng.standard_normal(int(seconds * SAMPLING_RATE)), SAMPLING_RATE)
        else:
            path.write_bytes(b"RIFF, but not really")
        paths.append(path)
    return paths


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_bad_one_is_named_and_the_others_are_transcribed(
    recognizer: AutomaticSpeechRecognitionPipeline, recordings: list[Path], batch_size: int
) -> None:
    alone = [next(transcribe(recognizer, [path])) for path in recordings]

    together = list(transcribe(recognizer, recordings, batch_size=batch_size))

    assert together == alone
    assert [transcript.source for transcript in together] == [str(path) for path in recordings]
    assert [transcript.error is None for transcript in together] == [True, False, True, True]
    assert "1.wav" in (together[1].error or "")
    assert all(transcript.text for transcript in together if transcript.error is None)
    assert together[2].duration_s == pytest.approx(1.3)


def test_only_bad_recordings(recognizer: AutomaticSpeechRecognitionPipeline, recordings: list[Path]) -> None:
    missing = recordings[0].with_name("missing.wav")

    transcripts = list(transcribe(recognizer, [recordings[1], missing], batch_size=2))

    assert all(transcript.error for transcript in transcripts)
    assert "missing.wav" in (transcripts[1].error or "")


def test_no_recordings(recognizer: AutomaticSpeechRecognitionPipeline) -> None:
    assert list(transcribe(recognizer, [])) == []


@pytest.mark.parametrize(
    "form",
    [str, Path, Path.read_bytes, lambda path: path.open("rb"), samples_of],
    ids=["str", "path", "bytes", "open file", "samples"],
)
def test_one_recording_needs_no_list(
    recognizer: AutomaticSpeechRecognitionPipeline, recordings: list[Path], form: Callable[[Path], object]
) -> None:
    (expected,) = transcribe(recognizer, [recordings[2]])

    (transcript,) = transcribe(recognizer, form(recordings[2]))

    assert transcript.text == expected.text
    assert transcript.duration_s == expected.duration_s
    assert len(transcript.source) < 200


@pytest.mark.parametrize("options", [{}, {"channels": "split"}, {"chunk_length_s": 5.0}], ids=str)
@pytest.mark.parametrize("source", [torch.zeros(800), {"raw": np.zeros(800), "sampling_rate": 16_000}, 3], ids=type)
def test_what_is_no_recording_is_named_beside_the_others(
    recognizer: AutomaticSpeechRecognitionPipeline, recordings: list[Path], source: object, options: dict[str, Any]
) -> None:
    bad, good = transcribe(recognizer, [source, recordings[0]], **options)

    assert f"A recording is a {type(source).__name__}; give a path, bytes or an open binary file" in (bad.error or "")
    assert good.error is None
    if not isinstance(source, int):
        assert [each.error for each in transcribe(recognizer, source, **options)] == [bad.error]


def test_samples_are_for_runs_without_channels_and_chunks(recognizer: AutomaticSpeechRecognitionPipeline) -> None:
    (transcript,) = transcribe(recognizer, np.zeros(800, dtype=np.float32), channels="split")
    assert "A recording is a ndarray; give a path, bytes or an open binary file." in (transcript.error or "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language_model": True}, "language_model is True; give the folder of a language model, 'own'"),
        ({"language_model": "nosuch"}, "nosuch/lm.binary does not exist; give the folder .* or 'own' for the model's"),
    ],
    ids=str,
)
def test_a_language_model_that_is_none(model_dir: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load_recognizer(model_dir, **options)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        EvaluatedModel.load(model_dir, **options)


def test_a_setting_of_beam_search_that_is_none(model_dir: Path) -> None:
    write_language_model(model_dir / "language_model")
    with pytest.raises(ValueError, match=r"There is no setting beams of beam search; choose of beam_size, "):
        load_recognizer(model_dir, language_model="own", decoding={"beams": 3})


@pytest.mark.parametrize(("long_s", "least"), [(0.25, 4), (100.0, 1)], ids=["long", "short"])
def test_work_can_be_ended_within_a_recording(
    recognizer: AutomaticSpeechRecognitionPipeline, recordings: list[Path], long_s: float, least: int
) -> None:
    calls: list[int] = []
    stop = 0

    def check() -> None:
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt

    assert len(list(transcribe(recognizer, recordings[:1], long_s=long_s, check=check))) == 1
    num_calls = len(calls)
    assert num_calls >= least
    for number in {1, num_calls}:
        stop = number
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            list(transcribe(recognizer, recordings[:1], long_s=long_s, check=check))


def test_times_lie_in_the_recording(recognizer: AutomaticSpeechRecognitionPipeline, recordings: list[Path]) -> None:
    transcript = next(transcribe(recognizer, [recordings[2]], return_timestamps="char"))

    assert transcript.chunks is not None
    assert "".join(chunk["text"] for chunk in transcript.chunks) == transcript.text
    starts, ends = zip(*(chunk["timestamp"] for chunk in transcript.chunks), strict=True)
    assert list(starts) == sorted(starts)
    assert ends[-1] <= 1.3 + 0.02


@pytest.fixture
def listener(listener_dir: Path, tmp_path: Path) -> AutomaticSpeechRecognitionPipeline:
    """A recogniser that is sure of what it hears, with a calibrated language model and hotwords."""
    lm = write_language_model(tmp_path / "lm")
    ConfidenceModel((0.5,) * len(FEATURES), 2.0).save(lm)
    decoding = {"nbest": 2, "beam_size": 50, "hotwords": {"NO NO": 1.5}}
    return load_recognizer(listener_dir, language_model=lm, device="cpu", decoding=decoding)


@pytest.fixture
def long_speech(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Speech that is decoded in three parts."""
    waveform = np.concatenate([speak("IT NO A YOU I NO ")[0], np.zeros(SAMPLING_RATE // 2, dtype=np.float32)])
    monkeypatch.setattr("hf_bigru_asr.runtime.parts.MAX_PART_S", 1.2 * len(waveform) / SAMPLING_RATE)
    return np.tile(waveform, 3)


def test_what_is_longer_than_a_part_is_decoded_as_the_pipeline_does(
    listener: AutomaticSpeechRecognitionPipeline,
    long_speech: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soundfile.write(tmp_path / "long.wav", long_speech, SAMPLING_RATE, subtype="FLOAT")
    expected = listener({"raw": long_speech, "sampling_rate": SAMPLING_RATE})["hypotheses"][0]
    assert expected.text.split() == 3 * ["IT", "NO", "A", "YOU", "I", "NO"]
    for long_s in (3.0, 120.0):
        (found,) = transcribe(listener, [tmp_path / "long.wav"], long_s=long_s)
        assert found.text == expected.text
        assert found.hypotheses[0].score == pytest.approx(expected.score, abs=0.1)
    monkeypatch.setattr("hf_bigru_asr.runtime.parts.MAX_PART_S", 60.0)
    (whole,) = transcribe(listener, [tmp_path / "long.wav"])
    # The end of every part adds to the score.
    assert abs(whole.hypotheses[0].score - expected.score) > 0.3


@pytest.mark.slow
def rounded(value: Any) -> Any:  # noqa: ANN401 - whatever a transcript is made of
    """A transcript with numbers of nine digits: the last ones of a sum depend on where its terms lie in memory."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: rounded(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return round(value, 9) if isinstance(value, float) else str(value)


def test_processes_decode_the_same(
    listener: AutomaticSpeechRecognitionPipeline,
    long_speech: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waveforms = [*(speak(text)[0] for text in ("IT NO YOU", "A IT", "I NO NO IT")), long_speech, speak("YOU A")[0]]
    paths = [tmp_path / f"{number}.wav" for number in range(len(waveforms))]
    for path, waveform in zip(paths, waveforms, strict=True):
        soundfile.write(path, waveform, SAMPLING_RATE, subtype="FLOAT")
    paths.insert(2, tmp_path / "missing.wav")
    options = {"return_timestamps": "word", "long_s": 3.0}
    alone = list(transcribe(listener, paths, **options))

    # Workers that import the main module of the caller again would run a script without a main guard once more.
    monkeypatch.setattr("multiprocessing.spawn.get_preparation_data", None)
    together = list(transcribe(listener, paths, num_workers=2, **options))

    assert list(map(rounded, together)) == list(map(rounded, alone))
    assert [each.text for each in together[:4]] == ["IT NO YOU", "A IT", None, "I NO NO IT"]
    assert all(0.5 < chunk["confidence"] < 1 for chunk in together[0].chunks)
    assert all(len(each.hypotheses) == 2 for each in together if each.error is None)


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_a_model_that_is_nowhere_is_named(runtime: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"^my_modle is neither a folder nor a model that could be downloaded"):
        load_recognizer("my_modle", runtime=runtime)


def test_resolve_model_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; give a model folder"):
        resolve_model(tmp_path / "nowhere")
    assert resolve_model(tmp_path) == str(tmp_path)
    assert resolve_model("namespace/name") == "namespace/name"
