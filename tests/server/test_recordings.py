"""One recording on its way through a server."""

from pathlib import Path
from typing import Any

import pytest
from small_language_model import spelled, write_language_model

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.audio.sources import open_source
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder
from hf_bigru_asr.runtime import OnnxRecognizer
from hf_bigru_asr.runtime.decoding_pool import BeamSearchPool
from hf_bigru_asr.server.recordings import Job, Recording, RecordingSteps, StoppedError


def test_a_search_ends_when_its_client_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = OnnxRecognizer(num_threads=1, language_model=write_language_model(tmp_path))
    tokenizer: Any = BiGRUCTCTokenizer()
    job = Job(0, Recording(open_source(b"sound"), {"NO": 1.0}))
    job.log_probs = spelled("YOU " * 60, tokenizer).numpy()
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 4:
            job.stop()
        Job.check(job)

    monkeypatch.setattr(job, "check", stop)
    with pytest.raises(StoppedError):
        RecordingSteps(recognizer).decode(job)
    assert len(calls) == 4


def test_processes_decode_what_one_decodes(tmp_path: Path) -> None:
    """Also with the hotwords of a request, and again without them."""
    recognizer = OnnxRecognizer(num_threads=1, language_model=write_language_model(tmp_path))
    tokenizer: Any = BiGRUCTCTokenizer()
    decoder = recognizer.decoder
    assert isinstance(decoder, BeamSearchDecoder)
    log_probs = spelled("YOU NO IT", tokenizer).numpy()

    def words_of(steps: RecordingSteps, hotwords: dict[str, float]) -> list[tuple[str, float, float | None]]:
        job = Job(0, Recording(open_source(b"sound"), hotwords))
        job.log_probs = log_probs
        return [(word.text, word.start_s, word.confidence) for word in steps.decode(job).words]

    with BeamSearchPool.of_decoder(decoder, 1) as pool:
        for hotwords in ({}, {"KNOW": 17.0}, {}):
            found = words_of(RecordingSteps(recognizer, pool=pool), hotwords)
            assert found == words_of(RecordingSteps(recognizer), hotwords)
            assert [text for text, _, _ in found] == ["YOU", "KNOW" if hotwords else "NO", "IT"]
