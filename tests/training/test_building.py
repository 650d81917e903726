"""Processors, models and losses that a run of training begins with."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_language_model import write_language_model
from speech_rows import RATE_HZ, make_waveform
from training_support import TRAINING_ALONE, assert_equal, weights_of

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.training.arguments import CTCTrainingArguments
from hf_bigru_asr.training.building import build_model, build_processor, freeze_layers, with_losses
from hf_bigru_asr.training.mmi import TRANSITIONS_NAME
from hf_bigru_asr.training.modeling import LossSettings, TrainingBiGRUForCTC


def test_a_new_model_fits_its_processor() -> None:
    processor = build_processor(None, hop_length=160, feature_size=40, n_fft=512)
    model = build_model(None, processor, hidden_size=4, num_hidden_layers=1, ctc_zero_infinity=False)
    assert (model.config.num_mel_bins, model.config.inputs_to_logits_ratio) == (40, 160)
    assert (model.config.vocab_size, model.config.pad_token_id) == (29, 0)
    assert model.config.ctc_zero_infinity is False
    inputs = processor(audio=make_waveform(0), sampling_rate=RATE_HZ)
    assert model(**inputs).logits.shape == (1, 50, 29)


def test_a_trained_model_goes_on(model_dir: Path, tiny_model: BiGRUForCTC) -> None:
    processor = build_processor(str(model_dir))
    model = build_model(str(model_dir), processor, hidden_dropout=0.4)
    assert model.config.hidden_dropout == 0.4
    assert model.bigru.dropout.p == 0.4
    assert_equal(weights_of(model), weights_of(tiny_model))
    with pytest.raises(ValueError, match=r"mask_time_prob is 1.5; it must be a finite number"):
        build_model(str(model_dir), processor, mask_time_prob=1.5)


def test_training_on_leaves_out_the_confidences_of_the_network_before(model_dir: Path, tmp_path: Path) -> None:
    folder = write_language_model(model_dir / "language_model")
    confidence = ConfidenceModel((1.0,) * len(FEATURES), 0.0)
    for each in (model_dir, folder):
        confidence.save(each)
    BiGRUCTCProcessor.from_pretrained(model_dir).save_pretrained(tmp_path / "as_it_is")
    assert len(list((tmp_path / "as_it_is").rglob("confidence.json"))) == 2
    build_processor(str(model_dir)).save_pretrained(tmp_path / "trained")
    saved = BiGRUCTCProcessor.from_pretrained(tmp_path / "trained")
    assert saved.beam_search_decoder().confidence is saved.greedy_decoder().confidence is None
    assert saved.beam_search_decoder().settings.beam_size == 200


def test_a_trained_model_goes_on_with_other_frames(model_dir: Path, tiny_model: BiGRUForCTC, tmp_path: Path) -> None:
    processor = build_processor(str(model_dir), hop_length=480, win_length=640)
    build_model(str(model_dir), processor).save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    model, saved = BiGRUForCTC.from_pretrained(tmp_path), BiGRUCTCProcessor.from_pretrained(tmp_path)
    assert_equal(weights_of(model), weights_of(tiny_model))
    assert model.config.inputs_to_logits_ratio == 480
    expected = BiGRUCTCFeatureExtractor(hop_length=480, win_length=640)(make_waveform(0), RATE_HZ).input_features
    assert np.array_equal(saved.feature_extractor(make_waveform(0), RATE_HZ).input_features, expected)


def test_a_pause_lasts_as_long_with_other_frames(model_dir: Path, tmp_path: Path) -> None:
    assert build_processor(None).tokenizer.pause_frames == 150  # 3 s in frames of 20 ms
    assert build_processor(str(model_dir), hop_length=480).tokenizer.pause_frames is None
    BiGRUCTCTokenizer(pause_frames=143).save_pretrained(model_dir)

    build_processor(str(model_dir), hop_length=640).save_pretrained(tmp_path)

    # The model was made for frames of 320 samples.
    assert BiGRUCTCProcessor.from_pretrained(tmp_path).tokenizer.pause_frames == 72


# Losses


def arguments(folder: Path, **losses: object) -> CTCTrainingArguments:
    return CTCTrainingArguments(output_dir=str(folder), **TRAINING_ALONE, **losses)


def test_without_a_loss_it_is_the_model_itself(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    assert with_losses(tiny_model, arguments(tmp_path, word_error_temperature=0.5), processor) is tiny_model


def test_the_losses_of_the_arguments_come_with_what_they_need(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    transitions = torch.full((28**2, 28), 1 / 28)
    save_file({TRANSITIONS_NAME: transitions}, tmp_path / "lm.safetensors")
    given = {"mmi_weight": 0.5, "distillation_weight": 0.7, "consistency_weight": 0.2}
    args = arguments(tmp_path, mmi_lm=str(tmp_path / "lm.safetensors"), **given)
    model = with_losses(tiny_model, args, processor, teacher_size=3)
    assert isinstance(model, TrainingBiGRUForCTC)
    assert model.losses == LossSettings(**given)
    assert torch.equal(model.denominator_lm, transitions)
    assert [head.out_features for head in model.teacher_heads] == [3, 3]
    assert_equal(weights_of(model.plain()), weights_of(tiny_model))
    with pytest.raises(ValueError, match="needs teacher_size"):
        with_losses(tiny_model, args, processor)
    with pytest.raises(FileNotFoundError):
        with_losses(tiny_model, arguments(tmp_path, mmi_weight=1.0, mmi_lm=str(tmp_path / "none")), processor)


def test_the_word_delimiter_is_that_of_the_tokenizer(tmp_path: Path) -> None:
    symbols = ["<pad>", "A", "B", "_"]
    (tmp_path / "vocab.json").write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}))
    tokenizer = BiGRUCTCTokenizer(str(tmp_path / "vocab.json"), word_delimiter_token="_")
    processor = BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(), tokenizer)
    model = with_losses(
        build_model(None, processor, hidden_size=4), arguments(tmp_path, word_error_weight=1.0), processor
    )
    assert isinstance(model, TrainingBiGRUForCTC)
    assert model.word_delimiter_token_id == 3


def test_frozen_layers_keep_their_weights(tiny_model: BiGRUForCTC) -> None:
    freeze_layers(tiny_model, 1)
    tiny_model(torch.randn(1, 9, 128), labels=torch.tensor([[3]])).loss.backward()
    assert all(parameter.grad is None for parameter in tiny_model.bigru.layers[0].parameters())
    assert all(parameter.grad is not None for parameter in tiny_model.bigru.layers[1].parameters())
    with pytest.raises(ValueError, match="num_frozen_layers is 3; the model has 2 layers"):
        freeze_layers(tiny_model, 3)
