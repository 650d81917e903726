"""Training with a teacher, against the same computed apart, and the network that comes out of it."""

import copy
from pathlib import Path

import pytest
import torch

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.training.averaging import average_checkpoints
from hf_bigru_asr.training.distillation import TaughtBiGRUForCTC, unexplained_variance

SIZE = 5


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    mask = torch.ones(3, 12, dtype=torch.int64)
    mask[1, 9:] = 0
    teacher_mask = mask.clone()
    teacher_mask[2] = 0
    return {
        "input_features": torch.randn(3, 12, 128),
        "attention_mask": mask,
        "labels": torch.tensor([[3, 4, 5], [6, 7, -100], [8, -100, -100]]),
        "teacher_features": torch.randn(3, 12, SIZE),
        "teacher_mask": teacher_mask,
    }


@pytest.fixture
def student() -> BiGRUForCTC:
    return BiGRUForCTC(
        BiGRUCTCConfig(hidden_size=8, num_hidden_layers=3, hidden_dropout=0.0, apply_spec_augment=False)
    )


def without_teacher(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in batch.items() if not name.startswith("teacher")}


def test_the_loss_is_that_of_ctc_and_the_error_of_the_heads(
    student: BiGRUForCTC, batch: dict[str, torch.Tensor]
) -> None:
    taught = TaughtBiGRUForCTC.from_student(student, SIZE, distillation_weight=0.7).train()
    for parameter in taught.teacher_heads.parameters():
        torch.nn.init.normal_(parameter)
    outputs = taught(**batch)
    plain = student.train()(**without_teacher(batch), output_hidden_states=True)
    errors = []
    for head, hidden_states in zip(taught.teacher_heads, plain.hidden_states[2:], strict=True):
        frames = [
            [((head(hidden_states[row, t]) - batch["teacher_features"][row, t]) ** 2).sum() for t in range(length)]
            for row, length in enumerate((12, 9))
        ]
        errors.append(sum(sum(row) / len(row) for row in frames) / 3)
    torch.testing.assert_close(outputs.loss, plain.loss + 0.7 * sum(errors) / 2)
    torch.testing.assert_close(outputs.logits, plain.logits)
    assert outputs.hidden_states is None


def test_new_heads_leave_the_network_alone_at_first(student: BiGRUForCTC, batch: dict[str, torch.Tensor]) -> None:
    taught = TaughtBiGRUForCTC.from_student(student, SIZE, distillation_weight=1.0).train()
    taught(**batch).loss.backward()
    student.train()(**without_teacher(batch)).loss.backward()
    for name, parameter in student.named_parameters():
        torch.testing.assert_close(taught.get_parameter(name).grad, parameter.grad)
    assert all(bool(head.weight.grad.any()) for head in taught.teacher_heads)


def test_a_batch_without_a_taught_utterance_reaches_every_parameter(
    student: BiGRUForCTC, batch: dict[str, torch.Tensor]
) -> None:
    """Else data-parallel training would wait for the gradient of the heads."""
    taught = TaughtBiGRUForCTC.from_student(student, SIZE).train()
    outputs = taught(**batch | {"teacher_mask": torch.zeros(3, 12, dtype=torch.int64)})
    torch.testing.assert_close(outputs.loss, student.train()(**without_teacher(batch)).loss)
    outputs.loss.backward()
    assert all(parameter.grad is not None for parameter in taught.parameters())


@pytest.mark.parametrize("missing", ["teacher_features", "labels"])
def test_without_a_teacher_or_labels_it_is_the_network_alone(
    missing: str, student: BiGRUForCTC, batch: dict[str, torch.Tensor]
) -> None:
    taught = TaughtBiGRUForCTC.from_student(student, SIZE).train()
    del batch[missing]
    expected = student.train()(**without_teacher(batch))
    found = taught(**batch)
    torch.testing.assert_close(found.logits, expected.logits)
    assert (found.loss is None) == (expected.loss is None) == (missing == "labels")


def test_evaluation_knows_no_teacher(student: BiGRUForCTC, batch: dict[str, torch.Tensor]) -> None:
    taught = TaughtBiGRUForCTC.from_student(student, SIZE).eval()
    torch.testing.assert_close(taught(**batch).loss, student.eval()(**without_teacher(batch)).loss)


def test_with_two_views_the_teacher_goes_with_the_first(student: BiGRUForCTC, batch: dict[str, torch.Tensor]) -> None:
    student.config.consistency_weight = 0.2
    taught = TaughtBiGRUForCTC.from_student(student, SIZE).train()
    # Both views are the same here: no masks, no dropout. Heads that say nothing leave the variance unexplained.
    unexplained = (batch["teacher_features"] ** 2).sum(-1) * batch["teacher_mask"]
    expected = (unexplained.sum(-1) / batch["teacher_mask"].sum(-1).clamp(min=1)).mean()
    plain = student.train()(**without_teacher(batch)).loss
    torch.testing.assert_close(taught(**batch).loss, plain + expected)


def test_the_student_is_the_network_without_heads(
    student: BiGRUForCTC, processor: BiGRUCTCProcessor, batch: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """Also when it is loaded from a checkpoint of the training, which has the heads for a resume."""
    weights = copy.deepcopy(student.state_dict())
    taught = TaughtBiGRUForCTC.from_student(student, SIZE)
    taught.save_pretrained(tmp_path / "checkpoint")
    processor.save_pretrained(tmp_path / "checkpoint")
    average_checkpoints([tmp_path / "checkpoint"], tmp_path / "mean")
    for model in (
        taught.student(),
        BiGRUForCTC.from_pretrained(tmp_path / "checkpoint"),
        BiGRUForCTC.from_pretrained(tmp_path / "mean"),
    ):
        found = model.state_dict()
        assert found.keys() == weights.keys()
        assert all(torch.equal(found[name], weights[name]) for name in weights)


def test_a_checkpoint_with_heads_loads_without_complaint(
    student: BiGRUForCTC, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    TaughtBiGRUForCTC.from_student(student, SIZE).save_pretrained(tmp_path)
    _, report = BiGRUForCTC.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["unexpected_keys"]
    assert "teacher_heads" not in caplog.text


def test_two_halves_of_a_batch_give_the_mean_of_the_whole() -> None:
    """So accumulated gradients are those of one batch, whatever the lengths and whoever has a teacher."""
    predicted, wanted = torch.randn(4, 6, 3), torch.randn(4, 6, 3)
    mask = torch.arange(6) < torch.tensor([6, 0, 2, 5])[:, None]
    halves = [unexplained_variance(predicted[half], wanted[half], mask[half]) for half in (slice(2), slice(2, 4))]
    torch.testing.assert_close(unexplained_variance(predicted, wanted, mask), sum(halves) / 2)


def test_what_heads_predict_perfectly_costs_nothing() -> None:
    wanted, mask = torch.randn(2, 4, 3), torch.ones(2, 4)
    assert unexplained_variance(wanted, wanted, mask) == 0
    # Padding does not count, whatever stands there.
    mask[1, 2:] = 0
    wrong = wanted.clone()
    wrong[1, 2:] = float("nan")
    assert unexplained_variance(wrong, wanted, mask) == 0
