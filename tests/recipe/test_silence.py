"""Distillation of a network from itself: what it hears, what it should hear, and that it learns that."""

import copy
from itertools import islice, repeat

import numpy as np
import pytest
import torch
from speech_prior import SPEECH
from tone_speech import RATE_HZ, speak

from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUForCTC
from recipe.silence import (
    SilenceExample,
    change_normalization,
    distillation_loss,
    examples,
    learn_silence,
)

HOP = 320


def some_examples(count: int, seed: int) -> tuple[list[np.ndarray], list[SilenceExample]]:
    clips = [speak(text)[0] for text in ("ONE", "A", "THREE")]
    return clips, list(islice(examples(clips, RATE_HZ, HOP, np.random.default_rng(seed)), count))


def test_an_utterance_lies_where_its_example_says() -> None:
    clips, found = some_examples(40, seed=0)
    heard = [each for each in found if each.clip is not None]
    assert 0 < len(found) - len(heard) < 15
    for each in heard:
        start = each.first_frame * HOP
        inside = each.waveform[start : start + len(each.clip)]
        assert np.corrcoef(inside, each.clip)[0, 1] > 0.9
        assert each.waveform.dtype == np.float32
        assert np.abs(each.waveform).max() <= 1
        assert len(each.waveform) - len(inside) <= 12 * RATE_HZ
    assert {id(each.clip) for each in heard[:3]} == set(map(id, clips)), "all of them before one comes again"
    assert len({each.first_frame for each in heard}) > 5
    assert any(not each.waveform[: each.first_frame * HOP].any() for each in heard if each.first_frame)
    assert any(each.waveform[: each.first_frame * HOP].any() for each in heard if each.first_frame)


def test_a_seed_gives_the_same_examples() -> None:
    (_, first), (_, again), (_, other) = (some_examples(6, seed) for seed in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.waveform, two.waveform)
        assert one.first_frame == two.first_frame
    assert any(len(one.waveform) != len(two.waveform) for one, two in zip(first, other, strict=True))


def test_without_utterances_there_are_no_examples() -> None:
    with pytest.raises(ValueError, match="There is no utterance to put silence around"):
        next(examples([], RATE_HZ, HOP, np.random.default_rng(0)))


def test_the_loss_against_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.randn(3, 7, 4, generator=generator).log_softmax(-1)
    target = torch.rand(3, 4, generator=generator).softmax(-1)
    late = torch.rand(4, 4, generator=generator).softmax(-1)
    targets, firsts, lengths = [target, None, late], [2, 0, 5], [6, 4, 7]

    losses = []
    for row, length in enumerate(lengths):
        for frame in range(length):
            wanted = torch.tensor([1.0, 0, 0, 0])
            place = frame - firsts[row]
            if targets[row] is not None and 0 <= place < len(targets[row]):
                wanted = targets[row][place]
            losses.append(-sum(float(wanted[label] * log_probs[row, frame, label]) for label in range(4)))

    found = distillation_loss(log_probs, targets, firsts, lengths)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_first_layer_takes_in_what_is_linear(tiny_model: BiGRUForCTC) -> None:
    """Features before and after their normalisation over one utterance are linear functions of each other."""
    clip = speak("A PAUSE")[0]
    raw, normalised = BiGRUCTCFeatureExtractor(normalization="none"), BiGRUCTCFeatureExtractor()
    model = copy.deepcopy(tiny_model)
    change_normalization(model, raw, normalised, [clip])
    with torch.inference_mode():
        expected = tiny_model(input_features=normalised.extract(torch.from_numpy(clip))[None]).logits
        found = model(input_features=raw.extract(torch.from_numpy(clip))[None]).logits
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=0)


def test_the_network_learns_what_it_heard_without_silence(tiny_model: BiGRUForCTC) -> None:
    clip = 0.5 * speak("A")[0]
    waveform = np.pad(clip, (3 * HOP, 9000))
    source = repeat(SilenceExample(waveform, clip, 3))
    teacher = copy.deepcopy(tiny_model)
    extractors = BiGRUCTCFeatureExtractor(**SPEECH), BiGRUCTCFeatureExtractor()
    options = {"steps": 8, "batch_size": 1, "learning_rate": 2e-2}

    losses = list(learn_silence(tiny_model, teacher, *extractors, source, **options))

    assert len(losses) == 8
    assert 0 <= losses[-1] < 0.7 * losses[0], "less the entropy of the teacher: a divergence"
    assert any(not torch.equal(*pair) for pair in zip(tiny_model.parameters(), teacher.parameters(), strict=True))


def test_the_first_loss_is_the_divergence_from_the_teacher(tiny_model: BiGRUForCTC) -> None:
    """None where the network hears what its teacher hears; of blanks where nothing is spoken."""
    clip = 0.5 * speak("A")[0]
    extractor = BiGRUCTCFeatureExtractor(**SPEECH)
    silence = SilenceExample(np.zeros(6400, np.float32), None)
    for example, expected in ((SilenceExample(clip, clip), 0.0), (silence, None)):
        model = copy.deepcopy(tiny_model)
        with torch.inference_mode():
            frames = extractor.extract(torch.from_numpy(example.waveform))[None]
            blank = -float(tiny_model(input_features=frames).logits[..., 0].mean())
        source = repeat(example)
        (loss,) = learn_silence(model, tiny_model, extractor, extractor, source, steps=1, batch_size=2)
        assert loss == pytest.approx(blank if expected is None else expected, abs=1e-4)
