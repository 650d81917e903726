"""Recognition without torch: the text of the recogniser alone, whatever runs together, and words with their times."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import soundfile
from repository import SAMPLE
from small_language_model import write_language_model

from hf_bigru_asr import bundled_checkpoint
from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.cli import light_recognition
from hf_bigru_asr.cli.inputs import Input
from hf_bigru_asr.cli.jobs import StoppedError, run_in_order
from hf_bigru_asr.cli.light_recognition import LightRecognition, load_light_recognition
from hf_bigru_asr.cli.recognition import RecognitionOptions
from hf_bigru_asr.formats.transcript import TimedTranscript
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

RATE_HZ = 16_000
GREEDY = RecognitionOptions(language_model="none", num_threads=1)


def no_check() -> None:
    pass


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return load_audio(SAMPLE)


@pytest.fixture(scope="module")
def greedy() -> LightRecognition:
    return load_light_recognition(GREEDY)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Input]:
    def write(name: str, *channels: np.ndarray) -> Input:
        length = max(map(len, channels))
        padded = [np.pad(channel, (0, length - len(channel))) for channel in channels]
        soundfile.write(tmp_path / name, np.stack(padded, axis=1), RATE_HZ)
        return Input(str(tmp_path / name), Path(name).with_suffix(""))

    return write


def texts(transcripts: "list[TimedTranscript]") -> list[str | None]:
    return [each.text for each in transcripts]


def test_recordings_that_run_together_have_the_text_that_they_have_alone(
    greedy: LightRecognition, speech: np.ndarray, write: Callable[..., Input], tmp_path: Path
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    recordings = [
        write("long.wav", speech),
        Input(str(tmp_path / "broken.wav"), Path("broken")),
        write("short.wav", speech[:20_000]),
        write("silent.wav", np.zeros(8000, np.float32)),
        write("half.wav", speech[:50_000]),
    ]
    together = list(greedy(recordings, no_check))
    alone = [transcript for each in recordings for transcript in greedy([each], no_check)]
    assert texts(together) == texts(alone)
    assert [each.source for each in together] == [each.source for each in recordings]
    assert [each.duration_s for each in together] == pytest.approx(
        [len(speech) / RATE_HZ, 0.0, 1.25, 0.5, 50_000 / RATE_HZ]
    )
    assert together[1].error is not None
    recognizer = OnnxRecognizer(num_threads=1)
    assert together[0].text == recognizer.transcribe(SAMPLE)
    assert [word.text for word in together[0].words] == (together[0].text or "").split()
    assert together[0].recognizer is not None
    assert together[0].recognizer.language_model is None
    assert greedy.describe().startswith("model bundled, no language model, onnxruntime ")


def test_a_long_recording_has_the_words_of_one_pass(
    greedy: LightRecognition, speech: np.ndarray, write: Callable[..., Input], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = write("a.wav", speech)
    (whole,) = greedy([recording], no_check)
    monkeypatch.setattr(greedy._recognizer, "long_s", 1.0)
    (in_pieces,) = greedy([recording], no_check)
    assert (in_pieces.text, in_pieces.duration_s) == (whole.text, whole.duration_s)
    assert [(word.text, word.start_s) for word in in_pieces.words] == [
        (word.text, pytest.approx(word.start_s)) for word in whole.words
    ]


@pytest.mark.parametrize("num_calls", [1, 5, 40])
@pytest.mark.parametrize("long_s", [1.0, 100.0])
def test_work_can_be_stopped(
    num_calls: int,
    long_s: float,
    greedy: LightRecognition,
    speech: np.ndarray,
    write: Callable[..., Input],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == num_calls:
            raise StoppedError

    monkeypatch.setattr(greedy._recognizer, "long_s", long_s)
    recordings = [write(f"{name}.wav", speech[:40_000]) for name in "abc"]
    if long_s > 1 and num_calls == 40:
        assert len(list(greedy(recordings, check))) == 3
    else:
        with pytest.raises(StoppedError):
            list(greedy(recordings, check))


def test_a_search_ends_with_the_frames_that_it_is_at(
    speech: np.ndarray, write: Callable[..., Input], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes within one part of a recording, whose search takes long."""
    options = RecognitionOptions(language_model=str(write_language_model(tmp_path / "lm")), num_threads=1)
    recognition = load_light_recognition(options)
    decoder: Any = recognition._recognizer.decoder
    find, searching, blocks = decoder._find, Event(), []

    def find_slowly(scores: np.ndarray, check: Callable[[], None]) -> object:
        def count() -> None:
            blocks.append(len(scores))
            while len(blocks) == 3:
                searching.set()
                check()
            check()

        return find(scores, count)

    def recordings() -> Iterator[list[Input]]:
        yield [write("a.wav", speech)]
        assert searching.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(decoder, "_find", find_slowly)
    with pytest.raises(KeyboardInterrupt):
        list(run_in_order(recordings(), lambda group, check: list(recognition(group, check)), 1))
    assert len(blocks) == 3
    assert blocks[0] > 200, "frames"


