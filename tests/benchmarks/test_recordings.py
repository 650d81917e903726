"""Recordings against the clips in them, on a network whose text is known."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_runs import run_script, spoken, write_split
from small_language_model import write_language_model
from speech_rows import RATE_HZ, flac
from tone_speech import speak

from benchmarks.recording_kinds import Clip, Recording, recording_kinds
from benchmarks.recordings import Arguments, load_clips, measure_kinds, measure_speechless
from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.transcription.recognizer import load_recognizer


def tone_clips() -> list[Clip]:
    """Two clips, whose transcripts have one word in five that is not spoken."""
    spoken_texts = {"HI YOU": "HI YOU", "ALL OF IT": "ALL OF THAT"}
    return [
        Clip(speak(f"{text} ", seed=seed)[0], transcript, seed)
        for seed, (text, transcript) in enumerate(spoken_texts.items())
    ]


def test_recordings_against_their_clips(listener_dir: Path) -> None:
    clips = tone_clips()
    kinds = {name: make for name, make in recording_kinds().items() if name[0] in "ac" and "-20 dB" not in name}
    assert len(kinds) == 4
    results = list(measure_kinds(load_recognizer(listener_dir), clips, kinds))
    assert [result.kind for result in results] == ["clips one by one", *kinds]
    # This network looks at one frame at a time, so pauses change nothing.
    for result in results:
        assert (result.decoding, result.num_words) == ("greedy", 5)
        assert result.wer == result.clips_wer == pytest.approx(1 / 5), result.kind
        assert result.difference == result.insertions == 0
        assert result.interval == (None if result.num_recordings == 1 else (0, 0))
        assert result.num_recordings == (1 if result.kind[0:2] == "c:" else 2)
    clips_s = sum(len(clip.waveform) for clip in clips) / RATE_HZ
    assert results[0].audio_s == pytest.approx(clips_s)
    assert results[2].audio_s == pytest.approx(clips_s + 2 * 60)
    assert 1 <= results[3].audio_s - clips_s <= 60


def test_what_a_kind_loses_is_measured_on_its_own_clips(listener_dir: Path) -> None:
    clips = tone_clips()

    def only_the_second(clips: list[Clip], rate_hz: int, rng: np.random.Generator) -> list[Recording]:
        return [Recording(np.concatenate([clips[1].waveform, speak("NO ")[0]]), (1,))]

    result = list(measure_kinds(load_recognizer(listener_dir), clips, {"one": only_the_second}))[1]

    assert (result.num_words, result.clips_wer, result.wer) == (3, pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert (result.difference, result.insertions) == (pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_the_interval_of_a_difference(listener_dir: Path) -> None:
    clips = tone_clips()

    def one_worse_in_four(clips: list[Clip], rate_hz: int, rng: np.random.Generator) -> Iterator[Recording]:
        for number in range(40):
            added = [speak("NO ")[0]] if number % 4 == 0 else []
            yield Recording(np.concatenate([clips[0].waveform, *added]), (0,))

    result = list(measure_kinds(load_recognizer(listener_dir), clips, {"one": one_worse_in_four}))[1]

    assert result.difference == pytest.approx(10 / 80)
    assert result.interval is not None
    low, high = result.interval
    # Of a share of 1/4 of 40, over two words each: the normal approximation.
    half = 1.96 * np.sqrt(0.25 * 0.75 / 40) / 2
    assert (low, high) == pytest.approx((10 / 80 - half, 10 / 80 + half), abs=0.015)


def test_words_where_there_is_no_speech(listener_dir: Path) -> None:
    results = {each.kind: each for each in measure_speechless(load_recognizer(listener_dir), 3.0)}
    assert results["i: zeros"].num_words == 0
    assert results["i: room noise at -60 dB"].text == ""
    loud = results["i: white noise at -20 dB"]
    assert loud.audio_s == 3.0
    assert loud.num_words == len(loud.text.split())
    assert any(each.num_words > 0 for each in results.values()), "to it some of the tones are letters"


def test_a_recording_that_fails_is_named(listener_dir: Path) -> None:
    clips = [*tone_clips(), Clip(np.full(800, np.nan, dtype=np.float32), "A", 2)]
    with pytest.raises(ValueError, match=r"Recording 2 cannot be transcribed: .*NaN"):
        list(measure_kinds(load_recognizer(listener_dir), clips, {}))


def test_clips_of_a_data_set() -> None:
    row = {"audio": {"bytes": flac(speak("HI")[0])}, "text": "Hi.", "speaker_id": 7}
    (clip,) = load_clips([row], RATE_HZ)
    assert (clip.text, clip.speaker) == ("HI", 7)
    with pytest.raises(ValueError, match="no column 'speaker'; it has audio, text, speaker_id"):
        load_clips([row], RATE_HZ, speaker_column="speaker")
    with pytest.raises(ValueError, match="There is no clip"):
        load_clips([], RATE_HZ)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every is 0 and max_samples None; both must be at least 1"),
        ({"max_samples": 0}, "every is 1 and max_samples 0; both must be at least 1"),
        ({"num_sessions": 0}, "num_sessions is 0; it must be at least 1"),
        ({"speechless_minutes": 0.0}, "speechless_minutes is 0.0; it must be positive"),
        ({"kinds": ["a", "x"]}, "kinds has x; choose letters of a, b, c, d, e, f, g, h, i"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Arguments(dataset_name="data", **options)


def test_who_asks_for_the_hour_gets_it() -> None:
    assert Arguments(dataset_name="data", kinds=["d"]).hour
    assert not Arguments(dataset_name="data").hour


def test_the_script_writes_both_decodings(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, listener_dir: Path, tmp_path: Path
) -> None:
    rows = [{"audio": spoken(f"{text} "), "text": text, "speaker_id": text} for text in ("NO", "YOU", "A", "IT")]
    data = write_split(tmp_path / "data", "validation", rows)
    language_model = write_language_model(tmp_path / "lm")

    result = run_script(
        *("benchmarks/recordings.py", "--dataset_name", data, "--model", listener_dir, "--lm", language_model),
        *("--runtime", "torch", "--every", 2, "--max_samples", 2, "--kinds", "h", "i", "--speechless_minutes", 0.02),
        *("--normalization", "none", "--output", tmp_path / "out" / "recordings.json"),
    )

    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "out" / "recordings.json").read_text())
    assert (report["num_clips"], report["every"], report["normalization"]) == (2, 2, "none")
    assert {"commit", "command", "machine"} & report.keys()
    for decoding in ("greedy", "language model"):
        found = [each for each in report["results"] if each["decoding"] == decoding]
        assert [each["kind"] for each in found] == ["clips one by one", "h: gain of -30 dB", "h: clipped by 12 dB"]
        assert (found[0]["wer"], found[0]["num_words"]) == (0, 2)
        zeros = next(each for each in report["without_speech"] if each["decoding"] == decoding)
        assert (zeros["kind"], zeros["num_words"]) == ("i: zeros", 0)
    lines = result.stdout.splitlines()
    assert lines[0] == "2 clips, normalisation by none"
    assert sum(line.startswith("clips one by one") for line in lines) == 2
    assert sum(line.startswith("i: zeros") for line in lines) == 2
