"""Data sets from Parquet and from OpenSLR's files."""

import os
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from datasets import Dataset, IterableDataset
from openslr_corpus import write_archive, write_tree
from speech_rows import RATE_HZ, TEXTS, make_rows, write_parquet

from hf_bigru_asr.data.librispeech.sources import source_fingerprint
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what `datasets` writes inside the test's own folder."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def parquet_dir(tmp_path: Path) -> Path:
    return write_parquet(tmp_path / "librispeech")


def openslr_files(texts: list[str] = TEXTS) -> dict[str, bytes]:
    """One chapter as OpenSLR hands it out, by path."""
    rows = make_rows(texts)
    files = {row["file"]: row["audio"]["bytes"] for row in rows}
    files["19-198.trans.txt"] = "".join(f"{row['id']} {row['text']}\n" for row in rows).encode()
    return {f"LibriSpeech/test-clean/19/198/{name}": content for name, content in files.items()}


@pytest.fixture(params=["tree", "archive"])
def write_openslr(request: pytest.FixtureRequest) -> Callable[[dict[str, bytes], Path], Path]:
    """Writes files as a tree or as an archive, and gives its path."""
    if request.param == "tree":
        return lambda files, folder: write_tree(folder, files) / "LibriSpeech"
    return lambda files, folder: write_archive(folder / "test-clean.tar.gz", files)


@pytest.fixture
def openslr_source(write_openslr: Callable[[dict[str, bytes], Path], Path], tmp_path: Path) -> Path:
    return write_openslr(openslr_files(), tmp_path)


@pytest.mark.parametrize("streaming", [False, True], ids=["local", "streaming"])
def test_load_parquet(parquet_dir: Path, streaming: bool) -> None:
    dataset = load_speech_dataset(parquet_dir, "clean", "train.100", streaming=streaming)
    assert isinstance(dataset, IterableDataset if streaming else Dataset)
    assert list(dataset) == make_rows()
    assert list(load_speech_dataset(parquet_dir, "clean", "validation", streaming=streaming)) == make_rows()[:1]


@pytest.mark.parametrize("streaming", [False, True], ids=["local", "streaming"])
def test_load_openslr(openslr_source: Path, streaming: bool) -> None:
    rows = list(load_speech_dataset(openslr_source, split="test-clean", streaming=streaming))
    for row, expected in zip(rows, make_rows(), strict=True):
        assert row["audio"]["bytes"] == expected["audio"]["bytes"]
        assert {name: row[name] for name in ("text", "speaker_id", "chapter_id", "id")} == {
            name: expected[name] for name in ("text", "speaker_id", "chapter_id", "id")
        }


def test_a_changed_source_is_read_again(
    write_openslr: Callable[[dict[str, bytes], Path], Path], tmp_path: Path
) -> None:
    source = write_openslr(openslr_files(), tmp_path)
    first = load_speech_dataset(source, split="test-clean")
    assert load_speech_dataset(source, split="test-clean").cache_files == first.cache_files
    write_openslr(openslr_files([*TEXTS, "ONE MORE"]), tmp_path)
    assert list(load_speech_dataset(source, split="test-clean")["text"]) == [*TEXTS, "ONE MORE"]


def test_a_change_within_the_same_second_is_seen(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, openslr_files())
    (transcript,) = tree.rglob("*.trans.txt")
    found = []
    for changed_ns in (10**18, 10**18 + 1000, 10**18):
        os.utime(transcript, ns=(changed_ns, changed_ns))
        found.append(source_fingerprint(tree, "test-clean"))
    assert found[0] != found[1]
    assert found[0] == found[2]


@pytest.mark.parametrize("name", ["/nowhere/librispeech", "./nowhere", "~/nowhere"])
def test_a_missing_path_is_named(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"{name} does not exist; give a local folder or archive"):
        load_speech_dataset(name)


def test_a_data_set_that_is_not_whole_is_not_read_in_part(parquet_dir: Path) -> None:
    (half := next((parquet_dir / "clean").glob("train.100-*"))).rename(
        half.with_name("train.100-00001-of-00002.parquet")
    )
    with pytest.raises(ValueError, match=r"has 1 files of 2 .*train.100-00000-of-00002.parquet is missing"):
        load_speech_dataset(parquet_dir, "clean", "train.100")


def test_a_path_below_the_home_folder(parquet_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(parquet_dir.parent))
    assert len(load_speech_dataset(f"~/{parquet_dir.name}", "clean", "train.100")) == 4


def test_a_missing_column_is_named(parquet_dir: Path) -> None:
    with pytest.raises(ValueError, match="has no column 'speech'; it has file, audio, text"):
        load_speech_dataset(parquet_dir, "clean", "validation", audio_column="speech")


@pytest.mark.parametrize("streaming", [False, True], ids=["local", "streaming"])
def test_a_missing_split_is_asked_for(parquet_dir: Path, streaming: bool) -> None:
    with pytest.raises(ValueError, match=r"librispeech needs split=, one of train\.100, validation\."):
        load_speech_dataset(parquet_dir, "clean", streaming=streaming)


@pytest.mark.parametrize("streaming", [False, True], ids=["local", "streaming"])
def test_an_unknown_subset_is_named_with_those_there_are(openslr_source: Path, streaming: bool) -> None:
    with pytest.raises(ValueError, match=r"holds test-clean\. There is no subset 'test\.clean' in it; its splits are"):
        list(load_speech_dataset(openslr_source, split="test.clean", streaming=streaming))


def test_load_librispeech(librispeech_dir: Path) -> None:
    dataset = load_speech_dataset(librispeech_dir / "librispeech_asr", "clean", "validation", streaming=True)
    row = next(iter(dataset))
    assert len(load_utterance(row["audio"], RATE_HZ)) > RATE_HZ
    assert row["text"].isupper()
