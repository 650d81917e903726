"""Beam search over many utterances at once, in worker processes.

The decoder holds Python's global lock while it searches, so threads would not run side by side.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from ..model.beam_search_bigru_ctc import BeamSearchDecoder, BeamSearchSettings
from ..model.confidence_bigru_ctc import ConfidenceModel
from ..model.ctc_output_bigru_ctc import CTCSymbols, FrameArray, as_array
from ..model.decoding_bigru_ctc import Decoder, Hypothesis, utterances_of
from ..model.found_path_bigru_ctc import Check, no_check
from ..processes.worker_pool import WorkerPool
from .parts import cut_in_parts, decode_part, decode_recording, join_parts

__all__ = ["BeamSearchPool", "LazyHypotheses", "PendingHypotheses", "start_decoding"]


MAX_AHEAD = 8
"""Parts for each process, of a minute at the most, that wait while log-probabilities come in pieces."""
PERIOD_S = 0.1
"""Time between two looks at what may end a search while its result is waited for."""

TimedHypotheses = tuple[list[Hypothesis], float]
"""Hypotheses for a part, and the seconds that they took."""


@dataclass(frozen=True)
class PendingHypotheses:
    """Hypotheses for a recording whose parts are being decoded.

    Args:
        starts_s: Where each part begins, in seconds.
        futures: Hypotheses for each part, with the seconds they took.
        nbest: Hypotheses for the recording that are returned.
    """

    starts_s: list[float]
    futures: "list[Future[TimedHypotheses]]"
    nbest: int

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to wait for."""
        return all(future.done() for future in self.futures)

    @property
    def time_s(self) -> float:
        """Seconds that the decoding of all parts took, one after another; waits for them."""
        return sum(future.result()[1] for future in self.futures)

    def result(self, check: Check = no_check) -> list[Hypothesis]:
        """The hypotheses, the best one first; waits for them.

        Args:
            check: Called now and then meanwhile; what it raises ends the waiting.
        """
        found = (_awaited(future, check)[0] for future in self.futures)
        return join_parts(zip(self.starts_s, found, strict=True), self.nbest)


class BeamSearchPool:
    """Processes that decode utterances in parallel; use it in a `with` block.

    It is a [`Decoder`] too. The processes start with the first utterances.

    Args:
        folder: Folder of the language model.
        tokenizer: Gives the characters of the classes.
        frame_s: Seconds per frame.
        num_workers: Processes.
        settings: Default weights and width; those that stand in the folder, or the defaults, if `None`.
        confidence: See [`BeamSearchDecoder`].

    Raises:
        ValueError: If `num_workers` is below 1.
    """

    def __init__(
        self,
        folder: str | Path,
        tokenizer: Any,  # noqa: ANN401 - see `Decoder`
        frame_s: float,
        num_workers: int = 1,
        settings: BeamSearchSettings | None = None,
        confidence: ConfidenceModel | Literal["own"] | None = "own",
    ) -> None:
        self._workers = WorkerPool(num_workers)
        self._max_ahead = MAX_AHEAD * num_workers
        self.folder = Path(folder)
        self.frame_s = frame_s
        self.confidence = ConfidenceModel.from_folder(folder) if confidence == "own" else confidence
        # Symbols, and not the tokenizer: with it the processes would import torch.
        self._symbols = CTCSymbols.of(tokenizer)
        self._arguments = (self.folder.absolute(), self._symbols, frame_s, self.confidence)
        self.settings = settings or BeamSearchSettings.from_folder(folder)

    def start(self, *, waits: bool = True) -> None:
        """Start the processes and load the language model in all of them, so that it takes no time later.

        Args:
            waits: Whether to wait for them.
        """
        loading = self._workers.submit_to_each(_load, (*self._arguments, self.settings))
        if waits:
            for each in loading:
                each.result()

    @classmethod
    def of_decoder(cls, decoder: BeamSearchDecoder, num_workers: int) -> "BeamSearchPool":
        """Processes that decode as `decoder` does."""
        return cls(
            decoder.folder,
            decoder.tokenizer,
            decoder.frame_s,
            num_workers,
            decoder.settings,
            decoder.confidence,
        )

    def __enter__(self) -> Self:
        self._workers.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._workers.__exit__(*exception)

    def __call__(self, log_probs: Any, lengths: Any = None) -> list[list[Hypothesis]]:  # noqa: ANN401 - see `Decoder`
        """Hypotheses for every utterance of a batch; see [`Decoder`]."""
        utterances = utterances_of(log_probs, lengths, len(self._symbols))
        return [hypotheses for hypotheses, _ in self.decode(utterances)]

    def submit(self, log_probs: Any, settings: BeamSearchSettings | None = None) -> PendingHypotheses:  # noqa: ANN401 - the same
        """Start to decode a recording of any length in parts, as [`decode_in_parts`] does.

        Args:
            log_probs: `(frames, classes)` of the whole recording, without padding.
            settings: Weights and width; the pool's own if `None`.
        """
        settings = settings or self.settings
        starts_s: list[float] = []
        futures: list[Future[TimedHypotheses]] = []
        for start_s, part in cut_in_parts([as_array(log_probs)], self._symbols, self.frame_s):
            starts_s.append(start_s)
            futures.append(self._submit_part(part, settings))
        return PendingHypotheses(starts_s, futures, settings.nbest)

    def decoded_parts(
        self,
        pieces: Iterable[FrameArray],
        settings: BeamSearchSettings | None = None,
        check: Check = no_check,
    ) -> Iterator[tuple[float, list[Hypothesis]]]:
        """Hypotheses for the parts of a recording, several of which are decoded at once; see [`decoded_parts`].

        Args:
            pieces: Log-probabilities `(frames, classes)`, in pieces of any lengths; few parts of them are kept.
            settings: Weights and width; the pool's own if `None`.
            check: Called now and then while hypotheses are waited for; what it raises ends the waiting.
        """
        waiting: deque[tuple[float, Future[TimedHypotheses]]] = deque()
        for start_s, part in cut_in_parts(pieces, self._symbols, self.frame_s):
            waiting.append((start_s, self._submit_part(part, settings or self.settings)))
            while waiting and (waiting[0][1].done() or len(waiting) > self._max_ahead):
                first_s, future = waiting.popleft()
                yield first_s, _awaited(future, check)[0]
        for start_s, future in waiting:
            yield start_s, _awaited(future, check)[0]

    def _submit_part(self, part: FrameArray, settings: BeamSearchSettings) -> "Future[TimedHypotheses]":
        return self._workers.submit(_decode, (*self._arguments, settings), part)

    def decode(
        self, utterances: Sequence[Any], settings: BeamSearchSettings | None = None
    ) -> Iterator[tuple[list[Hypothesis], float]]:
        """Hypotheses for every utterance, in order, each with the seconds that their decoding took.

        Args:
            utterances: Log-probabilities `(frames, classes)` of each, without padding. What is longer than a minute
                is decoded in parts.
            settings: Weights and width; the pool's own if `None`.
        """
        for pending in [self.submit(utterance, settings) for utterance in utterances]:
            yield pending.result(), pending.time_s


