import io
import math
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from accelerate.data_loader import prepare_data_loader
from datasets import Dataset, IterableDataset
from speech_rows import RATE_HZ, flac, make_rows, make_waveform, write_parquet
from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from hf_bigru_asr import BiGRUCTCProcessor
from hf_bigru_asr.augmentation import mel_warp_matrix
from hf_bigru_asr.data import (
    DataCollatorForCTC,
    EpochCallback,
    FilterReport,
    filter_utterances,
    join_training_sets,
    load_speech_dataset,
    load_utterance,
)
from hf_bigru_asr.teacher_features import pack_features


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what `datasets` writes inside the test's own folder."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def parquet_dir(tmp_path: Path) -> Path:
    return write_parquet(tmp_path / "librispeech")


@pytest.fixture
def openslr_files() -> dict[str, bytes]:
    files = {row["file"]: row["audio"]["bytes"] for row in make_rows()}
    files["19-198.trans.txt"] = "".join(f"{row['id']} {row['text']}\n" for row in make_rows()).encode()
    return {f"LibriSpeech/test-clean/19/198/{name}": content for name, content in files.items()}


@pytest.fixture(params=["tree", "archive"])
def openslr_source(request: pytest.FixtureRequest, openslr_files: dict[str, bytes], tmp_path: Path) -> Path:
    if request.param == "tree":
        for name, content in openslr_files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        return tmp_path / "LibriSpeech"
    with tarfile.open(tmp_path / "test-clean.tar.gz", "w:gz") as archive:
        for name, content in openslr_files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return tmp_path / "test-clean.tar.gz"


# Loading


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


@pytest.mark.parametrize("name", ["/nowhere/librispeech", "./nowhere", "~/nowhere"])
def test_a_missing_path_is_named(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"{name} does not exist; give a local folder or archive"):
        load_speech_dataset(name)


def test_a_path_below_the_home_folder(parquet_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(parquet_dir.parent))
    assert len(load_speech_dataset(f"~/{parquet_dir.name}", "clean", "train.100")) == 4


def test_a_missing_column_is_named(parquet_dir: Path) -> None:
    with pytest.raises(ValueError, match="has no column 'speech'; it has file, audio, text"):
        load_speech_dataset(parquet_dir, "clean", "validation", audio_column="speech")


def test_load_librispeech(librispeech_dir: Path) -> None:
    dataset = load_speech_dataset(librispeech_dir / "librispeech_asr", "clean", "validation", streaming=True)
    row = next(iter(dataset))
    assert len(load_utterance(row["audio"], RATE_HZ)) > RATE_HZ
    assert row["text"].isupper()


@pytest.mark.parametrize("kind", ["bytes", "path", "dict-bytes", "dict-path", "dict-array"])
def test_an_utterance_in_every_form(kind: str, tmp_path: Path) -> None:
    waveform = make_waveform(0)
    (tmp_path / "a.flac").write_bytes(flac(waveform))
    audio = {
        "bytes": flac(waveform),
        "path": tmp_path / "a.flac",
        "dict-bytes": {"bytes": flac(waveform), "path": None},
        "dict-path": {"bytes": None, "path": str(tmp_path / "a.flac")},
        "dict-array": {"array": waveform, "sampling_rate": RATE_HZ},
    }[kind]
    loaded = load_utterance(audio, RATE_HZ)
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, waveform)


def test_an_utterance_at_another_rate_is_resampled() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.float32)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / RATE_HZ)
    for audio in (flac(tone, 8000), {"array": tone, "sampling_rate": 8000}):
        loaded = load_utterance(audio, RATE_HZ)
        assert loaded.shape == (16_000,)
        np.testing.assert_allclose(loaded[200:-200], expected[200:-200], atol=0.01)


@pytest.mark.parametrize("audio", [None, 3, {"bytes": None, "path": None}], ids=str)
def test_audio_in_another_form_is_refused(audio: object) -> None:
    with pytest.raises(ValueError, match=r"The audio column holds a \w+; cast it with cast_column"):
        load_utterance(audio, RATE_HZ)


# Filtering


