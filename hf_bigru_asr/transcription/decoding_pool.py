"""Beam search over many utterances at once, in processes."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ..model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from ..model.confidence_bigru_ctc import ConfidenceModel
from ..model.decoding_bigru_ctc import Decoder, Hypothesis, utterances_of
from ..model.tokenization_bigru_ctc import BiGRUCTCTokenizer
from .parts import Parts, decode_in_parts

__all__ = ["BeamSearchPool", "ReadingsOnDemand", "ReadingsToCome", "begin_to_decode"]


@dataclass(frozen=True)
class ReadingsToCome:
    """Readings of a recording whose parts are being decoded.

    Args:
        parts: Its parts.
        futures: Readings of each part, with the seconds they took.
        nbest: Readings of the recording that are given back.
    """

    parts: Parts
    futures: "list[Future[tuple[list[Hypothesis], float]]]"
    nbest: int

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to wait for."""
        return all(future.done() for future in self.futures)

    def result(self) -> list[Hypothesis]:
        """The readings, the best one first, as soon as they are there."""
        return self.parts.join((future.result()[0] for future in self.futures), self.nbest)


class BeamSearchPool:
    """Processes that decode utterances in parallel; use it in a `with` block.

    It is a [`Decoder`] too. The processes start with the first utterances.

    Args:
        folder: Folder of the language model.
        tokenizer: Gives the characters of the classes.
        frame_s: Seconds per frame.
        num_workers: Processes.
        settings: Weights and width where none are given; those that stand in the folder, or the defaults, if `None`.
        confidence: See [`BeamSearchDecoder`].
    """

    def __init__(
        self,
        folder: str | Path,
        tokenizer: BiGRUCTCTokenizer,
        frame_s: float,
        num_workers: int = 1,
        settings: BeamSearchSettings | None = None,
        confidence: ConfidenceModel | Literal["own"] | None = "own",
    ) -> None:
        if num_workers < 1:
            raise ValueError(f"num_workers is {num_workers}; it must be at least 1.")
        self.folder = Path(folder)
        self.frame_s = frame_s
        self.confidence = ConfidenceModel.from_folder(folder) if confidence == "own" else confidence
        self._arguments = (folder, tokenizer, frame_s, self.confidence)
        self.settings = settings or BeamSearchSettings.from_folder(folder)
        self._tokenizer = tokenizer
        self._num_workers = num_workers
        context = get_context("spawn")
        self._pool = ProcessPoolExecutor(
            num_workers, mp_context=context, initializer=_begin, initargs=(context.Barrier(num_workers),)
        )

    def start(self) -> None:
        """Start the processes and load the language model in all of them, so that it takes no time later."""
        arguments = (*self._arguments, self.settings)
        for future in [self._pool.submit(_meet, arguments) for _ in range(self._num_workers)]:
            future.result()

    @classmethod
    def of_decoder(cls, decoder: BeamSearchDecoder, num_workers: int) -> "BeamSearchPool":
        """Processes that decode as `decoder` does."""
        return cls(
            decoder.folder, decoder.tokenizer, decoder.frame_s, num_workers, decoder.settings, decoder.confidence
        )

    def __enter__(self) -> "BeamSearchPool":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, log_probs: torch.Tensor, lengths: torch.Tensor | None = None) -> list[list[Hypothesis]]:
        """Readings of every utterance of a batch; see [`Decoder`]."""
        utterances = utterances_of(log_probs, lengths, len(self._tokenizer))
        return [hypotheses for hypotheses, _ in self.decode(utterances)]

    def submit(
        self, utterance: torch.Tensor, settings: BeamSearchSettings | None = None
    ) -> "Future[tuple[list[Hypothesis], float]]":
        """Begin to decode one utterance `(frames, classes)`; the result is its readings and the seconds they took."""
        arguments = (*self._arguments, settings or self.settings)
        # As an array: a tensor would travel through shared memory, one open file each.
        return self._pool.submit(_decode, arguments, utterance.float().cpu().numpy())

    def submit_in_parts(self, log_probs: torch.Tensor) -> ReadingsToCome:
        """Begin to decode a recording `(frames, classes)` of any length in parts, as [`decode_in_parts`] does."""
        parts = Parts.of(log_probs, self._tokenizer, self.frame_s)
        return ReadingsToCome(parts, [self.submit(part) for part in parts.log_probs], self.settings.nbest)

    def decode(
        self, utterances: Sequence[torch.Tensor], settings: BeamSearchSettings | None = None
    ) -> Iterator[tuple[list[Hypothesis], float]]:
        """Readings of every utterance, in order, each with the seconds that it took.

        Args:
            utterances: Log-probabilities `(frames, classes)` of each, without padding.
            settings: Weights and width; the pool's own if `None`.
        """
        futures = [self.submit(utterance, settings) for utterance in utterances]
        for future in futures:
            yield future.result()


