"""Beam search over many utterances at once, and the choice of its weights on a validation set."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .decoding import BeamSearchDecoder, BeamSearchSettings, Hypothesis
from .metrics import character_error_counts, word_error_counts
from .tokenization_bigru_ctc import BiGRUCTCTokenizer

__all__ = ["BeamSearchPool", "Trial", "mean_posteriors", "tune_decoding"]


@dataclass(frozen=True)
class Trial:
    """One set of weights, measured.

    Args:
        settings: The weights and the width.
        wer: Word error rate, a fraction.
        cer: Character error rate, a fraction.
        real_time_factor: Seconds of audio that one process decodes in a second, the network not counted.
    """

    settings: BeamSearchSettings
    wer: float
    cer: float
    real_time_factor: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable, the settings among the figures, but the class priors, which all trials share."""
        settings = asdict(self.settings)
        del settings["class_priors"]
        return {
            **settings,
            "wer": self.wer,
            "cer": self.cer,
            "real_time_factor": self.real_time_factor,
        }


class BeamSearchPool:
    """Processes that decode utterances in parallel; use it in a `with` block.

    Args:
        folder: Folder of the language model.
        tokenizer: Gives the characters of the classes.
        frame_s: Seconds per frame.
        num_workers: Processes.
    """

    def __init__(self, folder: str | Path, tokenizer: BiGRUCTCTokenizer, frame_s: float, num_workers: int = 1) -> None:
        if num_workers < 1:
            raise ValueError(f"num_workers is {num_workers}; it must be at least 1.")
        self._arguments = (folder, tokenizer, frame_s)
        self.frame_s = frame_s
        self._pool = ProcessPoolExecutor(num_workers, mp_context=get_context("spawn"))

    def __enter__(self) -> "BeamSearchPool":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def decode(
        self, utterances: Sequence[torch.Tensor], settings: BeamSearchSettings
    ) -> Iterator[tuple[list[Hypothesis], float]]:
        """Readings of every utterance, in order, each with the seconds that it took.

        Args:
            utterances: Log-probabilities `(frames, classes)` of each, without padding.
            settings: Weights and width.
        """
        arguments = (*self._arguments, settings)
        # As arrays: tensors would travel through shared memory, one open file each.
        arrays = [utterance.float().cpu().numpy() for utterance in utterances]
        yield from self._pool.map(_decode, [arguments] * len(arrays), arrays)


_decoders: dict[str, BeamSearchDecoder] = {}


def _decode(arguments: tuple[Any, ...], log_probs: np.ndarray) -> tuple[list[Hypothesis], float]:
    """Decode one utterance in a worker, which keeps the decoder that it made last."""
    folder, tokenizer, frame_s, settings = arguments
    key = repr((folder, frame_s, settings))
    if key not in _decoders:
        torch.set_num_threads(1)
        _decoders.clear()
        _decoders[key] = BeamSearchDecoder(folder, tokenizer, frame_s, settings)
    start_s = time.perf_counter()
    hypotheses = _decoders[key](torch.from_numpy(log_probs)[None])[0]
    return hypotheses, time.perf_counter() - start_s


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
        start: Settings that are not tuned, the class priors among them, and the beam size for the grid.
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
