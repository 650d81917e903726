import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import needs_gradio
from repository import REPOSITORY
from runtime_support import needs_onnx

from hf_bigru_asr.demo.handlers import Handlers, View, hotwords_of
from hf_bigru_asr.demo.recognition import DemoRecognizer
from hf_bigru_asr.demo.sessions import Session, Sessions

pytestmark = [needs_onnx, needs_gradio]
EASY = REPOSITORY / "tests" / "data" / "samples" / "easy.flac"


@pytest.fixture(scope="module")
def handlers() -> Handlers:
    return Handlers(DemoRecognizer(language_model="none", num_threads=1))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Sessions(tmp_path / "pages").of("one")


def last(views: Iterator[View]) -> View:
    return list(views)[-1]


def test_a_result_has_all_parts(handlers: Handlers, session: Session, tmp_path: Path) -> None:
    shutil.copy(EASY, tmp_path / "my talk.flac")
    views = list(handlers.transcribe(session, tmp_path / "my talk.flac", True, ""))
    result = views[-1]

    assert [view.is_running for view in views] == [True] * (len(views) - 1) + [False]
    assert "<progress" in views[0].status
    assert "16 words; 6.4 s" in result.status
    assert result.words is not None
    assert result.words.count("data-start") == 16
    assert "<svg" in (result.picture or "")
    assert {name: path.name for name, path in (result.downloads or {}).items()} == {
        "txt": "my talk.txt",
        "srt": "my talk.srt",
        "vtt": "my talk.vtt",
        "textgrid": "my talk.TextGrid",
        "json": "my talk.json",
    }
    assert len(json.loads((result.downloads or {})["json"].read_text())["words"]) == 16
    assert "from 0.0 to 6.4 s" in handlers.picture(session, 3.0)


def test_silence_and_garbage_get_a_sentence(handlers: Handlers, session: Session, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(32_000), 16_000)
    assert "This recording is silent" in last(handlers.transcribe(session, tmp_path / "silence.wav", True, "")).status
    (tmp_path / "garbage.wav").write_bytes(np.random.default_rng(0).bytes(3000))
    view = last(handlers.transcribe(session, tmp_path / "garbage.wav", True, ""))
    assert "This recording cannot be used" in view.status
    assert str(tmp_path) not in view.status
    assert "on_damage" not in view.status
    (tmp_path / "empty.wav").touch()
    assert "is empty (0 bytes)" in last(handlers.transcribe(session, tmp_path / "empty.wav", True, "")).status
    assert list(session.folder.iterdir()) == []


def test_without_a_recording_it_says_what_to_do(handlers: Handlers, session: Session) -> None:
    assert "choose a file" in last(handlers.transcribe(session, None, True, "")).status
    assert handlers.picture(session, 0.0) == ""


def test_it_goes_on_with_the_last_recording_and_wrong_hotwords_are_named(handlers: Handlers, session: Session) -> None:
    last(handlers.transcribe(session, EASY, True, ""))
    first = session.result
    assert "switch it on" in last(handlers.transcribe(session, None, True, "Queequeg")).status
    assert "16 words" in last(handlers.transcribe(session, None, False, "")).status
    assert first is not None
    assert not first.audio.exists()


def test_a_long_recording_is_stopped(handlers: Handlers, session: Session, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hour.flac", np.zeros(3600 * 16_000, dtype=np.int16), 16_000)
    views = handlers.transcribe(session, tmp_path / "hour.flac", True, "")
    assert next(views).is_running
    handlers.stop(session)
    view = last(views)
    assert "Stopped." in view.status
    assert list(session.folder.iterdir()) == []


def test_a_page_that_closes_ends_its_work(handlers: Handlers, session: Session, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hour.flac", np.zeros(3600 * 16_000, dtype=np.int16), 16_000)
    views = handlers.transcribe(session, tmp_path / "hour.flac", True, "")
    next(views), next(views)
    views.close()  # type: ignore[attr-defined]
    assert list(session.folder.iterdir()) == []


def test_hotwords_are_separated_by_commas_and_lines() -> None:
    assert hotwords_of(" Queequeg:9,Star Trek ;\n Ahab,, ") == ["Queequeg:9", "Star Trek", "Ahab"]


def test_a_microphone_without_sound_gets_a_sentence(handlers: Handlers, session: Session) -> None:
    handlers.begin_recording(session)
    assert "gave no sound" in last(handlers.end_recording(session, True, "")).status


def test_options_have_values_before_the_browser_has_drawn_them(handlers: Handlers, tmp_path: Path) -> None:
    """A recording can be given earlier."""
    from hf_bigru_asr.demo.app import build

    config = build(handlers.shared, tmp_path).get_config_file()
    options = {each["id"]: each["props"] for each in config["components"] if each["type"] in ("checkbox", "textbox")}
    given = {number for event in config["dependencies"] for number in event["inputs"] if number in options}
    assert {options[number]["label"]: options[number].get("value") for number in given} == {
        "Language model": False,
        "Hotwords": "",
    }
