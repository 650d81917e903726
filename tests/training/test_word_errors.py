"""Expected word errors against all paths of a small alphabet."""

import itertools
from collections.abc import Iterator

import jiwer
import numpy as np
import pytest
import torch

from hf_bigru_asr.training.word_errors import expected_word_errors, word_error_changes

BLANK, DELIMITER = 0, 1
LETTERS = {2: "A", 3: "B"}
NUM_CLASSES, NUM_FRAMES = 4, 5
REFERENCES = {"A B": [2, 1, 3], "AB": [2, 3], "BAA": [3, 2, 2]}


def words_of(path: tuple[int, ...]) -> str:
    kept = [label for label, _ in itertools.groupby(path) if label != BLANK]
    return " ".join("".join(LETTERS.get(label, " ") for label in kept).split())


def errors_of(path: tuple[int, ...], reference: str) -> int:
    counts = jiwer.process_words(reference, words_of(path))
    return counts.substitutions + counts.deletions + counts.insertions


def all_paths() -> Iterator[tuple[int, ...]]:
    return itertools.product(range(NUM_CLASSES), repeat=NUM_FRAMES)


def random_logits(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()


def expected_errors(logits: torch.Tensor, reference: str) -> torch.Tensor:
    """By its definition, for `(frames, classes)`."""
    log_probs = logits.log_softmax(-1)
    return sum(
        log_probs[range(NUM_FRAMES), list(path)].sum().exp() * errors_of(path, reference) for path in all_paths()
    )


@pytest.mark.parametrize("text", REFERENCES)
def test_every_change_is_the_difference_of_two_paths(text: str) -> None:
    everything = np.ones((NUM_FRAMES, NUM_CLASSES), dtype=bool)
    for path in itertools.islice(all_paths(), 0, None, 7):
        errors, changes = word_error_changes(np.array(path), everything, REFERENCES[text], BLANK, DELIMITER)
        assert errors == errors_of(path, text)
        for frame, label in itertools.product(range(NUM_FRAMES), range(NUM_CLASSES)):
            changed = (*path[:frame], label, *path[frame + 1 :])
            assert changes[frame, label] == errors_of(changed, text) - errors, (path, frame, label)


def test_classes_that_are_not_tried_change_nothing() -> None:
    is_tried = np.zeros((NUM_FRAMES, NUM_CLASSES), dtype=bool)
    is_tried[2, 3] = True
    errors, changes = word_error_changes(np.array([2, 2, 2, 1, 3]), is_tried, [2, 1, 3], BLANK, DELIMITER)
    assert errors == 0
    assert changes[2, 3] == 1
    assert np.count_nonzero(changes) == 1


@pytest.mark.parametrize("text", REFERENCES)
def test_the_mean_gradient_is_that_of_the_expectation(text: str) -> None:
    """The sum over all paths, each as often as it is drawn, instead of draws."""
    logits = random_logits(NUM_FRAMES, NUM_CLASSES)
    (expected,) = torch.autograd.grad(expected_errors(logits, text), logits)
    log_probs = logits.log_softmax(-1)
    mean = torch.zeros_like(logits)
    everything = np.ones((NUM_FRAMES, NUM_CLASSES), dtype=bool)
    for path in all_paths():
        probability = float(log_probs.detach()[range(NUM_FRAMES), list(path)].sum().exp())
        _, changes = word_error_changes(np.array(path), everything, REFERENCES[text], BLANK, DELIMITER)
        surrogate = (log_probs.exp() * torch.from_numpy(changes)).sum()
        mean += probability * torch.autograd.grad(surrogate, logits, retain_graph=True)[0]
    torch.testing.assert_close(mean, expected)


def test_draws_have_the_expectation_and_its_gradient() -> None:
    logits = random_logits(NUM_FRAMES, NUM_CLASSES)
    expected = expected_errors(logits, "A B")
    (gradient,) = torch.autograd.grad(expected, logits)
    num_draws = 4000
    log_probs = logits.float().log_softmax(-1).expand(num_draws, -1, -1)
    # Padding behind the frames counts for nothing, however likely a letter is there.
    padded = torch.cat([log_probs, torch.tensor([-9.0, -9.0, 0.0, -9.0]).expand(num_draws, 3, -1)], dim=1)
    lengths, labels = torch.full((num_draws,), NUM_FRAMES), torch.tensor([[2, 1, 3, -100]]).expand(num_draws, -1)
    generator = torch.Generator().manual_seed(1)
    errors, num_words = expected_word_errors(padded, lengths, labels, BLANK, DELIMITER, generator=generator)
    assert num_words.tolist() == [2] * num_draws
    (found,) = torch.autograd.grad(errors.mean(), logits)
    assert float(errors.mean().detach()) == pytest.approx(float(expected.detach()), abs=0.05)
    torch.testing.assert_close(found, gradient, atol=0.01, rtol=0)


def test_a_low_temperature_counts_the_best_path() -> None:
    logits = random_logits(3, NUM_FRAMES, NUM_CLASSES).float()
    labels = torch.tensor([[2, 1, 3], [2, 3, -100], [2, -100, -100]])
    texts = ["A B", "AB", "A"]
    errors, num_words = expected_word_errors(
        logits.log_softmax(-1), torch.full((3,), NUM_FRAMES), labels, BLANK, DELIMITER, temperature=1e-3
    )
    share = errors.sum() / num_words.sum()
    best = [tuple(path) for path in logits.argmax(-1).tolist()]
    assert float(share.detach()) == pytest.approx(sum(map(errors_of, best, texts)) / 4)
