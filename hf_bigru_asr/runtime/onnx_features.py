"""The feature extractor as nodes of an ONNX graph: log-mel frames and their normalisation."""

import numpy as np

from ..model import speech_statistics_bigru_ctc as rule
from .log_mel import LogMelSettings, hann_window, mel_filter_bank
from .onnx_builder import GraphBuilder

__all__ = ["add_log_mel", "add_normalization"]

_NOTHING_DB = -1e4
"""Level of what is not there: lower than every other one."""


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
    centre = graph.add("Div", total, count)
    if settings.normalization == "speech":
        return _add_speech_normalization(graph, features, centre, weight, settings)
    centred = graph.add("Mul", graph.add("Sub", features, centre), weight)
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
    graph: GraphBuilder, features: str, centre: str, valid: str, settings: LogMelSettings
) -> str:
    """Normalise by the statistics of the speech around each frame: the rule of `speech_statistics_bigru_ctc`.

    Args:
        graph: The graph.
        features: `(batch, mels, frames)`.
        centre: `(batch, mels, 1)` mean of each bin. Sums of squares of features without it do not cancel.
        valid: `(batch, 1, frames)` float32, 1 on valid frames.
        settings: Settings of the features.

    Returns:
        `(batch, mels, frames)`, zero on padding.
    """

    def number(value: float) -> str:
        return graph.constant(np.float32(value))

    centred = graph.add("Mul", graph.add("Sub", features, centre), valid)
    weights = _add_speech_weights(graph, features, valid, settings.frame_s)
    mean, deviation = _add_speech_statistics(graph, centred, centre, weights, settings)
    blocks = _add_block_numbers(graph, features, settings.frame_s)
    mean, deviation = (graph.add("Gather", values, blocks, axis=2) for values in (mean, deviation))
    nearest = _slid(graph, "MaxPool", weights, rule.frames_of(rule.SILENCE_S, settings.frame_s))
    presence = graph.add("Min", graph.add("Mul", nearest, number(rule.SILENCE_SLOPE)), number(1))
    normalised = graph.add("Div", graph.add("Sub", centred, mean), deviation)
    return graph.add("Mul", graph.add("Mul", normalised, presence), valid)


def _add_speech_statistics(
    graph: GraphBuilder, centred: str, centre: str, weights: str, settings: LogMelSettings
) -> tuple[str, str]:
    """Mean, without the centre, and standard deviation of each block: both `(batch, mels, blocks)`."""

    def number(value: float) -> str:
        return graph.constant(np.float32(value))

    weighted = graph.add("Mul", centred, weights)
    block, radius = rule.block_frames(settings.frame_s), rule.window_blocks(settings.frame_s)
    total_weight = graph.add("ReduceSum", weights, graph.constant(np.array([2])))
    shrinkage = number(rule.SHRINKAGE_FRAMES)
    share = graph.add("Div", shrinkage, graph.add("Max", total_weight, shrinkage))

    def near_sums(values: str) -> str:
        """Sums over the blocks around each block, with a share of the whole: `(batch, channels, blocks)`."""
        blocks = _add_block_sums(graph, values, block)
        whole = graph.add("ReduceSum", blocks, graph.constant(np.array([2])))
        near = _slid(graph, "AveragePool", blocks, radius)
        return graph.add("Add", graph.add("Mul", near, number(2 * radius + 1)), graph.add("Mul", whole, share))

    count, total = near_sums(weights), near_sums(weighted)
    squares = near_sums(graph.add("Mul", weighted, centred))
    means = graph.add("Sub", graph.constant(np.array(settings.prior_mean, dtype=np.float32)[:, None]), centre)
    mean_count = graph.add("Add", count, number(rule.PRIOR_MEAN_FRAMES))
    distance = graph.add("ReduceMean", graph.add("Sub", total, graph.add("Mul", count, means)), axes=[1], keepdims=1)
    shifted = graph.add("Add", means, graph.add("Div", distance, mean_count))
    more = graph.add("Add", total, graph.add("Mul", number(rule.PRIOR_MEAN_FRAMES), shifted))
    mean = graph.add("Div", more, mean_count)
    # Where nothing is speech, all sums are zero.
    of_mean = graph.add("Div", graph.add("Mul", total, total), graph.add("Max", count, number(1e-6)))
    deviations = graph.add("Max", graph.add("Sub", squares, of_mean), number(0))
    prior = np.square(np.array(settings.prior_std, dtype=np.float32))[:, None] * settings.prior_frames
    variance = graph.add("Add", deviations, graph.constant(prior))
    variance = graph.add("Div", variance, graph.add("Add", count, number(settings.prior_frames)))
    deviation = graph.add("Sqrt", graph.add("Add", variance, number(rule.VARIANCE_FLOOR)))
    return mean, deviation


