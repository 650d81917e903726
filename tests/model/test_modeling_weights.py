"""Weights: how they are initialised, saved and loaded, by every door."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from small_network import LENGTHS, make_batch, make_model, new_model
from torch import nn
from transformers import Trainer, TrainingArguments

from hf_bigru_asr import BiGRUForCTC, BiGRUModel


def assert_properly_initialised(gru: nn.GRU, tolerance: float) -> None:
    """Orthogonal recurrent and Xavier input weights, per gate, and zero biases."""
    for name, parameter in gru.named_parameters():
        weight = parameter.detach().float()
        if name.startswith("bias"):
            assert (weight == 0).all(), name
            continue
        for block in weight.chunk(3):
            if name.startswith("weight_hh"):
                torch.testing.assert_close(block @ block.T, torch.eye(len(block)), atol=tolerance, rtol=0)
            else:
                bound = math.sqrt(6 / sum(block.shape))
                assert 0.8 * bound < block.abs().max() <= bound * (1 + tolerance), name
                assert block.std() == pytest.approx(bound / math.sqrt(3), rel=0.35), name


def test_new_weights() -> None:
    model = new_model()
    for layer in model.bigru.layers:
        assert_properly_initialised(layer, 1e-5)
    assert (model.lm_head.bias == 0).all()
    bound = math.sqrt(6 / (10 + 6))
    assert 0.8 * bound < model.lm_head.weight.abs().max() <= bound


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("missing", ["layers.1", "layers.0.weight_hh_l0_reverse", "bias", "lm_head", ""])
def test_missing_keys_are_initialised(missing: str, dtype: torch.dtype, tmp_path: Path) -> None:
    saved = make_model()
    for parameter in saved.parameters():
        nn.init.uniform_(parameter, 2, 3)
    saved.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if missing not in name}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})

    model, report = BiGRUForCTC.from_pretrained(tmp_path, dtype=dtype, output_loading_info=True)

    assert set(report["missing_keys"]) == weights.keys() - kept.keys()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert parameter.dtype == dtype
        if name in kept:
            assert torch.equal(parameter, kept[name].to(dtype)), name
        elif "bias" in name:
            assert (parameter == 0).all(), name
        elif "weight_hh" in name:
            for block in parameter.detach().float().chunk(3):
                torch.testing.assert_close(block @ block.T, torch.eye(5), atol=0.02, rtol=0)
        else:
            assert parameter.abs().max() < 2, name
            assert parameter.float().std() > 0.1, name


def test_the_encoder_alone_loads_from_a_recogniser(tmp_path: Path) -> None:
    model = make_model()
    model.save_pretrained(tmp_path)
    encoder = BiGRUModel.from_pretrained(tmp_path)
    assert {name: weight.tolist() for name, weight in encoder.state_dict().items()} == {
        name: weight.tolist() for name, weight in model.bigru.state_dict().items()
    }


@pytest.mark.parametrize("device_map", ["cpu", "auto", {"": "cpu"}], ids=str)
def test_device_map(device_map: str | dict[str, str], tmp_path: Path) -> None:
    model = make_model().eval()
    model.save_pretrained(tmp_path)
    loaded = BiGRUForCTC.from_pretrained(tmp_path, device_map=device_map)
    features, mask = make_batch(LENGTHS)
    device = loaded.device
    outputs = loaded(features.to(device), attention_mask=mask.to(device)).logits.cpu()
    torch.testing.assert_close(outputs, model(features, attention_mask=mask).logits, atol=1e-5, rtol=0)


def share_one_storage(model: BiGRUForCTC) -> None:
    """Make each layer's parameters views of one flat tensor, as cuDNN does on a GPU."""
    for layer in model.bigru.layers:
        parameters = list(layer.parameters())
        flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.data = part.view_as(parameter)
        assert len({parameter.untyped_storage().data_ptr() for parameter in parameters}) == 1


def save_with_accelerate(model: BiGRUForCTC, folder: Path) -> None:
    Accelerator(cpu=True).save_model(model, folder)
    model.config.save_pretrained(folder)


def save_with_trainer(model: BiGRUForCTC, folder: Path) -> None:
    arguments = TrainingArguments(output_dir=str(folder), report_to=[], use_cpu=True)
    Trainer(model, arguments, train_dataset=[{}]).save_model()


@pytest.mark.parametrize(
    "save",
    [BiGRUForCTC.save_pretrained, save_with_accelerate, save_with_trainer],
    ids=["save_pretrained", "accelerate", "trainer"],
)
def test_weights_in_one_storage_are_all_saved(save: Callable[[BiGRUForCTC, Path], None], tmp_path: Path) -> None:
    model = make_model()
    expected = {name: weight.clone() for name, weight in model.state_dict().items()}
    share_one_storage(model)
    save(model, tmp_path)
    assert load_file(tmp_path / "model.safetensors").keys() == expected.keys()
    loaded = BiGRUForCTC.from_pretrained(tmp_path)
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, expected[name]), name


def test_accelerate_resumes_weights_in_one_storage(tmp_path: Path) -> None:
    model = make_model()
    expected = {name: weight.clone() for name, weight in model.state_dict().items()}
    share_one_storage(model)
    accelerator = Accelerator(cpu=True)
    prepared = accelerator.prepare(model)
    accelerator.save_state(tmp_path)
    for parameter in model.parameters():
        parameter.data.zero_()
    accelerator.load_state(tmp_path)
    for name, weight in prepared.state_dict().items():
        assert torch.equal(weight, expected[name]), name


def test_state_dict_holds_the_weights_themselves() -> None:
    model = make_model()
    for name, weight in model.state_dict().items():
        assert weight.data_ptr() == model.get_parameter(name).data_ptr(), name
    share_one_storage(model)
    for name, weight in model.state_dict(keep_vars=True).items():
        assert weight is model.get_parameter(name), name


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_equals_cpu_and_its_weights_are_saved(tmp_path: Path) -> None:
    model = make_model()
    features, mask = make_batch([*LENGTHS, 0], 15)
    labels = torch.tensor([[1, 2], [3, -100], [4, 5], [1, 1], [2, -100], [-100, -100]])
    expected = model(features, attention_mask=mask, labels=labels)
    expected.loss.backward()
    expected_grads = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    model.cuda()
    outputs = model(features.cuda(), attention_mask=mask.cuda(), labels=labels.cuda())
    outputs.loss.backward()
    grads = {name: parameter.grad.cpu() for name, parameter in model.named_parameters()}
    torch.testing.assert_close(outputs.logits.cpu(), expected.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(grads, expected_grads, atol=1e-3, rtol=1e-3)

    model.save_pretrained(tmp_path)
    loaded = BiGRUForCTC.from_pretrained(tmp_path).cuda().train()
    again = loaded(features.cuda(), attention_mask=mask.cuda()).logits
    torch.testing.assert_close(again, outputs.logits, atol=1e-5, rtol=0)
    accelerator = Accelerator()
    prepared = accelerator.prepare(loaded)
    accelerator.save_state(tmp_path / "state")
    before = {name: weight.clone() for name, weight in prepared.state_dict().items()}
    for parameter in loaded.parameters():
        parameter.data.zero_()
    accelerator.load_state(tmp_path / "state")
    assert all(torch.equal(weight, before[name]) for name, weight in prepared.state_dict().items())
