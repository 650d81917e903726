"""Tables and JSON lines: CSV, TSV, the metadata of `audiofolder`, Common Voice, LJSpeech, and manifests of NeMo."""

import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from .columns import find_column, first_column
from .paths import Locator
from .rows import ManifestError, ManifestRow

__all__ = ["TABLE_SUFFIXES", "iterate_objects", "open_text", "read_json_objects", "read_lj_speech", "read_table"]

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".jsonl.gz", ".json.gz", ".csv.gz", ".tsv.gz")
_MAX_FIELD = 1 << 27
_BELOW = ("clips", "wavs", "wav", "audio")


def open_text(path: Path) -> TextIO:
    """A text file in UTF-8, with or without a byte order mark, decompressed if its name ends in `.gz`.

    Bytes that are not UTF-8 become U+FFFD, which no alphabet has.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    return cast(TextIO, opener(path, "rt", encoding="utf-8-sig", errors="replace", newline=""))


def read_table(
    path: Path, audio_column: str | None = None, text_column: str | None = None, split: str | None = None
) -> Iterator[ManifestRow]:
    """The rows of a CSV or TSV file with a header, or of JSON lines.

    Args:
        path: The file. Relative paths in it are relative to its folder, or to `clips/`, `wavs/` and the like in it.
        audio_column: Column with the paths; one of the usual names if `None` or `"audio"`.
        text_column: Column with the transcripts; one of the usual names if `None` or `"text"`.
        split: Rows of this split alone, by the column for it.

    Raises:
        ManifestError: If the file has no header, or a line of JSON is no object.
        ColumnError: If a column is missing, or several might be meant.
    """
    locate = Locator(path.parent, _BELOW)
    columns: dict[str, str | None] | None = None
    nemo = False
    for line, values in iterate_objects(path):
        if columns is None:
            columns = _find_columns(values, path, audio_column, text_column)
            nemo = columns["audio"] == "audio_filepath"
        if split is not None and str(_value(values, columns, "split")) != split:
            continue
        where = f"{path}, line {line}"
        yield _row(values, columns, where, locate, keep_duration=nemo)


def _find_columns(
    values: Mapping[str, Any], path: Path, audio_column: str | None, text_column: str | None
) -> dict[str, str | None]:
    columns = {
        "audio": find_column(values, "audio", audio_column, str(path)),
        "text": find_column(values, "text", text_column, str(path)),
    }
    if columns["audio"] is None:
        raise ManifestError(f"{path} has no column with audio; it has {', '.join(values)}: give --audio_column_name.")
    if columns["text"] is None and text_column is not None:
        raise ManifestError(f"{path} has no column with text; it has {', '.join(values)}: give --text_column_name.")
    kinds = ("speaker", "chapter", "id", "offset", "duration", "end", "channel", "split")
    return columns | {kind: first_column(values, kind) for kind in kinds}


def _row(
    values: Mapping[str, Any], columns: dict[str, str | None], where: str, locate: Locator, *, keep_duration: bool
) -> ManifestRow:
    audio, text = _value(values, columns, "audio"), _value(values, columns, "text")
    problem = None
    times: dict[str, float | None] = {}
    for kind in ("offset", "duration", "end"):
        value = _value(values, columns, kind)
        try:
            times[kind] = None if value in (None, "") else float(value)
        except (TypeError, ValueError):
            times[kind] = None
            problem = ("with times that are no numbers", f"{columns[kind]} is {value!r}; give seconds")
    offset, duration = times["offset"], times["duration"]
    if offset is not None and duration is None and times["end"] is not None:
        duration = times["end"] - offset
    if offset is None and not keep_duration:
        duration = None  # a length of the whole file, in whatever unit
    channel = _value(values, columns, "channel")
    return ManifestRow(
        where,
        locate(audio) if isinstance(audio, str) and audio else None,
        text if isinstance(text, str) else None,
        offset or 0.0,
        duration,
        int(channel) if offset is not None and str(channel).isdigit() else None,
        _name(_value(values, columns, "speaker")),
        _name(_value(values, columns, "chapter")),
        _name(_value(values, columns, "id")),
        problem,
    )


def _value(values: Mapping[str, Any], columns: dict[str, str | None], kind: str) -> Any:  # noqa: ANN401 - of JSON
    name = columns[kind]
    return None if name is None else values.get(name)


def _name(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def iterate_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number of the line and values by column of every row of a table.

    Raises:
        ManifestError: If the table is broken.
    """
    name = path.name.removesuffix(".gz")
    if name.endswith((".jsonl", ".json")):
        yield from read_json_objects(path)
        return
    csv.field_size_limit(_MAX_FIELD)
    with open_text(path) as stream:
        try:
            yield from _csv_objects(stream, path, is_tsv=name.endswith(".tsv"))
        except (csv.Error, EOFError, OSError) as error:
            raise ManifestError(f"{path} is broken: {error}") from error


def _csv_objects(stream: TextIO, path: Path, *, is_tsv: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    header = stream.readline()
    if not header.strip():
        raise ManifestError(f"{path} is empty; its first line must name the columns.")
    delimiter = "\t" if is_tsv else max(",;\t|", key=header.count)
    # Tab-separated tables, those of Common Voice for example, have quotation marks that belong to the text.
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter, quoting=quoting))]
    reader = csv.reader(stream, delimiter=delimiter, quoting=quoting)
    for values in reader:
        if values:
            yield reader.line_num + 1, dict(zip(names, values, strict=False))


def read_json_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and object of every line of a file of JSON lines, or of every entry of a JSON array.

    Raises:
        ManifestError: If a line is no JSON object.
    """
    number = 0
    with open_text(path) as stream:
        try:
            first = stream.read(1)
            stream.seek(0)
            lines: Iterable[Any] = json.load(stream) if first == "[" else stream
            for number, line in enumerate(lines, 1):
                value = json.loads(line.rstrip()) if isinstance(line, str) and line.strip() else line
                if isinstance(value, dict):
                    yield number, value
                elif not isinstance(value, str):
                    raise ManifestError(f"{path}, line {number} is no JSON object.")
        except (json.JSONDecodeError, EOFError, gzip.BadGzipFile) as error:
            where = f"{path}, line {number}," if number else str(path)
            what = str(error)
            if number and isinstance(error, json.JSONDecodeError):  # which calls every line the first
                what = f"{error.msg} at character {error.colno}"
            raise ManifestError(f"{where} is no JSON, or is cut: {what}") from error


def read_lj_speech(path: Path) -> Iterator[ManifestRow]:
    """The rows of `metadata.csv` as LJSpeech has it: `<id>|<text>|<normalised text>`, no header, files in `wavs/`."""
    locate = Locator(path.parent)
    with open_text(path) as stream:
        for number, line in enumerate(stream, 1):
            name, *texts = line.rstrip("\r\n").split("|")
            where = f"{path}, line {number}"
            yield ManifestRow(where, locate(f"wavs/{name}.wav"), texts[-1] if texts else None, id=name)
