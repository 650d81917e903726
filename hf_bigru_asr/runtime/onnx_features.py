"""The feature extractor as nodes of an ONNX graph: log-mel frames and their normalisation."""

from typing import Any

import numpy as np

from ..model import speech_statistics_bigru_ctc as rule
from .log_mel import LogMelSettings, hann_window, mel_filter_bank
from .onnx_builder import GraphBuilder

__all__ = ["add_log_mel", "add_normalization"]


def add_log_mel(graph: GraphBuilder, waveform: str, num_frames: str, settings: LogMelSettings) -> str:
    """Add the unnormalised log-mel features.

    Args:
        graph: The graph.
        waveform: `(batch, samples)`, zero on padding.
        num_frames: `(1,)` int64 frames of the batch.
        settings: Settings of the features.

    Returns:
        `(batch, mels, frames)`.
    """
    filters = mel_filter_bank(settings)
    used = filters.any(axis=1)  # bins outside every filter need no transform
    # One convolution gives the real and the imaginary part of every bin of every frame.
    skipped = max(0, settings.first_sample)
    phase = 2 * np.pi * np.outer(np.flatnonzero(used), np.arange(settings.win_length)) / settings.n_fft
    kernel = np.concatenate([np.cos(phase), np.sin(phase)]) * hann_window(settings.win_length).astype(np.float64)
    kernel = np.pad(kernel, ((0, 0), (skipped, 0))).astype(np.float32)
    parts = graph.add(
        "Conv",
        graph.unsqueeze(waveform, 1),
        graph.constant(kernel[:, None]),
        strides=[settings.hop_length],
        pads=[max(0, -settings.first_sample), kernel.shape[1]],
    )
    first, axis = graph.constant(np.array([0])), graph.constant(np.array([2]))
    parts = graph.add("Slice", parts, first, num_frames, axis)
    real, imaginary = graph.add_all("Split", [graph.add("Mul", parts, parts)], num_outputs=2, axis=1)
    mel = graph.add("MatMul", graph.constant(filters[used].T), graph.add("Add", real, imaginary))
    return graph.add("Log", graph.add("Max", mel, graph.constant(np.float32(settings.mel_floor))))


def add_normalization(graph: GraphBuilder, features: str, valid: str, lengths: str, settings: LogMelSettings) -> str:
    """Add the normalisation that `settings.normalization` names.

    Args:
        graph: The graph.
        features: `(batch, mels, frames)`.
        valid: `(batch, frames)` bool.
        lengths: `(batch,)` int64 valid frames, at least one each.
        settings: Settings of the features.

    Returns:
        `(batch, mels, frames)`, zero on padding unless there is no normalisation.
    """
    if settings.normalization == "none":
        return features
    count = graph.unsqueeze(graph.unsqueeze(_as_float(graph, lengths), 1), 2)
    weight = graph.unsqueeze(_as_float(graph, valid), 1)
    total = graph.add("ReduceSum", graph.add("Mul", features, weight), graph.constant(np.array([2])))
    centred = graph.add("Mul", graph.add("Sub", features, graph.add("Div", total, count)), weight)
    if settings.normalization == "speech":
        return _add_speech_normalization(graph, features, centred, weight, settings)
    return _add_utterance_normalization(graph, centred, count, settings)


def _add_utterance_normalization(graph: GraphBuilder, centred: str, count: str, settings: LogMelSettings) -> str:
    """Divide `centred` `(batch, mels, frames)` by the standard deviation of each bin."""
    squares = graph.add("ReduceSum", graph.add("Mul", centred, centred), graph.constant(np.array([2])))
    variance = graph.add("Div", squares, count)
    if settings.prior_frames > 0:
        prior = np.square(np.array(settings.prior_std, dtype=np.float32))[:, None]
        frames = graph.constant(np.float32(settings.prior_frames))
        weighted = graph.add("Add", graph.add("Mul", variance, count), graph.constant(prior * settings.prior_frames))
        variance = graph.add("Div", weighted, graph.add("Add", count, frames))
    floored = graph.add("Add", variance, graph.constant(np.float32(rule.VARIANCE_FLOOR)))
    return graph.add("Div", centred, graph.add("Sqrt", floored))


