import io
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from datasets import load_dataset
from repository import SAMPLE

from hf_bigru_asr.alignment.aligner import AlignedWord, Aligner
from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.data.parquet_rows import speech_row
from hf_bigru_asr.data.teacher_features import pack_features
from recipe import segmentation
from recipe.segmentation import Segment, SegmentationSettings, segment_utterance, segment_utterances, write_segments

RATE_HZ = 16_000


def speech(*words_s: tuple[float, float], duration_s: float) -> tuple[np.ndarray, list[AlignedWord]]:
    """Noise while words are said and faint noise between them, and the words A, B, C, ... of these times."""
    rng = np.random.default_rng(0)
    waveform = 1e-3 * rng.standard_normal(round(duration_s * RATE_HZ))
    words = []
    for number, (start_s, end_s) in enumerate(words_s):
        start, end = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
        waveform[start:end] += 0.1 * rng.standard_normal(end - start)
        letter = chr(ord("A") + number)
        words.append(AlignedWord(letter.lower(), letter, start_s, end_s, 1.0, ()))
    return waveform.astype(np.float32), words


def cut(
    waveform: np.ndarray, words: list[AlignedWord], seed: int = 0, **settings: object
) -> tuple[list[Segment], list[str]]:
    segments = segment_utterance(waveform, words, SegmentationSettings(**settings), np.random.default_rng(seed))
    return segments, [segment.text for segment in segments]


def test_cuts_lie_in_long_pauses_alone() -> None:
    """Pauses of 0.3, 0.1 and 0.4 s."""
    waveform, words = speech((0.1, 0.5), (0.8, 1.2), (1.3, 2.0), (2.4, 3.0), duration_s=3.2)
    segments, texts = cut(waveform, words, duration_s=(0.2, 0.2))
    assert texts == ["A", "B C", "D"]
    assert segments[0].start == 0
    assert segments[-1].end == len(waveform)
    assert all(left.end == right.start for left, right in pairwise(segments))
    assert 0.5 < segments[0].end / RATE_HZ < 0.8
    assert 2.0 < segments[1].end / RATE_HZ < 2.4


def test_segments_reach_the_wanted_length() -> None:
    waveform, words = speech(*((number, number + 0.7) for number in range(10)), duration_s=9.8)
    segments, texts = cut(waveform, words, duration_s=(2.5, 2.5))
    # The remainder after "G H I" would be too short for a segment of its own.
    assert texts == ["A B C", "D E F", "G H I J"]
    assert all(segment.end - segment.start >= 2.5 * RATE_HZ for segment in segments)
    assert cut(waveform, words, duration_s=(20.0, 20.0))[1] == ["A B C D E F G H I J"]


def test_the_cut_is_where_it_is_quietest() -> None:
    """A word whose end was found 0.3 s too early is not cut through."""
    waveform, words = speech((0.0, 1.0), (1.5, 2.5), duration_s=2.5)
    early = AlignedWord("a", "A", 0.0, 0.7, 1.0, ())
    segments, _ = cut(waveform, [early, words[1]], duration_s=(0.5, 0.5))
    assert 1.0 < segments[0].end / RATE_HZ < 1.5


def test_lengths_are_drawn_within_their_range() -> None:
    waveform, words = speech(*((number / 2, number / 2 + 0.3) for number in range(200)), duration_s=100)
    drawn = {seed: cut(waveform, words, seed, duration_s=(1.0, 8.0))[0] for seed in range(5)}
    lengths_s = [(segment.end - segment.start) / RATE_HZ for segments in drawn.values() for segment in segments]
    assert min(lengths_s) >= 1.0
    assert max(lengths_s) <= 8.0 + 0.5 + 1.0
    # Uniform on a logarithmic scale: the median is the geometric mean, and half a second is added up to the pause.
    assert 2.6 < np.median(lengths_s) < 3.6
    assert drawn[0] != drawn[1]
    assert cut(waveform, words, 1, duration_s=(1.0, 8.0))[0] == drawn[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"duration_s": (0.0, 2.0)}, r"duration_s is \(0.0, 2.0\)"),
        ({"duration_s": (3.0, 2.0)}, "the lower one first"),
        ({"duration_s": (1.0, 2.0, 3.0)}, "give two positive lengths"),
        ({"min_pause_s": 0.0}, "min_pause_s is 0.0"),
        ({"min_score": 1.5}, "min_score is 1.5"),
        ({"num_passes": 0}, "num_passes is 0"),
    ],
)
def test_bad_settings(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SegmentationSettings(**changes)


@pytest.fixture(scope="module")
def example() -> dict[str, object]:
    """The sample, whose reader pauses after `anyone`."""
    return {
        "audio": {"bytes": SAMPLE.read_bytes(), "path": None},
        "text": SAMPLE.with_suffix(".txt").read_text(),
        "speaker_id": 7,
        "chapter_id": 8,
        "id": "7-8-0",
    }


def test_real_speech_is_cut_in_its_pauses(aligner: Aligner, example: dict[str, object]) -> None:
    settings = SegmentationSettings(duration_s=(0.5, 2.0), num_passes=3)
    (rows,) = segment_utterances([example], aligner, settings)
    texts = " ".join(row["text"] for row in rows)
    said = "THEREFORE HER MAJESTY PAID NO ATTENTION TO ANYONE AND NO ONE PAID ANY ATTENTION TO HER"
    assert texts == " ".join([said] * 3)
    assert len(rows) > 3
    pieces = [soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="float32")[0] for row in rows]
    whole = load_audio(SAMPLE)
    assert np.abs(np.concatenate(pieces) - np.tile(whole, 3)).max() <= 0.5 / 32768  # files of 16 bits
    loudness = np.sqrt(np.mean(whole**2))
    for piece, after in pairwise(pieces):
        edge = np.concatenate([piece[-160:], after[:160]])
        assert np.sqrt(np.mean(edge**2)) < 0.1 * loudness
    assert {(row["speaker_id"], row["chapter_id"]) for row in rows} == {(7, 8)}
    assert [row["id"] for row in rows] == [f"7-8-0-{number:03}" for number in range(len(rows))]
    assert list(segment_utterances([example], aligner, settings)) == [rows]