@dataclass(frozen=True)
class LazyHypotheses:
    """Hypotheses for a recording that is decoded when they are asked for, and not before.

    Until then it is one array, and not hundreds of objects, through all of which Python would look for garbage.

    Args:
        decoder: Decodes the whole greedily, or its parts by beam search, as the pipelines do.
        log_probs: `(frames, classes)` of the whole recording, without padding.
        tokenizer: Tells which classes are the blank and the space.
        frame_s: Seconds per frame.
    """

    decoder: Decoder
    log_probs: Any
    tokenizer: Any
    frame_s: float

    @property
    def is_done(self) -> bool:
        """`True`: there is nothing to wait for."""
        return True

    def result(self) -> list[Hypothesis]:
        """The hypotheses, the best one first, made anew with every call.

        Raises:
            ValueError: If `log_probs` does not have the classes of `decoder`.
        """
        return decode_recording(self.decoder, self.log_probs, self.tokenizer, self.frame_s)


def start_decoding(
    decoder: Decoder,
    log_probs: Any,  # noqa: ANN401 - see `Decoder`
    tokenizer: Any,  # noqa: ANN401 - the same
    frame_s: float,
) -> PendingHypotheses | LazyHypotheses:
    """Hypotheses for a recording of any length; a [`BeamSearchPool`] starts on them at once, in its processes.

    Args:
        decoder: Makes them.
        log_probs: `(frames, classes)` of the whole recording, without padding.
        tokenizer: Tells which classes are the blank and the space.
        frame_s: Seconds per frame.
    """
    if isinstance(decoder, BeamSearchPool):
        return decoder.submit(log_probs)
    return LazyHypotheses(decoder, log_probs, tokenizer, frame_s)


def _awaited(future: "Future[TimedHypotheses]", check: Check) -> TimedHypotheses:
    while True:
        check()
        try:
            return future.result(PERIOD_S)
        except TimeoutError:
            if future.done():  # meanwhile, or the error is its own
                return future.result()


MAX_DECODERS = 4
"""Settings that a process is ready for; they share the language model."""
_decoders: dict[str, BeamSearchDecoder] = {}


def _load(arguments: tuple[Any, ...]) -> None:
    """Load the language model in a worker."""
    _decoder_of(arguments)


def _decode(arguments: tuple[Any, ...], log_probs: np.ndarray) -> tuple[list[Hypothesis], float]:
    """Decode one utterance in a worker."""
    decoder = _decoder_of(arguments)
    start_s = time.perf_counter()
    hypotheses = decode_part(decoder, log_probs)
    return hypotheses, time.perf_counter() - start_s


def _decoder_of(arguments: tuple[Any, ...]) -> BeamSearchDecoder:
    """The decoder of a worker, which keeps those that it used last."""
    folder, symbols, frame_s, confidence, settings = arguments
    key = repr((folder, frame_s, confidence, settings))
    decoder = _decoders.pop(key, None)
    if decoder is None:
        decoder = BeamSearchDecoder(folder, symbols, frame_s, settings, confidence)
    _decoders[key] = decoder
    if len(_decoders) > MAX_DECODERS:
        del _decoders[next(iter(_decoders))]
    return decoder
