"""A corpus as Parquet: columns, shards, splits and settings."""

import os
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import soundfile
from openslr_corpus import (
    BAD,
    TEXTS,
    audio_file,
    contents,
    corpus,
    path_of,
    prepare,
    rows_of,
    with_line,
    write_archive,
    write_tree,
)

from hf_bigru_asr.data.librispeech import parquet as librispeech_parquet
from hf_bigru_asr.data.librispeech.index import SUBSETS
from hf_bigru_asr.data.librispeech.parquet import SCHEMA


def test_columns_and_values(tmp_path: Path) -> None:
    files = corpus()
    report = prepare(write_tree(tmp_path / "tree", files), tmp_path / "out")
    assert rows_of(tmp_path / "out") == [
        {
            "file": f"{name}.flac",
            "audio": {"bytes": files[path_of(name)], "path": f"{name}.flac"},
            "text": text,
            "speaker_id": int(name.split("-")[0]),
            "chapter_id": int(name.split("-")[1]),
            "id": name,
        }
        for name, text in TEXTS.items()
    ]
    assert report.shards == ("clean/train.100-00000-of-00001.parquet",)
    assert (report.num_utterances, report.num_speakers, report.num_samples) == (6, 2, 6 * 3200)


def test_load_dataset_reads_it_back(tmp_path: Path) -> None:
    from datasets import Audio, Features, Value, load_dataset

    files = corpus()
    archive = write_archive(tmp_path / "a.tar.gz", files)
    other = {name.replace("train-clean-100", "dev-other"): content for name, content in files.items()}
    prepare(archive, tmp_path / "out", max_shard_size_mb=0.015)
    prepare(write_tree(tmp_path / "tree", other), tmp_path / "out")
    cache = str(tmp_path / "cache")
    data = load_dataset(str(tmp_path / "out"), "clean", split="train.100", cache_dir=cache)
    assert data.features == Features(
        {
            "file": Value("string"),
            "audio": Audio(sampling_rate=16_000),
            "text": Value("string"),
            "speaker_id": Value("int64"),
            "chapter_id": Value("int64"),
            "id": Value("string"),
        }
    )
    assert data.features.arrow_schema.metadata == SCHEMA.metadata
    data = data.cast_column("audio", Audio(decode=False))
    assert dict(zip(data["id"], data["text"], strict=True)) == TEXTS
    assert [audio["bytes"] for audio in data["audio"]] == [files[path_of(name)] for name in TEXTS]
    other_split = load_dataset(str(tmp_path / "out"), "other", split="validation", cache_dir=cache)
    assert len(other_split) == len(TEXTS)


@pytest.mark.parametrize("subset", SUBSETS)
def test_each_subset_goes_to_its_config_and_split(tmp_path: Path, subset: str) -> None:
    files = {name.replace("train-clean-100", subset): content for name, content in corpus().items()}
    report = prepare(write_tree(tmp_path / "tree", files), tmp_path / "out")
    config, split = SUBSETS[subset]
    assert (report.subset, report.config, report.split) == (subset, config, split)
    assert (tmp_path / "out" / config / f"{split}-00000-of-00001.parquet").exists()


def test_split_can_be_chosen_and_must_be_for_an_unknown_subset(tmp_path: Path) -> None:
    files = {name.replace("train-clean-100", "train-clean-5"): content for name, content in corpus().items()}
    tree = write_tree(tmp_path / "tree", files)
    with pytest.raises(ValueError, match=r"'train-clean-5' has no configuration and split.*Name both"):
        prepare(tree, tmp_path / "out")
    with pytest.raises(ValueError, match=r"'../x' cannot name a configuration or split"):
        prepare(tree, tmp_path / "out", config="clean", split="../x")
    assert not (tmp_path / "out").exists()
    assert prepare(tree, tmp_path / "out", config="clean", split="train.5").shards == (
        "clean/train.5-00000-of-00001.parquet",
    )


