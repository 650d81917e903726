from pathlib import Path

import numpy as np
import pytest

from benchmarks.voices import Say, load_voice, spoken


def test_a_sentence_is_spoken_once_and_then_read(tmp_path: Path) -> None:
    heard: list[str] = []
    tone = np.sin(np.arange(8000) / 5).astype(np.float32) * 0.5

    def load(name: str) -> Say:
        assert name == "engine:voice"

        def say(text: str) -> tuple[np.ndarray, int]:
            heard.append(text)
            return tone, 8000

        return say

    first, again = (spoken("go home", "engine:voice", tmp_path, 16_000, load) for _ in range(2))

    assert heard == ["Go home."]
    assert len(first) == 16_000
    np.testing.assert_array_equal(first, again)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["go home.flac"]
    with pytest.raises(ValueError, match="has 16000 Hz and not 8000 Hz; delete it"):
        spoken("go home", "engine:voice", tmp_path, 8000, load)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no voice 'nobody:x'; give one of espeak-ng:VOICE"):
        load_voice("nobody:x")
    with pytest.raises(ValueError, match="kokoro:af_bella needs --kokoro_styles"):
        load_voice("kokoro:af_bella")
