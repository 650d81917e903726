"""Rows that cannot be used, and splits that a manifest does not have."""

import json
import re
from pathlib import Path

import pytest
from manifest_corpora import lhotse_recording, nemo_parts, waveform, write_lines, write_sound

from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.manifests.reading import ManifestOptions
from hf_bigru_asr.data.manifests.rows import BadRows, ManifestError, TooManyBadRowsError
from hf_bigru_asr.data.manifests.splits import hashed_split
from hf_bigru_asr.data.manifests.tables import read_json_objects
from hf_bigru_asr.text.normalization import normalize_transcript


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """One good row and one of each kind of bad ones."""
    path = nemo_parts(tmp_path)
    rows = [
        {"audio_filepath": "gone.wav", "text": "HELLO"},
        {"audio_filepath": "talk.wav", "text": ""},
        {"audio_filepath": "talk.wav", "text": "日本"},
        {"audio_filepath": "talk.wav", "text": "HELLO", "offset": 900, "duration": 1},
        {"audio_filepath": "talk.wav", "text": "HELLO", "offset": "soon", "duration": 1},
        {"audio_filepath": "broken.wav", "text": "HELLO", "offset": 0.1, "duration": 0.2},
    ]
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    return path


COUNTS = {
    "without its file": 1,
    "without text": 1,
    "with text that does not fit": 1,
    "beyond the end of its recording": 1,
    "with times that are no numbers": 1,
    "with unusable audio": 1,
}
OPTIONS = ManifestOptions(check_text=normalize_transcript)


@pytest.mark.parametrize("streaming", [False, True])
def test_bad_rows_are_named_and_counted(manifest: Path, caplog: pytest.LogCaptureFixture, streaming: bool) -> None:
    bad = BadRows(limit=6)
    arguments = {"split": "all", "text_column": "text", "options": OPTIONS, "bad_rows": bad, "streaming": streaming}
    assert len(list(load_speech_dataset(manifest, **arguments))) == 3
    assert bad.counts == COUNTS
    assert bad.num_rows == 9
    for named in ("line 4 is left out, without its file", "gone.wav", "line 7", "beyond the end", "900"):
        assert named in caplog.text


@pytest.mark.parametrize("limit", [0, 5, 0.5])
def test_too_many_bad_rows_are_an_error(manifest: Path, limit: float) -> None:
    with pytest.raises(TooManyBadRowsError, match=r"rows cannot be used .*max_bad_rows allows"):
        load_speech_dataset(manifest, split="all", text_column="text", options=OPTIONS, bad_rows=BadRows(limit))


@pytest.mark.parametrize("limit", [-1, 1.5, float("nan")])
def test_bad_limits(limit: float) -> None:
    with pytest.raises(ValueError, match="max_bad_rows is"):
        BadRows(limit)


def test_splits_by_speaker_are_stable_and_disjoint(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", waveform(0))
    lines = [f"a.wav,HELLO,speaker-{number // 3}" for number in range(90)]
    path = write_lines(tmp_path / "mine.csv", ["audio,text,speaker", *lines])
    options = ManifestOptions(split_shares=(0.6, 0.2, 0.2))
    found = {
        name: set(load_speech_dataset(path, split=name, options=options)["speaker_id"])
        for name in ("train", "validation", "test")
    }
    assert len(set.union(*found.values())) == sum(map(len, found.values())) == 30
    for name, speakers in found.items():
        assert speakers == {each for each in speakers if hashed_split(each, options.split_shares) == name}
    more = write_lines(tmp_path / "more.csv", ["audio,text,speaker", *lines, "a.wav,HELLO,another"])
    assert set(load_speech_dataset(more, split="test", options=options)["speaker_id"]) - {"another"} == found["test"]


def test_shares_of_the_hash() -> None:
    names = [f"speaker {number}" for number in range(2000)]
    found = [hashed_split(name, (0.5, 0.3, 0.2)) for name in names]
    for split, share in (("train", 0.5), ("validation", 0.3), ("test", 0.2)):
        assert found.count(split) / 2000 == pytest.approx(share, abs=0.03)


def test_an_empty_split_says_why(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", waveform(0))
    path = write_lines(tmp_path / "mine.csv", ["audio,text,speaker", "a.wav,HELLO,a", "a.wav,HELLO,b"])
    with pytest.raises(ValueError, match=r"No speaker of .* falls into the split 'test' by the hash; give larger"):
        load_speech_dataset(path, split="test")


@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        ({"type": "PaddingCut", "duration": 1}, "without a recording"),
        ({"type": "MixedCut", "tracks": []}, "mixed of several recordings"),
        (
            {"type": "MonoCut", "recording": lhotse_recording("a.wav", 10, transforms=[{"name": "Speed"}])},
            "with a transform",
        ),
        ({"type": "MonoCut", "recording": lhotse_recording("a.wav", 10), "supervisions": []}, "without text"),
    ],
)
def test_cuts_that_are_no_part_of_a_recording(cut: dict[str, object], reason: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "cuts.jsonl", [json.dumps({"id": "c", "start": 0, "duration": 1} | cut)])
    bad = BadRows()
    with pytest.raises(ValueError, match="no row that can be used"):
        load_speech_dataset(path, split="all", text_column="text", bad_rows=bad)
    assert bad.counts == {reason: 1}


def test_a_stale_channel_of_a_saved_cut(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", waveform(0))
    supervision = {"id": "s", "start": 0.0, "duration": 0.5, "channel": 1, "text": "HELLO", "speaker": "ann"}
    cut = {"id": "s", "start": 0, "duration": 0.5, "channel": 0, "supervisions": [supervision], "type": "MonoCut"}
    path = write_lines(tmp_path / "c.jsonl", [json.dumps(cut | {"recording": lhotse_recording("a.wav", 8000)})])
    (row,) = load_speech_dataset(path, split="all", text_column="text")
    assert row["audio"]["path"] == str(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"text": "HELLO", "audio": "a.wav"}', "", '{"text": '], r", line 3, is no JSON.* at character 9$"),
        (["[", '{"text": "HELLO"},', '{"text": '], r" is no JSON.*: line 4 column 1 "),
    ],
    ids=["lines", "array"],
)
def test_a_broken_line_is_named_by_its_number(lines: list[str], message: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "manifest.json", lines)
    with pytest.raises(ManifestError, match=re.escape(str(path)) + message):
        list(read_json_objects(path))
