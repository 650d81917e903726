"""Forced alignment against brute force, and of long recordings against one call of torchaudio's `forced_align`."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from small_network import SMALL_VOCABULARY, random_log_probs
from torchaudio.functional import forced_align, merge_tokens

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model import ctc_alignment_bigru_ctc as alignment
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import align_log_probs, best_path, label_spans

BLANK = 0
NUM_CLASSES = 29
FRAME_S = 0.02


def random_case(seed: int, num_classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities, from flat to peaky, and labels that fit into them, now and then exactly."""
    generator = torch.Generator().manual_seed(seed)
    num_frames = int(torch.randint(1, 120, (), generator=generator))
    scale = 6 * float(torch.rand((), generator=generator))
    log_probs = (scale * torch.randn(num_frames, num_classes, generator=generator)).log_softmax(-1)
    ids = torch.randint(1, num_classes, (num_frames,), generator=generator)
    ids = ids[: int(torch.randint(1, num_frames + 1, (), generator=generator))]
    while len(ids) + int((ids[1:] == ids[:-1]).sum()) > num_frames:
        ids = ids[:-1]
    return log_probs, ids


@pytest.fixture(params=[(1, 1), (7, 3), (16, 16), (50, 5)], ids=lambda each: f"every-{each[0]}-trim-{each[1]}")
def only_in_pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    every, trim = request.param
    monkeypatch.setattr(alignment, "_MAX_CELLS", 0)
    monkeypatch.setattr(alignment, "_MILESTONE_FRAMES", every)
    monkeypatch.setattr(alignment, "_TRIM_FRAMES", trim)
    monkeypatch.setattr(alignment, "_FIRST_BEAMS", (0.5, 5.0, math.inf))


@pytest.mark.usefixtures("only_in_pieces")
def test_pieces_are_the_path_of_one_call() -> None:
    for seed in range(25):
        log_probs, ids = random_case(seed)
        expected = forced_align(log_probs[None], ids[None], blank=BLANK)[0][0]

        path = best_path(log_probs.numpy(), ids.numpy(), BLANK)

        assert [label for label, _ in itertools.groupby(path.tolist()) if label != BLANK] == ids.tolist(), seed
        assert path.tolist() == expected.tolist(), seed


def test_the_path_is_that_of_torchaudio() -> None:
    for seed in range(40):
        log_probs, ids = random_case(seed)
        expected = forced_align(log_probs[None], ids[None], blank=BLANK)[0][0]

        path = best_path(log_probs.numpy(), ids.numpy(), BLANK)

        assert path.tolist() == expected.tolist(), seed
        assert label_spans(path, BLANK) == [(span.start, span.end) for span in merge_tokens(expected, log_probs[:, 0])]


def test_of_paths_with_one_score_a_best_one_is_taken() -> None:
    # Two of the three ways to a state are equally good. There torchaudio takes the third, here with 0.8 of the score.
    probabilities = [[0.1, 0.2, 0.5], [0.2, 0.1, 0.2], [0.4, 0.4, 0.3], [0.5, 0.2, 0.1], [0.5, 0.4, 0.2]]
    log_probs = np.log(np.array(probabilities, dtype=np.float32))

    path = best_path(log_probs, np.array([2, 1]), BLANK)

    scores = {
        classes: math.prod(row[each] for row, each in zip(probabilities, classes, strict=True))
        for classes in itertools.product(range(3), repeat=5)
        if [each for each, _ in itertools.groupby(classes) if each != BLANK] == [2, 1]
    }
    assert scores[tuple(path.tolist())] == pytest.approx(max(scores.values()), rel=1e-4)


