"""Classes of the output: new symbols, fewer symbols, and no embeddings of tokens."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_network import make_batch, make_model

from hf_bigru_asr import BiGRUCTCTokenizer, BiGRUForCTC


def test_there_are_no_embeddings_of_tokens() -> None:
    model = make_model()
    assert model.get_input_embeddings() is None
    assert model.get_output_embeddings() is None
    assert model.bigru.get_input_embeddings() is None


@pytest.mark.parametrize("num_classes", [9, 6, 4])
def test_classes_that_stay_keep_their_weights(num_classes: int, tmp_path: Path) -> None:
    model = make_model().eval()
    features, _ = make_batch([7])
    before, weight = model(features).logits, model.lm_head.weight.detach().clone()
    head = model.resize_token_embeddings(num_classes)
    kept = min(num_classes, 6)
    assert head is model.lm_head
    assert model.config.vocab_size == num_classes
    assert torch.equal(head.weight[:kept], weight[:kept])
    after = model(features).logits
    assert after.shape == (1, 7, num_classes)
    # Log-probabilities of classes that stay change by one number per frame.
    difference = (after[..., :kept] - before[..., :kept]).detach()
    torch.testing.assert_close(difference, difference[..., :1].expand_as(difference), atol=1e-5, rtol=0)
    model.save_pretrained(tmp_path)
    assert torch.equal(BiGRUForCTC.from_pretrained(tmp_path).eval()(features).logits, after)


def test_new_symbols_are_trained_in_a_network_that_was_resized() -> None:
    tokenizer = BiGRUCTCTokenizer()
    model = make_model(vocab_size=len(tokenizer))
    assert tokenizer.add_tokens(["Ä", "1"]) == 2
    labels = torch.tensor([tokenizer("ä1").input_ids])
    features, _ = make_batch([7])
    with pytest.raises(ValueError, match=r"id 29; this model has 29 .*resize_token_embeddings\(len\(tokenizer\)\)"):
        model(features, labels=labels)
    model.resize_token_embeddings(len(tokenizer))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = model(features, labels=labels).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert (model.lm_head.weight.grad[29:].abs().max(dim=1).values > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"new_num_tokens": 9, "pad_to_multiple_of": 8}, r"pad_to_multiple_of is 8; every class needs a symbol"),
        ({"new_num_tokens": 0}, r"new_num_tokens is 0; the blank, class 0, must stay"),
    ],
)
def test_classes_without_symbols_are_refused(arguments: dict[str, int], message: str) -> None:
    model = make_model()
    with pytest.raises(ValueError, match=message):
        model.resize_token_embeddings(**arguments)
    assert model.resize_token_embeddings().out_features == 6


def test_a_network_without_output_has_nothing_to_resize() -> None:
    with pytest.raises(ValueError, match="BiGRUModel has no output layer; resize a BiGRUForCTC"):
        make_model().bigru.resize_token_embeddings(9)


def test_frozen_weights_stay_frozen_and_new_classes_begin_alike() -> None:
    model = make_model()
    model.lm_head.requires_grad_(False)
    head = model.resize_token_embeddings(8)
    assert not head.weight.requires_grad
    np.testing.assert_allclose(head.bias[6:].detach(), head.bias[:6].mean().expand(2), atol=1e-3)
