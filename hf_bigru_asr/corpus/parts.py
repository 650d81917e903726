"""The Parquet files of a transcribed corpus: their schema, what they are called, and what is done already."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..formats.transcript import TimedTranscript, readable
from ..storage.writing import whole_file, write_json
from .recordings import Recording

__all__ = ["SCHEMA", "Done", "Part", "check_settings", "done_parts", "plan_parts", "row_of", "write_part"]

logger = logging.getLogger(__name__)

RECORD_NAME = "_corpus.json"
"""What readers of Parquet pass over."""

WORD = pa.struct(
    [
        ("text", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("confidence", pa.float64()),
        ("channel", pa.int32()),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("duration_s", pa.float64()),
        ("text", pa.string()),
        ("words", pa.list_(WORD)),
        ("warnings", pa.list_(pa.string())),
        ("error", pa.string()),
        ("key", pa.binary(16)),
    ]
)
"""Columns of the results. `text` is null where `error` says why, and `key` tells recordings apart."""

UNIT_BYTES = 4_000_000
UNIT_SIZE = 64
"""Recordings that one call of a worker gets: two minutes as WAV, and at most so many."""


@dataclass(frozen=True)
class Part:
    """One file of the results, before it is there.

    Args:
        recordings: What it has rows of, in their order.
    """

    recordings: Sequence[Recording]

    @property
    def name(self) -> str:
        """Name of the file, by the recordings."""
        digest = hashlib.blake2b(digest_size=8)
        for recording in self.recordings:
            digest.update(recording.key)
        return f"part-{digest.hexdigest()}.parquet"

    def units(self) -> Iterator[list[int]]:
        """Positions of recordings that a worker gets together: those of like size, the largest first."""
        order = sorted(range(len(self.recordings)), key=lambda position: -self.recordings[position].num_bytes)
        unit: list[int] = []
        num_bytes = 0
        for position in order:
            size = self.recordings[position].num_bytes
            size = UNIT_BYTES // UNIT_SIZE if size < 0 else size
            if unit and (len(unit) == UNIT_SIZE or num_bytes + size > UNIT_BYTES):
                yield unit
                unit, num_bytes = [], 0
            unit.append(position)
            num_bytes += size
        if unit:
            yield unit


@dataclass
class Done:
    """What the files of the results hold.

    Args:
        keys: Keys of the recordings.
        num_errors: Rows with an error.
        hours: Hours of the others.
    """

    keys: set[bytes]
    num_errors: int = 0
    hours: float = 0.0

    def add(self, table: pa.Table) -> None:
        """Count a file.

        Raises:
            ValueError: If a recording is in another file too.
        """
        keys = table.column("key").to_pylist()
        if len(self.keys.union(keys)) != len(self.keys) + len(keys):
            raise ValueError("a recording is in two of its files")
        self.keys.update(keys)
        self.num_errors += table.num_rows - table.column("error").null_count
        self.hours += sum(table.column("duration_s").to_pylist()) / 3600


def done_parts(folder: Path) -> Done:
    """What earlier runs have finished.

    Raises:
        ValueError: If a recording is in two files, or a file has other columns: the folder is not as a run leaves it.
    """
    done = Done(set())
    for path in sorted(folder.glob("part-*.parquet")):
        try:
            done.add(pq.read_table(path, columns=["key", "error", "duration_s"]))
        except pa.ArrowInvalid:
            logger.warning("%s is cut, or no Parquet file, and is made again.", path)
            path.unlink()
        except (KeyError, ValueError) as error:
            raise ValueError(f"{folder} has {path.name}, which is not as a run leaves it: {error}.") from error
    return done


def plan_parts(recordings: Iterable[Recording], done: Done, part_size: int) -> Iterator[Part]:
    """The files that are still to be made; a recording that comes twice is taken once."""
    waiting: list[Recording] = []
    seen = set(done.keys)
    for recording in recordings:
        if recording.key in seen:
            continue
        seen.add(recording.key)
        waiting.append(recording)
        if len(waiting) == part_size:
            yield Part(waiting)
            waiting = []
    if waiting:
        yield Part(waiting)


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Keep rows of one recogniser in a folder: note what makes them, or refuse if others are there.

    Raises:
        ValueError: If the folder holds rows that were made with other settings.
    """
    path = folder / RECORD_NAME
    wanted = json.loads(json.dumps(settings))
    if not path.exists():
        if (strange := next(folder.glob("part-*.parquet"), None)) is not None:
            raise ValueError(f"{folder} has {strange.name} and no {RECORD_NAME}; give another folder.")
        write_json(path, {"settings": wanted})
        return
    try:
        given = json.loads(path.read_text(encoding="utf-8"))["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no record of a corpus: {error!r}; give another folder.") from error
    for name in sorted(wanted.keys() | given.keys()):
        if given.get(name) != wanted.get(name):
            raise ValueError(
                f"{folder} holds results with {name} {given.get(name)!r}, and now it is {wanted.get(name)!r}; give "
                "another folder, or the same settings."
            )


def row_of(recording: Recording, transcript: TimedTranscript) -> dict[str, Any]:
    """A row of the results, in `SCHEMA`."""
    words = [
        {
            "text": word.text,
            "start_s": round(word.start_s, 3),
            "end_s": round(word.end_s, 3),
            "confidence": None if word.confidence is None else min(max(round(word.confidence, 3), 0.0), 1.0),
            "channel": word.channel,
        }
        for word in transcript.words
    ]
    return {
        "id": readable(recording.id),
        "path": None if recording.location is None else readable(recording.location),
        "duration_s": round(transcript.duration_s, 3),
        "text": transcript.text,
        "words": words,
        "warnings": [readable(each) for each in transcript.warnings],
        "error": None if transcript.error is None else readable(transcript.error),
        "key": recording.key,
    }


def write_part(folder: Path, part: Part, rows: pa.Table) -> pa.Table:
    """Write a file whole.

    Args:
        folder: Folder of the results.
        part: What it is to hold.
        rows: Its rows in any order.

    Returns:
        The table that was written.

    Raises:
        ValueError: If the rows are not those of the part, each once.
    """
    order = {recording.key: position for position, recording in enumerate(part.recordings)}
    positions = [order.get(key, -1) for key in rows.column("key").to_pylist()]
    if sorted(positions) != list(range(len(part.recordings))):
        raise ValueError(f"{part.name} got {rows.num_rows} rows for {len(part.recordings)} recordings.")
    by_position = sorted(range(len(positions)), key=positions.__getitem__)
    table = rows.select(SCHEMA.names).take(by_position).cast(SCHEMA)
    with whole_file(folder / part.name) as staging:
        pq.write_table(table, staging)
    return table
