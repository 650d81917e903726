"""Binding of the network with weights and states in 8 bits, on arrays."""

import ctypes
from collections.abc import Sequence
from ctypes import c_char_p, c_int32, c_void_p
from functools import cache

import numpy as np
import numpy.typing as npt

from .library import Owned, required

__all__ = ["QUICK_KERNELS", "CompiledNetwork", "fastest_kernel"]

FloatArray = npt.NDArray[np.float32]

QUICK_KERNELS = ("avx512vnni", "avxvnni", "dotprod")
"""Instructions with which a network of 8 bits is faster than one in float32."""
_PARTS = 4


class CompiledNetwork(Owned):
    """Layers of GRUs in both directions, and the output layer. Threads can share it.

    Weights are integers of 8 bits times a scale of their row. States are float32, but integers of 8 bits where weights
    multiply them. The integers of features and of the output layer's weights have 16 bits. Every processor gives the
    same bits, and an utterance the same ones in every batch.

    Args:
        layers: Arrays of every layer, forward and then backward: `weight_ih` `(3 * hidden, inputs)`, `weight_hh`
            `(3 * hidden, hidden)`, `bias_ih` and `bias_hh` `(3 * hidden,)`, gates in PyTorch's order.
        head_weight: `(classes, 2 * hidden)`.
        head_bias: `(classes,)`.
        kernel: Instructions: `"avx512vnni"`, `"avxvnni"`, `"avx2"`, `"dotprod"` or `"generic"`; the fastest if `None`.

    Attributes:
        num_layers: Number of the layers.
        input_size: Features of a frame.
        hidden_size: Size of a state.
        num_classes: Number of the classes.

    Raises:
        ImportError: If the compiled part of the package is not there.
        MemoryError: If memory is lacking.
        ValueError: If the arrays do not fit together, or the processor has not these instructions.
    """

    def __init__(
        self,
        layers: Sequence[FloatArray],
        head_weight: FloatArray,
        head_bias: FloatArray,
        kernel: str | None = None,
    ) -> None:
        self._library = _library()
        self._free = self._library.bigru_network_free
        arrays = [np.ascontiguousarray(each, dtype=np.float32) for each in (*layers, head_weight, head_bias)]
        self.num_layers = len(layers) // (2 * _PARTS)
        self.input_size, self.hidden_size = arrays[0].shape[-1], arrays[1].shape[-1]
        self.num_classes = len(head_bias)
        found = [each.shape for each in arrays]
        if found != self._shapes() or 0 in (self.num_layers, self.input_size, self.hidden_size, self.num_classes):
            raise ValueError(f"The arrays are not those of a network; their shapes are {found}.")
        self.address = self._library.bigru_network_new(
            self.num_layers,
            self.input_size,
            self.hidden_size,
            self.num_classes,
            _pointers(arrays),
            None if kernel is None else kernel.encode(),
        )
        if not self.address:
            if kernel is not None:
                raise ValueError(
                    f"kernel is {kernel!r}; this processor has no such instructions, or memory is lacking."
                )
            raise MemoryError("A network lacks memory.")

    def _shapes(self) -> list[tuple[int, ...]]:
        rows, hidden = 3 * self.hidden_size, self.hidden_size
        shapes: list[tuple[int, ...]] = []
        for layer in range(self.num_layers):
            num_inputs = 2 * hidden if layer else self.input_size
            shapes += 2 * [(rows, num_inputs), (rows, hidden), (rows,), (rows,)]
        return [*shapes, (self.num_classes, 2 * hidden), (self.num_classes,)]

    @property
    def kernel(self) -> str:
        """Instructions that it uses."""
        name: bytes = self._library.bigru_network_kernel(self.address)
        return name.decode()

    def log_probs(self, features: Sequence[FloatArray]) -> list[FloatArray]:
        """Log-probabilities `(frames, classes)` of utterances; those of similar lengths run together.

        Args:
            features: Frames `(frames, input_size)` of each utterance.

        Raises:
            MemoryError: If memory is lacking.
            ValueError: If the features have another size.
        """
        frames = [_frames(each, 2, self.input_size) for each in features]
        lengths = np.array([len(each) for each in frames], dtype=np.int32)
        scores = [np.empty((len(each), self.num_classes), dtype=np.float32) for each in frames]
        self._check(
            self._library.bigru_network_run(
                self.address, len(frames), _pointers(frames), lengths.ctypes.data, _pointers(scores)
            )
        )
        return scores

    def run_layer(
        self, layer: int, inputs: FloatArray, states: FloatArray, *, backward: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Run one direction of one layer over pieces of several segments.

        Args:
            layer: Number of the layer, from 0.
            inputs: `(frames, segments, features)` in the order in which the direction takes the frames.
            states: `(segments, hidden_size)` before the first of these frames.
            backward: Whether it is the backward direction.

        Returns:
            Outputs `(frames, segments, hidden_size)` in the same order, and the states after the last frame.

        Raises:
            MemoryError: If memory is lacking.
            ValueError: If there is no such layer, or the arrays have other sizes.
        """
        if not 0 <= layer < self.num_layers:
            raise ValueError(f"layer is {layer}; this network has the layers 0 to {self.num_layers - 1}.")
        inputs = _frames(inputs, 3, 2 * self.hidden_size if layer else self.input_size)
        states = _frames(states, 2, self.hidden_size)
        num_frames, num_segments, _ = inputs.shape
        if len(states) != num_segments:
            raise ValueError(f"There are {num_segments} segments and {len(states)} states.")
        outputs = np.empty((num_frames, num_segments, self.hidden_size), dtype=np.float32)
        last_states = np.empty_like(states)
        arrays = (inputs, states, outputs, last_states)
        self._check(
            self._library.bigru_network_layer(
                self.address, layer, backward, num_frames, num_segments, *(each.ctypes.data for each in arrays)
            )
        )
        return outputs, last_states

    def run_head(self, hidden_states: FloatArray) -> FloatArray:
        """Log-probabilities `(frames, classes)` of the outputs of the last layer, `(frames, 2 * hidden_size)`.

        Raises:
            MemoryError: If memory is lacking.
            ValueError: If they have another size.
        """
        hidden_states = _frames(hidden_states, 2, 2 * self.hidden_size)
        scores = np.empty((len(hidden_states), self.num_classes), dtype=np.float32)
        self._check(
            self._library.bigru_network_head(
                self.address, len(hidden_states), hidden_states.ctypes.data, scores.ctypes.data
            )
        )
        return scores

    @staticmethod
    def _check(failed: int) -> None:
        if failed:
            raise MemoryError("The network lacks memory for these frames; give it fewer at once.")


def fastest_kernel() -> str:
    """The fastest instructions of [`CompiledNetwork`] that this processor has.

    Raises:
        ImportError: If the compiled part of the package is not there.
    """
    name: bytes = _library().bigru_network_fastest()
    return name.decode()


def _frames(values: FloatArray, num_axes: int, size: int) -> FloatArray:
    if values.ndim != num_axes or values.shape[-1] != size:
        raise ValueError(f"The shape is {values.shape}; it must have {num_axes} axes, the last one of {size}.")
    return np.ascontiguousarray(values, dtype=np.float32)


def _pointers(arrays: Sequence[FloatArray]) -> ctypes.Array[c_void_p]:
    return (c_void_p * len(arrays))(*(each.ctypes.data for each in arrays))


@cache
def _library() -> ctypes.CDLL:
    library = required()
    numbers = 4 * [c_int32]
    library.bigru_network_new.argtypes = [*numbers, c_void_p, c_char_p]
    library.bigru_network_new.restype = c_void_p
    library.bigru_network_free.argtypes = [c_void_p]
    library.bigru_network_free.restype = None
    library.bigru_network_fastest.argtypes = []
    library.bigru_network_fastest.restype = c_char_p
    library.bigru_network_kernel.argtypes = [c_void_p]
    library.bigru_network_kernel.restype = c_char_p
    library.bigru_network_run.argtypes = [c_void_p, c_int32, c_void_p, c_void_p, c_void_p]
    library.bigru_network_layer.argtypes = [c_void_p, *numbers, *(4 * [c_void_p])]
    library.bigru_network_head.argtypes = [c_void_p, c_int32, c_void_p, c_void_p]
    return library
