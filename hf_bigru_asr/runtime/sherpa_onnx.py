"""The recogniser as sherpa-onnx runs it: a graph from samples to log-probabilities, and the list of its symbols.

Of the offline CTC models of sherpa-onnx one type takes samples, `omnilingual`. What it does to them and to the output
is fixed, and the graph is made to fit:

- It subtracts the mean of the samples and divides them by `sqrt(variance + 1e-5)`. The divisor follows from the
  variance of the quotient, and is multiplied again. The mean is lost.
- It gives one utterance at a time and no length. The length is that of the input.
- It counts 20 ms for every frame of the output. The graph gives, every 20 ms, the frame that lies there.
- Its greedy search drops repeats and blanks, and knows no pauses. A pause that makes a word boundary gets a frame with
  a space.

Source: `offline-recognizer-ctc-impl.h` and `offline-omnilingual-asr-ctc-model.cc` of sherpa-onnx 2.0.1.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .log_mel import FloatArray, LogMelSettings
from .onnx_builder import GraphBuilder
from .onnx_graph import add_waveform_recognizer

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["FRAME_SAMPLES", "sherpa_graph", "sherpa_tokens"]

SAMPLING_RATE = 16_000
FRAME_SAMPLES = 320
"""Samples of a frame of the output, 20 ms."""
VARIANCE_FLOOR = 1e-5
"""What sherpa-onnx adds to the variance of the samples."""
BLANK, SPACE = "<blk>", "▁"
"""How sherpa-onnx writes the blank, and the space between words."""


def sherpa_graph(
    weights: Mapping[str, FloatArray],
    settings: LogMelSettings,
    symbols: Sequence[str],
    blank_id: int = 0,
    pause_frames: int | None = None,
    metadata: Mapping[str, str] | None = None,
    max_silence_frames: int | None = None,
) -> "ModelProto":
    """The recogniser with its feature extractor, for `sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc`.

    The input is `waveform` `(1, samples)` float32 as sherpa-onnx normalises it. The output is `log_probs`
    `(1, frames, classes)` float32, a frame for every 20 ms.

    Args:
        weights: State dict of `BiGRUForCTC`.
        settings: Settings of the feature extractor.
        symbols: Text of every class, an empty string for the blank.
        blank_id: Class of the blank.
        pause_frames: Frames without a letter between two letters that make a space; `None`: no number does.
        metadata: Texts that are stored with the graph.
        max_silence_frames: That of the configuration.

    Raises:
        ImportError: If the package `onnx` is not installed.
        ValueError: If the sampling rate is not 16 kHz or a frame is shorter than 20 ms, and as
            [`waveform_recognizer_graph`].
    """
    if settings.sampling_rate != SAMPLING_RATE or settings.hop_length < FRAME_SAMPLES:
        raise ValueError(
            f"The model takes {settings.sampling_rate} Hz and has a frame every {settings.hop_length} samples; for "
            f"sherpa-onnx it must take {SAMPLING_RATE} Hz and have at least {FRAME_SAMPLES} samples a frame. Export "
            "the waveform graph and run it with ONNX Runtime."
        )
    graph = GraphBuilder()
    waveform = graph.input("waveform", np.float32, [1, "samples"])
    length = graph.unsqueeze(graph.size(waveform, 1), 0)
    samples = _add_original_level(graph, waveform)
    logits, num_frames = add_waveform_recognizer(
        graph, weights, settings, blank_id, samples, length, max_silence_frames
    )
    if pause_frames is not None:
        logits = _add_pauses(graph, logits, symbols.index(" "), blank_id, len(symbols), pause_frames)
    _add_frames_of_20_ms(graph, logits, num_frames, settings.hop_length)
    graph.outputs.append(("log_probs", np.float32, [1, "frames", len(symbols)]))
    return graph.model("bigru_ctc_sherpa_onnx", metadata)


def sherpa_tokens(symbols: Sequence[str]) -> str:
    """Text of `tokens.txt`: a symbol and its number on every line.

    Args:
        symbols: Text of every class, an empty string for the blank.

    Raises:
        ValueError: If a symbol could not be read back.

    Example:
        >>> print(sherpa_tokens(["", " ", "A"]))
        <blk> 0
        ▁ 1
        A 2
        <BLANKLINE>
    """
    names = [{"": BLANK, " ": SPACE}.get(symbol, symbol) for symbol in symbols]
    if unfit := [name for name in names if name.split() != [name]]:
        raise ValueError(f"The symbol {unfit[0]!r} has white space, which tokens.txt cannot hold; rename the symbol.")
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{sorted(twice)[0]!r} stands for two classes in tokens.txt; rename the symbol.")
    return "".join(f"{name} {number}\n" for number, name in enumerate(names))


def _add_original_level(graph: GraphBuilder, waveform: str) -> str:
    """Undo the division: with v the variance of the samples, that of the quotient is q = v / (v + 1e-5).

    So v + 1e-5 = 1e-5 / (1 - q). In double precision, because 1 - q is small for loud audio. Samples in [-1, 1] have
    a variance of at most one, which bounds 1 - q from below.
    """
    exact = graph.add("Cast", waveform, to=11)  # TensorProto.DOUBLE
    variance = graph.add("ReduceMean", graph.add("Mul", exact, exact), axes=[1], keepdims=1)
    floor, one = graph.constant(np.float64(VARIANCE_FLOOR)), graph.constant(np.float64(1))
    rest = graph.add("Max", graph.add("Sub", one, variance), floor)
    divisor = graph.add("Sqrt", graph.add("Div", floor, rest))
    return graph.add("Mul", waveform, graph.add("Cast", divisor, to=1))  # TensorProto.FLOAT


def _add_pauses(
    graph: GraphBuilder, logits: str, space_id: int, blank_id: int, num_classes: int, pause_frames: int
) -> str:
    """Give the first frame of a pause that makes a word boundary to the space, as `greedy_text` has it.

    Args:
        graph: The graph.
        logits: `(1, frames, classes)`.
        space_id: Class of the space.
        blank_id: Class of the blank.
        num_classes: Number of classes.
        pause_frames: Blanks between two letters that make a word boundary.

    Returns:
        `(1, frames, classes)`.
    """

    def number(value: int) -> str:
        return graph.constant(np.int64(value))

    def ends(value: str, start: int, stop: int) -> str:
        return graph.add("Slice", value, graph.constant(np.array([start])), graph.constant(np.array([stop])))

    def differs(value: str, other: int) -> str:
        return graph.add("Not", graph.add("Equal", value, number(other)))

    best = graph.squeeze(graph.add("ArgMax", logits, axis=2, keepdims=0), 0)
    places = graph.squeeze(graph.add("NonZero", differs(best, blank_id)), 0)
    before, after = ends(places, 0, -1), ends(places, 1, np.iinfo(np.int64).max)
    num_blanks = graph.add("Sub", graph.add("Sub", after, before), number(1))
    is_long = graph.add("GreaterOrEqual", num_blanks, number(pause_frames))
    # After a space it would be a repeat, which greedy search drops; before one it would be a second.
    ends_in_letter = differs(graph.add("Gather", best, after), space_id)
    starts = graph.add("Compress", before, graph.add("And", is_long, ends_in_letter))
    starts = graph.add("Add", starts, number(1))
    zeros = graph.add("Mul", best, number(0))
    ones = graph.add("Expand", number(1), graph.add("Shape", starts))
    is_pause = graph.add("Cast", graph.add("ScatterElements", zeros, starts, ones), to=9)  # TensorProto.BOOL
    space = np.full(num_classes, np.finfo(np.float32).min, dtype=np.float32)
    space[space_id] = 0.0
    return graph.add("Where", graph.unsqueeze(is_pause, 1), graph.constant(space), logits)


def _add_frames_of_20_ms(graph: GraphBuilder, logits: str, num_frames: str, hop_length: int) -> None:
    """Name `log_probs` what has, every 20 ms, the frame of `logits` that lies there; none is skipped."""

    def number(value: int) -> str:
        return graph.constant(np.int64(value))

    last_sample = graph.add("Sub", graph.add("Mul", graph.squeeze(num_frames, 0), number(hop_length)), number(1))
    count = graph.add("Add", graph.add("Div", last_sample, number(FRAME_SAMPLES)), number(1))
    times = graph.add("Mul", graph.add("Range", number(0), count, number(1)), number(FRAME_SAMPLES))
    graph.add("Gather", logits, graph.add("Div", times, number(hop_length)), output="log_probs", axis=1)
