"""Word errors of the readings of a beam search, against probabilities summed over all paths of a small alphabet."""

import itertools
from collections.abc import Sequence

import jiwer
import pytest
import torch

from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC
from hf_bigru_asr.distillation import TaughtBiGRUForCTC
from hf_bigru_asr.mwer_bigru_ctc import Reading, nbest_word_errors

BLANK, DELIMITER = 0, 1
LETTERS = {1: " ", 2: "A", 3: "B"}
NUM_FRAMES, NUM_CLASSES = 5, 4
REFERENCES = [[2, 1, 3], [3, 2]]
# With what else than the network gives them: a language model, for example.
READINGS = [{(2, 1, 3): -1.0, (2, 3): 0.5, (3,): 2.0, (): 1.0}, {(2, 2): 0.3, (3, 1, 2): -0.2}]


def word_errors(ids: Sequence[int], reference: Sequence[int]) -> int:
    said, written = ("".join(LETTERS[each] for each in text) for text in (reference, ids))
    counts = jiwer.process_words(said, written)
    return counts.substitutions + counts.deletions + counts.insertions


def log_likelihood(log_probs: torch.Tensor, ids: Sequence[int]) -> torch.Tensor:
    """Of all paths `(frames, classes)` that read so."""
    paths = itertools.product(range(NUM_CLASSES), repeat=len(log_probs))
    kept = [path for path in paths if [each for each, _ in itertools.groupby(path) if each != BLANK] == list(ids)]
    scores = [log_probs[torch.arange(len(log_probs)), torch.tensor(path, dtype=torch.long)].sum() for path in kept]
    return torch.stack(scores).logsumexp(0)


def expected_errors(
    log_probs: torch.Tensor, given: dict[tuple[int, ...], float], reference: Sequence[int], scale: float
) -> torch.Tensor:
    """By its definition, of one utterance without padding."""
    scores = torch.stack([log_likelihood(log_probs, ids) + score for ids, score in given.items()])
    errors = torch.tensor([word_errors(ids, reference) for ids in given], dtype=scores.dtype)
    return ((scale * scores).softmax(0) * errors).sum()


def search(log_probs: torch.Tensor, lengths: torch.Tensor) -> list[list[Reading]]:
    """The readings of [`READINGS`] as a search would give them."""
    return [
        [(ids, float(log_likelihood(row[: max(length, 1)], ids)) + score) for ids, score in given.items()]
        for row, length, given in zip(log_probs, lengths.tolist(), READINGS, strict=False)
    ]


def labels_of(references: Sequence[Sequence[int]]) -> torch.Tensor:
    return torch.tensor([[*reference, *[-100] * (4 - len(reference))] for reference in references])


