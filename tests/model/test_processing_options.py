"""Options of the processor's call: of audio, of text, and of both; and copies of the processor."""

import copy
import pickle

import numpy as np
import pytest
import torch

from hf_bigru_asr import BiGRUCTCProcessor

AUDIO = np.random.default_rng(0).normal(0, 0.1, 3200).astype(np.float32)


def test_options_reach_audio_and_labels(processor: BiGRUCTCProcessor) -> None:
    batch = processor(audio=AUDIO, text="AB", sampling_rate=16_000, padding="max_length", max_length=20)
    assert batch["input_features"].shape == (1, 20, 128)
    assert batch["labels"].tolist() == [[3, 4] + [-100] * 18]
    nested = processor(
        audio=AUDIO,
        text="AB",
        audio_kwargs={"sampling_rate": 16_000, "pad_to_multiple_of": 8},
        text_kwargs={"padding": "max_length", "max_length": 3},
        common_kwargs={"return_tensors": "np"},
    )
    assert nested["input_features"].shape == (1, 16, 128)
    assert nested["labels"].tolist() == [[3, 4, -100]]
    assert nested["labels"].dtype == np.int64


def test_labels_are_never_cut(processor: BiGRUCTCProcessor) -> None:
    with pytest.raises(ValueError, match="needs 6 frames"):
        processor(audio=AUDIO, text="HELLO", sampling_rate=16_000, truncation=True, padding="max_length", max_length=3)


def test_an_option_twice_is_refused(processor: BiGRUCTCProcessor) -> None:
    with pytest.raises(ValueError, match="padding was passed two times"):
        processor(audio=AUDIO, text="AB", sampling_rate=16_000, padding=True, text_kwargs={"padding": False})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_copy_does_the_same(copied: object, processor: BiGRUCTCProcessor) -> None:
    processor.tokenizer.add_tokens(["Ä"])
    made = copied(processor)
    options = {"audio": AUDIO, "text": "ÄB", "sampling_rate": 16_000}
    for name, values in processor(**options).items():
        assert torch.equal(made(**options)[name], values), name
    assert made.to_dict() == processor.to_dict()
