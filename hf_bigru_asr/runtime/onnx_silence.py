"""Nodes that leave out frames far from any sound, as `model/silence_bigru_ctc.py` does."""

import numpy as np

from .onnx_builder import GraphBuilder

__all__ = ["add_heard_frames", "add_heard_lengths", "add_inverse", "add_moved", "add_places"]

INT64 = 7
FLOAT = 1
"""Types of `onnx.TensorProto`."""


def add_heard_frames(graph: GraphBuilder, frames: str, valid: str, max_silence_frames: int) -> str:
    """The frames `(batch, frames)` bool that the network reads.

    Args:
        graph: The graph.
        frames: `(frames, batch, mels)`.
        valid: `(batch, frames)` bool.
        max_silence_frames: Silent frames on each side of a sound that are read.
    """
    zero = graph.constant(np.float32(0))
    loudest = graph.add("ReduceMax", graph.add("Abs", frames), axes=[2], keepdims=0)
    sounds = graph.add("And", graph.add("Greater", graph.add("Transpose", loudest, perm=[1, 0]), zero), valid)
    padded = graph.add(
        "Pad",
        graph.unsqueeze(graph.add("Cast", sounds, to=FLOAT), 1),
        graph.constant(np.array([0, 0, max_silence_frames, 0, 0, max_silence_frames])),
        zero,
    )
    near = graph.add("MaxPool", padded, kernel_shape=[2 * max_silence_frames + 1])
    return graph.add("And", graph.add("Greater", graph.squeeze(near, 1), zero), valid)


def add_heard_lengths(graph: GraphBuilder, heard: str, lengths: str) -> str:
    """Frames `(batch,)` of each utterance that are read; one of an utterance without a sound."""
    counts = graph.add("ReduceSum", graph.add("Cast", heard, to=INT64), graph.constant(np.array([1])), keepdims=0)
    return graph.add("Max", counts, graph.add("Min", lengths, graph.constant(np.int64(1))))


def add_places(graph: GraphBuilder, heard: str) -> str:
    """Where every frame goes so that those that are heard come first: `(batch, frames)` int64."""
    axis, one = graph.constant(np.int64(1)), graph.constant(np.int64(1))
    numbers = graph.add("Cast", heard, to=INT64)
    first = graph.add("Sub", graph.add("CumSum", numbers, axis), one)
    others = graph.add("CumSum", graph.add("Sub", one, numbers), axis)
    counts = graph.add("ReduceSum", numbers, graph.constant(np.array([1])), keepdims=1)
    behind = graph.add("Sub", graph.add("Add", counts, others), one)
    return graph.add("Where", heard, first, behind)


def add_inverse(graph: GraphBuilder, places: str) -> str:
    """The inverse `(batch, frames)` of the permutations `places`."""
    zero, one = graph.constant(np.int64(0)), graph.constant(np.int64(1))
    zeros = graph.add("Mul", places, zero)
    positions = graph.add("Add", zeros, graph.add("Range", zero, graph.size(places, 1), one))
    return graph.add("ScatterElements", zeros, places, positions, axis=1)


def add_moved(graph: GraphBuilder, values: str, origins: str, size: int) -> str:
    """`values` `(frames, batch, size)`, where every frame is the one of its utterance that `origins` names.

    Args:
        graph: The graph.
        values: The frames.
        origins: `(batch, frames)` int64.
        size: Of a frame.
    """
    zero, one = graph.constant(np.int64(0)), graph.constant(np.int64(1))
    batch_size = graph.size(values, 1)
    utterances = graph.add("Range", zero, batch_size, one)
    rows = graph.add("Add", graph.add("Mul", graph.add("Transpose", origins, perm=[1, 0]), batch_size), utterances)
    return graph.add("Gather", graph.add("Reshape", values, graph.constant(np.array([-1, size]))), rows)
