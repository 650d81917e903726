"""A split in several Parquet files: their names, how they are made, and whether all of them are there."""

import json
import logging
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..storage.writing import put_in_place, whole_file

__all__ = ["PendingSplit", "broken_shard", "check_shards", "files_of_split", "is_parquet", "read_record", "shard_name"]

logger = logging.getLogger(__name__)

# As `datasets` names them; older versions of it added a digest.
_SHARD = re.compile(r"(?P<split>.+)-(?P<number>\d{5,})-of-(?P<count>\d{5,})(-[0-9a-f]{16})?\.parquet")
_UNFINISHED = ".parquet.tmp"
"""What writers of earlier versions left when they were killed; `datasets` reads it."""


def shard_name(split: str, number: int, num_shards: int) -> str:
    """Name of a file of a split."""
    return f"{split}-{number:05d}-of-{num_shards:05d}.parquet"


def is_parquet(path: Path) -> bool:
    """Whether a file is a whole Parquet file, by its beginning and its end."""
    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return False
    return True


def broken_shard(folder: Path) -> Path | None:
    """The first Parquet file of a local folder, by name, whose rows cannot be read; all of them are tried."""
    for path in sorted(folder.rglob("*.parquet")) if folder.is_dir() else ():
        try:
            for _ in pq.ParquetFile(path).iter_batches():
                pass
        except (pa.ArrowException, OSError):
            return path
    return None


def read_record(path: Path) -> dict[str, Any] | None:
    """What a JSON file says that a split is made of; `None` if there is none, or a power failure has cut it."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def files_of_split(folder: Path, split: str) -> list[Path]:
    """Parquet files of a split, by their names, whole and half, whoever wrote them."""
    found = []
    for path in sorted(folder.glob(f"{split}-*")):
        shard = _SHARD.fullmatch(path.name)
        if path.name.endswith((".parquet", _UNFINISHED)) and (shard is None or shard["split"] == split):
            found.append(path)
    return found


class PendingSplit:
    """The shards of a split that get their places when all of them are there.

    Until then they are in a hidden folder beside them, which survives an interruption.

    Args:
        folder: Folder of the data set.
        split: Name of the split.
        num_shards: Number of its files.
    """

    def __init__(self, folder: Path, split: str, num_shards: int) -> None:
        self.folder, self.split = folder, split
        self.staging_dir = folder / f".{split}.partial"
        self.paths = [folder / shard_name(split, number, num_shards) for number in range(num_shards)]

    def refuse_others(self) -> None:
        """Refuse to mix the split with files that are not its shards.

        Raises:
            FileExistsError: If there are any.
        """
        others = [path for path in files_of_split(self.folder, self.split) if path not in self.paths]
        if others:
            raise FileExistsError(
                f"{self.folder} has a split {self.split!r} of other data, {others[0].name} for example; give another "
                "folder or split, or remove it."
            )

    def finished(self, number: int) -> Path | None:
        """Where a shard is that is whole; `None` if it is still to be made."""
        for path in (self.paths[number], self.staging_dir / self.paths[number].name):
            if path.exists() and is_parquet(path):
                return path
            if path.exists():
                logger.warning("%s is cut, or no Parquet file, and is made again.", path)
        return None

    @contextmanager
    def write(self, number: int) -> Iterator[Path]:
        """A place to write a shard to; it counts as finished when the body is done."""
        self.paths[number].unlink(missing_ok=True)  # a broken one
        with whole_file(self.staging_dir / self.paths[number].name) as staging:
            yield staging

    def publish(self) -> None:
        """Give all shards their places. Can be repeated from any point."""
        for path in self.paths:
            if (staged := self.staging_dir / path.name).exists():
                put_in_place(staged, path)
        shutil.rmtree(self.staging_dir, ignore_errors=True)


def check_shards(folder: Path) -> None:
    """Refuse a folder of Parquet files that `datasets` would read in part, or together with rows of others.

    Args:
        folder: The folder of a data set. Hidden files and folders do not count, as in `datasets`.

    Raises:
        ValueError: If a shard is missing, half or broken, or a split has files that are not of it.
    """
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        _check_files(Path(where), sorted(name for name in names if not name.startswith(".")))


def _check_files(folder: Path, names: Sequence[str]) -> None:
    shards: dict[str, list[re.Match[str]]] = defaultdict(list)
    others: list[str] = []
    for name in names:
        if name.endswith(_UNFINISHED):
            raise ValueError(
                f"{folder / name} was left by a run that was interrupted; remove it, and make the data set again."
            )
        if not name.endswith(".parquet"):
            continue
        if not is_parquet(folder / name):
            raise ValueError(f"{folder / name} is cut, or no Parquet file; remove it, and make the data set again.")
        if (found := _SHARD.fullmatch(name)) is not None:
            shards[found["split"]].append(found)
        else:
            others.append(name)
    for split, of_split in shards.items():
        _check_split(folder, split, of_split, others)


def _check_split(folder: Path, split: str, shards: Sequence[re.Match[str]], others: Sequence[str]) -> None:
    counts = {int(shard["count"]): shard.string for shard in shards}
    if len(counts) > 1:
        raise ValueError(
            f"{folder} has shards of two data sets for the split {split!r}: {' and '.join(counts.values())} for "
            "example; remove those of one."
        )
    for name in others:
        if name == f"{split}.parquet" or name.startswith(f"{split}-"):
            raise ValueError(
                f"{folder} has {name} beside the shards of the split {split!r}, which are whole without it; remove "
                "it, or give it another name."
            )
    (count,) = counts
    present = [int(shard["number"]) for shard in shards]
    missing = sorted(set(range(count)) - set(present))
    if missing or len(present) != count:
        what = f"{shard_name(split, missing[0], count)} is missing" if missing else "some are there twice"
        raise ValueError(
            f"{folder} has {len(present)} files of {count} of the split {split!r}: {what}. Let the run that made it "
            "come to its end, or copy it again."
        )
