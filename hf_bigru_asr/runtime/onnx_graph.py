"""The network as an ONNX graph, built from its weights with numpy and `onnx`, without torch.

The graph is written node by node and not traced: one GRU node for each direction of each layer, and the lengths as an
input. So it is the same whatever release of torch is installed.

The backward direction is a forward GRU on sequences that are reversed inside their own lengths, by gathering rows. The
GRU node takes lengths (`sequence_lens`), but OpenVINO 2026.4 ignores them. Its `ReverseSequence` is a reference
implementation that takes a fifth of the time of the whole network in bfloat16.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..extras import needs_package
from ..model.ctc_output_bigru_ctc import UNLIKELY
from .log_mel import FloatArray, LogMelSettings
from .onnx_builder import GraphBuilder
from .onnx_features import add_log_mel, add_normalization
from .onnx_silence import add_heard_frames, add_heard_lengths, add_inverse, add_moved, add_places

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = [
    "add_waveform_recognizer",
    "gru_direction_graph",
    "head_graph",
    "recognizer_graph",
    "waveform_recognizer_graph",
    "weights_of_graph",
]

DIRECTIONS = ("", "_reverse")
GRU_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

Weights = Mapping[str, FloatArray]


def recognizer_graph(
    weights: Weights,
    blank_id: int = 0,
    metadata: Mapping[str, str] | None = None,
    max_silence_frames: int | None = None,
) -> "ModelProto":
    """The whole recogniser, from log-mel frames to log-probabilities.

    Inputs are `input_features` `(batch, frames, mels)` float32 and `lengths` `(batch,)` int64, the valid frames of
    each utterance; the output is `logits` `(batch, frames, classes)` float32. Batch size and number of frames are
    free. The content of padding has no influence. Padded frames have all probability on the blank, as in
    `BiGRUForCTC`.

    Args:
        weights: State dict of `BiGRUForCTC`.
        blank_id: Class of padded frames.
        metadata: Texts that are stored with the graph.
        max_silence_frames: That of the configuration.

    Raises:
        ImportError: If the package `onnx` is not installed.
        ValueError: If `weights` are not those of a `BiGRUForCTC`.
    """
    network = _Network.of(weights)
    graph = GraphBuilder()
    features = graph.input("input_features", np.float32, ["batch", "frames", network.num_mels])
    lengths = graph.input("lengths", np.int64, ["batch"])
    valid = _valid_positions(graph, lengths, graph.size(features, 1))
    # NaN on padding would stay on padding anyway, but arithmetic on it is slow.
    clean = graph.add("Where", graph.unsqueeze(valid, 2), features, graph.constant(np.float32(0)))
    hidden = graph.add("Transpose", clean, perm=[1, 0, 2])
    logits = _add_network(graph, network, hidden, lengths, valid, blank_id, max_silence_frames)
    graph.outputs.append((logits, np.float32, ["batch", "frames", network.num_classes]))
    return graph.model("bigru_ctc", metadata)


def waveform_recognizer_graph(
    weights: Weights,
    settings: LogMelSettings,
    blank_id: int = 0,
    metadata: Mapping[str, str] | None = None,
    max_silence_frames: int | None = None,
) -> "ModelProto":
    """The recogniser with its feature extractor, from samples to log-probabilities.

    Inputs are `waveform` `(batch, samples)` float32 in [-1, 1] and `lengths` `(batch,)` int64, the valid samples of
    each utterance; the outputs are `logits` `(batch, frames, classes)` float32 and `logit_lengths` `(batch,)` int64.
    The Fourier transform is a convolution with sines and cosines.

    Args:
        weights: As for `recognizer_graph`.
        settings: Settings of the feature extractor.
        blank_id: Class of padded frames.
        metadata: Texts that are stored with the graph.
        max_silence_frames: That of the configuration.

    Raises:
        ImportError: If the package `onnx` is not installed.
        ValueError: If `weights` are not those of a `BiGRUForCTC` or do not fit `settings`, or if `settings` have
            several frame grids.
    """
    graph = GraphBuilder()
    waveform = graph.input("waveform", np.float32, ["batch", "samples"])
    samples = graph.input("lengths", np.int64, ["batch"])
    logits, lengths = add_waveform_recognizer(
        graph, weights, settings, blank_id, waveform, samples, max_silence_frames
    )
    graph.outputs.append((logits, np.float32, ["batch", "frames", len(weights["lm_head.bias"])]))
    graph.outputs.append((lengths, np.int64, ["batch"]))
    return graph.model("bigru_ctc_waveform", metadata)


def add_waveform_recognizer(
    graph: GraphBuilder,
    weights: Weights,
    settings: LogMelSettings,
    blank_id: int,
    waveform: str,
    lengths: str,
    max_silence_frames: int | None = None,
) -> tuple[str, str]:
    """Add the recogniser with its feature extractor to a graph.

    Args:
        graph: The graph.
        weights: As for `recognizer_graph`.
        settings: Settings of the feature extractor.
        blank_id: Class of padded frames.
        waveform: Name of the samples `(batch, samples)`, float32.
        lengths: Name of the valid samples of each utterance `(batch,)`, int64.
        max_silence_frames: That of the configuration.

    Returns:
        `logits` `(batch, frames, classes)` and `logit_lengths` `(batch,)`, which are named so.

    Raises:
        ValueError: As `waveform_recognizer_graph`.
    """
    network = _Network.of(weights)
    if network.num_mels != settings.feature_size:
        raise ValueError(
            f"The network takes {network.num_mels} mel bins and the feature extractor gives {settings.feature_size}; "
            "both must belong to one model."
        )
    if settings.num_offsets != 1:
        raise ValueError(
            f"num_offsets of the feature extractor is {settings.num_offsets}; a graph that takes waveforms has one "
            "frame grid. Save the processor after set_num_offsets(1), or export without the features."
        )
    hop, one = graph.constant(np.int64(settings.hop_length)), graph.constant(np.int64(1))

    def frames_of(num_samples: str) -> str:
        return graph.add("Div", graph.add("Add", num_samples, graph.constant(np.int64(settings.hop_length - 1))), hop)

    num_samples = graph.size(waveform, 1)
    logit_lengths = graph.add("Max", frames_of(lengths), graph.constant(np.int64(0)), output="logit_lengths")
    valid_samples = _valid_positions(graph, lengths, num_samples)
    clean = graph.add("Where", valid_samples, waveform, graph.constant(np.float32(0)))
    num_frames = graph.unsqueeze(frames_of(num_samples), 0)
    valid = _valid_positions(graph, logit_lengths, graph.add("Squeeze", num_frames))
    features = add_log_mel(graph, clean, num_frames, settings)
    features = add_normalization(graph, features, valid, graph.add("Max", logit_lengths, one), settings)
    hidden = graph.add("Transpose", features, perm=[2, 0, 1])
    logits = _add_network(graph, network, hidden, logit_lengths, valid, blank_id, max_silence_frames)
    return logits, logit_lengths


def gru_direction_graph(weights: Weights, layer: int, *, backward: bool = False) -> "ModelProto":
    """One direction of one layer, for recordings that are run in chunks with the state carried over.

    Inputs are `inputs` `(frames, batch, features)` and the initial `states` `(batch, hidden)`. The frames come in the
    order of the direction: the last one first for the backward direction. Outputs are `outputs`
    `(frames, batch, hidden)` in the same order and the final `last_states` `(batch, hidden)`. All are float32. There
    is no padding.

    Args:
        weights: As for `recognizer_graph`.
        layer: Index of the layer, from 0.
        backward: Whether it is the backward direction.

    Raises:
        ImportError: If the package `onnx` is not installed.
        ValueError: If `weights` are not those of a `BiGRUForCTC`, or there is no such layer.
    """
    network = _Network.of(weights)
    if not 0 <= layer < network.num_layers:
        raise ValueError(f"layer is {layer}; this network has the layers 0 to {network.num_layers - 1}.")
    graph = GraphBuilder()
    inputs = graph.input("inputs", np.float32, ["frames", "batch", network.input_size(layer)])
    states = graph.input("states", np.float32, ["batch", network.hidden])
    constants = _gru_constants(graph, network, layer, DIRECTIONS[backward])
    outputs, last_states = graph.add_all(
        "GRU",
        [inputs, *constants, "", graph.unsqueeze(states, 0)],
        num_outputs=2,
        hidden_size=network.hidden,
        linear_before_reset=1,
    )
    outputs = graph.add("Squeeze", outputs, graph.constant(np.array([1])), output="outputs")
    last_states = graph.add("Squeeze", last_states, graph.constant(np.array([0])), output="last_states")
    graph.outputs.append((outputs, np.float32, ["frames", "batch", network.hidden]))
    graph.outputs.append((last_states, np.float32, ["batch", network.hidden]))
    return graph.model("bigru_direction")


def head_graph(weights: Weights) -> "ModelProto":
    """The output layer: `hidden_states` `(frames, 2 * hidden)` to `log_probs` `(frames, classes)`, both float32.

    Args:
        weights: As for `recognizer_graph`.
    """
    network = _Network.of(weights)
    graph = GraphBuilder()
    hidden = graph.input("hidden_states", np.float32, ["frames", 2 * network.hidden])
    log_probs = graph.add("LogSoftmax", _add_head(graph, network, hidden), axis=1, output="log_probs")
    graph.outputs.append((log_probs, np.float32, ["frames", network.num_classes]))
    return graph.model("bigru_head")


def weights_of_graph(graph: bytes) -> dict[str, FloatArray]:
    """The weights that a graph of [`recognizer_graph`] was built from.

    Args:
        graph: Serialised.

    Raises:
        ImportError: If the package `onnx` is not installed.
        ValueError: If the graph has been changed since, by quantisation for example.
    """
    try:
        from onnx import load_model_from_string, numpy_helper
    except ImportError as error:
        raise ImportError(needs_package("Reading a graph", "onnx")) from error
    model = load_model_from_string(graph).graph
    constants = {each.name: numpy_helper.to_array(each) for each in model.initializer}
    nodes = {kind: [node for node in model.node if node.op_type == kind] for kind in ("GRU", "MatMul", "Add")}
    head = nodes["MatMul"][-1:]
    head += [node for node in nodes["Add"] if head and node.input[0] == head[0].output[0]]
    needed = {*(node.input[1] for node in head), *(name for node in nodes["GRU"] for name in node.input[1:4])}
    if not nodes["GRU"] or len(head) < 2 or not needed <= constants.keys():
        raise ValueError(
            "The graph has been changed since it was made (quantised, perhaps), and its layers cannot be run one by "
            "one; write it again with scripts/export.py."
        )
    weights = {
        "lm_head.weight": np.ascontiguousarray(constants[head[0].input[1]].T),
        "lm_head.bias": constants[head[1].input[1]],
    }
    for number, node in enumerate(nodes["GRU"]):
        input_weight, recurrent_weight, biases = (constants[name][0] for name in node.input[1:4])
        values = (input_weight, recurrent_weight, *np.split(biases, 2))
        for part, value in zip(GRU_PARTS, values, strict=True):
            # The same exchange of update and reset gate as in `_gru_constants`, which is its own inverse.
            weights[f"bigru.layers.{number // 2}.{part}{DIRECTIONS[number % 2]}"] = _update_gate_first(value)
    return weights


@dataclass(frozen=True)
class _Network:
    """Sizes of a `BiGRUForCTC`, with its weights after their names and shapes have been checked."""

    weights: Weights
    num_layers: int
    hidden: int
    num_mels: int
    num_classes: int

    @classmethod
    def of(cls, weights: Weights) -> "_Network":
        """Read the sizes from `weights`; a ValueError if they belong to another network."""
        layers = {int(found[1]) for name in weights if (found := re.match(r"bigru\.layers\.(\d+)\.", name))}
        first = weights.get("bigru.layers.0.weight_ih_l0", np.empty((0, 0), np.float32))
        num_classes = len(weights.get("lm_head.bias", ()))
        network = cls(weights, max(len(layers), 1), first.shape[0] // 3, first.shape[1], num_classes)
        expected = network._shapes()
        missing, unknown = sorted(expected.keys() - weights.keys()), sorted(weights.keys() - expected.keys())
        if missing or unknown:
            raise ValueError(
                f"The weights are not those of a BiGRUForCTC: missing are {missing or 'none'}, unknown are "
                f"{unknown or 'none'}. Save the model again with save_pretrained."
            )
        for name, shape in expected.items():
            if weights[name].shape != shape:
                raise ValueError(f"The weight {name} has the shape {weights[name].shape}; it must be {shape}.")
        return network

    def input_size(self, layer: int) -> int:
        """Input features of a layer."""
        return self.num_mels if layer == 0 else 2 * self.hidden

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        rows = 3 * self.hidden
        head = (self.num_classes, 2 * self.hidden)
        shapes: dict[str, tuple[int, ...]] = {"lm_head.weight": head, "lm_head.bias": head[:1]}
        for layer in range(self.num_layers):
            parts = ((rows, self.input_size(layer)), (rows, self.hidden), (rows,), (rows,))
            for direction in DIRECTIONS:
                for part, shape in zip(GRU_PARTS, parts, strict=True):
                    shapes[f"bigru.layers.{layer}.{part}{direction}"] = shape
        return shapes


def _valid_positions(graph: GraphBuilder, lengths: str, num_positions: str) -> str:
    """`(batch, positions)` bool: whether a position lies inside its utterance."""
    positions = graph.add("Range", graph.constant(np.int64(0)), num_positions, graph.constant(np.int64(1)))
    return graph.add("Less", positions, graph.unsqueeze(lengths, 1))


def _add_network(
    graph: GraphBuilder,
    network: _Network,
    hidden: str,
    lengths: str,
    valid: str,
    blank_id: int,
    max_silence_frames: int | None,
) -> str:
    """From frames `(frames, batch, mels)` to the output `logits` `(batch, frames, classes)`.

    Between the layers the frames come first, as ONNX has it, so that only the few classes have to be transposed.
    """
    if not 0 <= blank_id < network.num_classes:
        raise ValueError(f"blank_id is {blank_id}; it must be one of the {network.num_classes} classes.")
    places = read = None
    if max_silence_frames is not None:
        read = add_heard_frames(graph, hidden, valid, max_silence_frames)
        places = add_places(graph, read)
        lengths = add_heard_lengths(graph, read, lengths)
        hidden = add_moved(graph, hidden, add_inverse(graph, places), network.num_mels)
    turned = _turned_rows(graph, hidden, lengths)
    for layer in range(network.num_layers):
        directions = [_add_direction(graph, network, layer, name, hidden, turned) for name in DIRECTIONS]
        hidden = graph.add("Concat", *directions, axis=2)
    scores = _add_head(graph, network, hidden)
    if places is not None:
        scores = add_moved(graph, scores, places, network.num_classes)
    log_probs = graph.add("Transpose", graph.add("LogSoftmax", scores, axis=2), perm=[1, 0, 2])
    if read is not None:
        log_probs = graph.add(
            "Where", graph.unsqueeze(read, 2), log_probs, _blank_row(graph, network, blank_id, UNLIKELY)
        )
    impossible = _blank_row(graph, network, blank_id, float(np.finfo(np.float32).min))
    return graph.add("Where", graph.unsqueeze(valid, 2), log_probs, impossible, output="logits")


def _blank_row(graph: GraphBuilder, network: _Network, blank_id: int, others: float) -> str:
    """Log-probabilities `(classes,)` of a frame that is the blank."""
    row = np.full(network.num_classes, others, dtype=np.float32)
    row[blank_id] = 0.0
    return graph.constant(row)


def _add_head(graph: GraphBuilder, network: _Network, hidden: str) -> str:
    scores = graph.add("MatMul", hidden, graph.constant(network.weights["lm_head.weight"].T))
    return graph.add("Add", scores, graph.constant(network.weights["lm_head.bias"]))


def _turned_rows(graph: GraphBuilder, hidden: str, lengths: str) -> str:
    """Row index `(frames, batch)` into `(frames * batch, features)` that reverses each utterance inside its length.

    Padding stays where it is.
    """
    zero, one = graph.constant(np.int64(0)), graph.constant(np.int64(1))
    batch_size = graph.size(hidden, 1)
    frames = graph.unsqueeze(graph.add("Range", zero, graph.size(hidden, 0), one), 1)
    mirrored = graph.add("Sub", graph.add("Sub", lengths, one), frames)
    turned = graph.add("Where", graph.add("Less", mirrored, zero), frames, mirrored)
    return graph.add("Add", graph.add("Mul", turned, batch_size), graph.add("Range", zero, batch_size, one))


def _add_direction(
    graph: GraphBuilder, network: _Network, layer: int, direction: str, hidden: str, turned: str
) -> str:
    """Outputs `(frames, batch, hidden)` of one direction of one layer; `turned` is the index of the reversal."""

    def turn(value: str, size: int) -> str:
        return graph.add("Gather", graph.add("Reshape", value, graph.constant(np.array([-1, size]))), turned)

    inputs = turn(hidden, network.input_size(layer)) if direction else hidden
    constants = _gru_constants(graph, network, layer, direction)
    # linear_before_reset is the form of torch and cuDNN: the reset gate acts on the product and not on the state.
    output = graph.add("GRU", inputs, *constants, hidden_size=network.hidden, linear_before_reset=1)
    return turn(output, network.hidden) if direction else graph.squeeze(output, 1)


def _gru_constants(graph: GraphBuilder, network: _Network, layer: int, direction: str) -> list[str]:
    """Input weights, recurrent weights and biases of a GRU node: gates in the order update, reset, new."""
    parts = [network.weights[f"bigru.layers.{layer}.{part}{direction}"] for part in GRU_PARTS]
    input_weight, recurrent_weight, input_bias, recurrent_bias = map(_update_gate_first, parts)
    values = (input_weight, recurrent_weight, np.concatenate([input_bias, recurrent_bias]))
    return [graph.constant(value[None]) for value in values]


def _update_gate_first(weight: FloatArray) -> FloatArray:
    reset, update, new = np.split(weight, 3)
    return np.concatenate([update, reset, new])