@pytest.fixture
def german(tmp_path: Path) -> Path:
    """The shipped model with a tokenizer that names another language."""
    folder = tmp_path / "german"
    folder.mkdir()
    for path in bundled_checkpoint().iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path)
    (folder / "tokenizer_config.json").unlink()
    settings = json.loads((bundled_checkpoint() / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"language": "de"}))
    return folder


def test_the_language_is_that_of_the_model(german: Path) -> None:
    load_light_recognition(replace(GREEDY, model=str(german), language="de_DE"))
    with pytest.raises(ValueError, match="'en' is not the language of the model, which recognises German alone"):
        load_light_recognition(replace(GREEDY, model=str(german), language="en"))


def test_channels(speech: np.ndarray, write: Callable[..., Input], greedy: LightRecognition) -> None:
    silence = np.zeros(1600, np.float32)
    recording = write("two.wav", silence, speech)
    split = LightRecognition(greedy._recognizer, replace(GREEDY, channels="split"), greedy._facts)
    (transcript,) = split([recording], no_check)
    assert transcript.channels == (0, 1)
    assert {word.channel for word in transcript.words} == {1}
    one = LightRecognition(greedy._recognizer, replace(GREEDY, channels=1), greedy._facts)
    (second,) = one([recording], no_check)
    assert (second.text, second.channels) == (transcript.text, (0,))
    missing = LightRecognition(greedy._recognizer, replace(GREEDY, channels=2), greedy._facts)
    (none,) = missing([recording], no_check)
    assert "2 channels, and channels is 2" in (none.error or "")


def test_damage_is_an_error_or_a_warning(
    speech: np.ndarray, write: Callable[..., Input], greedy: LightRecognition
) -> None:
    recording = write("cut.wav", speech)
    path = Path(recording.source)
    path.write_bytes(path.read_bytes()[:60_000])
    (refused,) = greedy([recording], no_check)
    assert "truncated" in (refused.error or "")
    lenient = LightRecognition(greedy._recognizer, replace(GREEDY, on_damage="warn"), greedy._facts)
    (used,) = lenient([recording], no_check)
    assert used.error is None
    assert used.text
    assert any("could be read and are used" in warning for warning in used.warnings)


def test_the_model_s_own_language_model_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    class Loaded:
        feature_settings = replace(OnnxRecognizer(num_threads=1).feature_settings, num_offsets=3)
        runtime, dtype = "onnx", "float32"

        def __init__(self, folder: Path, **options: Any) -> None:
            given.append(options["language_model"])

    monkeypatch.setattr(light_recognition, "OnnxRecognizer", Loaded)
    for language_model in (None, "own", "none", "some/folder"):
        shown = load_light_recognition(RecognitionOptions(language_model=language_model)).describe()
    assert given == ["own", "own", None, "some/folder"]
    assert shown.startswith("model bundled, language model some/folder, onnxruntime ")
    assert shown.endswith(", 3 frame grids")


def test_within_a_grammar(greedy: LightRecognition, tmp_path: Path) -> None:
    pytest.importorskip("kaldifst")
    text = SAMPLE.with_suffix(".txt").read_text(encoding="utf-8").strip()
    path = tmp_path / "grammar.txt"
    path.write_text(text.replace(" AND ", "\nAND ") + "\ngo home\n", encoding="utf-8")  # there is a pause before AND
    options = replace(GREEDY, grammar=path, min_confidence=0.0)
    recording = Input(str(SAMPLE), Path("a"))
    (transcript,) = LightRecognition(greedy._recognizer, options, greedy._facts)([recording], no_check)
    assert transcript.text == text
    starts_s = [word.start_s for word in transcript.words]
    assert starts_s == sorted(starts_s)
    assert len({word.confidence for word in transcript.words}) == 2, "that of each phrase"

    path.write_text("go home\n")
    (rejected,) = LightRecognition(greedy._recognizer, replace(options, min_confidence=None), greedy._facts)(
        [recording], no_check
    )
    assert rejected.text == ""
    assert rejected.warnings == ("2 utterances are not in the grammar and left out.",)


def test_a_transcript_imports_nothing_that_it_does_not_need(run_in_child: Callable[..., str]) -> None:
    """Rules of spelling are for hotwords, and take a twentieth of the start to the text of a short recording."""
    code = """
import sys
from hf_bigru_asr.cli.main import main
assert main(["transcribe", sys.argv[1], "--quiet"]) == 0
print({"num2words", "torch", "transformers", "pandas", "rapidfuzz"} & sys.modules.keys())
"""
    assert run_in_child(code, SAMPLE).splitlines()[-1] == "set()"
