"""One recording on its way through a server."""

from pathlib import Path
from typing import Any

import pytest
from small_language_model import spelled, write_language_model

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.audio.sources import open_source
from hf_bigru_asr.runtime import OnnxRecognizer
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