def random_logits(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_errors_and_gradient_are_those_of_their_definition(scale: float) -> None:
    lengths = torch.tensor([NUM_FRAMES, 3])
    logits = random_logits(2, NUM_FRAMES, NUM_CLASSES).requires_grad_()
    log_probs = logits.log_softmax(-1)
    errors, num_words = nbest_word_errors(
        log_probs, lengths, labels_of(REFERENCES), search(log_probs.detach(), lengths), BLANK, DELIMITER, scale
    )
    expected = torch.stack(
        [
            expected_errors(log_probs[row, : lengths[row]], READINGS[row], REFERENCES[row], scale)
            for row in range(len(lengths))
        ]
    )
    torch.testing.assert_close(errors, expected, rtol=0, atol=1e-6)  # scores are float32 on the way
    assert num_words.tolist() == [2, 1]
    # The second row counts otherwise, so that no gradient hides behind another.
    weights = torch.tensor([1.0, -0.7])
    (found,) = torch.autograd.grad((errors * weights).sum(), logits, retain_graph=True)
    (wanted,) = torch.autograd.grad((expected * weights).sum(), logits)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
    assert float(wanted.abs().max()) > 0.01


def test_one_reading_has_nothing_to_learn() -> None:
    log_probs = random_logits(1, NUM_FRAMES, NUM_CLASSES).log_softmax(-1).requires_grad_()
    errors, _ = nbest_word_errors(
        log_probs, torch.tensor([NUM_FRAMES]), labels_of(REFERENCES[:1]), [[((3,), -2.0)]], BLANK, DELIMITER
    )
    assert errors.tolist() == [1.0]
    (gradient,) = torch.autograd.grad(errors.sum(), log_probs)
    assert not gradient.any()


def small_model(**options: object) -> BiGRUForCTC:
    torch.manual_seed(0)
    sizes = {"num_mel_bins": 16, "hidden_size": 8, "vocab_size": NUM_CLASSES, "hidden_dropout": 0.0}
    return BiGRUForCTC(BiGRUCTCConfig(**sizes, apply_spec_augment=False, **options)).train()


def batch() -> dict[str, torch.Tensor]:
    features = torch.randn(3, NUM_FRAMES, 16, generator=torch.Generator().manual_seed(2))
    return {
        "input_features": features,
        "attention_mask": (torch.arange(NUM_FRAMES) < torch.tensor([[NUM_FRAMES], [3], [0]])).long(),
        "labels": labels_of([*REFERENCES, []]),
    }


def search_with_silence(log_probs: torch.Tensor, lengths: torch.Tensor) -> list[list[Reading]]:
    """The third utterance has no frame, and is read as nothing."""
    return [*search(log_probs, lengths), [((), 0.0)]]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_in_the_model(reduction: str) -> None:
    model = small_model(ctc_loss_reduction=reduction)
    ctc = model(**batch()).loss
    model.config.mwer_weight, model.config.mwer_scale = 0.5, 0.3
    model.reading_search = search_with_silence
    outputs = model(**batch())
    rows = outputs.logits.detach().double()
    first, second = (
        float(expected_errors(rows[row, :length], READINGS[row], REFERENCES[row], 0.3))
        for row, length in enumerate([NUM_FRAMES, 3])
    )
    # The share of the words of each utterance, averaged over the batch, as `word_error_weight` has it.
    total = (first / 2 + second) / 3 if reduction == "mean" else first + second
    assert float(outputs.loss.detach()) == pytest.approx(float(ctc.detach()) + 0.5 * total, abs=1e-4)
    assert total > 0.1
    outputs.loss.backward()
    assert all(bool(parameter.grad.isfinite().all()) for parameter in model.parameters())


def test_going_down_its_gradient_the_transcript_wins() -> None:
    logits, lengths = random_logits(1, NUM_FRAMES, NUM_CLASSES).requires_grad_(), torch.tensor([NUM_FRAMES])
    labels = labels_of(REFERENCES[:1])
    optimizer = torch.optim.Adam([logits], lr=0.1)
    best = []
    for _ in range(60):
        log_probs = logits.log_softmax(-1)
        readings = search(log_probs.detach(), lengths)
        best.append(max(readings[0], key=lambda reading: reading[1])[0])
        optimizer.zero_grad()
        nbest_word_errors(log_probs, lengths, labels, readings, BLANK, DELIMITER)[0].sum().backward()
        optimizer.step()
    assert best[0] == (3,)
    assert best[-1] == tuple(REFERENCES[0])


def test_without_a_search_it_says_what_is_missing() -> None:
    model = small_model(mwer_weight=1.0)
    with pytest.raises(ValueError, match=r"mwer_weight is 1.0, .* set reading_search of the model \(--mwer_lm"):
        model(**batch())
    assert model.eval()(**batch()).loss.isfinite()


def test_a_teacher_leaves_it_in_place() -> None:
    model = small_model(mwer_weight=1.0)
    model.reading_search = search_with_silence
    taught = TaughtBiGRUForCTC.from_student(model, teacher_size=2).train()
    torch.testing.assert_close(taught(**batch()).loss, model(**batch()).loss)
