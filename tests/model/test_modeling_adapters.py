"""Adapters of PEFT on the network: on the output layer, and on the recurrent weights."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from small_network import LABELS, make_batch, new_model

ON = {
    "lm_head": {"target_modules": ["lm_head"]},
    "all-linear": {"target_modules": "all-linear"},
    "recurrent weights": {
        "target_parameters": [f"layers.{layer}.weight_hh_l0{way}" for layer in range(3) for way in ("", "_reverse")]
    },
    "both": {"target_modules": ["lm_head"], "target_parameters": ["layers.0.weight_hh_l0"]},
}


@pytest.mark.parametrize("where", ON)
def test_an_adapter_learns_is_saved_and_loaded(where: str, tmp_path: Path) -> None:
    base = new_model().eval()
    weights = {name: weight.clone() for name, weight in base.state_dict().items()}
    features, mask = make_batch([13, 1, 6, 13, 2])
    untouched = base(features, mask).logits
    adapted = get_peft_model(base, LoraConfig(r=2, **ON[where]))
    optimizer = torch.optim.SGD([each for each in adapted.parameters() if each.requires_grad], lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        adapted(input_features=features, attention_mask=mask, labels=LABELS).loss.backward()
        optimizer.step()
    learnt = adapted(input_features=features, attention_mask=mask).logits
    assert (learnt - untouched)[mask.bool()].abs().max() > 1e-4
    adapted.save_pretrained(tmp_path)

    fresh = new_model().eval()
    fresh.load_state_dict(weights)
    loaded = PeftModel.from_pretrained(fresh, tmp_path)
    torch.testing.assert_close(loaded(input_features=features, attention_mask=mask).logits, learnt)
    merged = loaded.merge_and_unload()
    torch.testing.assert_close(merged(features, mask).logits, learnt, atol=1e-5, rtol=1e-4)
    assert merged.state_dict().keys() == weights.keys()
