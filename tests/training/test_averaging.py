"""Means of checkpoints, against the mean computed by hand."""

import re
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUForCTC, bundled_checkpoint
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.training.averaging import average_checkpoints


def save(folder: Path, model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> Path:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def test_the_mean_of_three_checkpoints(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    folders, weights = [], []
    for number in range(3):
        torch.manual_seed(number)
        model = BiGRUForCTC(tiny_model.config)
        folders.append(save(tmp_path / str(number), model, processor))
        weights.append(model.state_dict())
    ConfidenceModel((1.0,) * len(FEATURES), 0.0).save(folders[-1])

    average_checkpoints(folders, tmp_path / "mean")

    mean = BiGRUForCTC.from_pretrained(tmp_path / "mean").state_dict()
    assert mean.keys() == weights[0].keys()
    for name, value in mean.items():
        torch.testing.assert_close(value, (weights[0][name] + weights[1][name] + weights[2][name]) / 3)
    saved = BiGRUCTCProcessor.from_pretrained(tmp_path / "mean")
    assert saved.feature_extractor.to_dict() == processor.feature_extractor.to_dict()
    assert saved.confidence_file is None  # that of the last checkpoint holds for it alone


def test_the_mean_of_checkpoints_of_less_precision_is_exact(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    folders, weights = [], []
    for number in range(2):
        torch.manual_seed(number)
        model = BiGRUForCTC(tiny_model.config).to(torch.bfloat16)
        folders.append(save(tmp_path / str(number), model, processor))
        weights.append(model.state_dict())

    average_checkpoints(folders, tmp_path / "mean")

    for name, value in load_file(tmp_path / "mean" / "model.safetensors").items():
        torch.testing.assert_close(value, (weights[0][name].float() + weights[1][name].float()) / 2)


def test_a_checkpoint_of_the_trainer_and_the_bundled_model(tmp_path: Path) -> None:
    source = bundled_checkpoint()
    model, processor = BiGRUForCTC.from_pretrained(source), BiGRUCTCProcessor.from_pretrained(source)
    processor.feature_extractor.auto_map = {"AutoFeatureExtractor": "where.TheCodeLies"}
    average_checkpoints(["bundled", save(tmp_path / "trained", model, processor)], tmp_path / "mean")
    for name, value in BiGRUForCTC.from_pretrained(tmp_path / "mean").state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name])


def test_a_network_that_was_trained_on_with_a_prior_and_other_frames(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    size = processor.feature_extractor.feature_size
    prior = {"prior_frames": 100, "prior_std": [2.0] * size, "prior_mean": [-5.0] * size}
    changes = {**prior, "hop_length": 384, "win_length": 640}
    values = processor.feature_extractor.to_dict() | changes
    later = BiGRUCTCProcessor(BiGRUCTCFeatureExtractor.from_dict(values), processor.tokenizer)
    before = save(tmp_path / "before", tiny_model, processor)
    tiny_model.config.inputs_to_logits_ratio = 384
    average_checkpoints([before, save(tmp_path / "after", tiny_model, later)], tmp_path / "mean")
    features = BiGRUCTCProcessor.from_pretrained(tmp_path / "mean").feature_extractor.to_dict()
    assert {name: features[name] for name in changes} == changes
    assert BiGRUForCTC.from_pretrained(tmp_path / "mean").config.inputs_to_logits_ratio == 384

    average_checkpoints([before, tmp_path / "after"], tmp_path / "between", hop_length=352)
    extractor = BiGRUCTCProcessor.from_pretrained(tmp_path / "between").feature_extractor
    assert (extractor.hop_length, extractor.win_length, extractor.prior_frames) == (352, 640, 100)
    assert BiGRUForCTC.from_pretrained(tmp_path / "between").config.inputs_to_logits_ratio == 352


def test_what_cannot_be_averaged(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no checkpoint"):
        average_checkpoints([], tmp_path / "mean")
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; give a model folder"):
        average_checkpoints([tmp_path / "nowhere"], tmp_path / "mean")
    folder = save(tmp_path / "model", tiny_model, processor)
    with pytest.raises(ValueError, match="hop_length is 0; it must be a whole number, at least 1"):
        average_checkpoints([folder], tmp_path / "mean", hop_length=0)
    with pytest.raises(ValueError, match=r"hop_length 2000; neither may exceed n_fft \(1024\)"):
        average_checkpoints([folder], tmp_path / "mean", hop_length=2000)
    mels = BiGRUCTCFeatureExtractor(fmin=100.0)
    other = save(tmp_path / "other", tiny_model, BiGRUCTCProcessor(mels, processor.tokenizer))
    with pytest.raises(ValueError, match=rf"{re.escape(str(folder))} has another network or other features"):
        average_checkpoints([folder, other], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_the_mean_can_take_the_place_of_one_of_its_inputs(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = save(tmp_path / "first", tiny_model, processor)
    torch.manual_seed(5)
    second = save(tmp_path / "second", BiGRUForCTC(tiny_model.config), processor)
    ConfidenceModel((1.0,) * len(FEATURES), 0.0).save(second)
    (second / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in second.iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patched:
        patched.setattr(BiGRUCTCProcessor, "save_pretrained", fail)
        with pytest.raises(OSError, match=r"No space left on device; what was finished before is kept: '.*second'"):
            average_checkpoints([first, second], second)
    assert {path.name: path.read_bytes() for path in second.iterdir()} == before

    average_checkpoints([first, second], second)

    mean = load_file(second / "model.safetensors")
    for name, value in load_file(first / "model.safetensors").items():
        torch.testing.assert_close(2 * mean[name] - value, safetensors.torch.load(before["model.safetensors"])[name])
    assert {path.name for path in second.iterdir()} == before.keys() - {"confidence.json"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
