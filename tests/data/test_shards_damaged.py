"""Parquet files with damage inside are refused by name."""

from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from speech_rows import write_parquet

from hf_bigru_asr.data.loading import load_speech_dataset


def with_a_broken_text(content: bytes) -> bytes:
    assert b"19-198-0000.flac" in content
    return content.replace(b"19-198-0000.flac", b"19-198-0000.fl\xffc", 1)


def with_bytes_more(content: bytes) -> bytes:
    return content[:55] + b"\x17\x2a\xff\x03" + content[55:]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (with_a_broken_text, r"The column '\w+' of .*speech is damaged: .*Invalid UTF8"),
        (with_bytes_more, r"train\.100-00000-of-00001\.parquet cannot be read"),
    ],
)
def test_a_damaged_shard_is_named(
    damage: Callable[[bytes], bytes], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = write_parquet(tmp_path / "speech")
    (path,) = folder.glob("clean/train.100-*.parquet")
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(ValueError, match=message):
        load_speech_dataset(folder, "clean", "train.100")