def test_what_cannot_be_aligned_is_left_out_and_named(
    aligner: Aligner, example: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    examples = [
        example | {"id": "broken", "audio": {"bytes": b"no audio", "path": None}},
        example | {"id": "other-words", "text": "SOMETHING QUITE DIFFERENT WAS SAID"},
        example | {"id": "no-audio", "audio": None},
        example | {"id": "no-text", "text": None},
        example,
    ]
    rows = list(segment_utterances(examples, aligner, SegmentationSettings(min_score=0.3)))
    assert [bool(part) for part in rows] == [False, False, False, False, True]
    assert "Utterance 'no-audio' is left out: The audio column holds a NoneType" in caplog.text
    assert "Utterance 'no-text' is left out: The text column holds a NoneType" in caplog.text
    assert "Utterance 'broken' is left out" in caplog.text
    assert "Utterance 'other-words' is left out: its alignment has a score of 0.0" in caplog.text


def test_utterances_are_cut_alike_in_a_batch_and_alone(
    aligner: Aligner, example: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer ones beside it pad it, and one that is too long for a batch runs in chunks."""
    words = "THEREFORE HER MAJESTY PAID NO ATTENTION TO ANYONE AND NO ONE PAID ANY ATTENTION TO HER"
    twice = np.tile(load_audio(SAMPLE), 2)
    longer = example | {"audio": {"array": twice, "sampling_rate": RATE_HZ}, "text": f"{words} {words}", "id": "twice"}
    settings = SegmentationSettings(duration_s=(0.5, 2.0))
    together = list(segment_utterances([example, longer], aligner, settings))
    monkeypatch.setattr(segmentation, "BATCH_SIZE", 1)
    assert list(segment_utterances([example, longer], aligner, settings)) == together
    monkeypatch.setattr(segmentation, "LONG_S", 10.0)
    assert list(segment_utterances([example, longer], aligner, settings)) == together
    assert " ".join(row["text"] for row in together[1]) == f"{words} {words}"


def test_segments_are_a_data_set_that_is_not_overwritten(
    aligner: Aligner, example: dict[str, object], tmp_path: Path
) -> None:
    examples = [example, example | {"speaker_id": "alice"}, {"audio": example["audio"], "text": example["text"]}]
    rows = [part * 2 for part in segment_utterances(examples, aligner, SegmentationSettings())]
    count, hours = write_segments(rows, tmp_path / "segments", shard_size=2)
    assert count == sum(map(len, rows))
    assert hours == pytest.approx(6 * len(load_audio(SAMPLE)) / RATE_HZ / 3600)
    dataset = load_dataset(str(tmp_path / "segments"), split="train", cache_dir=str(tmp_path / "cache"))
    assert dataset["id"] == [row["id"] for part in rows for row in part]
    assert set(dataset["speaker_id"]) == {7, None}
    assert sorted(os.listdir(tmp_path / "segments")) == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    with pytest.raises(FileExistsError, match="has a split 'train' already"):
        write_segments(rows, tmp_path / "segments")


def test_a_split_has_one_schema_though_few_rows_have_features_of_a_teacher(tmp_path: Path) -> None:
    features = np.ones((5, 2), np.float16)
    rows = [
        speech_row(name, speech(duration_s=0.1)[0], RATE_HZ, "A", speaker_id=1, chapter_id=2, teacher_features=each)
        for name, each in (("plain", None), ("taught", features), ("plain-too", None))
    ]
    write_segments([[row] for row in rows], tmp_path / "segments", shard_size=1)
    dataset = load_dataset(str(tmp_path / "segments"), split="train", cache_dir=str(tmp_path / "cache"))
    assert list(dataset["teacher_features"]) == [None, pack_features(features), None]
    assert list(dataset["id"]) == ["plain", "taught", "plain-too"]
