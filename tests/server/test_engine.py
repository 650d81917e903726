"""Requests share runs of the network, and none depends on another one."""

import time
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")

from fake_steps import FakeSteps, recording
from repository import SAMPLE
from runtime_support import needs_onnx

from hf_bigru_asr.audio.loading import load_audio, to_int16
from hf_bigru_asr.audio.sources import Source
from hf_bigru_asr.runtime import OnnxRecognizer
from hf_bigru_asr.server.engine import Engine, FullError
from hf_bigru_asr.server.recordings import Recording, RecordingSteps


def wait_for(condition: object, max_s: float = 10.0) -> None:
    deadline = time.monotonic() + max_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


@pytest.fixture
def steps() -> FakeSteps:
    return FakeSteps()


@pytest.fixture
def engine(steps: FakeSteps) -> Iterator[Engine]:
    engine = Engine(steps, 1, max_jobs=3)
    yield engine
    steps.may_score.set()
    steps.may_end.set()
    engine.close()


def test_short_recordings_of_like_length_share_a_run(engine: Engine, steps: FakeSteps) -> None:
    steps.may_score.clear()
    first = [engine.submit(recording(f"short {word}")) for word in "AB"]  # one for each thread
    wait_for(lambda: len(steps.batches) == 2 or sum(map(len, steps.batches)) == 2)
    lengths = [1, 1.5, 9, 2, 1, 1, 1, 1, 1, 1, 1]
    rest = [engine.submit(recording(f"short W{place} {length}")) for place, length in enumerate(lengths)]
    steps.may_score.set()
    texts = [job.future.result(10).text for job in first + rest]
    assert texts == ["A", "B", *(f"W{place}" for place in range(len(lengths)))]
    later = [batch for batch in steps.batches if "A" not in batch and "B" not in batch]
    assert max(map(len, later)) > 2
    assert all(len(batch) <= 8 for batch in later)
    assert ["W2"] in later  # 9 s among those of 1 s


def test_a_fault_is_that_of_one_recording(engine: Engine, steps: FakeSteps) -> None:
    steps.may_score.clear()
    jobs = [engine.submit(recording(f"short {word}")) for word in ("A", "B", "GOOD", "BAD", "FINE")]
    wait_for(lambda: len(steps.read_words) >= 2)
    steps.may_score.set()
    assert jobs[2].future.result(10).text == "GOOD"
    assert jobs[4].future.result(10).text == "FINE"
    with pytest.raises(ValueError, match="a bad one"):
        jobs[3].future.result(10)


def test_short_recordings_do_not_wait_for_long_ones(engine: Engine, steps: FakeSteps) -> None:
    steps.may_end.clear()
    long = [engine.submit(recording(f"long L{number} 60")) for number in range(4)]
    short = engine.submit(recording("short QUICK"))
    assert short.future.result(10).text == "QUICK"
    assert not any(job.future.done() for job in long)
    steps.may_end.set()
    assert [job.future.result(10).text for job in long] == [f"L{number} 60" for number in range(4)]


def test_stopped_work_ends_and_waiting_work_never_begins(engine: Engine, steps: FakeSteps) -> None:
    steps.may_end.clear()
    running, waiting = (engine.submit(recording(f"long {word} 60")) for word in ("RUNS", "WAITS"))
    wait_for(lambda: len(steps.read_words) == 2)
    for job in (running, waiting):
        job.stop()
    after = engine.submit(recording("long AFTER 60"))
    steps.may_end.set()
    assert after.future.result(10).text == "AFTER 60"
    assert running.future.cancelled()
    assert waiting.future.cancelled()


def test_there_are_places_for_so_many_and_a_time_to_come_back(engine: Engine) -> None:
    for _ in range(3):
        engine.reserve()
    with pytest.raises(FullError) as raised:
        engine.reserve()
    assert 1 <= raised.value.retry_s <= 60
    engine.release()
    engine.reserve()
    assert engine.num_active == 3


@needs_onnx
def test_the_text_is_that_of_the_recording_alone() -> None:
    recognizer = OnnxRecognizer(num_threads=1)
    sound = load_audio(str(SAMPLE))
    pieces = [sound[first : first + length] for first, length in ((0, 24_000), (16_000, 40_000), (40_000, 30_000))]
    alone = [recognizer.recognize(piece)[0].text for piece in pieces]
    sizes: list[int] = []
    engine = Engine(RecordingSteps(recognizer), 1, on_batch=sizes.append)
    try:
        wavs = [_wav(to_int16(piece).tobytes()) for piece in pieces]
        jobs = [engine.submit(Recording(Source("upload", wav))) for wav in wavs]
        found = [job.future.result(60) for job in jobs]
    finally:
        engine.close()
    assert [transcript.text for transcript in found] == alone
    assert all(alone)
    assert [round(transcript.duration_s * 16_000) for transcript in found] == [len(piece) for piece in pieces]
    assert sum(sizes) == 3


def _wav(pcm: bytes) -> bytes:
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + b"\1\0\1\0" + (16_000).to_bytes(4, "little")
    head += (32_000).to_bytes(4, "little") + b"\2\0\x10\0data" + len(pcm).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(pcm)).to_bytes(4, "little") + head + pcm
