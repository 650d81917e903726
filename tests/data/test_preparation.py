"""Any layout as Parquet in the schema of the Hub."""

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from manifest_corpora import LAYOUTS, UTTERANCES, csv_table, nemo_parts, waveform, write_lines

from hf_bigru_asr.cli.main import main
from hf_bigru_asr.data import preparation
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.rows import BadRows, TooManyBadRowsError
from hf_bigru_asr.data.preparation import number_of_name, prepare_split
from hf_bigru_asr.data.utterances import load_utterance

TEXTS = [text for _, _, text in UTTERANCES]


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@pytest.mark.parametrize("layout", ["kaldi segments", "common voice"])
def test_it_is_read_back(layout: str, tmp_path: Path) -> None:
    write, split = LAYOUTS[layout]
    report = prepare_split(write(tmp_path / "data"), tmp_path / "out", split)
    dataset = load_speech_dataset(tmp_path / "out", split=split, text_column="text")
    assert dataset.column_names == ["file", "audio", "text", "speaker_id", "chapter_id", "id"]
    for row in dataset:
        number = TEXTS.index(row["text"])
        np.testing.assert_array_equal(load_utterance(row["audio"], 16_000), waveform(number))
        assert row["speaker_id"] == number_of_name(UTTERANCES[number][1])
    assert report.num_utterances == 3
    assert report.hours == pytest.approx(sum(len(waveform(number)) for number in range(3)) / 16_000 / 3600)
    assert report.characters == {letter: "".join(TEXTS).count(letter) for letter in set("".join(TEXTS))}
    assert report.lengths()["max"] == pytest.approx(len(waveform(2)) / 16_000)
    written = json.loads((tmp_path / "out/default" / f"{split}-report.json").read_text())
    assert written["speakers"] == {"ann": number_of_name("ann"), "bob": number_of_name("bob")}


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = csv_table(tmp_path / "data")
    options: dict[str, Any] = {"source_split": "all", "rows_per_shard": 1}
    whole = prepare_split(source, tmp_path / "whole", "train", **options)
    read, loaded = preparation.load_utterance, []

    def interrupted(audio: dict[str, Any], rate: int) -> np.ndarray:
        loaded.append(audio["path"])
        if len(loaded) == 3:
            raise KeyboardInterrupt
        return read(audio, rate)

    monkeypatch.setattr(preparation, "load_utterance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare_split(source, tmp_path / "out", "train", **options)
    assert not list((tmp_path / "out/default").glob("*.parquet"))
    assert len(files_of(tmp_path / "out")) == 2
    report = prepare_split(source, tmp_path / "out", "train", **options)
    assert len(loaded) == 4
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    assert report.to_json() == whole.to_json()
    assert prepare_split(source, tmp_path / "out", "train", **options).to_json() == whole.to_json()
    assert len(loaded) == 4
    with pytest.raises(FileExistsError, match=r"is of other data, or of other settings; give another folder or split"):
        prepare_split(source, tmp_path / "out", "train", **options | {"rows_per_shard": 2})


def test_rejects_are_counted_and_limited(tmp_path: Path) -> None:
    path = nemo_parts(tmp_path / "data")
    (path.parent / "noise.wav").write_bytes(b"noise")
    rows = [
        {"audio_filepath": "talk.wav", "text": "C# #"},
        {"audio_filepath": "noise.wav", "text": "HELLO"},
        {"audio_filepath": "gone.wav", "text": "HELLO"},
    ]
    with path.open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    options: dict[str, Any] = {"source_split": "all"}
    report = prepare_split(path, tmp_path / "out", "train", bad_rows=BadRows(0.5), **options)
    assert report.counts == {"without its file": 1, "with text that does not fit": 1, "with unusable audio": 1}
    assert [reject[0] for reject in report.rejects] == ["with text that does not fit", "with unusable audio"]
    with pytest.raises(TooManyBadRowsError, match="3 of 6 rows cannot be used"):
        prepare_split(path, tmp_path / "other", "train", bad_rows=BadRows(2), **options)


def test_the_command_writes_all_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = LAYOUTS["common voice"][0](tmp_path / "data")
    assert main(["prepare", str(source), "--output-dir", str(tmp_path / "out")]) == 0
    assert pq.read_metadata(tmp_path / "out/default/validation-00000-of-00001.parquet").num_rows == 1
    assert pq.read_metadata(tmp_path / "out/default/test-00000-of-00001.parquet").num_rows == 3
    assert "test from" in capsys.readouterr().out


def test_the_command_splits_what_has_no_splits(tmp_path: Path) -> None:
    source = csv_table(tmp_path / "data")
    lines = ["path,sentence,speaker", *(f"sounds/ann-1.flac,HELLO,speaker {number}" for number in range(30))]
    write_lines(source, lines)
    out = tmp_path / "out"
    assert main(["prepare", str(source), "--output-dir", str(out), "--split-shares", "0.6", "0.2", "0.2"]) == 0
    rows = {path.name.partition("-")[0]: pq.read_metadata(path).num_rows for path in out.rglob("*.parquet")}
    assert rows.keys() == {"train", "validation", "test"}
    assert sum(rows.values()) == 30


def test_the_command_takes_columns_of_other_names_for_all_splits(tmp_path: Path) -> None:
    source = csv_table(tmp_path / "data", ";")
    source.write_text(source.read_text(encoding="utf-8-sig").replace("path;sentence", "Tonaufnahme;Was gesagt wird"))
    columns = ["--audio_column_name", "Tonaufnahme", "--text_column_name", "Was gesagt wird"]
    assert main(["prepare", str(source), "--output-dir", str(tmp_path / "out"), *columns]) == 0
    texts = [row["text"] for path in (tmp_path / "out").rglob("*.parquet") for row in pq.read_table(path).to_pylist()]
    assert sorted(texts) == sorted(TEXTS)


def test_recordings_that_stay_together_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = csv_table(tmp_path / "data")
    write_lines(source, ["path,sentence", *(f"sounds/{name}-1.flac,HELLO" for name in ("ann", "bob"))])
    shares = ["--split-shares", "1", "0", "0"]
    assert main(["prepare", str(source), "--output-dir", str(tmp_path / "out"), *shares]) in (0, 3)
    assert [record.message for record in caplog.records if "fewer than two speakers" in record.message] == [
        f"{source} names fewer than two speakers: its splits keep recordings together, not speakers."
    ]
