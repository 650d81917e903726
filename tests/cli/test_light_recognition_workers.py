"""Recognition without torch whose search runs in processes of its own: what it gives is what one process gives."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from repository import SAMPLE
from searches import without_the_compiled_search
from small_language_model import write_language_model

from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.cli import light_recognition, transcribe
from hf_bigru_asr.cli.inputs import Input
from hf_bigru_asr.cli.light_recognition import LightRecognition, load_light_recognition
from hf_bigru_asr.cli.main import command_parser
from hf_bigru_asr.cli.recognition import RecognitionOptions
from hf_bigru_asr.formats.transcript import TimedTranscript
from hf_bigru_asr.runtime import decoding_pool
from hf_bigru_asr.runtime.recognizer import BATCH_S, OnnxRecognizer

RATE_HZ = 16_000


def no_check() -> None:
    pass


@pytest.fixture(autouse=True)
def _in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled search needs no processes."""
    without_the_compiled_search(monkeypatch)


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> RecognitionOptions:
    folder = write_language_model(tmp_path_factory.mktemp("lm"))
    settings = '{"lm_weight": 0.5, "beam_size": 3000, "beam_threshold": 8}'
    (folder / "decoding.json").write_text(settings)
    return RecognitionOptions(language_model=str(folder), num_threads=1, hotwords=("Ahab",), channels="split")


@pytest.fixture
def alone(options: RecognitionOptions) -> LightRecognition:
    return load_light_recognition(options)


@pytest.fixture
def several(options: RecognitionOptions) -> Iterator[LightRecognition]:
    with load_light_recognition(replace(options, num_jobs=2, num_workers=2)) as recognition:
        yield recognition


@pytest.fixture
def recordings(tmp_path: Path) -> list[Input]:
    speech = load_audio(SAMPLE)
    soundfile.write(tmp_path / "two.wav", np.stack([speech[:40_000], speech[40_000:80_000]], 1), RATE_HZ)
    soundfile.write(tmp_path / "one.wav", speech[:30_000], RATE_HZ)
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000, np.float32), RATE_HZ)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    return [Input(str(tmp_path / f"{name}.wav"), Path(name)) for name in ("two", "broken", "silent", "one")]


def essence(transcripts: "list[TimedTranscript]") -> list[object]:
    return [
        (each.source, each.error, each.duration_s, [(word.text, word.start_s, word.end_s) for word in each.words])
        for each in transcripts
    ]


def test_short_recordings(alone: LightRecognition, several: LightRecognition, recordings: list[Input]) -> None:
    found = list(several(recordings, no_check))
    assert essence(found) == essence(list(alone(recordings, no_check)))
    assert len(found[0].words) > 3


def test_a_long_recording_alone(
    alone: LightRecognition,
    options: RecognitionOptions,
    recordings: list[Input],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its processes start when its length is known; its parts are those of one process."""
    monkeypatch.setattr("hf_bigru_asr.runtime.parts.MAX_PART_S", 1.0)
    pids: list[int] = []
    submit = decoding_pool.BeamSearchPool._submit_part

    def watched(self: decoding_pool.BeamSearchPool, *arguments: Any) -> object:
        pids.append(os.getpid())
        return submit(self, *arguments)

    monkeypatch.setattr(decoding_pool.BeamSearchPool, "_submit_part", watched)
    with load_light_recognition(replace(options, num_workers=2)) as recognition:
        (short,) = recognition(recordings[3:], no_check)
        assert not pids
        monkeypatch.setattr(recognition._recognizer, "long_s", 0.5)
        (found,) = recognition(recordings[:1], no_check)
        assert len(pids) > 4
    monkeypatch.setattr(alone._recognizer, "long_s", 0.5)
    assert essence([short, found]) == essence([*alone(recordings[3:], no_check), *alone(recordings[:1], no_check)])


@pytest.mark.parametrize("num_jobs", [1, 2])
def test_how_many_processes_decode(num_jobs: int, options: RecognitionOptions) -> None:
    changed = replace(options, num_jobs=num_jobs, num_workers=3)
    pool = load_light_recognition(changed)._pool_for_search()
    assert pool is not None
    with pool:
        assert len(pool._workers._workers) == 3


def test_the_compiled_search_decodes_in_threads(
    several: LightRecognition, alone: LightRecognition, recordings: list[Input], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = essence(list(alone(recordings, no_check)))
    monkeypatch.undo()
    with load_light_recognition(several._options) as recognition:
        assert recognition._pool_for_search() is None
        assert essence(list(recognition(recordings, no_check))) == expected


@pytest.mark.parametrize(
    ("words", "num_cores", "expected"),
    [([], 4, 4), ([], 1, 0), (["--jobs", "1"], 4, 0), (["--jobs", "3"], 2, 3), ([], 20, 8)],
    ids=str,
)
def test_the_command_says_how_many(
    words: list[str], num_cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[RecognitionOptions] = []
    monkeypatch.setattr(transcribe, "_num_cores", lambda: num_cores)
    monkeypatch.setattr(light_recognition, "load_light_recognition", given.append)
    transcribe._recognition(command_parser("transcribe").parse(["a.wav", *words]), 1)
    assert [each.num_workers for each in given] == [expected]


def test_processes_that_die_are_replaced(
    alone: LightRecognition, several: LightRecognition, recordings: list[Input]
) -> None:
    pool = several._pool
    assert pool is not None
    pool.start()
    for worker in pool._workers._workers:
        assert worker._process is not None
        worker._process.kill()
    assert essence(list(several(recordings, no_check))) == essence(list(alone(recordings, no_check)))


def test_processes_that_die_again_are_an_error_of_their_recording(
    several: LightRecognition, recordings: list[Input], monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = decoding_pool.BeamSearchPool._submit_part
    longest = load_audio(SAMPLE)[:30_000].size // 336 + 1

    def submit_or_die(self: decoding_pool.BeamSearchPool, part: np.ndarray, *arguments: Any) -> object:
        if len(part) == longest:
            return self._workers.submit(os._exit, 9)
        return submit(self, part, *arguments)

    monkeypatch.setattr(decoding_pool.BeamSearchPool, "_submit_part", submit_or_die)
    *others, lost = several(recordings, no_check)
    assert [each.error is None for each in others] == [True, False, True], "the second is broken"
    assert lost.error == (
        "A worker process ended with the exit status 9; its own messages stand on standard error. If memory ran out, "
        "give fewer --jobs."
    )


@pytest.mark.parametrize("num_grids", [1, 3])
def test_seconds_that_run_together_count_on_every_frame_grid(
    num_grids: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognition = load_light_recognition(
        RecognitionOptions(language_model="none", num_threads=1, num_offsets=num_grids)
    )
    sizes: list[float] = []
    run = OnnxRecognizer.log_probs

    def watched(self: OnnxRecognizer, waveforms: list[np.ndarray]) -> object:
        sizes.append(num_grids * sum(map(len, waveforms)) / RATE_HZ)
        return run(self, waveforms)

    monkeypatch.setattr(OnnxRecognizer, "log_probs", watched)
    noise = np.random.default_rng(0).normal(0, 0.01, 6 * RATE_HZ).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, RATE_HZ)
    list(recognition([Input(str(tmp_path / "a.wav"), Path("a"))] * 8, no_check))
    assert BATCH_S / 2 < max(sizes) <= BATCH_S