@dataclass(frozen=True)
class ReadingsOnDemand:
    """Readings of a recording that is decoded when they are asked for, and not before.

    Until then it is one array, and not hundreds of objects, through all of which Python would look for garbage.

    Args:
        decoder: Makes them: greedily of the whole, by beam search of its parts, as the pipelines do.
        log_probs: `(frames, classes)` of the whole recording, without padding.
        tokenizer: Tells which classes are the blank and the space.
        frame_s: Seconds per frame.
    """

    decoder: Decoder
    log_probs: torch.Tensor
    tokenizer: BiGRUCTCTokenizer
    frame_s: float

    @property
    def is_done(self) -> bool:
        """`True`: there is nothing to wait for."""
        return True

    def result(self) -> list[Hypothesis]:
        """The readings, the best one first, made anew with every call.

        Raises:
            ValueError: If `log_probs` does not have the classes of `decoder`.
        """
        settings = getattr(self.decoder, "settings", None)
        if settings is None:
            return self.decoder(self.log_probs[None])[0]
        return decode_in_parts(self.decoder, self.log_probs, self.tokenizer, self.frame_s, nbest=settings.nbest)


def begin_to_decode(
    decoder: Decoder, log_probs: torch.Tensor, tokenizer: BiGRUCTCTokenizer, frame_s: float
) -> ReadingsToCome | ReadingsOnDemand:
    """Readings of a recording of any length: those of a [`BeamSearchPool`] are begun, in its processes.

    Args:
        decoder: Makes them.
        log_probs: `(frames, classes)` of the whole recording, without padding.
        tokenizer: Tells which classes are the blank and the space.
        frame_s: Seconds per frame.
    """
    if isinstance(decoder, BeamSearchPool):
        return decoder.submit_in_parts(log_probs)
    return ReadingsOnDemand(decoder, log_probs, tokenizer, frame_s)


_decoders: dict[str, BeamSearchDecoder] = {}
_barriers: list[Barrier] = []


def _begin(barrier: Barrier) -> None:
    _barriers.append(barrier)


def _meet(arguments: tuple[Any, ...]) -> None:
    """Load the language model, and wait until the other workers have done so: then each has done it."""
    _decoder_of(arguments)
    _barriers[0].wait()


def _decode(arguments: tuple[Any, ...], log_probs: np.ndarray) -> tuple[list[Hypothesis], float]:
    """Decode one utterance in a worker."""
    decoder = _decoder_of(arguments)
    start_s = time.perf_counter()
    hypotheses = decoder(torch.from_numpy(log_probs)[None])[0]
    return hypotheses, time.perf_counter() - start_s


def _decoder_of(arguments: tuple[Any, ...]) -> BeamSearchDecoder:
    """The decoder of a worker, which keeps the one that it made last."""
    folder, tokenizer, frame_s, confidence, settings = arguments
    key = repr((folder, frame_s, confidence, settings))
    if key not in _decoders:
        torch.set_num_threads(1)
        _decoders.clear()
        _decoders[key] = BeamSearchDecoder(folder, tokenizer, frame_s, settings, confidence)
    return _decoders[key]
