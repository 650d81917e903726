"""A data set that a voice reads."""

import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from benchmarks import new_voice
from benchmarks.new_voice import spoken_rows
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance


def read_out(text: str) -> tuple[np.ndarray, int]:
    """Half a second of tone at 8 kHz for each word."""
    return 0.5 * np.sin(np.arange(4000 * len(text.split())) / 5, dtype=np.float32), 8000


def test_splits_have_so_many_minutes_of_different_sentences(tmp_path: Path) -> None:
    heard: list[str] = []

    def say(text: str) -> tuple[np.ndarray, int]:
        heard.append(text)
        return read_out(text)

    lines = [f"ROW {'A' * number} HERE" for number in range(1, 40)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    arguments = ["new_voice.py", "--text_file", tmp_path / "text.txt", "--output_dir", tmp_path / "data"]
    arguments += ["--min_words", 3, "--skip_lines", 1, "--max_lines", 30, "--minutes", 0.25, "--eval_minutes", 0.1]
    with (
        mock.patch.object(new_voice, "load_voice", return_value=say),
        mock.patch.object(sys, "argv", list(map(str, arguments))),
    ):
        new_voice.main()

    splits = {
        split: load_speech_dataset(tmp_path / "data", split=split, text_column="text")
        for split in ("train", "validation")
    }
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 10, "validation": 4}
    texts = [*splits["validation"]["text"], *splits["train"]["text"]]
    assert len(set(texts)) == 14
    assert set(texts) <= set(lines[1:31])
    assert [text.upper() + "." for text in texts] == [text.upper() for text in heard]
    assert heard[0][1:] == heard[0][1:].lower()
    assert len(load_utterance(splits["train"][0]["audio"], 16_000)) == 24_000


def test_too_little_text_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has sentences for 0\.0 of 1 minutes; give more lines"):
        spoken_rows(iter(["TWO WORDS"]), read_out, 1.0, "train")
