"""The network in training: every loss against the loss function alone, and the plain network that is saved."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCTC

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.training.averaging import average_checkpoints
from hf_bigru_asr.training.losses import consistency_loss, mmi_loss, word_error_loss
from hf_bigru_asr.training.modeling import LossSettings, TrainingBiGRUForCTC

SIZE, NUM_CLASSES, BLANK, DELIMITER = 5, 6, 0, 1
LENGTHS = torch.tensor([12, 9, 0])
EVERY = LossSettings(
    consistency_weight=0.2,
    mmi_weight=0.5,
    word_error_weight=2.0,
    word_error_temperature=0.5,
    distillation_weight=0.7,
)


def denominator_lm() -> torch.Tensor:
    labels = NUM_CLASSES - 1
    drawn = torch.rand(labels**2, labels, generator=torch.Generator().manual_seed(1))
    return drawn / drawn.sum(-1, keepdim=True)


NEEDS: dict[str, Any] = {"denominator_lm": denominator_lm(), "teacher_size": SIZE}
"""What all losses together need."""


def network(**config: object) -> BiGRUForCTC:
    torch.manual_seed(0)
    sizes = {"num_mel_bins": 16, "hidden_size": 8, "num_hidden_layers": 3, "vocab_size": NUM_CLASSES}
    plain = {"hidden_dropout": 0.0, "apply_spec_augment": False}
    model = BiGRUForCTC(BiGRUCTCConfig(**(sizes | plain | config))).train()
    model.lm_head.weight.data *= 10
    return model


def make_batch() -> dict[str, torch.Tensor]:
    """The third utterance has neither frames nor labels."""
    generator = torch.Generator().manual_seed(2)
    return {
        "input_features": torch.randn(3, 12, 16, generator=generator),
        "attention_mask": (torch.arange(12) < LENGTHS[:, None]).long(),
        "labels": torch.tensor([[3, 1, 5], [2, 4, -100], [-100, -100, -100]]),
    }


def make_taught_batch() -> dict[str, torch.Tensor]:
    """The second utterance has no teacher."""
    batch = make_batch()
    features = torch.randn(3, 12, SIZE, generator=torch.Generator().manual_seed(3))
    mask = batch["attention_mask"].clone()
    mask[1] = 0
    return batch | {"teacher_features": features, "teacher_mask": mask}


# Settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"consistency_weight": -0.2}, "consistency_weight is -0.2; it must be at least 0", id="views"),
        pytest.param({"mmi_weight": -1}, "mmi_weight is -1", id="mmi"),
        pytest.param({"word_error_weight": -1}, "word_error_weight is -1", id="word-errors"),
        pytest.param({"distillation_weight": float("nan")}, "distillation_weight is nan", id="teacher"),
        pytest.param({"word_error_temperature": 0}, "word_error_temperature is 0; .* positive", id="temperature"),
    ],
)
def test_bad_settings_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LossSettings(**values)


def test_settings_are_plain_without_a_weight() -> None:
    assert LossSettings().is_plain
    assert LossSettings(word_error_temperature=0.5).is_plain
    for name in ("consistency_weight", "mmi_weight", "word_error_weight", "distillation_weight"):
        assert not LossSettings(**{name: 0.1}).is_plain


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        pytest.param({"mmi_weight": 1.0}, {}, r"mmi_weight is 1.0 and needs denominator_lm.*--mmi_lm", id="n-gram"),
        pytest.param(
            {"distillation_weight": 1.0}, {}, r"distillation_weight is 1.0 and needs teacher_size", id="size"
        ),
        pytest.param(
            {"word_error_weight": 1.0},
            {"word_delimiter_token_id": NUM_CLASSES},
            r"word_delimiter_token_id is 6; word_error_weight needs .* one of the 6 classes",
            id="delimiter",
        ),
        pytest.param(
            {"mmi_weight": 1.0},
            {"word_delimiter_token_id": -1, "denominator_lm": denominator_lm()},
            r"word_delimiter_token_id is -1; mmi_weight needs",
            id="delimiter-of-mmi",
        ),
    ],
)
def test_a_loss_names_what_it_needs(losses: dict[str, float], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingBiGRUForCTC.from_model(network(), LossSettings(**losses), **options)


# Losses


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", ["mmi_weight", "word_error_weight"])
def test_a_loss_is_added_to_that_of_ctc(name: str, reduction: str) -> None:
    plain, batch = network(ctc_loss_reduction=reduction), make_batch()
    losses = LossSettings(**{name: 0.5}, word_error_temperature=0.5)
    model = TrainingBiGRUForCTC.from_model(plain, losses, denominator_lm=NEEDS["denominator_lm"])
    torch.manual_seed(1)
    outputs = model(**batch)
    expected = plain(**batch)
    torch.testing.assert_close(outputs.logits, expected.logits, rtol=0, atol=0)
    assert outputs.hidden_states is None
    torch.manual_seed(1)  # word errors are sampled
    given = (outputs.logits, LENGTHS, batch["labels"])
    if name == "mmi_weight":
        value = mmi_loss(*given, NEEDS["denominator_lm"], BLANK, DELIMITER, reduction)
    else:
        value = word_error_loss(*given, BLANK, DELIMITER, reduction, temperature=0.5)
    assert abs(float(value.detach())) > 0.1
    torch.testing.assert_close(outputs.loss, expected.loss + 0.5 * value)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_two_views_are_drawn_and_compared(reduction: str) -> None:
    masks = {"apply_spec_augment": True, "mask_time_prob": 0.4, "mask_time_length": 3}
    plain, batch = network(**masks, ctc_loss_reduction=reduction), make_batch()
    model = TrainingBiGRUForCTC.from_model(plain, LossSettings(consistency_weight=0.2))
    torch.manual_seed(5)
    outputs = model(**batch, output_hidden_states=True)
    assert outputs.logits.shape[0] == 3
    assert all(layer.shape[0] == 3 for layer in outputs.hidden_states)
    # The same masks on a batch that has every utterance twice, without the loss.
    twice = {name: torch.cat([value, value]) for name, value in batch.items()}
    torch.manual_seed(5)
    views = plain(**twice)
    torch.testing.assert_close(outputs.logits, views.logits[:3])
    assert not torch.allclose(views.logits[:3], views.logits[3:])
    value = consistency_loss(views.logits, LENGTHS.repeat(2), twice["labels"], BLANK, reduction)
    torch.testing.assert_close(outputs.loss, views.loss + 0.2 * value)


def test_heads_add_the_variance_that_they_do_not_explain() -> None:
    plain, batch = network(), make_taught_batch()
    model = TrainingBiGRUForCTC.from_model(plain, LossSettings(distillation_weight=0.7), teacher_size=SIZE)
    for parameter in model.teacher_heads.parameters():
        torch.nn.init.normal_(parameter)
    outputs = model(**batch)
    expected = plain(**batch, output_hidden_states=True)
    errors = []
    for head, hidden_states in zip(model.teacher_heads, expected.hidden_states[2:], strict=True):
        frames = [((head(hidden_states[0, t]) - batch["teacher_features"][0, t]) ** 2).sum() for t in range(12)]
        errors.append(sum(frames) / 12 / 3)
    torch.testing.assert_close(outputs.loss, expected.loss + 0.7 * sum(errors) / 2)
    torch.testing.assert_close(outputs.logits, expected.logits)
    assert outputs.hidden_states is None


def test_with_two_views_the_teacher_goes_with_the_first() -> None:
    plain, batch = network(), make_taught_batch()
    views = TrainingBiGRUForCTC.from_model(plain, LossSettings(consistency_weight=0.2))
    losses = LossSettings(consistency_weight=0.2, distillation_weight=1.0)
    model = TrainingBiGRUForCTC.from_model(plain, losses, teacher_size=SIZE)
    # Both views are the same here: no masks, no dropout. Heads that predict zero explain nothing.
    unexplained = (batch["teacher_features"] ** 2).sum(-1) * batch["teacher_mask"]
    expected = (unexplained.sum(-1) / batch["teacher_mask"].sum(-1).clamp(min=1)).mean()
    torch.testing.assert_close(model(**batch).loss, views(**make_batch()).loss + expected)


def test_losses_add_up_and_have_finite_gradients() -> None:
    plain, batch = network(), make_taught_batch()
    total = plain(**make_batch()).loss
    for name in ("consistency_weight", "mmi_weight", "word_error_weight", "distillation_weight"):
        one = LossSettings(**{name: getattr(EVERY, name)}, word_error_temperature=1e-4)
        total = total + TrainingBiGRUForCTC.from_model(plain, one, **NEEDS)(**batch).loss - plain(**make_batch()).loss
    # Sampled at such a temperature, the word errors of both views are those of the best path.
    losses = replace(EVERY, word_error_temperature=1e-4)
    torch.testing.assert_close(TrainingBiGRUForCTC.from_model(plain, losses, **NEEDS)(**batch).loss, total)
    masked = network(apply_spec_augment=True, mask_time_prob=0.3)
    every = TrainingBiGRUForCTC.from_model(masked, EVERY, **NEEDS)
    every(**batch).loss.backward()
    assert all(bool(parameter.grad.isfinite().all()) for parameter in every.parameters())
    assert all(bool(parameter.grad.any()) for parameter in every.parameters())


def test_a_batch_has_the_mean_loss_of_its_utterances() -> None:
    """As gradient accumulation needs it. The temperature leaves nothing to chance."""
    plain = network()
    model = TrainingBiGRUForCTC.from_model(plain, LossSettings(word_error_weight=2.0, word_error_temperature=1e-4))
    model.lm_head.weight.data *= 3
    model.lm_head.bias.data[DELIMITER] -= 100
    features = torch.randn(2, 9, 16)
    best = [label for label, _ in itertools.groupby(model(features).logits[1].argmax(-1).tolist()) if label != BLANK]
    # All three words of the first transcript are wrong; the second one is the best path itself.
    labels = torch.full((2, max(5, len(best))), -100)
    labels[0, :5] = torch.tensor([3, 1, 4, 1, 5])
    labels[1, : len(best)] = torch.tensor(best)
    assert DELIMITER not in best
    each = [model(input_features=features[row : row + 1], labels=labels[row : row + 1]).loss for row in range(2)]
    torch.testing.assert_close(model(input_features=features, labels=labels).loss, torch.stack(each).mean())


def test_evaluation_knows_the_ctc_loss_alone() -> None:
    plain = network()
    model = TrainingBiGRUForCTC.from_model(plain, EVERY, **NEEDS).eval()
    outputs, expected = model(**make_taught_batch()), plain.eval()(**make_batch())
    torch.testing.assert_close(outputs.loss, expected.loss, rtol=0, atol=0)
    torch.testing.assert_close(outputs.logits, expected.logits, rtol=0, atol=0)


def test_without_labels_it_is_the_network_alone() -> None:
    plain, batch = network(), make_taught_batch()
    del batch["labels"]
    found = TrainingBiGRUForCTC.from_model(plain, EVERY, **NEEDS)(**batch)
    assert found.loss is None
    torch.testing.assert_close(found.logits, plain(**make_batch()).logits)


def test_hidden_states_and_tuples_on_request() -> None:
    model = TrainingBiGRUForCTC.from_model(network(), LossSettings(word_error_weight=1.0))
    loss, logits, hidden_states = model(**make_batch(), output_hidden_states=True, return_dict=False)
    assert loss.shape == ()
    assert (logits.shape, len(hidden_states)) == ((3, 12, NUM_CLASSES), 4)
    model.config.output_hidden_states = True
    assert len(model(**make_batch()).hidden_states) == 4


# The teacher


def test_new_heads_leave_the_network_alone_at_first() -> None:
    plain = network()
    model = TrainingBiGRUForCTC.from_model(plain, LossSettings(distillation_weight=1.0), teacher_size=SIZE)
    model(**make_taught_batch()).loss.backward()
    plain(**make_batch()).loss.backward()
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(model.get_parameter(name).grad, parameter.grad)
    assert all(bool(head.weight.grad.any()) for head in model.teacher_heads)


def test_a_batch_without_a_taught_utterance_reaches_every_parameter() -> None:
    """Else data-parallel training would wait for the gradient of the heads."""
    plain, batch = network(), make_taught_batch()
    model = TrainingBiGRUForCTC.from_model(plain, LossSettings(distillation_weight=1.0), teacher_size=SIZE)
    batch["teacher_mask"].zero_()
    outputs = model(**batch)
    torch.testing.assert_close(outputs.loss, plain(**make_batch()).loss)
    outputs.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("missing", ["teacher_features", "teacher_mask"])
def test_a_batch_without_a_teacher_is_refused(missing: str) -> None:
    model = TrainingBiGRUForCTC.from_model(network(), LossSettings(distillation_weight=1.0), teacher_size=SIZE)
    batch = make_taught_batch()
    del batch[missing]
    with pytest.raises(ValueError, match=r"distillation_weight is 1.0 and the batch has no .*teacher_size=\.\.\."):
        model(**batch)


# Saving


def test_what_is_saved_is_the_plain_network(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    """Also when it is loaded from a checkpoint of the training, which has the heads for a resume."""
    plain = network(num_mel_bins=128, vocab_size=29)
    lm = torch.full((28**2, 28), 1 / 28)
    model = TrainingBiGRUForCTC.from_model(plain, EVERY, denominator_lm=lm, teacher_size=SIZE)
    model.save_pretrained(tmp_path / "checkpoint")
    plain.save_pretrained(tmp_path / "plain")
    for name in ("config.json", "modeling_bigru_ctc.py"):
        assert (tmp_path / "checkpoint" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    config = json.loads((tmp_path / "checkpoint" / "config.json").read_text())
    assert config["architectures"] == ["BiGRUForCTC"]
    assert config["auto_map"]["AutoModelForCTC"] == "modeling_bigru_ctc.BiGRUForCTC"
    files = {path.name for path in (tmp_path / "plain").iterdir()}
    assert {path.name for path in (tmp_path / "checkpoint").iterdir()} == files
    assert sum("teacher_heads" in name for name in load_file(tmp_path / "checkpoint" / "model.safetensors")) == 4

    processor.save_pretrained(tmp_path / "checkpoint")
    average_checkpoints([tmp_path / "checkpoint"], tmp_path / "mean")
    for loaded in (
        model.plain(),
        BiGRUForCTC.from_pretrained(tmp_path / "checkpoint"),
        AutoModelForCTC.from_pretrained(tmp_path / "checkpoint"),
        BiGRUForCTC.from_pretrained(tmp_path / "mean"),
    ):
        assert type(loaded) is BiGRUForCTC
        found = loaded.state_dict()
        assert found.keys() == plain.state_dict().keys()
        assert all(torch.equal(found[name], value) for name, value in plain.state_dict().items())


def test_a_checkpoint_with_heads_loads_without_complaint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    TrainingBiGRUForCTC.from_model(network(), EVERY, **NEEDS).save_pretrained(tmp_path)
    _, report = BiGRUForCTC.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["unexpected_keys"]
    assert "teacher_heads" not in caplog.text


def test_heads_are_loaded_for_training_or_begin_at_zero(tmp_path: Path) -> None:
    options = {"losses": LossSettings(distillation_weight=1.0), "teacher_size": SIZE}
    network().save_pretrained(tmp_path / "plain")
    new = TrainingBiGRUForCTC.from_pretrained(tmp_path / "plain", **options)
    assert not any(bool(parameter.any()) for parameter in new.teacher_heads.parameters())
    torch.nn.init.normal_(new.teacher_heads[1].weight)
    new.save_pretrained(tmp_path / "heads")
    loaded = TrainingBiGRUForCTC.from_pretrained(tmp_path / "heads", **options)
    assert torch.equal(loaded.teacher_heads[1].weight, new.teacher_heads[1].weight)


def test_saving_leaves_the_random_numbers_of_training_alone(tmp_path: Path) -> None:
    model = TrainingBiGRUForCTC.from_model(network(), EVERY, **NEEDS)
    before = torch.get_rng_state()
    model.save_pretrained(tmp_path)
    model.plain()
    assert torch.equal(torch.get_rng_state(), before)


def test_precision_and_mode_are_kept(tmp_path: Path) -> None:
    plain = network().to(torch.bfloat16).eval()
    model = TrainingBiGRUForCTC.from_model(plain, EVERY, **NEEDS)
    assert (model.dtype, model.training) == (torch.bfloat16, False)
    assert (model.plain().dtype, model.plain().training) == (torch.bfloat16, False)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"
    weights = load_file(tmp_path / "model.safetensors")
    assert torch.equal(weights["lm_head.weight"], plain.lm_head.weight)
