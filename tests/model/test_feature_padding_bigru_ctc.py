"""Padding of features that were computed, and perhaps padded, before."""

import numpy as np
import pytest
import torch
from datasets import Dataset

from hf_bigru_asr import BiGRUCTCProcessor

RATE_HZ = 16_000
FRAMES = [9, 4, 7]


def clips() -> list[list[float]]:
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, 320 * frames).tolist() for frames in FRAMES]


@pytest.mark.parametrize("columns", [["input_features"], ["input_features", "attention_mask"]], ids=len)
def test_padding_of_a_mapped_data_set_is_no_speech(columns: list[str], processor: BiGRUCTCProcessor) -> None:
    rows = Dataset.from_dict({"audio": clips(), "text": ["HELLO", "A", ""]})
    options = {"sampling_rate": RATE_HZ}
    mapped = rows.map(
        processor,
        batched=True,
        batch_size=2,
        input_columns=["audio", "text"],
        fn_kwargs=options,
        remove_columns=["audio"],
    )
    assert [len(frames) for frames in mapped["input_features"]] == [9, 9, 7]
    features = [{name: row[name] for name in columns} for row in mapped]
    batch = processor.pad(features, labels=[{"input_ids": row["labels"]} for row in mapped])
    expected = processor(audio=clips(), text=["HELLO", "A", ""], sampling_rate=RATE_HZ)
    assert batch["attention_mask"].sum(-1).tolist() == FRAMES
    for name, values in expected.items():
        assert torch.equal(batch[name], values), name


@pytest.mark.parametrize("kind", [list, np.asarray, torch.from_numpy], ids=["list", "array", "tensor"])
def test_silence_keeps_a_frame_and_speech_all(kind: object, processor: BiGRUCTCProcessor) -> None:
    frames = np.random.default_rng(0).normal(size=(5, 128)).astype(np.float32)
    inner = frames.copy()
    inner[1:3] = 0
    silence = np.zeros((5, 128), dtype=np.float32)
    batch = processor.feature_extractor.pad({"input_features": [kind(each) for each in (frames, inner, silence)]})
    assert [mask.tolist() for mask in batch["attention_mask"]] == [[1] * 5, [1] * 5, [1, 0, 0, 0, 0]]


def test_without_masks_there_is_none(processor: BiGRUCTCProcessor) -> None:
    batch = processor.feature_extractor.pad(
        [{"input_features": np.ones((3, 128))}], return_attention_mask=False, return_tensors="pt"
    )
    assert set(batch) == {"input_features"}


def test_silent_audio_is_valid(processor: BiGRUCTCProcessor) -> None:
    batch = processor(audio=np.zeros(3200), sampling_rate=RATE_HZ)
    assert batch["attention_mask"].tolist() == [[1] * 10]
