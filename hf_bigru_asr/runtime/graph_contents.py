"""What an ONNX graph says about itself, and whether its weights are numbers, without the package `onnx`.

`onnx` is not needed to run an exported graph, and takes longer to import than a graph takes to load. So the few fields
that matter are read from the file itself, a message of Protocol Buffers. Source: `onnx.proto3` and the encoding of
https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

__all__ = ["GraphContents", "GraphError", "named_graph", "read_graph_contents"]

# Numbers of fields in onnx.proto3.
_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 5, 11, 12
_TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_INTS, _TENSOR_NAME, _TENSOR_RAW, _TENSOR_DOUBLES = 2, 4, 5, 8, 9, 10
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT16, _BFLOAT16 = 10, 16
_RAW_TYPES = {1: "<f4", _FLOAT16: "<f2", 11: "<f8"}
_BFLOAT16_EXPONENT = 0x7F80


class GraphError(ValueError):
    """A runtime cannot read a graph."""


@contextmanager
def named_graph(path: object) -> Iterator[None]:
    """Put the path of a graph before what a runtime says of it.

    Raises:
        GraphError: As within, with the path.
    """
    try:
        yield
    except GraphError as error:
        raise GraphError(f"{path}: {error}") from error


@dataclass
class GraphContents:
    """Contents of a graph.

    Args:
        metadata: Texts that are stored with it.
        inputs: Sizes of its inputs; `None` for one that is free.
        outputs: Sizes of its outputs.
    """

    metadata: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    outputs: dict[str, tuple[int | None, ...]] = field(default_factory=dict)


def read_graph_contents(graph: bytes, origin: object) -> GraphContents:
    """Read a serialised graph, and check that its weights are finite.

    Args:
        graph: Serialised ONNX model.
        origin: Where it comes from, for the message.

    Raises:
        ValueError: If it is not whole, or a weight is NaN or infinite.
    """
    contents = GraphContents()
    try:
        for number, value in _fields(memoryview(graph)):
            if number == _MODEL_METADATA:
                entry = dict(_fields(_bytes(value)))
                contents.metadata[_text(entry.get(1, b""))] = _text(entry.get(2, b""))
            elif number == _MODEL_GRAPH:
                _read_graph(_bytes(value), contents)
    except _NotFiniteError as error:
        raise ValueError(
            f"{origin}: the weight {error} has values that are NaN or infinite, so the network would give nonsense. "
            "Write the graph again with scripts/export.py, or download it again."
        ) from error
    except (ValueError, IndexError) as error:
        raise ValueError(
            f"{origin} is no whole ONNX graph: {error}. Write it again with scripts/export.py, or download it again."
        ) from error
    if not contents.outputs:
        raise ValueError(f"{origin} is no whole ONNX graph: it has no output. Write it again with scripts/export.py.")
    return contents


class _NotFiniteError(Exception):
    """Has the name of the weight."""


def _read_graph(graph: memoryview, contents: GraphContents) -> None:
    for number, value in _fields(graph):
        if number == _GRAPH_INITIALIZER:
            _check_finite(_bytes(value))
        elif number in (_GRAPH_INPUT, _GRAPH_OUTPUT):
            name, sizes = _value_info(_bytes(value))
            (contents.inputs if number == _GRAPH_INPUT else contents.outputs)[name] = sizes


def _check_finite(tensor: memoryview) -> None:
    kind, name, values, ints = 0, "", memoryview(b""), memoryview(b"")
    numbers: list[np.ndarray] = []
    for number, value in _fields(tensor):
        if number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == _TENSOR_NAME:
            name = _text(value)
        elif number == _TENSOR_RAW:
            values = _bytes(value)
        elif number == _TENSOR_INTS:
            ints = _bytes(value)
        elif number in (_TENSOR_FLOATS, _TENSOR_DOUBLES) and not isinstance(value, int):
            numbers.append(np.frombuffer(value, dtype="<f4" if number == _TENSOR_FLOATS else "<f8"))
    if kind in (_FLOAT16, _BFLOAT16) and ints:
        values = memoryview(_bits_of(ints))
    if kind in _RAW_TYPES:
        numbers.append(np.frombuffer(values, dtype=_RAW_TYPES[kind]))
    is_finite = all(bool(np.isfinite(each).all()) for each in numbers)
    if kind == _BFLOAT16:
        exponents = np.frombuffer(values, dtype="<u2") & _BFLOAT16_EXPONENT
        is_finite = is_finite and not bool((exponents == _BFLOAT16_EXPONENT).any())
    if not is_finite:
        raise _NotFiniteError(name)


def _bits_of(ints: memoryview) -> bytes:
    """Numbers of 16 bits that are stored as packed varints."""
    bits, place = [], 0
    while place < len(ints):
        value, place = _varint(ints, place)
        bits.append(value & 0xFFFF)
    return np.array(bits, dtype="<u2").tobytes()


def _value_info(info: memoryview) -> tuple[str, tuple[int | None, ...]]:
    """Name and sizes of an input or output: `ValueInfoProto.type.tensor_type.shape.dim.dim_value`."""
    name, sizes = "", []
    for number, value in _fields(info):
        if number == 1:
            name = _text(value)
        elif number == 2:
            for dimension in _nested(_bytes(value), 1, 2, 1):
                size = dict(_fields(dimension)).get(1)
                sizes.append(size if isinstance(size, int) else None)
    return name, tuple(sizes)


def _nested(message: memoryview, *path: int) -> Iterator[memoryview]:
    """Messages at the end of a path of fields."""
    for number, value in _fields(message):
        if number == path[0]:
            if len(path) == 1:
                yield _bytes(value)
            else:
                yield from _nested(_bytes(value), *path[1:])


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of every field of a message, in order.

    Raises:
        ValueError: If the message ends within a field, or a field is of no known kind.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if key < 8:
            raise ValueError("a field of it has the number 0, as where zeros stand for what is lost")
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, place = _varint(message, place)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"a field of it is of the kind {kind}, which does not exist")
        if place + size > len(message):
            raise ValueError(f"it ends {place + size - len(message)} bytes too early")
        yield key >> 3, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number, and the place behind it."""
    value = shift = 0
    while True:
        if place >= len(message) or shift > 63:
            raise ValueError("a number in it has no end")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message should")
    return value


def _text(value: int | memoryview | bytes) -> str:
    if isinstance(value, int):
        raise ValueError("a number stands where a text should")
    return bytes(value).decode("utf-8")
