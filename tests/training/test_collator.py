"""Batches for training: what augmentation makes of them, and what it depends on."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.data_loader import prepare_data_loader
from speech_rows import RATE_HZ, make_rows, make_waveform
from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from hf_bigru_asr import BiGRUCTCProcessor
from hf_bigru_asr.data.augmentation import mel_warp_matrix
from hf_bigru_asr.data.teacher_features import pack_features
from hf_bigru_asr.training.collator import DataCollatorForCTC, EpochCallback


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


def test_workers_that_stay_hear_of_the_next_epoch(processor: BiGRUCTCProcessor) -> None:
    rows = [{**row, "index": index} for index, row in enumerate(make_rows())]

    def epochs(persistent: bool) -> list[torch.Tensor]:
        collator = DataCollatorForCTC(processor, speed_factors=(0.8, 0.9, 1.1, 1.2), seed=1)
        loader = torch.utils.data.DataLoader(
            rows, 4, collate_fn=collator, num_workers=1, persistent_workers=persistent
        )
        features = []
        for epoch in range(2):
            collator.epoch = epoch
            features += [batch["input_features"] for batch in loader]
        return features

    first, second = epochs(persistent=True)
    assert not torch.equal(first, second)
    assert all(torch.equal(*pair) for pair in zip((first, second), epochs(persistent=False), strict=True))


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

    shares = ("noise_prob", "reverberation_prob", "telephone_prob", "level_prob")
    for options in ({share: 1.0} for share in shares):
        assert len(augmented(**options)) == len(waveform)
        assert np.array_equal(augmented(**options), augmented(**options))
        assert not np.array_equal(augmented(**options), waveform)
        assert not np.array_equal(augmented(**options), augmented(epoch=1, **options))
        assert not np.array_equal(augmented(**options), augmented(index=6, **options))
    changed = [not np.array_equal(augmented(index=i, noise_prob=0.5), waveform) for i in range(200)]
    assert 70 < sum(changed) < 130


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


def test_silence_around_speech_has_no_features_of_a_teacher(processor: BiGRUCTCProcessor) -> None:
    seconds = pack_features((0.02 * np.arange(51))[:, None])
    audio = {"array": make_waveform(0, 16_000), "sampling_rate": RATE_HZ}
    rows = [{"audio": audio, "text": "A", "teacher_features": seconds, "index": number} for number in range(8)]
    collator = DataCollatorForCTC(processor, silence_prob=1.0, random_offset=True, teacher_size=1)
    batch = collator(rows)
    offsets = [collator._augment(audio["array"], row, True)[1].offset for row in rows]
    assert min(offsets) < -3200 < 0 < max(offsets)
    for row, offset in enumerate(offsets):
        times_s = offset / RATE_HZ + 0.02 * np.arange(batch["attention_mask"].shape[1])
        within = (times_s >= 0) & (times_s < 1.0) & (batch["attention_mask"][row].numpy() == 1)
        mask = batch["teacher_mask"][row].numpy() == 1
        assert mask[within].all()
        assert not mask[(times_s < 0) | (times_s > 1.2)].any()
        np.testing.assert_allclose(batch["teacher_features"][row, within, 0], times_s[within], atol=2e-3)


def test_silence_is_around_all_of_a_batch_or_none(processor: BiGRUCTCProcessor) -> None:
    audio = {"array": make_waveform(0, 8_000), "sampling_rate": RATE_HZ}
    collator = DataCollatorForCTC(processor, silence_prob=0.5)
    longer = []
    for batch in range(40):
        rows = [{"audio": audio, "text": "A", "index": 10 * batch + number} for number in range(4)]
        lengths = collator(rows)["attention_mask"].sum(-1)
        longer.append(int((lengths > 26).sum()))
        assert torch.equal(collator(rows)["attention_mask"].sum(-1), lengths)
    assert 10 < longer.count(0) < 30
    assert all(number >= 2 for number in longer if number)
    without_index = [{name: value for name, value in row.items() if name != "index"} for row in rows]
    assert int(DataCollatorForCTC(processor, silence_prob=1.0)(without_index)["attention_mask"].sum(-1).max()) <= 26


def test_sounds_without_speech_have_no_text(processor: BiGRUCTCProcessor) -> None:
    row = make_rows()[0] | {"index": 1, "teacher_features": pack_features(np.ones((25, 3)))}
    batch = DataCollatorForCTC(processor, speechless_prob=1.0, teacher_size=3)([row])
    assert batch["labels"].shape[1] == 0 or (batch["labels"] == -100).all()
    assert not batch["teacher_mask"].any()
    assert batch["attention_mask"].sum() >= 2 * RATE_HZ / 320


def test_conditions_that_are_off_draw_nothing(processor: BiGRUCTCProcessor) -> None:
    """A seed gives the frames that it gave before there were other conditions."""
    row = make_rows()[0] | {"index": 4}
    rng = np.random.default_rng((0, 0, 4))
    rng.random(3)  # warp, room, noise
    change = DataCollatorForCTC(processor, random_offset=True)._augment(make_waveform(1, 16_000), row)[1]
    assert change.offset == int(rng.integers(320))


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warp_range": (0.0, 1.0)}, r"warp_range is \(0.0, 1.0\)"),
        ({"warp_range": (1.1, 0.9)}, "the lower one first"),
        ({"warp_range": (1.1,)}, "give two positive factors"),
        ({"noise_prob": 1.5}, "noise_prob is 1.5"),
        ({"reverberation_prob": -0.5}, "reverberation_prob is -0.5"),
        ({"silence_prob": 2.0}, "silence_prob is 2.0"),
        ({"speechless_prob": -1.0}, "speechless_prob is -1.0"),
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
        pytest.param({"audio": None}, "The audio column holds a NoneType", id="null-audio"),
        pytest.param({"text": None}, "The text column holds a NoneType", id="null-text"),
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
