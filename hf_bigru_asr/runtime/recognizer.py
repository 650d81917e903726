"""Transcribes without torch: numpy computes the features and ONNX Runtime runs the network.

    python -m hf_bigru_asr.runtime FILE ...

It needs numpy, soundfile and onnxruntime; a model folder without an exported graph also needs onnx and safetensors.
Neither torch nor transformers is imported.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..audio.loading import iterate_audio
from ..bundled import BUNDLED
from ..extras import needs_package
from ..model.beam_search_bigru_ctc import BeamSearchDecoder
from ..model.ctc_output_bigru_ctc import tidy_text
from ..model.decoding_bigru_ctc import Hypothesis
from ..model.waveforms_bigru_ctc import mono_waveform
from .decoding import load_decoder
from .export import load_graph, locate_model
from .graph_contents import GraphError, named_graph
from .int8_network import Int8Network
from .layer_runners import GraphLayerRunner, LayerRunner, RunGraph
from .log_mel import FloatArray, log_mel
from .long_audio import LONG_S, log_probs_in_pieces, read_before
from .model_files import ModelFiles
from .onnx_graph import Weights, weights_of_graph
from .openvino import compile_on_openvino
from .parts import decode_pieces
from .resampling import resample
from .runtime_choice import check_dtype, choose_runtime
from .silence import silence_rule

__all__ = ["OnnxRecognizer", "available_cores", "check_inputs", "create_session", "greedy_text", "main"]

NETWORK_INPUTS = ("input_features", "lengths")
BATCH_SIZE = 8
BATCH_S = 40.0
"""Recordings, and seconds of them with their padding on all frame grids, that run together at the most.