def spelled(num_labels: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Log-probabilities that are sure of a known path, but for a tenth of the labels; the path; its labels."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, NUM_CLASSES, (num_labels,), generator=generator)
    pauses = torch.randint(1, 7, (num_labels,), generator=generator)
    frames = pauses.cumsum(0) - 1 + torch.arange(num_labels)
    path = torch.full((int(frames[-1]) + 3,), BLANK)
    path[frames] = ids
    heard = path.clone()
    wrong = frames[torch.rand(num_labels, generator=generator) < 0.1]
    heard[wrong] = torch.randint(1, NUM_CLASSES, wrong.shape, generator=generator)
    logits = torch.randn(len(path), NUM_CLASSES, generator=generator)
    logits[torch.arange(len(path)), path] += 6.0
    logits[torch.arange(len(path)), heard] += 6.0
    return logits.log_softmax(-1), ids, path


@pytest.fixture
def table_sizes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    sizes: list[int] = []

    search = alignment._forced_path

    def recorded(log_probs: np.ndarray, labels: np.ndarray, blank: int) -> np.ndarray:
        sizes.append(len(log_probs) * (2 * len(labels) + 1))
        return search(log_probs, labels, blank)

    monkeypatch.setattr(alignment, "_forced_path", recorded)
    return sizes


def test_a_long_recording_is_aligned_without_a_large_table(table_sizes: list[int]) -> None:
    log_probs, ids, path = spelled(5_000)
    assert len(log_probs) * (2 * len(ids) + 1) > 10 * alignment._MAX_CELLS

    assert np.array_equal(best_path(log_probs.numpy(), ids.numpy(), BLANK), path)

    assert len(table_sizes) == math.ceil(len(log_probs) / alignment._MILESTONE_FRAMES)
    assert max(table_sizes) < alignment._MAX_CELLS


def test_text_that_was_not_said_and_speech_that_is_not_in_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first beam loses the path here; the result is that of one call all the same."""
    log_probs, ids, _ = spelled(600)
    _, others, _ = spelled(120, seed=1)
    for labels in (torch.cat([ids[:240], ids[360:]]), torch.cat([ids[:240], others, ids[240:]]), others):
        expected = forced_align(log_probs[None], labels[None], blank=BLANK)[0][0].long()
        with monkeypatch.context() as patch:
            patch.setattr(alignment, "_MAX_CELLS", 0)
            patch.setattr(alignment, "_FIRST_BEAMS", (20.0, 400.0, math.inf))
            path = torch.from_numpy(best_path(log_probs.numpy(), labels.numpy(), BLANK))
        chosen, best = (log_probs.gather(1, each[:, None]).double().sum() for each in (path, expected))
        assert float(chosen) == pytest.approx(float(best), rel=1e-6)
        assert (path != expected).float().mean() < 0.001  # paths of equal cost, to the precision of float32


def test_one_frame_and_impossible_classes() -> None:
    tokenizer = BiGRUCTCTokenizer()
    frames = torch.full((1, NUM_CLASSES), torch.finfo(torch.float32).min)
    frames[0, tokenizer("A").input_ids[0]] = 0.0

    (span,) = align_log_probs(frames, "A", tokenizer, 0.02)

    assert (span.char, span.start_s, span.end_s, span.score) == ("A", 0.0, 0.02, 1.0)


def test_scores_are_those_of_the_best_frame_and_relative_to_its_best_class() -> None:
    tokenizer = BiGRUCTCTokenizer()
    (a,), (b,) = (tokenizer(char).input_ids for char in "AB")
    probabilities = torch.full((3, NUM_CLASSES), 1e-3)
    probabilities[0, [a, b]] = torch.tensor([0.1, 0.9])
    probabilities[1, [a, b]] = torch.tensor([0.2, 0.6])
    probabilities[2, [a, b]] = torch.tensor([0.3, 0.5])

    (first, second) = align_log_probs(probabilities.log(), "AB", tokenizer, 0.02)

    assert (first.start_s, first.end_s, second.end_s) == pytest.approx((0.0, 0.02, 0.06))
    assert (first.score, first.relative_score) == pytest.approx((0.1, 0.1 / 0.9))
    assert (second.score, second.relative_score) == pytest.approx((0.6, 1.0))


@pytest.mark.parametrize(("text", "seed"), [("A", 0), ("AB", 1), ("BB", 2), ("A B", 3), ("ABBA", 4)])
def test_alignment_is_the_best_path_of_the_text(text: str, seed: int, tokenizer: BiGRUCTCTokenizer) -> None:
    frames = random_log_probs(seed, 7)
    values = frames.tolist()
    ids = tokenizer(text).input_ids
    best, best_path = -math.inf, ()
    for path in itertools.product(range(len(SMALL_VOCABULARY)), repeat=7):
        if [symbol for symbol, _ in itertools.groupby(path) if symbol != 0] == ids:
            score = sum(row[symbol] for row, symbol in zip(values, path, strict=True))
            best, best_path = max((best, best_path), (score, path))
    expected, frame = [], 0
    for symbol, group in itertools.groupby(best_path):
        length = len(list(group))
        if symbol != 0:
            score = math.exp(max(values[position][symbol] for position in range(frame, frame + length)))
            expected.append((frame * FRAME_S, (frame + length) * FRAME_S, score))
        frame += length
    spans = align_log_probs(frames, text, tokenizer, FRAME_S)
    assert "".join(span.char for span in spans) == text
    for span, (start_s, end_s, score) in zip(spans, expected, strict=True):
        assert (span.start_s, span.end_s) == pytest.approx((start_s, end_s))
        assert span.score == pytest.approx(score, abs=1e-5)


def test_what_cannot_be_aligned_is_refused(tokenizer: BiGRUCTCTokenizer) -> None:
    with pytest.raises(ValueError, match=r"The text 'ABBA' needs 5 frames.* there are 4, 0.08 s"):
        align_log_probs(random_log_probs(0, 4), "ABBA", tokenizer, FRAME_S)
    with pytest.raises(ValueError, match="characters outside the alphabet: 'C'"):
        align_log_probs(random_log_probs(0, 4), "AC", tokenizer, FRAME_S)
    assert align_log_probs(random_log_probs(0, 4), "", tokenizer, FRAME_S) == []