def _add_speech_normalization(
    graph: GraphBuilder, features: str, centred: str, valid: str, settings: LogMelSettings
) -> str:
    """Normalise by the statistics of the speech around each frame: the rule of `speech_statistics_bigru_ctc`.

    Args:
        graph: The graph.
        features: `(batch, mels, frames)`.
        centred: The same without the mean of each bin, zero on padding: sums of its squares do not cancel.
        valid: `(batch, 1, frames)` float32, 1 on valid frames.
        settings: Settings of the features.

    Returns:
        `(batch, mels, frames)`, zero on padding.
    """
    weights = _add_speech_weights(graph, features, valid, settings.frame_s)
    weighted = graph.add("Mul", centred, weights)
    block, radius = rule.block_frames(settings.frame_s), rule.window_blocks(settings.frame_s)

    def statistic(values: str) -> str:
        """Sums over the blocks around each block, with a share of the whole: `(batch, channels, blocks)`."""
        blocks = _add_block_sums(graph, values, block)
        whole = graph.add("ReduceSum", blocks, graph.constant(np.array([2])))
        share = graph.add("Mul", graph.add("Div", whole, total_weight), number(rule.SHRINKAGE_FRAMES))
        near = graph.add(
            "AveragePool", blocks, kernel_shape=[2 * radius + 1], pads=[radius, radius], count_include_pad=1
        )
        return graph.add("Add", graph.add("Mul", near, number(2 * radius + 1)), share)

    def number(value: float) -> str:
        return graph.constant(np.float32(value))

    # An utterance without frames has no weight at all, and would divide zero by zero.
    tiny = number(1e-6)
    total_weight = graph.add("Max", graph.add("ReduceSum", weights, graph.constant(np.array([2]))), tiny)
    count = graph.add("Max", statistic(weights), tiny)
    mean = graph.add("Div", statistic(weighted), count)
    variance = graph.add("Div", statistic(graph.add("Mul", weighted, centred)), count)
    variance = graph.add("Max", graph.add("Sub", variance, graph.add("Mul", mean, mean)), number(0))
    if settings.prior_frames > 0:
        prior = np.square(np.array(settings.prior_std, dtype=np.float32))[:, None]
        more = graph.add("Add", graph.add("Mul", variance, count), graph.constant(prior * settings.prior_frames))
        variance = graph.add("Div", more, graph.add("Add", count, number(settings.prior_frames)))
    deviation = graph.add("Sqrt", graph.add("Add", variance, number(rule.VARIANCE_FLOOR)))
    blocks = _add_block_numbers(graph, features, settings.frame_s)
    mean, deviation = (graph.add("Gather", values, blocks, axis=2) for values in (mean, deviation))
    return graph.add("Mul", graph.add("Div", graph.add("Sub", centred, mean), deviation), valid)