With three times as many seconds the network takes a quarter longer: its products leave the cache of the processor.
"""


class OnnxRecognizer:
    """A speech recogniser in a process without torch. Threads can share it, and get what each would get alone.

    Args:
        model: Folder written by `save_pretrained` of model and processor or by `scripts/export.py`, name on the Hub,
            or `"bundled"`.
        num_threads: Threads of the network; `None` leaves the choice to ONNX Runtime.
        num_offsets: Frame grids on which the network runs; their log-probabilities are averaged. Fewer errors for
            `num_offsets` times the work. `None` takes the number that the language model was tuned with, otherwise
            that of the model's files.
        language_model: Folder of a language model, or `"own"` for the model's own; greedy decoding if `None`.
        decoding: Fields of [`BeamSearchSettings`] to change.
        hotwords: Expected phrases: weights by phrase, or phrases as [`parse_hotwords`] takes them.
        preset: Settings that come with the language model: `"accurate"`, which `None` is too, or `"fast"`.
        long_s: Recordings longer than this go through the network in chunks, in bounded memory, with the result of one
            pass.
        runtime: What runs the network: `"onnx"` for ONNX Runtime, `"openvino"`, `"native"` for the compiled part of
            this package, or `"auto"`, see [`choose_runtime`].
        dtype: Number format of the network, one of `DTYPES`; `None` takes the runtime's own: `"int8"` of `"native"`,
            otherwise `"float32"`. `"bfloat16"` needs a processor that has it.

    Raises:
        ImportError: If the runtime is not installed, or `onnx`, which is needed without an exported graph, or what
            [`BeamSearchDecoder`] needs.
        FileNotFoundError: If a file of the model or of the language model is missing.
        ValueError: If `num_offsets` or another argument is out of range; and as [`load_decoder`].

    Example:
        >>> from hf_bigru_asr.runtime import OnnxRecognizer
        >>> OnnxRecognizer().transcribe("tests/data/samples/easy.flac")[-16:]
        'ATTENTION TO HER'
    """

    def __init__(
        self,
        model: str | Path = BUNDLED,
        *,
        num_threads: int | None = None,
        num_offsets: int | None = None,
        language_model: str | Path | None = None,
        decoding: Mapping[str, Any] | None = None,
        hotwords: Mapping[str, float] | Iterable[str] = (),
        preset: str | None = None,
        long_s: float = LONG_S,
        runtime: str = "onnx",
        dtype: str | None = None,
    ) -> None:
        if not long_s > 0:
            raise ValueError(f"long_s is {long_s}; it must be positive.")
        files = ModelFiles(locate_model(model))
        self.runtime = choose_runtime(files, runtime, dtype)
        self.dtype = check_dtype(self.runtime, dtype)
        self.decoder = load_decoder(files, language_model, decoding, hotwords, preset)
        self.feature_settings = files.feature_settings
        if num_offsets is None and isinstance(self.decoder, BeamSearchDecoder):
            num_offsets = self.decoder.settings.num_offsets
        if num_offsets is not None:
            self.feature_settings = replace(self.feature_settings, num_offsets=num_offsets)
        self.symbols = files.symbols
        self.pause_frames = files.pause_frames
        self.num_threads = num_threads
        self.long_s = long_s
        self._files = files
        is_native = self.runtime == "native"
        self._int8 = Int8Network(self._weights(), silence_rule(files.config)) if is_native else None
        if self._int8 is None:
            graph = load_graph(files)
            with named_graph(files.graph_path):
                self._run_network = self._compiled(graph, num_threads, NETWORK_INPUTS)

    @property
    def sampling_rate(self) -> int:
        """Sampling rate of the model in Hz."""
        return self.feature_settings.sampling_rate

    @property
    def max_batch_samples(self) -> int:
        """Samples, padding counted, that should run together at the most, of up to `BATCH_SIZE` recordings."""
        return round(BATCH_S * self.sampling_rate / self.feature_settings.num_offsets)

    def transcribe(self, source: str | os.PathLike[str] | bytes | BinaryIO) -> str:
        """Text of one recording of any length, in any format that `hf_bigru_asr.audio.load_audio` reads.

        Raises:
            AudioError: If the recording cannot be used.
            FileNotFoundError: If there is no such file.
            ImportError: If it is longer than `long_s`, and the package `onnx` is not installed.
        """
        return self.recognize(source)[0].text

    def recognize(self, source: str | os.PathLike[str] | bytes | BinaryIO | FloatArray) -> list[Hypothesis]:
        """Hypotheses for one recording of any length, the best one first: texts, words with times and confidences.

        Args:
            source: A recording as [`transcribe`] takes it, or samples at `sampling_rate` in a form of
                [`mono_waveform`].

        Raises:
            AudioError: And what else [`transcribe`] raises.

        Example:
            >>> from hf_bigru_asr.runtime import OnnxRecognizer
            >>> (best,) = OnnxRecognizer(language_model="own").recognize("tests/data/samples/easy.flac")
            >>> best.words[-1].text
            'HER'
        """
        blocks: Iterable[FloatArray] = (
            [source]
            if isinstance(source, np.ndarray)
            else iterate_audio(source, sampling_rate=self.sampling_rate, resample=resample)
        )
        return self._decode(self.log_probs_of_blocks(blocks))

    def hypotheses_of(self, log_probs: FloatArray) -> list[Hypothesis]:
        """Hypotheses for a recording, the best one first, from its log-probabilities `(frames, classes)`."""
        return self._decode([log_probs])

    def _decode(self, pieces: Iterable[FloatArray]) -> list[Hypothesis]:
        return decode_pieces(self.decoder, pieces, self.decoder.symbols, self.decoder.frame_s)

    def log_probs_of_blocks(self, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Log-probabilities of one recording of any length, in bounded memory.

        Args:
            blocks: Its samples in pieces of any lengths, in forms as `log_probs` takes them. They are read once.

        Yields:
            `(frames, classes)`, piece by piece; joined they are those of `log_probs` within 1e-4.

        Raises:
            ImportError: If it is longer than `long_s`, and the package `onnx` is not installed.
            OSError: If there is no room for the temporary files of a long recording.
            TypeError: As [`mono_waveform`].
            ValueError: As [`mono_waveform`]. Of a long recording, also if its graph has been changed, by quantisation
                for example.
        """
        blocks = iter(blocks)
        start: list[FloatArray] = []
        num_samples = 0
        for block in blocks:
            start.append(mono_waveform(block, num_samples))
            num_samples += len(start[-1])
            if num_samples > self.long_s * self.sampling_rate:
                whole = read_before(start, blocks)
                yield from log_probs_in_pieces(self.layer_runner(), whole, self.feature_settings)
                return
        yield self.log_probs([np.concatenate(start) if start else np.empty(0, dtype=np.float32)])[0]

    def layer_runner(self) -> LayerRunner:
        """Runs the network layer by layer, for recordings of any length; always the same one.

        Raises:
            ImportError: If the package `onnx` is not installed.
            ValueError: If the exported graph has been changed, by quantisation for example.
        """
        return self._layers

    @cached_property
    def _layers(self) -> LayerRunner:
        if self._int8 is not None:
            return self._int8.layer_runner()
        # The two directions of a layer run at once.
        num_threads = max((self.num_threads or available_cores()) // 2, 1)

        def compile_graph(graph: bytes, inputs: Sequence[str]) -> RunGraph:
            return self._compiled(graph, num_threads, inputs, keeps_memory=False)

        try:
            weights = self._weights()
        except ImportError as error:
            message = f"A recording of more than {self.long_s:g} s goes through the network layer by layer. {error}"
            raise ImportError(message) from error
        return GraphLayerRunner(weights, compile_graph, self.dtype, silence_rule(self._files.config))

    def _weights(self) -> Weights:
        path = self._files.graph_path
        return weights_of_graph(path.read_bytes()) if path.is_file() else self._files.read_weights()

    def _compiled(
        self, graph: bytes, num_threads: int | None, inputs: Sequence[str], *, keeps_memory: bool = True
    ) -> RunGraph:
        """A graph that is ready to run; several threads may call it."""
        if self.runtime == "openvino":
            run, given = compile_on_openvino(graph, num_threads, precision=self.dtype)
            check_inputs(given, inputs)
            return run
        session = create_session(graph, num_threads, inputs, keeps_memory=keeps_memory)
        names = [each.name for each in session.get_outputs()]
        return lambda values: dict(zip(names, session.run(names, values), strict=True))

    def log_probs(self, waveforms: Sequence[FloatArray]) -> list[FloatArray]:
        """Log-probabilities `(frames, classes)` of each utterance of a batch.

        Args:
            waveforms: Samples at `sampling_rate`, as `load_audio` gives them or in another form of [`mono_waveform`].

        Raises:
            ValueError: If there is none, or as [`mono_waveform`].
            TypeError: As [`mono_waveform`].
        """
        if not waveforms:
            raise ValueError("The batch of audio is empty; give at least one utterance.")
        features = [log_mel(mono_waveform(waveform), self.feature_settings) for waveform in waveforms]
        num_grids, num_mels = self.feature_settings.num_offsets, self.feature_settings.feature_size
        grids = [frames.reshape(len(frames), num_grids, num_mels).swapaxes(0, 1) for frames in features]
        if self._int8 is not None:
            scores = self._int8.log_probs([grid for utterance in grids for grid in utterance])
            return [
                _mean_of_grids(np.stack(scores[first : first + num_grids])) if num_grids > 1 else scores[first]
                for first in range(0, len(scores), num_grids)
            ]
        lengths = np.array([len(frames) for frames in features], dtype=np.int64)
        batch = np.zeros((num_grids, len(features), lengths.max(), num_mels), dtype=np.float32)
        for row, grid in enumerate(grids):
            batch[:, row, : grid.shape[1]] = grid
        inputs = {"input_features": batch.reshape(-1, *batch.shape[2:]), "lengths": np.tile(lengths, num_grids)}
        logits = self._run_network(inputs)["logits"]
        if num_grids > 1:
            logits = _mean_of_grids(logits.reshape(num_grids, len(features), *logits.shape[1:]))
        return [row[:length] for row, length in zip(logits, lengths, strict=True)]


def _mean_of_grids(log_probs: FloatArray) -> FloatArray:
    """Log-probabilities `(..., classes)` of all frame grids `(grids, ..., classes)` together."""
    mean = log_probs.mean(axis=0, dtype=np.float64)
    found: FloatArray = (mean - np.log(np.exp(mean).sum(axis=-1, keepdims=True))).astype(np.float32)
    return found


def create_session(
    graph: bytes,
    num_threads: int | None = None,
    inputs: Sequence[str] = NETWORK_INPUTS,
    *,
    keeps_memory: bool = True,
) -> Any:  # noqa: ANN401 - onnxruntime is optional
    """An `onnxruntime.InferenceSession` on the CPU.

    Args:
        graph: Serialised ONNX model.
        num_threads: `None` leaves the choice to ONNX Runtime.
        inputs: Names of the inputs that the graph must have.
        keeps_memory: Whether memory of a call is kept for the next one, which makes long calls some percent faster.
            Every session keeps its own.

    Raises:
        ImportError: If the package `onnx` is not installed.
        ValueError: If `num_threads` is below 1, or the graph is broken or has other inputs.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(needs_package("Running the network", "onnxruntime")) from error
    if num_threads is not None and num_threads < 1:
        raise ValueError(f"num_threads is {num_threads}; it must be at least 1, or None for the runtime's own choice.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or 0
    options.enable_cpu_mem_arena = keeps_memory
    # Threads that wait for work by looking for it all the time take it from everybody else, and gain nothing here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions have no common class but this one
        raise GraphError(
            f"ONNX Runtime cannot read the graph: {error} Write it again with scripts/export.py."
        ) from error
    check_inputs([each.name for each in session.get_inputs()], inputs)
    return session


def available_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_inputs(names: Sequence[str], expected: Sequence[str] = NETWORK_INPUTS) -> None:
    """Refuse a graph with other inputs than expected.

    Args:
        names: Names of the graph's inputs.
        expected: Names that they must have; by default those of [`recognizer_graph`].

    Raises:
        ValueError: If the names differ.
    """
    if sorted(names) != sorted(expected):
        raise GraphError(
            f"The graph takes {', '.join(names)}; it must take {' and '.join(expected)}. Write it with "
            "scripts/export.py."
        )


def greedy_text(log_probs: FloatArray, symbols: Sequence[str], pause_frames: int | None = None) -> str:
    """Text of the best classes of `(frames, classes)`: repeats are collapsed, then blanks removed.

    Spaces that separate nothing and apostrophes without letters are left out.

    Args:
        log_probs: `(frames, classes)`, any scores of the classes.
        symbols: Text of every class, an empty string for the blank.
        pause_frames: Frames without a letter between two letters that make a space; `None`: no number does.
    """
    ids = log_probs.argmax(axis=-1)
    # First frame of every run of one class, and the end.
    edges = [*np.flatnonzero(np.diff(ids, prepend=-1)).tolist(), len(ids)]
    text, last = "", 0
    for start, end in pairwise(edges):
        char = symbols[ids[start]]
        if char:
            is_pause = pause_frames is not None and start - last >= pause_frames
            text += f" {char}" if is_pause and text and " " not in (char, text[-1]) else char
            last = end
    return tidy_text(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Transcribe files, print one line for each, and return the exit status: 1 if a file could not be transcribed."""
    parser = argparse.ArgumentParser(
        prog="python -m hf_bigru_asr.runtime", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="Recordings.")
    parser.add_argument("--model", default=BUNDLED, help="Model folder, or the one that ships with the package.")
    parser.add_argument("--num_threads", type=int, help="Threads of the network.")
    parser.add_argument("--num_offsets", type=int, help="Frame grids to average, for fewer errors.")
    options = parser.parse_args(arguments)
    try:
        recognizer = OnnxRecognizer(options.model, num_threads=options.num_threads, num_offsets=options.num_offsets)
    except (OSError, ValueError, ImportError) as error:
        parser.error(str(error))
    status = 0
    for file in options.files:
        try:
            text = recognizer.transcribe(file)
        except (ValueError, OSError, ImportError) as error:
            print(f"{file}: not transcribed: {error}", file=sys.stderr)  # noqa: T201 - a command talks to a person
            status = 1
            continue
        print(f"{file}: {text}" if len(options.files) > 1 else text)  # noqa: T201 - the same
    return status