@pytest.fixture
def mixed() -> Dataset:
    """Six usable utterances and one of every kind that is not."""
    audio = {number: {"bytes": flac(make_waveform(number, 8000)), "path": None} for number in range(6)}
    second = {"bytes": flac(make_waveform(9, 16_000)), "path": None}
    short = {"bytes": flac(make_waveform(8, 1600)), "path": None}
    rows = [
        *((audio[number], f"TEXT {'ABCDEF'[number]}") for number in range(3)),
        (short, "A"),
        (audio[3], "HELLO"),
        (second, "TOO LONG"),
        ({"bytes": b"this is no audio", "path": None}, "BROKEN"),
        (audio[4], "X" * 13),  # 13 letters and 12 blanks between them: as many as half a second has frames
        (audio[4], "X" * 14),
        (audio[5], "ΩΩ"),
        (audio[5], ""),
    ]
    return Dataset.from_list([{"audio": each, "text": text, "id": str(row)} for row, (each, text) in enumerate(rows)])


def test_filter(mixed: Dataset, processor: BiGRUCTCProcessor) -> None:
    kept, report = filter_utterances(mixed, processor, min_duration_s=0.2, max_duration_s=0.9)
    assert kept["id"] == ["0", "1", "2", "4", "7"]
    assert kept["length"] == [25] * 5
    assert "index" not in kept.column_names
    assert (report.num_utterances, report.hours) == (5, pytest.approx(2.5 / 3600))
    assert report.num_rejected == {
        "with unusable audio": 1,
        "with unusable text": 1,
        "shorter than 0.2 s": 1,
        "longer than 0.9 s": 1,
        "with more text than frames": 1,
        "without text": 1,
    }
    assert all(f"1 {reason}" in str(report) for reason in report.num_rejected)


def test_filter_keeps_the_place_in_the_data_set(mixed: Dataset, processor: BiGRUCTCProcessor) -> None:
    kept, _ = filter_utterances(mixed, processor, with_index=True)
    assert kept["index"] == [int(number) for number in kept["id"]] == [0, 1, 2, 3, 4, 5, 7]
    assert kept["length"] == [
        len(processor(audio=load_utterance(row["audio"], RATE_HZ), sampling_rate=RATE_HZ)["input_features"][0])
        for row in kept
    ]


def test_filter_leaves_room_for_the_fastest_speed(mixed: Dataset, processor: BiGRUCTCProcessor) -> None:
    """Thirteen equal letters need all 25 frames of half a second, and have 22 of them at speed 1.1."""
    kept, report = filter_utterances(mixed, processor, max_speed=1.1, with_index=True)
    assert "7" not in kept["id"]
    assert report.num_rejected["with more text than frames"] == 2
    DataCollatorForCTC(processor, speed_factors=[1.1])(list(kept))
    unaware, _ = filter_utterances(mixed, processor, with_index=True)
    with pytest.raises(ValueError, match=r"needs 25 frames.*has 23"):
        DataCollatorForCTC(processor, speed_factors=[1.1])(list(unaware))


def test_frames_of_another_sampling_rate(processor: BiGRUCTCProcessor) -> None:
    dataset = Dataset.from_list([{"audio": {"bytes": flac(make_waveform(0, 8000), 8000), "path": None}, "text": "A"}])
    assert filter_utterances(dataset, processor)[0]["length"] == [50]


def test_report_of_nothing_left_out() -> None:
    assert str(FilterReport(3, 0.5, {})) == "3 utterances, 0.50 hours; left out: none"


# The collator


def test_batch_is_what_the_processor_makes_of_the_audio(processor: BiGRUCTCProcessor) -> None:
    rows = make_rows()
    batch = DataCollatorForCTC(processor)(rows)
    lengths = [25, 30, 35, 40]
    assert batch.keys() == {"input_features", "attention_mask", "labels"}
    assert batch["input_features"].shape == (4, 40, 128)
    assert batch["attention_mask"].sum(-1).tolist() == lengths
    for row, (features, length) in enumerate(zip(batch["input_features"], lengths, strict=True)):
        waveform = make_waveform(row, 8000 + 1600 * row)
        expected = processor.feature_extractor(waveform, sampling_rate=RATE_HZ, return_tensors="pt").input_features[0]
        torch.testing.assert_close(features[:length], expected, atol=1e-5, rtol=0)
        assert (features[length:] == 0).all()
    assert batch["labels"].dtype == torch.long
    assert batch["labels"].tolist() == [
        [10, 7, 14, 14, 17, -100, -100],
        [11, 22, 2, 21, 1, 15, 7],
        [3, *[-100] * 6],
        [16, 17, 1, 15, 17, 20, 7],
    ]


