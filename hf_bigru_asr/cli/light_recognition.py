"""Recognition without torch: the compiled part of the package, NumPy, and ONNX Runtime or OpenVINO."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..audio.channels import Channels
from ..audio.loading import count_channels, iterate_audio
from ..formats.transcript import RecognizedWord, RecognizerFacts, TimedTranscript
from ..model.beam_search_bigru_ctc import BeamSearchDecoder
from ..model.ctc_alignment_bigru_ctc import align_log_probs
from ..model.decoding_bigru_ctc import Hypothesis, words_of
from ..runtime.decoding import choose_language_model
from ..runtime.export import locate_model
from ..runtime.layer_runners import CheckedRunner
from ..runtime.log_mel import FloatArray
from ..runtime.long_audio import log_probs_in_pieces, read_before
from ..runtime.model_files import ModelFiles
from ..runtime.parts import decode_pieces, join_parts
from ..runtime.recognizer import BATCH_SIZE, OnnxRecognizer, available_cores
from ..runtime.resampling import resample
from ..text.language_names import check_language
from .inputs import Input
from .jobs import Check
from .one_line import describe_error
from .recognition import REFUSED, RecognitionOptions, SpokenWord, description, facts_of, opened, problem_of

if TYPE_CHECKING:
    from ..grammar import GrammarDecoder, GrammarResult
    from ..runtime.decoding_pool import BeamSearchPool, PendingHypotheses

__all__ = ["LightRecognition", "load_light_recognition"]


@dataclass
class _Channel:
    """One channel of a recording on its way: samples, log-probabilities `(frames, classes)`, hypotheses, words."""

    num_samples: int = 0
    waveform: FloatArray | None = None
    log_probs: FloatArray | None = None
    pending: "PendingHypotheses | None" = None
    words: Sequence[RecognizedWord] = ()


def load_light_recognition(options: RecognitionOptions) -> "LightRecognition":
    """Load model and decoder.

    Raises:
        FileNotFoundError: If a file of the model or of the language model is missing.
        ImportError: If a package is missing.
        ValueError: If an option is wrong.
    """
    folder = locate_model(options.model)
    files = ModelFiles(folder)
    if options.language is not None:
        check_language(options.language, files.ctc_symbols.language)
    language_model = None
    if options.grammar is None:
        language_model = choose_language_model(files, options.language_model)
    recognizer = OnnxRecognizer(
        folder,
        num_threads=options.num_threads,
        num_offsets=options.num_offsets,
        language_model=language_model,
        hotwords=options.hotwords,
        preset=options.preset,
        runtime=options.runtime,
        dtype=options.dtype,
    )
    # What "auto" has chosen, and a number format that is not everybody's, is told.
    dtype = recognizer.dtype if options.dtype or recognizer.dtype != "float32" else None
    options = replace(options, runtime=recognizer.runtime, dtype=dtype)
    return LightRecognition(recognizer, options, facts_of(options, language_model))


class LightRecognition:
    """Recognises recordings; see [`Recognition`][hf_bigru_asr.cli.recognition.Recognition].

    Args:
        recognizer: The network and its decoder.
        options: What runs.
        facts: The same, as transcripts have it.

    Raises:
        ImportError: If the package of grammars is missing.
        ValueError: If the grammar cannot be used.
    """

    def __init__(self, recognizer: OnnxRecognizer, options: RecognitionOptions, facts: RecognizerFacts) -> None:
        self._recognizer, self._options, self._facts = recognizer, options, facts
        self._grammar = None if options.grammar is None else _grammar_decoder(recognizer, options)
        self._pool: BeamSearchPool | None = None

    def __enter__(self) -> Self:
        """Where several recordings run at once, processes that decode them start."""
        if self._options.num_jobs > 1 and (pool := self._pool_for_search()) is not None:
            pool.start(waits=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """They end, at once if an exception leaves the block."""
        if self._pool is not None:
            self._pool.__exit__(kind, error, traceback)

    def _pool_for_search(self) -> "BeamSearchPool | None":
        """Processes that decode, if there is a beam search that lets no other thread run, and several can run."""
        decoder = self._recognizer.decoder
        if not isinstance(decoder, BeamSearchDecoder) or decoder.shares_time:
            return None
        if self._pool is None and self._options.num_workers:
            # Here, because one short recording needs none of it.
            from ..processes.worker_pool import can_start_processes
            from ..runtime.decoding_pool import BeamSearchPool

            if can_start_processes():
                self._pool = BeamSearchPool.of_decoder(decoder, self._options.num_workers).__enter__()
        return self._pool

    def describe(self) -> str:
        """What runs, for people."""
        return description(self._options, self._facts, self._recognizer.feature_settings.num_offsets)

    def __call__(self, recordings: Sequence[Input], check: Check) -> Iterator[TimedTranscript]:
        """Transcripts of some recordings; the short ones go through the network together."""
        warnings: list[list[str]] = [[] for _ in recordings]
        channels: list[list[_Channel]] = [[] for _ in recordings]
        errors: dict[int, str] = {}
        for row, recording in enumerate(recordings):
            try:
                channels[row] = list(self._read(recording, warnings[row], check))
            except REFUSED as error:
                errors[row] = problem_of(recording, describe_error(error))
        self._score_short([channel for each in channels for channel in each], check)
        for row, recording in enumerate(recordings):
            if row not in errors:
                try:
                    words = [self._words_of_channel(each, warnings[row], check) for each in channels[row]]
                except ChildProcessError as error:
                    errors[row] = problem_of(recording, describe_error(error))
            noted = tuple(dict.fromkeys(warnings[row]))
            if row in errors:
                yield TimedTranscript(recording.source, 0.0, warnings=noted, error=errors[row], recognizer=self._facts)
                continue
            yield TimedTranscript.from_channels(
                recording.source,
                max(channel.num_samples for channel in channels[row]) / self._recognizer.sampling_rate,
                words,
                warnings=noted,
                recognizer=self._facts,
            )

    def _words_of_channel(self, channel: _Channel, warnings: list[str], check: Check) -> Sequence[RecognizedWord]:
        if channel.pending is not None:
            return self._words_of(channel.pending.result(check))
        if channel.log_probs is not None:
            log_probs, channel.log_probs = channel.log_probs, None
            return self._decode([log_probs], warnings, check)
        return channel.words

    def _read(self, recording: Input, warnings: list[str], check: Check) -> Iterator[_Channel]:
        """The channels of a recording: short ones with their samples, long ones with their words."""
        source = opened(recording, self._options.limits)
        wanted: Iterable[Channels] = [self._options.channels]
        if self._options.channels == "split":
            wanted = range(count_channels(source))
        for number in wanted:
            blocks = iterate_audio(
                source,
                sampling_rate=self._recognizer.sampling_rate,
                resample=resample,
                channels=number,
                on_damage=self._options.on_damage,
                warn=warnings.append,
            )
            channel = _Channel()
            self._read_channel(channel, _counted(blocks, channel, check), warnings, check)
            yield channel

    def _read_channel(
        self, channel: _Channel, blocks: Iterator[FloatArray], warnings: list[str], check: Check
    ) -> None:
        start: list[Any] = []
        longest = self._recognizer.long_s * self._recognizer.sampling_rate
        for block in blocks:
            start.append(block)
            if channel.num_samples > longest:
                runner = CheckedRunner(self._recognizer.layer_runner(), check)
                whole = read_before(start, blocks)
                pieces = log_probs_in_pieces(runner, whole, self._recognizer.feature_settings)
                pool = self._pool_for_search()
                if pool is None:
                    channel.words = self._decode(pieces, warnings, check)
                else:
                    channel.words = self._words_of(join_parts(pool.decoded_parts(pieces, check=check)))
                return
        channel.waveform = np.concatenate(start)

    def _score_short(self, channels: Iterable[_Channel], check: Check) -> None:
        waiting = [channel for channel in channels if channel.waveform is not None]
        for batch in _batches(waiting, self._recognizer.max_batch_samples):
            check()
            found = self._recognizer.log_probs([each.waveform for each in batch if each.waveform is not None])
            for channel, log_probs in zip(batch, found, strict=True):
                channel.log_probs, channel.waveform = log_probs, None
                if self._options.num_jobs > 1 and self._pool is not None:
                    channel.pending, channel.log_probs = self._pool.submit(log_probs), None

    def _decode(self, pieces: Iterable[FloatArray], warnings: list[str], check: Check) -> Sequence[RecognizedWord]:
        if self._grammar is not None:
            return self._decode_grammar(self._grammar, np.concatenate(list(pieces)), warnings, check)
        check()
        decoder = self._recognizer.decoder
        if isinstance(decoder, BeamSearchDecoder):
            decoder = decoder.checked(check)
        num_threads = 1 if self._options.num_jobs > 1 else self._options.num_threads or available_cores()
        return self._words_of(decode_pieces(decoder, pieces, decoder.symbols, decoder.frame_s, num_threads))

    def _words_of(self, hypotheses: Sequence[Hypothesis]) -> Sequence[RecognizedWord]:
        best = hypotheses[0]
        if self._recognizer.decoder.confidence is not None:
            return best.words
        # What is not calibrated is no probability.
        return [SpokenWord(word.text, word.start_s, word.end_s) for word in best.words]

    def _decode_grammar(
        self, decoder: "GrammarDecoder", log_probs: FloatArray, warnings: list[str], check: Check
    ) -> Sequence[RecognizedWord]:
        results = decoder(log_probs, check)
        words: list[RecognizedWord] = []
        for result in results:
            if result.is_accepted:
                words += self._words_of_phrase(result, log_probs)
        if num_rejected := sum(not result.is_accepted for result in results):
            utterances = "1 utterance is" if num_rejected == 1 else f"{num_rejected} utterances are"
            warnings.append(f"{utterances} not in the grammar and left out.")
        return words

    def _words_of_phrase(self, result: "GrammarResult", log_probs: FloatArray) -> list[RecognizedWord]:
        """The words of a phrase with their times, each with the confidence of the phrase."""
        symbols, frame_s = self._recognizer.decoder.symbols, self._recognizer.decoder.frame_s
        first, end = round(result.start_s / frame_s), round(result.end_s / frame_s)
        spans = align_log_probs(log_probs[first:end], result.text, symbols, frame_s)
        start_s = first * frame_s
        return [
            SpokenWord(word.text, start_s + word.start_s, start_s + word.end_s, result.confidence)
            for word in words_of(spans, None)
        ]


def _grammar_decoder(recognizer: OnnxRecognizer, options: RecognitionOptions) -> "GrammarDecoder":
    from ..grammar import Grammar, GrammarDecoder
    from ..text.languages import Normalizer

    assert options.grammar is not None
    symbols = recognizer.decoder.symbols
    threshold = {} if options.min_confidence is None else {"min_confidence": options.min_confidence}
    return GrammarDecoder(
        Grammar.from_file(options.grammar, Normalizer.of(symbols)),
        symbols.characters,
        blank_id=symbols.blank,
        frame_s=recognizer.decoder.frame_s,
        **threshold,
    )


def _counted(blocks: Iterable[FloatArray], channel: _Channel, check: Callable[[], None]) -> Iterator[FloatArray]:
    for block in blocks:
        check()
        channel.num_samples += len(block)
        yield block


def _batches(channels: Iterable[_Channel], max_samples: float) -> Iterator[list[_Channel]]:
    """Channels of similar lengths, the longest first."""
    batch: list[_Channel] = []
    for channel in sorted(channels, key=lambda channel: -channel.num_samples):
        if batch and (len(batch) == BATCH_SIZE or (len(batch) + 1) * batch[0].num_samples > max_samples):
            yield batch
            batch = []
        batch.append(channel)
    if batch:
        yield batch
