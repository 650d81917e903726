"""The LF-MMI denominator against a sum over all paths of a small alphabet."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hf_bigru_asr import BiGRUCTCConfig
from hf_bigru_asr.training.mmi import TRANSITIONS_NAME, load_character_lm, log_denominator
from hf_bigru_asr.training.modeling import LossSettings, TrainingBiGRUForCTC

NUM_FRAMES, NUM_CLASSES = 5, 4
NUM_LABELS = NUM_CLASSES - 1


def random_transitions(order: int, labels: int = NUM_LABELS) -> torch.Tensor:
    drawn = torch.rand(labels ** (order - 1), labels, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return drawn / drawn.sum(-1, keepdim=True)


def random_log_probs(*shape: int) -> torch.Tensor:
    logits = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (2 * logits).log_softmax(-1)


def ngram_probability(labels: list[int], transitions: torch.Tensor, delimiter: int) -> float:
    """Of labels after a delimiter and before one, by its definition."""
    order = 1 + round(math.log(len(transitions), NUM_LABELS))
    said = [delimiter] * (order - 1) + labels
    if said[-1] != delimiter:
        said.append(delimiter)
    table = transitions.view(*[NUM_LABELS] * order)
    return math.prod(float(table[tuple(said[end - order : end])]) for end in range(order, len(said) + 1))


def sum_over_paths(log_probs: torch.Tensor, transitions: torch.Tensor, blank: int, delimiter: int) -> float:
    """For `(frames, classes)`."""
    others = [label for label in range(NUM_CLASSES) if label != blank]
    total = 0.0
    for path in itertools.product(range(NUM_CLASSES), repeat=len(log_probs)):
        labels = [others.index(label) for label, _ in itertools.groupby(path) if label != blank]
        probability = math.exp(float(log_probs[range(len(path)), list(path)].sum()))
        total += probability * ngram_probability(labels, transitions, others.index(delimiter))
    return math.log(total)


@pytest.mark.parametrize("order", [3, 4])
@pytest.mark.parametrize(("blank", "delimiter"), [(0, 1), (0, 3), (3, 0), (1, 2), (2, 1)])
def test_it_is_the_sum_over_all_paths(order: int, blank: int, delimiter: int) -> None:
    log_probs, transitions = random_log_probs(3, NUM_FRAMES, NUM_CLASSES), random_transitions(order)
    lengths = torch.tensor([NUM_FRAMES, 3, 1])
    # What stands on the padding of the second row counts for nothing; the model has a blank there.
    found = log_denominator(log_probs, lengths, transitions, blank, delimiter)
    for row, length in enumerate(lengths.tolist()):
        expected = sum_over_paths(log_probs[row, :length], transitions, blank, delimiter)
        assert float(found[row]) == pytest.approx(expected, abs=1e-9)


def test_an_impossible_class_is_no_trouble() -> None:
    log_probs = random_log_probs(1, NUM_FRAMES, NUM_CLASSES)
    log_probs[0, 1, 2] = torch.finfo(torch.float32).min
    found = log_denominator(log_probs, torch.tensor([NUM_FRAMES]), random_transitions(3), 0, 1)
    assert float(found) == pytest.approx(sum_over_paths(log_probs[0], random_transitions(3), 0, 1), abs=1e-9)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("order", [3, 4])
def test_the_gradient_is_that_of_finite_differences(order: int, blank: int) -> None:
    lengths, transitions = torch.tensor([NUM_FRAMES, 3]), random_transitions(order)
    valid = (torch.arange(NUM_FRAMES) < lengths[:, None])[..., None]

    def weighted(logits: torch.Tensor) -> torch.Tensor:
        log_probs = torch.where(valid, logits, random_log_probs(2, NUM_FRAMES, NUM_CLASSES))
        return log_denominator(log_probs, lengths, transitions, blank, 1) * torch.tensor([1.0, -0.5])

    assert torch.autograd.gradcheck(weighted, random_log_probs(2, NUM_FRAMES, NUM_CLASSES).requires_grad_())


def test_many_frames_do_not_underflow() -> None:
    log_probs = random_log_probs(1, 2000, NUM_CLASSES).float().requires_grad_()
    found = log_denominator(log_probs, torch.tensor([2000]), random_transitions(4), 0, 1)
    exact = log_denominator(log_probs.double(), torch.tensor([2000]), random_transitions(4), 0, 1)
    assert found.dtype == torch.float32
    assert float(exact.detach()) < -500
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=0)
    (occupied,) = torch.autograd.grad(found.sum(), log_probs)
    torch.testing.assert_close(occupied.sum(-1), torch.ones(1, 2000), rtol=0, atol=1e-3)


@pytest.mark.parametrize("shape", [(9, 4), (8, 3), (12, 3), (1, 3), (3, 3)])
def test_another_shape_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"transitions have the shape \(\d+, \d\); with 3 labels it must be"):
        log_denominator(random_log_probs(1, 2, NUM_CLASSES), torch.tensor([2]), torch.ones(shape), 0, 1)


def test_it_makes_the_hypotheses_of_the_ngram_less_likely() -> None:
    """At weight 1 the loss is the negative logarithm of the transcript's share, which training raises."""
    transitions = random_transitions(3)
    torch.manual_seed(0)
    sizes = {"num_mel_bins": 16, "hidden_size": 8, "vocab_size": NUM_CLASSES}
    config = BiGRUCTCConfig(**sizes, hidden_dropout=0.0, apply_spec_augment=False)
    model = TrainingBiGRUForCTC(config, LossSettings(mmi_weight=1.0), denominator_lm=transitions.float())
    inputs = {
        "input_features": torch.randn(3, 9, 16, generator=torch.Generator().manual_seed(2))[:2],
        "attention_mask": (torch.arange(9) < torch.tensor([[9], [6]])).long(),
        "labels": torch.tensor([[3, 1, 2], [2, -100, -100]]),
    }
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    # With the n-gram's probabilities of the two transcripts it would be the share's logarithm, which 0 bounds.
    bound = sum(math.log(ngram_probability(labels, transitions, 0)) / len(labels) for labels in ([2, 0, 1], [1])) / 2
    assert losses[0] - bound > 0.3
    assert bound - 1e-3 < losses[-1] < bound + 0.05


