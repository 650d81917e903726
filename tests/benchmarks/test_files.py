"""Recognisers from file to text, on recordings whose text is known."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from inline_workers import InlineWorker
from tone_speech import speak

from benchmarks.files import (
    FilesRecognizer,
    load_files_recognizer,
    measure_files,
    measure_stages,
    repeat_recordings,
    write_files,
)

RATE_HZ = 16_000


def test_recordings_are_repeated_up_to_a_length() -> None:
    found = repeat_recordings([np.arange(3), np.arange(2)], 9)
    assert found.tolist() == [0, 1, 2, 0, 1, 0, 1, 2, 0]
    with pytest.raises(ValueError, match="no recording to repeat; give at least one with a sample"):
        repeat_recordings([np.zeros(0)], 9)


def test_every_recogniser_has_its_turns_and_its_error_rate(tmp_path: Path) -> None:
    paths = write_files([np.zeros(RATE_HZ), np.zeros(RATE_HZ // 2)], RATE_HZ, tmp_path)
    turns: list[str] = []

    def worker(name: str, text: str, is_alone: bool) -> tuple[InlineWorker, float]:
        def recognize(found: list[Path]) -> list[str]:
            assert found == paths
            turns.append(name)
            return [text] * len(found)

        made = InlineWorker()
        return made, made.load(FilesRecognizer, recognize, is_alone)

    workers = {"one": worker("one", "$5", is_alone=True), "two": worker("two", "ten dollars", is_alone=False)}
    one, two = measure_files(workers, paths, ["FIVE DOLLARS", "FIVE DOLLARS"], {"one": 2, "two": 1})
    assert turns == ["one", "two", "one"]
    assert (one.name, one.audio_s, one.load_s, len(one.times_s)) == ("one", 1.5, 0.25, 2)
    # Whisper's normaliser takes five dollars and $5 for the same words.
    assert (one.wer, two.wer) == (0, 1)
    assert two.memory_mib is two.peak_memory_mib is None


def test_stages_of_this_package_are_timed(listener_dir: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", speak("YOU")[0], RATE_HZ)
    recognizer = load_files_recognizer(str(listener_dir), "torch", num_threads=1)
    assert recognizer.recognize([tmp_path / "a.wav"]) == ["YOU"]
    speeds = measure_stages(recognizer, [tmp_path / "a.wav"])
    assert speeds.keys() == {"reading", "features"}
    assert min(speeds.values()) > 0
    with pytest.raises(ValueError, match="is a peer, whose stages cannot be told apart"):
        measure_stages(FilesRecognizer(recognizer.recognize, is_alone=True), [])