def test_text_is_normalised(processor: BiGRUCTCProcessor) -> None:
    labels = [
        DataCollatorForCTC(processor)([{**make_rows()[3], "text": text}])["labels"]
        for text in ("Twenty-one, please!", "TWENTY ONE PLEASE")
    ]
    assert torch.equal(*labels)


def test_columns_of_other_names(processor: BiGRUCTCProcessor) -> None:
    row = make_rows()[0]
    renamed = {"speech": row["audio"], "sentence": row["text"]}
    batch = DataCollatorForCTC(processor, audio_column="speech", text_column="sentence")([renamed])
    expected = DataCollatorForCTC(processor)([row])
    assert all(torch.equal(batch[name], expected[name]) for name in expected)


def test_without_text_there_are_no_labels(processor: BiGRUCTCProcessor) -> None:
    assert DataCollatorForCTC(processor)([{"audio": make_rows()[0]["audio"]}]).keys() == {
        "input_features",
        "attention_mask",
    }


@pytest.mark.parametrize(("factor", "num_samples"), [(0.8, 20_000), (1.0, 16_000), (1.25, 12_800)])
def test_speed_changes_length_and_pitch(processor: BiGRUCTCProcessor, factor: float, num_samples: int) -> None:
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / RATE_HZ)).astype(np.float32)
    collator = DataCollatorForCTC(processor, speed_factors=[factor])
    example = {"audio": {"array": tone, "sampling_rate": RATE_HZ}, "text": "A", "index": 0}
    faster, _ = collator._augment(tone, example)
    assert len(faster) == num_samples
    loudest = np.abs(np.fft.rfft(faster)).argmax() * RATE_HZ / len(faster)
    assert loudest == pytest.approx(1000 * factor, abs=2)
    assert collator([example])["attention_mask"].sum() == math.ceil(num_samples / 320)


@pytest.fixture
def augmented(processor: BiGRUCTCProcessor) -> Callable[..., list[int]]:
    """Frames of utterances of one second, each by its index, in one batch: they tell the speed."""
    audio = {"array": make_waveform(0, 16_000), "sampling_rate": RATE_HZ}

    def frames(indices: list[int | None], seed: int = 3, epoch: int = 0) -> list[int]:
        collator = DataCollatorForCTC(processor, speed_factors=(0.8, 0.9, 1.0, 1.1, 1.2), seed=seed)
        collator.epoch = epoch
        rows = [{"audio": audio, "text": "A"} | ({} if each is None else {"index": each}) for each in indices]
        return collator(rows)["attention_mask"].sum(-1).tolist()

    return frames


def test_speed_depends_on_seed_epoch_and_utterance_alone(augmented: Callable[..., list[int]]) -> None:
    order = [7, 3, 0, 5, 1, 2, 6, 4]
    together = augmented(list(range(8)))
    assert [augmented([index])[0] for index in range(8)] == together
    assert augmented(order) == [together[index] for index in order]
    np.random.seed(5)  # noqa: NPY002 - the global generator must have no influence
    torch.manual_seed(5)
    assert augmented(list(range(8))) == together
    assert len(set(together)) > 2
    assert augmented(list(range(8)), epoch=1) != together
    assert augmented(list(range(8)), seed=4) != together


def test_without_index_the_speed_stays(augmented: Callable[..., list[int]]) -> None:
    assert augmented([None] * 8) == [50] * 8


def test_workers_draw_what_the_main_process_draws(processor: BiGRUCTCProcessor) -> None:
    rows = [{**row, "index": index} for index, row in enumerate(make_rows())]
    collator = DataCollatorForCTC(processor, speed_factors=(0.8, 0.9, 1.1, 1.2), seed=1)
    here, there = (
        list(torch.utils.data.DataLoader(rows, 2, collate_fn=collator, num_workers=workers)) for workers in (0, 2)
    )
    for batch, other in zip(here, there, strict=True):
        assert all(torch.equal(batch[name], other[name]) for name in batch)


