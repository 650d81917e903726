"""The pipeline's chunks against the exact pass, on a network whose text is known."""

from pathlib import Path

import pytest
from speech_rows import flac, make_rows
from tone_speech import save_listener, speak

from benchmarks.chunks import compare_chunks, concatenated
from hf_bigru_asr.transcription.recognizer import load_recognizer

RATE_HZ = 16_000


def test_utterances_are_joined() -> None:
    rows = make_rows()
    waveform, text = concatenated(rows, RATE_HZ, 1.0)
    assert text == "HELLO IT'S ME"  # half a second and 0.6 s
    assert len(waveform) == 8000 + 9600
    assert concatenated(rows, RATE_HZ, 100.0)[1] == "HELLO IT'S ME A NO MORE"
    with pytest.raises(ValueError, match="There is no utterance"):
        concatenated([], RATE_HZ, 1.0)


def test_what_chunks_change(tmp_path: Path) -> None:
    save_listener(tmp_path)
    rows = [
        {"audio": {"bytes": flac(speak("HI ")[0])}, "text": "HI"},
        {"audio": {"bytes": flac(speak("YOU ALL", seed=1)[0])}, "text": "YOU ALL"},
    ]
    waveform, text = concatenated(rows, RATE_HZ, 100.0)
    assert text == "HI YOU ALL"
    results = list(compare_chunks(load_recognizer(tmp_path), waveform, "HI YOU TALL", [1.2, 100.0]))
    assert [result.chunk_length_s for result in results] == [None, 1.2, 100.0]
    # This network looks at one frame at a time, so chunks change nothing; one of three words is another one.
    for result in results:
        assert result.wer_to_exact == 0
        assert result.wer == pytest.approx(1 / 3)
        assert result.real_time_factor == pytest.approx(len(waveform) / RATE_HZ / result.time_s)