def _slid(graph: GraphBuilder, operator: str, values: str, radius: int, beyond: float = 0.0) -> str:
    """`values` `(batch, channels, length)` pooled over a radius on both sides of each; with `beyond` past the ends.

    The padding is a node of its own: onnx's reference evaluator cannot run a padded MaxPool in one dimension.
    """
    sides = graph.constant(np.array([0, 0, radius, 0, 0, radius]))
    padded = graph.add("Pad", values, sides, graph.constant(np.float32(beyond)))
    return graph.add(operator, padded, kernel_shape=[2 * radius + 1])


def _add_speech_weights(graph: GraphBuilder, features: str, valid: str, frame_s: float) -> str:
    """Weights `(batch, 1, frames)` of the frames of `features` `(batch, mels, frames)`, 0 on padding."""

    def number(value: float) -> str:
        return graph.constant(np.float32(value))

    def ramp(value: str, width: float) -> str:
        """From 0 to 1 within `width` around a value of 0."""
        scaled = graph.add("Add", graph.add("Div", value, number(width)), number(0.5))
        return graph.add("Clip", scaled, number(0), number(1))

    means = graph.add("ReduceMean", features, axes=[1], keepdims=1)
    levels = graph.add("Mul", graph.add("Mul", means, number(rule.DB_PER_NEPER)), valid)
    smoothing = rule.frames_of(rule.SMOOTHING_S, frame_s)
    sums, counts = (_slid(graph, "AveragePool", values, smoothing) for values in (levels, valid))
    # Padding far from valid frames would divide zero by zero.
    smooth = graph.add("Div", sums, graph.add("Max", counts, number(1e-6)))
    is_valid = graph.add("Greater", valid, number(0.5))
    upward = graph.add("Where", is_valid, smooth, number(_NOTHING_DB))
    downward = graph.add("Where", is_valid, graph.add("Neg", smooth), number(_NOTHING_DB))
    top = graph.add("ReduceMax", upward, axes=[2], keepdims=1)
    highest = graph.add("Max", _add_near_top(graph, upward, frame_s), graph.add("Sub", top, number(rule.SPEAKERS_DB)))
    distance = graph.add("Add", highest, _add_near_top(graph, downward, frame_s))
    above_floor = graph.add("Sub", distance, number(rule.FLOOR_DB))
    depth = graph.add("Max", above_floor, graph.add("Mul", distance, number(0.5)))
    of_blocks = graph.add("Sub", highest, graph.add("Min", depth, number(rule.DEPTH_DB)))
    threshold = graph.add("Gather", of_blocks, _add_block_numbers(graph, features, frame_s), axis=2)
    weights = ramp(graph.add("Sub", smooth, threshold), rule.RAMP_DB)
    radius = rule.frames_of(rule.CONTRAST_S, frame_s)
    near = [_slid(graph, "MaxPool", each, radius, _NOTHING_DB) for each in (upward, downward)]
    contrast = graph.add("Sub", graph.add("Add", *near), number(rule.CONTRAST_DB))
    weights = graph.add("Mul", weights, ramp(contrast, rule.CONTRAST_RAMP_DB))
    weights = graph.add("Mul", weights, valid)
    return graph.add("Mul", _slid(graph, "MaxPool", weights, rule.frames_of(rule.MARGIN_S, frame_s)), valid)


def _add_near_top(graph: GraphBuilder, levels: str, frame_s: float) -> str:
    """Highest of `levels` `(batch, 1, frames)` within the window of each block: `(batch, 1, blocks)`."""
    block, radius = rule.block_frames(frame_s), rule.window_blocks(frame_s)
    ends = graph.constant(np.array([0, 0, 0, 0, 0, block - 1]))
    padded = graph.add("Pad", levels, ends, graph.constant(np.float32(_NOTHING_DB)))
    highest = graph.add("MaxPool", padded, kernel_shape=[block], strides=[block])
    return _slid(graph, "MaxPool", highest, radius, _NOTHING_DB)


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
