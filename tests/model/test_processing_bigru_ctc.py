"""The processor: audio and text become model inputs, and ids become text."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoProcessor, AutoTokenizer

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer

RATE_HZ = 16_000
HOP = 320


def clip(num_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.1, num_frames * HOP).astype(np.float32)


def test_audio_alone_gives_the_features_of_the_extractor(processor: BiGRUCTCProcessor) -> None:
    clips = [clip(5), clip(9)]
    batch = processor(clips, sampling_rate=RATE_HZ)
    expected = processor.feature_extractor(clips, sampling_rate=RATE_HZ, return_tensors="pt")
    assert set(batch) == {"input_features", "attention_mask"}
    assert torch.equal(batch["input_features"], expected["input_features"])
    assert torch.equal(batch["attention_mask"], expected["attention_mask"])


def test_text_alone_gives_the_ids_of_the_tokenizer(processor: BiGRUCTCProcessor) -> None:
    batch = processor(text=["HELLO", "A B"])
    assert batch["input_ids"].tolist() == [[10, 7, 14, 14, 17], [3, 1, 4, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert processor(text="AB")["input_ids"].tolist() == [[3, 4]]
    assert processor(text="AB", return_tensors=None)["input_ids"] == [3, 4]


@pytest.mark.parametrize(("return_tensors", "kind"), [("pt", torch.Tensor), ("np", np.ndarray)])
def test_audio_and_text_give_labels(processor: BiGRUCTCProcessor, return_tensors: str, kind: type) -> None:
    batch = processor(
        audio=[clip(9), clip(5), clip(7)],
        text=["hello", "", "A B"],
        sampling_rate=RATE_HZ,
        return_tensors=return_tensors,
    )
    assert set(batch) == {"input_features", "attention_mask", "labels"} == set(processor.model_input_names)
    assert all(isinstance(value, kind) for value in batch.values())
    assert batch["labels"].tolist() == [[10, 7, 14, 14, 17], [-100] * 5, [3, 1, 4, -100, -100]]
    assert str(batch["labels"].dtype).endswith("int64")


def test_one_utterance_with_its_text(processor: BiGRUCTCProcessor) -> None:
    batch = processor(clip(9), "AB", sampling_rate=RATE_HZ)
    assert batch["input_features"].shape == (1, 9, 128)
    assert batch["labels"].tolist() == [[3, 4]]


@pytest.mark.parametrize("padding", [True, False])
def test_lists_without_tensors(processor: BiGRUCTCProcessor, padding: bool) -> None:
    batch = processor([clip(9), clip(4)], ["HELLO", "AB"], sampling_rate=RATE_HZ, padding=padding, return_tensors=None)
    assert [len(row) for row in batch["input_features"]] == [9, 9 if padding else 4]
    assert batch["labels"] == [[10, 7, 14, 14, 17], [3, 4]]


def test_options_reach_the_feature_extractor(processor: BiGRUCTCProcessor) -> None:
    batch = processor([clip(9), clip(5)], sampling_rate=RATE_HZ, pad_to_multiple_of=8, device="cpu")
    assert batch["input_features"].shape == (2, 16, 128)


# "LL" needs three frames: one for each letter and one for the blank between them.
@pytest.mark.parametrize(("text", "needed"), [("LL", 3), ("HELLO", 6), ("A  B", 5), ("AB", 2), ("", 0)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_tensors": "np"},
        {"return_tensors": None},
        {"return_tensors": None, "padding": False},
        {"padding": "max_length", "max_length": 30},
    ],
    ids=str,
)
def test_a_text_must_fit_into_its_audio(processor: BiGRUCTCProcessor, text: str, needed: int, options: dict) -> None:
    fitting = [clip(20), clip(max(needed, 1))]
    processor(fitting, ["A", text], sampling_rate=RATE_HZ, **options)
    if needed > 1:
        message = rf"text of utterance 1, '{text}', needs {needed} frames, .* but its audio has {needed - 1}\. Check"
        with pytest.raises(ValueError, match=message):
            processor([clip(20), clip(needed - 1)], ["A", text], sampling_rate=RATE_HZ, **options)


def test_the_text_must_fit_into_truncated_audio(processor: BiGRUCTCProcessor) -> None:
    with pytest.raises(ValueError, match=r"needs 6 frames, .* has 5"):
        processor(clip(20), "HELLO", sampling_rate=RATE_HZ, max_length=5, truncation=True)


def test_the_mask_is_not_needed_for_the_labels(processor: BiGRUCTCProcessor) -> None:
    batch = processor(clip(9), "AB", sampling_rate=RATE_HZ, return_attention_mask=False)
    assert set(batch) == {"input_features", "labels"}
    with pytest.raises(ValueError, match=r"needs 6 frames, .* has 5"):
        processor(clip(5), "HELLO", sampling_rate=RATE_HZ, return_attention_mask=False)


@pytest.mark.parametrize(
    ("audio", "text", "message"),
    [
        (None, None, "Neither audio nor text was given; give audio=, text= or both"),
        ([clip(9), clip(9)], ["A"], "There are 2 utterances and 1 texts; give one text each"),
        ([clip(9), clip(9)], "AB", "There are 2 utterances and 1 texts"),
        (clip(9), ["A", "B"], "There are 1 utterances and 2 texts"),
        (clip(9), "A1", r"outside the alphabet: '1' \(U\+0031\)"),
    ],
    ids=["nothing", "too few texts", "one text", "too many texts", "digit"],
)
def test_what_does_not_belong_together_is_refused(
    processor: BiGRUCTCProcessor, audio: object, text: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        processor(audio, text, sampling_rate=RATE_HZ)


# Padding what was computed one by one


def test_pad_equals_the_batch(processor: BiGRUCTCProcessor) -> None:
    clips, texts = [clip(9), clip(5)], ["HELLO", "AB"]
    batch = processor(clips, texts, sampling_rate=RATE_HZ)
    features = [{"input_features": processor(audio, sampling_rate=RATE_HZ)["input_features"][0]} for audio in clips]
    labels = [{"input_ids": processor.tokenizer(text).input_ids} for text in texts]
    padded = processor.pad(features, labels=labels)
    assert set(padded) == set(batch)
    for name in batch:
        assert torch.equal(padded[name], batch[name]), name
    arrays = processor.pad(input_features=features, labels=labels, return_tensors="np")
    assert all(isinstance(value, np.ndarray) for value in arrays.values())
    assert arrays["labels"].tolist() == batch["labels"].tolist()


def test_pad_of_one_kind(processor: BiGRUCTCProcessor) -> None:
    features = [{"input_features": np.ones((frames, 128), dtype=np.float32)} for frames in (2, 4)]
    assert processor.pad(features)["attention_mask"].tolist() == [[1, 1, 0, 0], [1] * 4]
    assert processor.pad(features, pad_to_multiple_of=3)["input_features"].shape == (2, 6, 128)
    labels = processor.pad(labels=[{"input_ids": [3]}, {"input_ids": [4, 5]}])
    assert labels["input_ids"].tolist() == [[3, 0], [4, 5]]
    with pytest.raises(ValueError, match="Neither input_features nor labels were given"):
        processor.pad()


# Ids to text


def test_decoding_is_the_tokenizers(processor: BiGRUCTCProcessor) -> None:
    ids = torch.tensor([[10, 7, 14, 0, 14, 17], [3, 3, 0, 0, 1, 4]])
    assert processor.batch_decode(ids) == ["HELLO", "A B"]
    assert processor.batch_decode(ids, skip_special_tokens=True) == ["HELLO", "A B"]
    assert processor.decode(ids[0]) == "HELLO"
    assert processor.decode(ids[1], output_word_offsets=True).word_offsets == [
        {"word": "A", "start_offset": 0, "end_offset": 2},
        {"word": "B", "start_offset": 5, "end_offset": 6},
    ]


def test_labels_survive_the_round_trip(processor: BiGRUCTCProcessor) -> None:
    texts = ["HELLO", "DON'T  ALL", ""]
    labels = processor([clip(20)] * 3, texts, sampling_rate=RATE_HZ)["labels"]
    labels[labels == -100] = processor.tokenizer.pad_token_id
    assert processor.batch_decode(labels, group_tokens=False) == texts


# Saving


def test_save_and_load(tmp_path: Path) -> None:
    processor = BiGRUCTCProcessor(
        BiGRUCTCFeatureExtractor(normalization="none", hop_length=160), BiGRUCTCTokenizer(do_upper_case=False)
    )
    processor.save_pretrained(tmp_path)
    expected = processor(clip(9), "HELLO", sampling_rate=RATE_HZ)
    for loaded in (BiGRUCTCProcessor.from_pretrained(tmp_path), AutoProcessor.from_pretrained(tmp_path)):
        assert type(loaded) is BiGRUCTCProcessor
        batch = loaded(clip(9), "HELLO", sampling_rate=RATE_HZ)
        for name in expected:
            assert torch.equal(batch[name], expected[name]), name
        with pytest.raises(ValueError, match="outside the alphabet"):
            loaded(text="hello")


def test_the_parts_load_from_the_processors_folder(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    processor.save_pretrained(tmp_path)
    extractor = AutoFeatureExtractor.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert type(extractor) is BiGRUCTCFeatureExtractor
    assert type(tokenizer) is BiGRUCTCTokenizer
    assert extractor.to_dict() == processor.feature_extractor.to_dict()
    assert tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    assert not {path.suffix for path in tmp_path.iterdir()} - {".json", ".py"}, "nothing that unpickles"


def test_forgotten_confidences_do_not_stay_in_the_folder(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    """A network that was trained on, saved where it came from, would find those of its former weights there."""
    processor.save_pretrained(tmp_path)
    (tmp_path / "language_model").mkdir()
    for name in ("lm.binary", "confidence.json", "../confidence.json"):
        (tmp_path / "language_model" / name).write_text("{}")
    loaded = BiGRUCTCProcessor.from_pretrained(tmp_path)
    loaded.forget_confidences()
    loaded.save_pretrained(tmp_path)
    again = BiGRUCTCProcessor.from_pretrained(tmp_path)
    assert again.confidence_file is None
    assert again.language_model == tmp_path / "language_model"
    assert [path.name for path in again.language_model.iterdir()] == ["lm.binary"]


def test_confidences_of_the_new_weights_are_saved(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text('{"bias": 1}')
    processor.forget_confidences()
    processor.confidence_file = tmp_path / "new.json"
    processor.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "confidence.json").read_text() == '{"bias": 1}'


def test_the_dictionaries_of_the_library_are_taken(processor: BiGRUCTCProcessor) -> None:
    audio = np.zeros(3200, dtype=np.float32)

    inputs = processor(audio=audio, audio_kwargs={"sampling_rate": 16_000, "pad_to_multiple_of": 16})
    labels = processor(text=["AB", "A"], text_kwargs={"padding": "max_length", "max_length": 5})

    assert inputs["input_features"].shape == (1, 16, 128)
    assert labels["input_ids"].shape == (2, 5)
    with pytest.raises(ValueError, match="8000 Hz"):
        processor(audio=audio, common_kwargs={"sampling_rate": 8000})
