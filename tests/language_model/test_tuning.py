"""The search for the weights of beam search, against decoding with each of them."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from inline_workers import InlinePool
from small_language_model import WORDS, spelled, write_language_model

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.evaluation.plots import plot_tuning
from hf_bigru_asr.language_model.tuning import (
    best_settings,
    mean_posteriors,
    outside_lexicon_figures,
    tune_decoding,
    write_settings,
)
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.runtime import decoding_pool
from hf_bigru_asr.runtime.decoding_pool import BeamSearchPool

FRAME_S = 0.02
TEXTS = ["IT NO", "YOU I ZEBRA NO", "A", "NO QUIZ"]


@pytest.fixture
def tokenizer() -> BiGRUCTCTokenizer:
    return BiGRUCTCTokenizer()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_language_model(tmp_path / "language_model")


@pytest.fixture
def pool(folder: Path, tokenizer: BiGRUCTCTokenizer, monkeypatch: pytest.MonkeyPatch) -> Iterator[BeamSearchPool]:
    monkeypatch.setattr(decoding_pool, "WorkerPool", InlinePool)
    with BeamSearchPool(folder, tokenizer, FRAME_S, num_workers=2) as pool:
        yield pool


@pytest.fixture
def utterances(tokenizer: BiGRUCTCTokenizer) -> list[torch.Tensor]:
    """A network that is rather sure, but not of the last letters."""
    noise = torch.Generator().manual_seed(0)
    logits = [spelled(text, tokenizer) for text in TEXTS]
    return [(each + 3.5 * torch.randn(each.shape, generator=noise)).log_softmax(-1) for each in logits]


def test_every_point_has_the_error_rate_of_its_weights(
    pool: BeamSearchPool, folder: Path, tokenizer: BiGRUCTCTokenizer, utterances: list[torch.Tensor], tmp_path: Path
) -> None:
    priors = mean_posteriors(utterances)
    trials = list(
        tune_decoding(
            pool,
            utterances,
            TEXTS,
            BeamSearchSettings(beam_size=20, class_priors=priors),
            lm_weights=[0.5, 3.0],
            word_scores=[0.0, -9.0],
            prior_weights=[0.0, 0.5],
            beam_sizes=[40, 20],
        )
    )
    names = ("lm_weight", "word_score", "prior_weight", "beam_size")
    points = [tuple(getattr(trial.settings, name) for name in names) for trial in trials]
    assert points[:8] == list(itertools.product([0.5, 3.0], [0.0, -9.0], [0.0, 0.5], [20]))
    best = min(trials[:8], key=lambda trial: trial.wer)
    assert points[8:] == [(*points[trials.index(best)][:3], 40)]
    assert best_settings(trials, beam_size=20) == best.settings
    assert len({trial.wer for trial in trials}) > 1
    for trial in trials:
        one = BeamSearchDecoder(folder, tokenizer, FRAME_S, trial.settings)
        texts = [one(utterance[None])[0][0].text for utterance in utterances]
        assert trial.wer == word_error_counts(TEXTS, texts).error_rate
        assert trial.settings.class_priors == priors
        assert json.loads(json.dumps(trial.as_dict()))["beam_size"] == trial.settings.beam_size
    assert str(trials[0]).startswith("lm_weight 0.5, word_score 0, prior_weight 0, beam 20: WER ")
    plot_tuning(trials, 20, tmp_path / "tuning.png")
    assert (tmp_path / "tuning.png").read_bytes().startswith(b"\x89PNG")


def test_words_outside_the_lexicon(pool: BeamSearchPool, tokenizer: BiGRUCTCTokenizer) -> None:
    # The letters of words that are spelled take one frame each.
    sure = [spelled(text, tokenizer, letter_frames=1) for text in TEXTS]
    # One word of the second reference is another one than what is heard; two words are outside the lexicon.
    references = [TEXTS[0], "YOU I ZZ NO", *TEXTS[2:]]
    assert not {"ZEBRA", "ZZ", "QUIZ"} & WORDS.keys()
    figures = outside_lexicon_figures(pool, sure, references, BeamSearchSettings(lm_weight=0.1, beam_size=50))
    assert (figures["num_utterances"], figures["num_reference"], figures["num_found"]) == (2, 2, 1)
    assert figures["wer"] == pytest.approx(1 / 6)
    assert figures["recall"] == pytest.approx(1 / 2)
    none = outside_lexicon_figures(pool, sure[:1], TEXTS[:1], BeamSearchSettings(lm_weight=0.5, beam_size=50))
    assert (none["num_utterances"], none["wer"], none["recall"]) == (0, None, None)


@pytest.mark.usefixtures("pool")
def test_processes_of_a_decoder_without_confidences_have_none(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    ConfidenceModel((0.0,) * len(FEATURES), 2.0).save(folder)
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S, confidence=None)
    utterance = spelled("IT NO", tokenizer)
    alone = [word.confidence for word in decoder(utterance[None])[0][0].words]
    assert decoder.confidence is None
    with BeamSearchPool.of_decoder(decoder, num_workers=1) as pool:
        assert pool.confidence is None
        assert [word.confidence for word in pool(utterance[None])[0][0].words] == alone
    calibrated = BeamSearchDecoder(folder, tokenizer, FRAME_S)
    assert calibrated.confidence is not None
    assert [word.confidence for word in calibrated(utterance[None])[0][0].words] != alone


def test_mean_posteriors() -> None:
    utterances = [torch.tensor([[0.25, 0.75, 0.0]]).log(), torch.tensor([[0.5, 0.5, 0.0], [0.3, 0.7, 0.0]]).log()]
    assert mean_posteriors(utterances) == pytest.approx((0.35, 0.65, 1e-6))


def test_settings_of_a_folder(folder: Path, tokenizer: BiGRUCTCTokenizer) -> None:
    (folder / "decoding.json").unlink()
    assert BeamSearchDecoder(folder, tokenizer, FRAME_S).settings == BeamSearchSettings()
    (folder / "decoding.json").write_text('{"lm_weight": 1.25, "beam_size": 7}')
    decoder = BeamSearchDecoder(folder, tokenizer, FRAME_S)
    assert decoder.settings == BeamSearchSettings(lm_weight=1.25, beam_size=7)
    assert decoder._with_end(np.zeros((0, 29), dtype=np.float32))[0, :2].tolist() == [0.0, 0.0]


def test_presets_stay_when_settings_are_written(tmp_path: Path) -> None:
    accurate = BeamSearchSettings(lm_weight=2.5, beam_size=400, class_priors=(0.5, 0.5), num_offsets=3)
    fast = BeamSearchSettings(lm_weight=2.0, beam_size=50, class_priors=(0.5, 0.5), num_offsets=1)
    with pytest.raises(ValueError, match=r"decoding\.json does not exist; tune the settings without a preset first"):
        write_settings(tmp_path, fast, "fast")
    path = write_settings(tmp_path, accurate)
    write_settings(tmp_path, fast, "fast")
    assert json.loads(path.read_text())["presets"] == {"fast": {"lm_weight": 2.0, "beam_size": 50, "num_offsets": 1}}
    assert BeamSearchSettings.from_folder(tmp_path, preset="fast") == fast
    write_settings(tmp_path, BeamSearchSettings(lm_weight=1.0))
    assert BeamSearchSettings.from_folder(tmp_path) == BeamSearchSettings(lm_weight=1.0)
    assert BeamSearchSettings.from_folder(tmp_path, preset="fast").lm_weight == 2.0
