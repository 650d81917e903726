"""Splits in several files: whole ones are read, others are named."""

import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_bigru_asr.data.shards import PendingSplit, check_shards, files_of_split, read_record, shard_name


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        pq.write_table(pa.table({"text": ["A"]}), folder / name)
    return folder


def shards(split: str, count: int, *, without: int = -1) -> list[str]:
    return [shard_name(split, number, count) for number in range(count) if number != without]


@pytest.mark.parametrize(
    "names",
    [
        shards("train.100", 3) + shards("validation", 1),
        ["train.parquet", "validation-of-mine.parquet"],
        shards("train", 2) + shards("train-other", 3),
        ["train-00000-of-00002-0123456789abcdef.parquet", "train-00001-of-00002-fedcba9876543210.parquet"],
    ],
)
def test_whole_splits_pass(names: list[str], tmp_path: Path) -> None:
    write(tmp_path / "clean", *names)
    (tmp_path / "clean" / "train-report.json").touch()
    write(tmp_path / ".train.partial", *shards("train", 5, without=2))
    (tmp_path / "clean" / ".hf-bigru-asr-0-1-2.partial").touch()
    check_shards(tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            shards("train", 3, without=1),
            r"has 2 files of 3 of the split 'train': train-00001-of-00003.parquet is miss",
        ),
        (shards("train", 2) + shards("train", 3), r"two data sets for the split 'train': .*-of-00002.*-of-00003"),
        ([*shards("train", 2), "train-00000.parquet"], r"train-00000.parquet beside the shards of the split 'train'"),
        ([*shards("train", 2), "train.parquet"], r"train.parquet beside the shards"),
        ([*shards("train", 1), "train-00002-of-00001.parquet"], r"2 files of 1 of the split 'train': some are there"),
        (["train-00000.parquet.tmp"], r"train-00000.parquet.tmp was left by a run that was interrupted"),
    ],
)
def test_splits_that_would_be_read_in_part_or_mixed_are_named(names: list[str], message: str, tmp_path: Path) -> None:
    write(tmp_path / "clean", *names)
    with pytest.raises(ValueError, match=message):
        check_shards(tmp_path)


@pytest.mark.parametrize("size", [0, -1])
def test_a_file_that_is_cut_is_named(size: int, tmp_path: Path) -> None:
    path = write(tmp_path, *shards("train", 1)) / shard_name("train", 0, 1)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"train-00000-of-00001.parquet is cut, or no Parquet file"):
        check_shards(tmp_path)


def test_files_of_a_split_and_of_no_other(tmp_path: Path) -> None:
    write(tmp_path, *shards("train-other", 1), "train-00000.parquet", "train-00001.parquet.tmp", "test.parquet")
    found = [path.name for path in files_of_split(tmp_path, "train")]
    assert found == ["train-00000.parquet", "train-00001.parquet.tmp"]


def test_a_broken_shard_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pending = PendingSplit(tmp_path, "train", 2)
    pending.refuse_others()
    (tmp_path / shard_name("train", 0, 2)).write_bytes(b"cut")
    with caplog.at_level(logging.WARNING):
        assert pending.finished(0) is None
    assert "train-00000-of-00002.parquet is cut, or no Parquet file, and is made again" in caplog.text
    for number in range(2):
        with pending.write(number) as path:
            pq.write_table(pa.table({"text": ["A"]}), path)
    assert list(tmp_path.glob("*.parquet")) == []
    pending.publish()
    pending.publish()
    check_shards(tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == shards("train", 2)
    with pytest.raises(FileExistsError, match=r"of other data, train-00000-of-00002.parquet for example; give"):
        PendingSplit(tmp_path, "train", 3).refuse_others()


@pytest.mark.parametrize("content", [None, "", '{"a": ', "[]"])
def test_a_record_that_is_cut_is_none(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "record.json").write_text(content)
    assert read_record(tmp_path / "record.json") is None