def test_cached_audio_is_the_same(processor: BiGRUCTCProcessor) -> None:
    rows = [{**row, "index": index} for index, row in enumerate(make_rows())]
    collator = DataCollatorForCTC(processor, cache_audio=True, speed_factors=(0.9, 1.1))
    expected = DataCollatorForCTC(processor, speed_factors=(0.9, 1.1))(rows)
    first = collator(rows)
    again = collator([{**row, "audio": {"bytes": b"not read again", "path": None}} for row in rows])
    for batch in (first, again):
        assert all(torch.equal(batch[name], expected[name]) for name in expected)


def test_resonances_are_moved_in_the_features_of_training_data_alone(processor: BiGRUCTCProcessor) -> None:
    rows = make_rows()
    plain = DataCollatorForCTC(processor)(rows)["input_features"]
    collator = DataCollatorForCTC(processor, warp_range=(1.1, 1.1))
    assert torch.equal(collator(rows)["input_features"], plain)
    warped = collator([{**row, "index": index} for index, row in enumerate(rows)])["input_features"]
    matrix = torch.from_numpy(mel_warp_matrix(128, 1.1, 0.0, 8000.0))
    torch.testing.assert_close(warped, plain @ matrix)
    assert not torch.allclose(warped, plain)


def test_frames_of_training_utterances_begin_anywhere_within_a_hop(processor: BiGRUCTCProcessor) -> None:
    """Audio that rises from sample to sample tells where it begins."""
    rising = np.arange(1, 16_001, dtype=np.float32) / 16_000
    audio = {"array": rising, "sampling_rate": RATE_HZ}
    collator = DataCollatorForCTC(processor, random_offset=True, seed=5)
    offsets = []
    for index in range(200):
        shifted, change = collator._augment(rising, {"index": index})
        offsets.append(change.offset)
        assert len(shifted) == len(rising)
        np.testing.assert_array_equal(shifted, np.append(rising[change.offset :], np.zeros(change.offset)))
    assert min(offsets) < 10
    assert 310 < max(offsets) < 320  # a hop
    assert len(set(offsets)) > 100
    row = {"audio": audio, "text": "A", "index": 0}
    plain = DataCollatorForCTC(processor)([row])
    moved = collator([row])
    assert moved["attention_mask"].sum() == plain["attention_mask"].sum() == 50
    assert not torch.equal(moved["input_features"], plain["input_features"])
    assert torch.equal(collator([row])["input_features"], moved["input_features"])
    collator.epoch = 1
    assert not torch.equal(collator([row])["input_features"], moved["input_features"])
    without_index = {name: value for name, value in row.items() if name != "index"}
    assert torch.equal(collator([without_index])["input_features"], plain["input_features"])


def test_audio_that_is_shorter_than_its_offset_stays_as_long(processor: BiGRUCTCProcessor) -> None:
    collator = DataCollatorForCTC(processor, random_offset=True)
    for index in range(20):
        assert len(collator._augment(np.ones(100, np.float32), {"index": index})[0]) == 100


def test_noise_and_rooms_depend_on_seed_epoch_and_utterance(processor: BiGRUCTCProcessor) -> None:
    example = {**make_rows()[0], "index": 5}
    waveform = make_waveform(3)

    def augmented(epoch: int = 0, index: int = 5, **options: float) -> np.ndarray:
        collator = DataCollatorForCTC(processor, **options)
        collator.epoch = epoch
        return collator._augment(waveform, {**example, "index": index})[0]

    for options in ({"noise_prob": 1.0}, {"reverberation_prob": 1.0}):
        assert len(augmented(**options)) == len(waveform)
        assert np.array_equal(augmented(**options), augmented(**options))
        assert not np.array_equal(augmented(**options), waveform)
        assert not np.array_equal(augmented(**options), augmented(epoch=1, **options))
        assert not np.array_equal(augmented(**options), augmented(index=6, **options))
    changed = [not np.array_equal(augmented(index=i, noise_prob=0.5), waveform) for i in range(200)]
    assert 70 < sum(changed) < 130


def test_an_epoch_of_several_sets(processor: BiGRUCTCProcessor, parquet_dir: Path) -> None:
    dataset, _ = filter_utterances(load_speech_dataset(parquet_dir, split="train.100"), processor, with_index=True)
    extra = dataset.select([0, 1]).add_column("note", ["not", "needed"])
    joined = join_training_sets(dataset, [extra, dataset.select([2])], repeats=2)
    number = len(dataset)
    texts = list(dataset["text"])
    assert list(joined["text"]) == texts * 2 + texts[:2] + texts[2:3]
    assert list(joined["index"]) == list(range(2 * number + 3))
    # Only repetitions share audio.
    audio = list(joined["audio_index"])
    assert audio[:number] == audio[number : 2 * number]
    assert len(set(audio)) == number + 3
    collator = DataCollatorForCTC(processor, cache_audio=True)
    first = collator([joined[0]])
    again = collator([{**joined[number], "audio": {"bytes": b"not read again", "path": None}}])
    assert torch.equal(first["input_features"], again["input_features"])


