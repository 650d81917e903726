"""Columns of any data set under the names that its user expects, with audio that stays encoded."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Audio, Dataset, IterableDataset, Value

from .manifests.columns import ColumnError, find_column

__all__ = ["with_speech_columns"]

_STRINGS, _BINARIES = ("string", "large_string", "string_view"), ("binary", "large_binary", "binary_view")


def with_speech_columns(
    dataset: Dataset | IterableDataset, name: str, base: Path | None, audio_column: str, text_column: str | None
) -> Dataset | IterableDataset:
    """The data set with its audio as `{"bytes", "path"}`, never decoded, and its columns under the names asked for.

    Args:
        dataset: Audio as `datasets` stores it, as bytes, as paths, or as samples with a sampling rate.
        name: The source, for messages.
        base: Folder that relative paths start at; `None` if there is none.
        audio_column: Name of the column with audio; one of the usual names is found for `"audio"`.
        text_column: Name of the column with text; one of the usual names is found for `"text"`. It must exist if it
            is given.

    Raises:
        ValueError: If a column is missing, or the audio is in another form.
    """
    columns = dataset.column_names or []
    if not columns:
        return dataset.cast_column(audio_column, Audio(decode=False))
    for kind, wanted in (("audio", audio_column), ("text", text_column or "text")):
        try:
            found = find_column(columns, kind, wanted, f"The data set {name}")
        except ColumnError:
            if kind == "text" and text_column is None:
                continue
            raise
        if found is None and (kind == "audio" or text_column is not None):
            raise ValueError(
                f"The data set {name} has no column {wanted!r}; it has {', '.join(columns)}: give "
                f"--{kind}_column_name."
            )
        if found is not None and found != wanted:
            dataset = dataset.rename_column(found, wanted)
    return _with_encoded_audio(dataset, name, base, audio_column)


def _with_encoded_audio(
    dataset: Dataset | IterableDataset, name: str, base: Path | None, column: str
) -> Dataset | IterableDataset:
    feature = (dataset.features or {}).get(column)
    fields = feature if isinstance(feature, dict) else {}
    if feature is None or isinstance(feature, Audio):
        return dataset.cast_column(column, Audio(decode=False))
    if {"array", "sampling_rate"} <= fields.keys():
        return dataset
    is_path = isinstance(feature, Value) and feature.dtype in _STRINGS
    is_bytes = isinstance(feature, Value) and feature.dtype in _BINARIES
    if not (is_path or is_bytes or fields.keys() & {"bytes", "path"}):
        raise ValueError(
            f"The column {column!r} of {name} holds {feature}; allowed are encoded audio (bytes), paths, and "
            "structures of bytes and path, or of array and sampling_rate."
        )
    if isinstance(dataset, IterableDataset) and fields.keys() == {"bytes", "path"}:
        return dataset
    if isinstance(dataset, IterableDataset):
        return _stream(dataset, base, column)
    dataset = dataset.flatten_indices() if dataset._indices is not None else dataset
    table = dataset.data.table
    chunks = [_encoded_chunk(chunk, base) for chunk in table.column(column).chunks]
    encoded = pa.chunked_array(chunks, type=_STORAGE)
    table = table.set_column(table.column_names.index(column), column, encoded).replace_schema_metadata(None)
    others = {key: value for key, value in dataset.features.items() if key != column and isinstance(value, Audio)}
    dataset = Dataset(table, split=dataset.split)
    for key in others:
        dataset = dataset.cast_column(key, Audio(decode=False))
    return dataset.cast_column(column, Audio(decode=False))


_STORAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _encoded_chunk(chunk: pa.Array, base: Path | None) -> pa.Array:
    """A piece of a column of bytes, paths or structures as structures of both."""
    content, paths = pa.nulls(len(chunk), pa.binary()), pa.nulls(len(chunk), pa.string())
    if pa.types.is_struct(chunk.type):
        names = {field.name for field in chunk.type}
        content = chunk.field("bytes").cast(pa.binary()) if "bytes" in names else content
        paths = chunk.field("path").cast(pa.string()) if "path" in names else paths
        if "bytes" not in names:
            paths = _resolved(paths, base)
    elif pa.types.is_binary(chunk.type) or pa.types.is_large_binary(chunk.type):
        content = chunk.cast(pa.binary())
    else:
        paths = _resolved(chunk, base)
    return pa.StructArray.from_arrays([content, paths], fields=list(_STORAGE))


def _resolved(paths: pa.Array, base: Path | None) -> pa.Array:
    return pa.array([_resolve(each, base) for each in paths.to_pylist()], pa.string())


def _resolve(path: str | None, base: Path | None) -> str | None:
    return path if path is None or base is None else os.path.normpath(base / os.path.expanduser(path))


def _stream(dataset: IterableDataset, base: Path | None, column: str) -> IterableDataset:
    def encode(row: dict[str, Any]) -> dict[str, Any]:
        value = row[column]
        if isinstance(value, dict):
            path = value.get("path") if value.get("bytes") is not None else _resolve(value.get("path"), base)
            return {column: {"bytes": value.get("bytes"), "path": path}}
        if isinstance(value, bytes):
            return {column: {"bytes": value, "path": None}}
        return {column: {"bytes": None, "path": _resolve(value, base)}}

    features = dataset.features.copy()
    features[column] = {"bytes": Value("binary"), "path": Value("string")}
    return dataset.map(encode, features=features)  # not cast to Audio: that would encode each row, with torchcodec