def test_an_ngram_is_read_and_checked(tmp_path: Path) -> None:
    transitions = random_transitions(3).float()
    save_file({TRANSITIONS_NAME: transitions}, tmp_path / "lm.safetensors")
    assert torch.equal(load_character_lm(tmp_path / "lm.safetensors", NUM_LABELS), transitions)
    with pytest.raises(ValueError, match=r"lm.safetensors is of 3 labels; the model has 28 beside the blank"):
        load_character_lm(tmp_path / "lm.safetensors", 28)
    save_file({"weights": transitions}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"is not an n-gram of characters; scripts/build_character_lm.py writes one"):
        load_character_lm(tmp_path / "model.safetensors", NUM_LABELS)
    with pytest.raises(FileNotFoundError):
        load_character_lm(tmp_path / "nowhere.safetensors", NUM_LABELS)


@pytest.mark.parametrize(
    ("transitions", "message"),
    [
        (torch.full((9, 3), float("nan")), "lm.safetensors"),
        (torch.full((9, 3), 2.0), r"has values from 2\.0 to 2\.0, which are no probabilities"),
        (torch.zeros(8, 3), "is not an n-gram of characters"),
        (torch.zeros(9), "is not an n-gram of characters"),
    ],
    ids=["NaN", "no probability", "contexts", "one axis"],
)
def test_a_broken_n_gram_is_named(transitions: torch.Tensor, message: str, tmp_path: Path) -> None:
    save_file({TRANSITIONS_NAME: transitions}, tmp_path / "lm.safetensors")
    with pytest.raises(ValueError, match=message):
        load_character_lm(tmp_path / "lm.safetensors", 3)


def test_a_cut_n_gram_is_named(tmp_path: Path) -> None:
    save_file({TRANSITIONS_NAME: torch.zeros(9, 3)}, tmp_path / "lm.safetensors")
    (tmp_path / "lm.safetensors").write_bytes((tmp_path / "lm.safetensors").read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"lm\.safetensors is no readable safetensors file"):
        load_character_lm(tmp_path / "lm.safetensors", 3)