def test_a_set_without_a_teacher_joins_one_with(processor: BiGRUCTCProcessor, parquet_dir: Path) -> None:
    dataset, _ = filter_utterances(load_speech_dataset(parquet_dir, split="train.100"), processor, with_index=True)
    packed = [pack_features(np.full((30, 2), number)) for number in range(len(dataset))]
    taught = dataset.add_column("teacher_features", packed)
    nothing = [None] * len(dataset)
    assert list(join_training_sets(dataset, [taught])["teacher_features"]) == nothing + packed
    assert list(join_training_sets(taught, [dataset], repeats=2)["teacher_features"]) == packed * 2 + nothing


def test_features_of_a_teacher_are_those_of_the_frames(processor: BiGRUCTCProcessor) -> None:
    """Features that are the time in seconds: a frame of sped-up speech has those of a later moment."""
    seconds = pack_features((0.02 * np.arange(51))[:, None])
    rows = [
        {"audio": {"array": make_waveform(0, 16_000), "sampling_rate": RATE_HZ}, "text": "A", "index": number}
        for number in range(3)
    ]
    rows[0]["teacher_features"] = rows[1]["teacher_features"] = seconds
    rows[1]["audio"] = {"array": make_waveform(0, 8_000), "sampling_rate": RATE_HZ}
    for factor in (0.8, 1.0, 1.25):
        batch = DataCollatorForCTC(processor, speed_factors=[factor], teacher_size=1)(rows)
        lengths = batch["attention_mask"].sum(-1)
        features, mask = batch["teacher_features"], batch["teacher_mask"]
        assert features.shape == (*batch["attention_mask"].shape, 1)
        assert torch.equal(mask[:2], batch["attention_mask"][:2])
        assert not mask[2].any()
        assert not features[2].any()
        for row in range(2):
            expected = np.arange(int(lengths[row])) * 0.02 * factor
            found = features[row, : int(lengths[row]), 0].numpy()
            np.testing.assert_allclose(found, expected.clip(max=1.0), atol=1e-3)
    # The last frame is of the last moment of half a second of audio, at whatever speed.
    assert found[-1] < 0.52


def test_features_of_a_teacher_follow_frames_that_begin_later(processor: BiGRUCTCProcessor) -> None:
    seconds = pack_features((0.02 * np.arange(51))[:, None])
    audio = {"array": make_waveform(0, 16_000), "sampling_rate": RATE_HZ}
    rows = [{"audio": audio, "text": "A", "teacher_features": seconds, "index": number} for number in range(8)]
    collator = DataCollatorForCTC(processor, speed_factors=[1.25], random_offset=True, teacher_size=1)
    starts_s = collator(rows)["teacher_features"][:, 0, 0]
    offsets = [collator._augment(audio["array"], row)[1].offset for row in rows]
    np.testing.assert_allclose(starts_s, 1.25 * np.array(offsets) / RATE_HZ, atol=1e-4)
    assert starts_s.max() > 0.01


def test_features_of_another_size_are_refused(processor: BiGRUCTCProcessor) -> None:
    row = {"audio": {"array": make_waveform(0), "sampling_rate": RATE_HZ}, "text": "A", "index": 0, "id": "a"}
    row["teacher_features"] = pack_features(np.ones((25, 4)))
    with pytest.raises(ValueError, match=r"Utterance 'a' has 4 features .* others have 3; teach all data sets with"):
        DataCollatorForCTC(processor, teacher_size=3)([row])


def test_features_of_a_teacher_are_for_training_alone(processor: BiGRUCTCProcessor) -> None:
    row = {
        "audio": {"array": make_waveform(0), "sampling_rate": RATE_HZ},
        "text": "A",
        "teacher_features": pack_features(np.ones((25, 3))),
    }
    assert "teacher_features" not in DataCollatorForCTC(processor, teacher_size=3)([row])
    assert "teacher_features" not in DataCollatorForCTC(processor)([row | {"index": 0}])
    assert "teacher_features" in DataCollatorForCTC(processor, teacher_size=3)([row | {"index": 0}])


