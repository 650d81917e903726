"""Many recordings in one run: the text of each, and the names of those that cannot be used."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from transformers import AutomaticSpeechRecognitionPipeline

from hf_bigru_asr.bundled import resolve_model
from hf_bigru_asr.model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from hf_bigru_asr.transcription.recognizer import load_recognizer, parse_hotwords, transcribe

SAMPLING_RATE = 16_000


@pytest.fixture
def recognizer(model_dir: Path) -> AutomaticSpeechRecognitionPipeline:
    return load_recognizer(model_dir, device="cpu")


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


def test_times_lie_in_the_recording(recognizer: AutomaticSpeechRecognitionPipeline, recordings: list[Path]) -> None:
    transcript = next(transcribe(recognizer, [recordings[2]], return_timestamps="char"))

    assert transcript.chunks is not None
    assert "".join(chunk["text"] for chunk in transcript.chunks) == transcript.text
    starts, ends = zip(*(chunk["timestamp"] for chunk in transcript.chunks), strict=True)
    assert list(starts) == sorted(starts)
    assert ends[-1] <= 1.3 + 0.02


def test_resolve_model_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; give a model folder"):
        resolve_model(tmp_path / "nowhere")
    assert resolve_model(tmp_path) == str(tmp_path)
    assert resolve_model("namespace/name") == "namespace/name"


@pytest.mark.parametrize(
    ("entry", "phrase", "weight"),
    [
        ("Apollo 11", "APOLLO ELEVEN", DEFAULT_HOTWORD_WEIGHT),
        ("Queequeg:9.5", "QUEEQUEG", 9.5),
        ("uh:-2.5", "UH", -2.5),
        ("Apollo 11:8", "APOLLO ELEVEN", 8.0),
        ("Boeing 747:10", "BOEING SEVEN HUNDRED AND FORTY SEVEN", 10.0),
        # What is a clock time, or no number, belongs to the phrase.
        ("10:30", "TEN THIRTY", DEFAULT_HOTWORD_WEIGHT),
        ("the 3:30", "THE THREE THIRTY", DEFAULT_HOTWORD_WEIGHT),
        ("3:30:8", "THREE THIRTY", 8.0),
        ("3:30:45", "THREE THIRTY", 45.0),
        ("10:75", "TEN", 75.0),
        ("Mission: Impossible", "MISSION IMPOSSIBLE", DEFAULT_HOTWORD_WEIGHT),
        ("Star Trek: Picard", "STAR TREK PICARD", DEFAULT_HOTWORD_WEIGHT),
        ("Star Trek: Picard:7", "STAR TREK PICARD", 7.0),
        ("Blade Runner: 2049 cut", "BLADE RUNNER TWENTY FORTY NINE CUT", DEFAULT_HOTWORD_WEIGHT),
        ("Space: 1999", "SPACE NINETEEN NINETY NINE", DEFAULT_HOTWORD_WEIGHT),
        ("Pequod:nan", "PEQUOD NAN", DEFAULT_HOTWORD_WEIGHT),
        ("Pequod:", "PEQUOD", DEFAULT_HOTWORD_WEIGHT),
    ],
)
def test_a_hotword_and_its_weight(entry: str, phrase: str, weight: float) -> None:
    assert parse_hotwords(["Ahab:3", entry]) == {"AHAB": 3.0, phrase: weight}


def test_hotwords_that_cannot_be_used_are_named() -> None:
    with pytest.raises(ValueError, match=r"The hotword 'C#:8' cannot be spelled: .*'#' \(U\+0023 NUMBER SIGN\)"):
        parse_hotwords(["C#:8"])
    for entry in ("", ":8", "..."):
        with pytest.raises(ValueError, match=f"The hotword '{entry}' has no words; give a phrase"):
            parse_hotwords([entry])
