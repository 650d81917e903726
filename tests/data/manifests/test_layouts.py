"""The same utterances from every layout."""

from pathlib import Path

import datasets
import numpy as np
import pytest
from manifest_corpora import LAYOUTS, UTTERANCES, common_voice, csv_table, kaldi_files, waveform, write_lines

from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.layouts import split_of_name
from hf_bigru_asr.data.manifests.reading import ManifestOptions
from hf_bigru_asr.data.utterances import load_utterance, utterance_duration_s


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_the_same_utterances(layout: str, tmp_path: Path) -> None:
    write, split = LAYOUTS[layout]
    dataset = load_speech_dataset(write(tmp_path / "data"), split=split, text_column="text")
    assert dataset.column_names == ["file", "audio", "text", "speaker_id", "chapter_id", "id"]
    assert sorted(dataset["text"]) == sorted(text for _, _, text in UTTERANCES)
    texts = [text for _, _, text in UTTERANCES]
    for row in dataset:
        expected = waveform(texts.index(row["text"]))
        np.testing.assert_array_equal(load_utterance(row["audio"], 16_000), expected)
        assert utterance_duration_s(row["audio"]) == pytest.approx(len(expected) / 16_000)
        if layout not in ("ljspeech", "mls"):
            assert row["speaker_id"] == UTTERANCES[texts.index(row["text"])][1]
    assert len(set(dataset["id"])) == 3


@pytest.mark.parametrize("layout", ["csv", "kaldi segments", "lhotse"])
def test_streams_have_the_same_rows(layout: str, tmp_path: Path) -> None:
    write, split = LAYOUTS[layout]
    path = write(tmp_path / "data")
    stream = load_speech_dataset(path, split=split, streaming=True)
    assert list(stream) == list(load_speech_dataset(path, split=split))


def test_columns_keep_the_names_that_were_asked_for(tmp_path: Path) -> None:
    dataset = load_speech_dataset(csv_table(tmp_path), split="all", audio_column="path", text_column="sentence")
    assert set(dataset.column_names) == {"file", "path", "sentence", "speaker_id", "chapter_id", "id"}


def test_an_ambiguous_column_is_asked_for(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.csv", ["path,sentence,transcript", "a.wav,HELLO,HELLO"])
    with pytest.raises(
        ValueError, match=r"sentence and transcript, any of which might be the text; give --text_column"
    ):
        load_speech_dataset(path, split="all")


def test_splits_are_found_by_other_names_too(tmp_path: Path) -> None:
    folder = common_voice(tmp_path)
    assert load_speech_dataset(folder, split="validation")["text"][:] == ["HELLO"]
    with pytest.raises(ValueError, match=r"no split 'train' in .*; choose one of dev, test|validation, test"):
        load_speech_dataset(folder, split="train")


@pytest.mark.parametrize(
    ("name", "split"), [("train_manifest", "train"), ("cuts-dev", "validation"), ("contest", None), ("a", None)]
)
def test_split_of_a_name(name: str, split: str | None) -> None:
    assert split_of_name(name) == split


def test_a_folder_without_a_layout_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "notes.txt", ["nothing"])
    with pytest.raises(ValueError, match="has none of the layouts that are read: Parquet, audiofolder"):
        load_speech_dataset(tmp_path, split="train")


def test_commands_are_run_only_if_they_are_allowed(tmp_path: Path) -> None:
    folder = kaldi_files(tmp_path)
    files = {name: tmp_path / "downloads" / f"{name}.flac" for name, _, _ in UTTERANCES}
    write_lines(folder / "wav.scp", [f"{name} cat {path} |" for name, path in files.items()])
    with pytest.raises(ValueError, match="no row that can be used: 3 with a command for audio"):
        load_speech_dataset(folder, split="test")
    dataset = load_speech_dataset(folder, split="test", options=ManifestOptions(allow_pipes=True))
    np.testing.assert_array_equal(load_utterance(dataset[2]["audio"], 16_000), waveform(2))