def _add_speech_weights(graph: GraphBuilder, features: str, valid: str, frame_s: float) -> str:
    """Weights `(batch, 1, frames)` of the frames of `features` `(batch, mels, frames)`, 0 on padding."""

    def number(value: float) -> str:
        return graph.constant(np.float32(value))

    def clipped(value: str, width: float) -> str:
        """`value / width + 0.5` between 0 and 1."""
        return graph.add(
            "Clip", graph.add("Add", graph.add("Div", value, number(width)), number(0.5)), number(0), number(1)
        )

    def pooled(operator: str, value: str, seconds: float, **attributes: Any) -> str:
        radius = rule.frames_of(seconds, frame_s)
        return graph.add(operator, value, kernel_shape=[2 * radius + 1], pads=[radius, radius], **attributes)

    powers = graph.add("ReduceSum", graph.add("Exp", features), graph.constant(np.array([1])))
    levels = graph.add("Mul", graph.add("Mul", graph.add("Log", powers), number(rule.DB_PER_NEPER)), valid)
    sums, counts = (pooled("AveragePool", value, rule.SMOOTHING_S, count_include_pad=1) for value in (levels, valid))
    # Padding far from valid frames would divide zero by zero.
    smooth = graph.add("Div", sums, graph.add("Max", counts, number(1e-6)))
    is_valid = graph.add("Greater", valid, number(0.5))
    top = graph.add("ReduceMax", graph.add("Where", is_valid, smooth, number(-1e4)), axes=[2], keepdims=1)
    lowest = graph.add("ReduceMin", graph.add("Where", is_valid, smooth, number(1e4)), axes=[2], keepdims=1)
    contrast = graph.add("Min", graph.add("Sub", top, lowest), number(rule.RANGE_DB))
    near_highest = _add_near_top(graph, graph.add("Where", is_valid, smooth, number(-1e4)), frame_s)
    flipped = graph.add("Where", is_valid, graph.add("Neg", smooth), number(-1e4))
    near_lowest = graph.add("Neg", _add_near_top(graph, flipped, frame_s))
    near_contrast = graph.add("Sub", graph.add("Sub", near_highest, near_lowest), number(rule.MIN_CONTRAST_DB))
    has_speech = clipped(near_contrast, rule.CONTRAST_RAMP_DB)
    below = graph.add("Min", graph.add("Sub", top, near_highest), number(rule.SPEAKERS_DB))
    near_top = graph.add("Sub", top, graph.add("Mul", has_speech, below))
    near_bottom = graph.add("Max", near_lowest, graph.add("Sub", near_top, number(rule.RANGE_DB)))
    of_blocks = graph.add("Mul", graph.add("Add", near_top, near_bottom), number(0.5))
    threshold = graph.add("Gather", of_blocks, _add_block_numbers(graph, features, frame_s), axis=2)
    weights = graph.add("Mul", clipped(graph.add("Sub", smooth, threshold), rule.RAMP_DB), valid)
    is_flat = clipped(graph.add("Sub", number(rule.MIN_CONTRAST_DB), contrast), rule.CONTRAST_RAMP_DB)
    return graph.add("Mul", graph.add("Max", pooled("MaxPool", weights, rule.MARGIN_S), is_flat), valid)


def _add_near_top(graph: GraphBuilder, levels: str, frame_s: float) -> str:
    """Highest of `levels` `(batch, 1, frames)` within the window of each block: `(batch, 1, blocks)`."""
    block, radius = rule.block_frames(frame_s), rule.window_blocks(frame_s)
    ends = graph.constant(np.array([0, 0, 0, 0, 0, block - 1]))
    padded = graph.add("Pad", levels, ends, graph.constant(np.float32(-1e4)))
    highest = graph.add("MaxPool", padded, kernel_shape=[block], strides=[block])
    return graph.add("MaxPool", highest, kernel_shape=[2 * radius + 1], pads=[radius, radius])


def _add_block_numbers(graph: GraphBuilder, features: str, frame_s: float) -> str:
    """Block `(frames,)` of each frame of `features` `(batch, mels, frames)`."""
    zero, one = graph.constant(np.int64(0)), graph.constant(np.int64(1))
    frames = graph.add("Range", zero, graph.size(features, 2), one)
    return graph.add("Div", frames, graph.constant(np.int64(rule.block_frames(frame_s))))


def _add_block_sums(graph: GraphBuilder, values: str, block: int) -> str:
    """Sums `(batch, channels, blocks)` of `values` `(batch, channels, frames)` over blocks, the last one partial."""
    padded = graph.add("Pad", values, graph.constant(np.array([0, 0, 0, 0, 0, block - 1])))
    means = graph.add("AveragePool", padded, kernel_shape=[block], strides=[block])
    return graph.add("Mul", means, graph.constant(np.float32(block)))


def _as_float(graph: GraphBuilder, value: str) -> str:
    return graph.add("Cast", value, to=1)  # TensorProto.FLOAT