def test_no_repetition_at_all_is_refused(processor: BiGRUCTCProcessor, parquet_dir: Path) -> None:
    dataset, _ = filter_utterances(load_speech_dataset(parquet_dir, split="train.100"), processor, with_index=True)
    with pytest.raises(ValueError, match="repeats is 0"):
        join_training_sets(dataset, repeats=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warp_range": (0.0, 1.0)}, r"warp_range is \(0.0, 1.0\)"),
        ({"warp_range": (1.1, 0.9)}, "the lower one first"),
        ({"warp_range": (1.1,)}, "give two positive factors"),
        ({"noise_prob": 1.5}, "noise_prob is 1.5"),
        ({"reverberation_prob": -0.5}, "reverberation_prob is -0.5"),
    ],
)
def test_augmentation_that_is_none_is_refused(
    options: dict[str, Any], message: str, processor: BiGRUCTCProcessor
) -> None:
    with pytest.raises(ValueError, match=message):
        DataCollatorForCTC(processor, **options)


@pytest.mark.parametrize("factors", [[0.0], [1.0, -0.9]])
def test_speeds_that_are_none_are_refused(factors: list[float], processor: BiGRUCTCProcessor) -> None:
    with pytest.raises(ValueError, match="a speed must be positive"):
        DataCollatorForCTC(processor, speed_factors=factors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"audio": {"bytes": b"no audio", "path": None}}, "", id="broken-audio"),
        pytest.param({"audio": {"array": np.zeros(0), "sampling_rate": RATE_HZ}}, "", id="empty-audio"),
        pytest.param({"audio": {"bytes": None, "path": "/nowhere.flac"}}, "nowhere.flac", id="missing-file"),
        pytest.param({"audio": 5}, "The audio column holds a int", id="no-audio"),
    ],
)
def test_an_unusable_utterance_is_named(change: dict[str, Any], message: str, processor: BiGRUCTCProcessor) -> None:
    rows = make_rows()
    rows[2] |= change
    with pytest.raises(ValueError, match=f"Utterance '19-198-0002' cannot be used: .*{message}"):
        DataCollatorForCTC(processor)(rows)
    without_id = [{name: value for name, value in row.items() if name != "id"} for row in rows]
    with pytest.raises(ValueError, match="Utterance 2 cannot be used"):
        DataCollatorForCTC(processor)(without_id)


def test_a_text_that_does_not_fit_is_named(processor: BiGRUCTCProcessor) -> None:
    rows = make_rows()
    rows[1]["text"] = "L" * 40
    with pytest.raises(ValueError, match=r"text of utterance 1, 'LLL.*needs 79 frames.*has 30"):
        DataCollatorForCTC(processor)(rows)


def test_processes_share_the_utterances_of_like_length_out(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    """Each process draws the same order, whatever its random state, and so they take different utterances."""
    lengths = torch.randint(10, 50, (40,)).tolist()
    arguments = TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True)
    orders = []
    for epoch in (0, 1):
        shares = []
        for process in (0, 1):
            torch.manual_seed(process)
            loader = torch.utils.data.DataLoader(
                range(40), batch_size=4, sampler=LengthGroupedSampler(8, lengths=lengths)
            )
            loader = prepare_data_loader(loader, num_processes=2, process_index=process)
            EpochCallback(DataCollatorForCTC(processor)).on_epoch_begin(
                arguments, TrainerState(epoch=float(epoch)), TrainerControl(), train_dataloader=loader
            )
            shares.append([index for batch in loader for index in batch.tolist()])
        assert sorted(shares[0] + shares[1]) == list(range(40))
        orders.append(shares[0])
    assert orders[0] != orders[1]


@pytest.mark.parametrize(("epoch", "expected"), [(None, 0), (0, 0), (2.0, 2), (2.75, 2)])
def test_the_callback_tells_the_epoch(
    epoch: float | None, expected: int, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    collator = DataCollatorForCTC(processor)
    arguments = TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True)
    EpochCallback(collator).on_epoch_begin(arguments, TrainerState(epoch=epoch), TrainerControl())
    assert collator.epoch == expected
