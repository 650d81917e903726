"""The choice of the weights of beam search on a validation set."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from ..metrics import character_error_counts, word_error_counts
from ..model.beam_search_bigru_ctc import BeamSearchSettings
from ..model.checked_files_bigru_ctc import read_model_json
from ..model.language_model_files_bigru_ctc import SETTINGS_NAME
from ..model.lexicon_bigru_ctc import lexicon_words
from ..runtime.decoding_pool import BeamSearchPool
from ..storage.writing import write_json
from .term_recall import term_recall

__all__ = ["Trial", "best_settings", "mean_posteriors", "outside_lexicon_figures", "tune_decoding", "write_settings"]


@dataclass(frozen=True)
class Trial:
    """One set of weights, measured.

    Args:
        settings: The weights and the width.
        wer: Word error rate, a fraction.
        cer: Character error rate, a fraction.
        real_time_factor: Seconds of audio that one process decodes in a second, without the network.
    """

    settings: BeamSearchSettings
    wer: float
    cer: float
    real_time_factor: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable: figures and settings, without the class priors, which all trials share."""
        settings = asdict(self.settings)
        del settings["class_priors"]
        return {
            **settings,
            "wer": self.wer,
            "cer": self.cer,
            "real_time_factor": self.real_time_factor,
        }

    def __str__(self) -> str:
        """One line for a person."""
        settings = self.settings
        return (
            f"lm_weight {settings.lm_weight:g}, word_score {settings.word_score:g}, prior_weight "
            f"{settings.prior_weight:g}, beam {settings.beam_size}: "
            f"WER {self.wer:.2%}, CER {self.cer:.2%}, {self.real_time_factor:.0f} times real time"
        )


def mean_posteriors(utterances: Sequence[torch.Tensor]) -> tuple[float, ...]:
    """Mean probability of each class over all frames of log-probabilities `(frames, classes)`, at least `1e-6`."""
    mean = torch.cat([utterance.double().exp() for utterance in utterances]).mean(0)
    return tuple(mean.clamp(min=1e-6).tolist())


def _measure(
    pool: BeamSearchPool, utterances: Sequence[torch.Tensor], references: Sequence[str], settings: BeamSearchSettings
) -> Trial:
    """Decode a validation set with one set of weights."""
    decoded = list(pool.decode(utterances, settings))
    texts = [hypotheses[0].text for hypotheses, _ in decoded]
    audio_s = sum(len(utterance) for utterance in utterances) * pool.frame_s
    return Trial(
        settings,
        word_error_counts(references, texts).error_rate,
        character_error_counts(references, texts).error_rate,
        audio_s / sum(time_s for _, time_s in decoded),
    )


def tune_decoding(
    pool: BeamSearchPool,
    utterances: Sequence[torch.Tensor],
    references: Sequence[str],
    start: BeamSearchSettings,
    *,
    lm_weights: Iterable[float],
    word_scores: Iterable[float],
    prior_weights: Iterable[float],
    beam_sizes: Iterable[int],
) -> Iterator[Trial]:
    """Measure a grid of weights at the beam size of `start`, and then the best of them at every beam size.

    Args:
        pool: Processes that decode.
        utterances: Log-probabilities `(frames, classes)` of each utterance of a validation set.
        references: Their transcripts.
        start: The beam size for the grid, the class priors, and all settings that are not tuned.
        lm_weights: Weights of the language model to try.
        word_scores: Word scores to try.
        prior_weights: Weights of the class priors to try.
        beam_sizes: Beam sizes to try with the best weights.

    Yields:
        A [`Trial`] for every point, as it is measured.
    """
    grid = []
    for lm_weight, word_score, prior_weight in product(lm_weights, word_scores, prior_weights):
        settings = replace(start, lm_weight=lm_weight, word_score=word_score, prior_weight=prior_weight)
        trial = _measure(pool, utterances, references, settings)
        grid.append(trial)
        yield trial
    best = min(grid, key=lambda trial: trial.wer).settings
    for beam_size in beam_sizes:
        if beam_size != start.beam_size:
            yield _measure(pool, utterances, references, replace(best, beam_size=beam_size))


def best_settings(trials: Iterable[Trial], *, beam_size: int) -> BeamSearchSettings:
    """The settings with the lowest word error rate among the trials at one beam size."""
    return min((each for each in trials if each.settings.beam_size == beam_size), key=lambda each: each.wer).settings


def write_settings(folder: Path, settings: BeamSearchSettings, preset: str | None = None) -> Path:
    """Write settings beside a language model and return the path; presets that are there stay.

    Args:
        folder: The language model.
        settings: Weights and width.
        preset: Name of the preset that they become; the settings without a name if `None`.

    Raises:
        ValueError: If they are to be a preset, and there are no settings yet.
    """
    path = folder / SETTINGS_NAME
    stored: dict[str, Any] = read_model_json(path) if path.is_file() else {}
    presets = stored.pop("presets", {})
    values = asdict(settings)
    if preset is not None:
        if not stored:
            raise ValueError(f"{path} does not exist; tune the settings without a preset first.")
        base = asdict(BeamSearchSettings.from_folder(folder))
        presets[preset] = {name: value for name, value in values.items() if value != base[name]}
        values = stored
    write_json(path, {**values, "presets": presets} if presets else values)
    return path


def outside_lexicon_figures(
    pool: BeamSearchPool, utterances: Sequence[torch.Tensor], references: Sequence[str], settings: BeamSearchSettings
) -> dict[str, Any]:
    """How well words outside the pool's lexicon are recognised, JSON-serialisable.

    Args:
        pool: Processes that decode.
        utterances: Log-probabilities `(frames, classes)` of each utterance of a validation set.
        references: Their transcripts.
        settings: Weights and width.

    Returns:
        What [`TermRecall.as_dict`] gives for these words, with `num_utterances` that have such words and their `wer`,
        `None` if there are none.
    """
    words = {word for reference in references for word in reference.split()} - lexicon_words(pool.folder)
    places = [place for place, reference in enumerate(references) if words.intersection(reference.split())]
    decoded = pool.decode([utterances[place] for place in places], settings)
    texts = [hypotheses[0].text for hypotheses, _ in decoded]
    chosen = [references[place] for place in places]
    hours = sum(len(utterance) for utterance in utterances) * pool.frame_s / 3600
    return {
        "num_utterances": len(places),
        "wer": word_error_counts(chosen, texts).error_rate if places else None,
        **term_recall(chosen, texts, sorted(words), hours).as_dict(),
    }