def test_archive_equals_tree_bytewise(tmp_path: Path) -> None:
    files = corpus() | {path_of("19-227-0000"): b"broken"}
    prepare(write_archive(tmp_path / "a.tar.gz", files), tmp_path / "one", max_shard_size_mb=0.015)
    prepare(write_tree(tmp_path / "tree", files), tmp_path / "two", max_shard_size_mb=0.015)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_shards_hold_at_most_what_is_asked_unless_one_utterance_is_larger(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    size = len(audio_file())
    report = prepare(tree, tmp_path / "two", max_shard_size_mb=2.5 * size / 1e6)
    sizes = [len(rows_of(tmp_path / "two", name)) for name in report.shards]
    assert sizes == [2, 2, 2]
    assert [Path(name).name for name in report.shards] == [f"train.100-0000{n}-of-00003.parquet" for n in range(3)]
    report = prepare(tree, tmp_path / "one", max_shard_size_mb=1e-6)
    assert len(report.shards) == 6
    with pytest.raises(ValueError, match="max_shard_size_mb is 0; give"):
        prepare(tree, tmp_path / "none", max_shard_size_mb=0)


def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(librispeech_parquet, "ROWS_PER_GROUP", 4)
    prepare(write_tree(tmp_path / "tree", corpus()), tmp_path / "out")
    metadata = pq.ParquetFile(tmp_path / "out/clean/train.100-00000-of-00001.parquet").metadata
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [4, 2]


def test_nothing_usable_writes_only_the_report(tmp_path: Path) -> None:
    files = {name: b"broken" if name.endswith(".flac") else content for name, content in corpus().items()}
    report = prepare(write_tree(tmp_path / "tree", files), tmp_path / "out")
    assert (report.num_utterances, report.shards, len(report.rejects)) == (0, (), 6)
    assert list(contents(tmp_path / "out")) == ["clean/train.100-report.json"]


def test_changed_text_or_file_time_counts_as_another_source(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    prepare(tree, tmp_path / "out")
    os.utime(tree / path_of(BAD), (99, 99))
    with pytest.raises(ValueError, match="of another source"):
        prepare(tree, tmp_path / "out")
    os.utime(tree / path_of(BAD), (0, 0))
    prepare(tree, tmp_path / "out")
    write_tree(tree, with_line(corpus(), f"{BAD} IT'S ALL WORLD\n".encode()))
    with pytest.raises(ValueError, match="of another source"):
        prepare(tree, tmp_path / "out")


@pytest.mark.parametrize(
    ("subset", "num_utterances", "num_speakers"), [("train-clean-100", 11, 3), ("test-clean", 21, 3)]
)
def test_real_sample(
    tmp_path: Path, librispeech_dir: Path, subset: str, num_utterances: int, num_speakers: int
) -> None:
    archive = librispeech_dir / "openslr_sample" / f"{subset}.tar.gz"
    report = prepare(archive, tmp_path / "one", max_shard_size_mb=0.3)
    assert (report.num_utterances, report.num_speakers, report.rejects) == (num_utterances, num_speakers, ())
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "tree", filter="data")
        sizes = {Path(member.name).name: member.size for member in tar if member.name.endswith(".flac")}
    prepare(tmp_path / "tree", tmp_path / "two", max_shard_size_mb=0.3)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    rows = rows_of(tmp_path / "one")
    assert {row["file"]: len(row["audio"]["bytes"]) for row in rows} == sizes
    durations = [soundfile.info(path).frames for path in (tmp_path / "tree").rglob("*.flac")]
    assert report.num_samples == sum(durations)


def test_same_schema_and_rows_as_the_shared_parquet(tmp_path: Path, librispeech_dir: Path) -> None:
    shared = librispeech_dir / "librispeech_asr" / "clean"
    prepare(librispeech_dir / "openslr_sample" / "test-clean.tar.gz", tmp_path)
    ours = pq.read_table(tmp_path / "clean/test-00000-of-00001.parquet")
    for path in shared.glob("*.parquet"):
        assert ours.schema.equals(pq.read_schema(path), check_metadata=True)
    columns = ["id", "text", "speaker_id", "chapter_id"]
    theirs = [
        row for path in sorted(shared.glob("test-*")) for row in pq.read_table(path, columns=columns).to_pylist()
    ]
    by_id = {row["id"]: row for row in theirs}
    assert [by_id[row["id"]] for row in ours.select(columns).to_pylist()] == ours.select(columns).to_pylist()
