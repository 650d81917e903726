"""The recordings of a corpus: what they are called, how large they are, and how a worker on any machine opens them."""

import hashlib
import io
import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import soundfile

from ..audio.loading import SAMPLING_RATE
from ..data.manifests.parts import parse_part
from ..formats.transcript import readable

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset

__all__ = ["Opener", "Recording", "UnreachableError", "in_bucket", "in_dataset", "is_bucket"]

NUM_TRIES = 3
PAUSE_S = 1.0
"""How often a bucket is asked for a recording, and how long after the first failure; then twice as long."""

_MISSING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""What is wrong with one recording. Any other error of a bucket is one of the bucket."""


class UnreachableError(RuntimeError):
    """A bucket or a file system that does not answer. It is no fault of a recording, so the run ends."""


@dataclass(frozen=True)
class Recording:
    """One recording, without its samples.

    Args:
        id: Its name in the results: the path below the source, or what the data set calls it.
        location: Path or URL; `None` if the data set holds its bytes.
        row: Its row in the data set; -1 if it is of none.
        num_bytes: Its size; -1 if that is not known.
    """

    id: str
    location: str | None
    row: int = -1
    num_bytes: int = -1

    @property
    def key(self) -> bytes:
        """What tells it from every other one, and from another recording under the same name: 16 bytes."""
        parts = (os.fsencode(self.id), b"%d %d" % (self.row, self.num_bytes))
        return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


def is_bucket(source: str) -> bool:
    """Whether a source is a URL of fsspec, such as `s3://bucket/folder`."""
    return "://" in source


def in_bucket(url: str, suffixes: Collection[str]) -> list[Recording]:
    """Recordings below a URL, by their names.

    Args:
        url: A folder, one recording, or a pattern.
        suffixes: Endings of recordings, in lower case.

    Raises:
        FileNotFoundError: If nothing is there.
        ImportError: If fsspec needs another package for this kind of URL.
        ValueError: If fsspec knows no such kind of URL.
    """
    import fsspec
    from fsspec.core import url_to_fs

    files, root = url_to_fs(url)
    if fsspec.core.has_magic(root):
        found = {str(path): info for path, info in files.glob(root, detail=True).items()}
        root = os.path.dirname(root[: min(root.index(char) for char in "*?[" if char in root)])
    elif files.isfile(root):
        found, root = {root: files.info(root)}, os.path.dirname(root)
    else:
        found = {str(path): info for path, info in files.find(root, detail=True).items()}
    if not found:
        raise FileNotFoundError(f"There is nothing at {url}; check the address.")
    return [
        Recording(
            readable(os.path.relpath(path, root)), files.unstrip_protocol(path), num_bytes=int(info.get("size") or -1)
        )
        for path, info in sorted(found.items())
        if info.get("type", "file") == "file" and os.path.splitext(path)[1].lower() in suffixes
    ]


def in_dataset(dataset: "Dataset", audio_column: str = "audio") -> list[Recording]:
    """Recordings of a data set, in its order. No audio is read.

    Args:
        dataset: As [`load_speech_dataset`][hf_bigru_asr.data.loading.load_speech_dataset] gives it: its audio is
            `{"bytes", "path"}`.
        audio_column: Its column with the audio.
    """
    import pyarrow.compute as pc

    columns = [audio_column, *(name for name in ("id",) if name in dataset.column_names)]
    found: list[Recording] = []
    for batch in dataset.select_columns(columns).with_format("arrow").iter(batch_size=10_000):
        audio = batch.column(audio_column).combine_chunks()
        if hasattr(audio, "chunks"):
            audio = audio.chunk(0)
        paths = pc.struct_field(audio, "path").to_pylist()
        sizes = pc.binary_length(pc.struct_field(audio, "bytes")).to_pylist()
        ids = batch.column("id").to_pylist() if "id" in columns else [None] * len(paths)
        for name, path, size in zip(ids, paths, sizes, strict=True):
            found.append(_of_row(len(found), name, path, size))
    return found


def _of_row(row: int, name: object, path: str | None, num_bytes: int | None) -> Recording:
    called = readable(str(name)) if name is not None else readable(path or str(row))
    if num_bytes is not None or path is None:
        return Recording(called, None, row, -1 if num_bytes is None else num_bytes)
    try:
        size = -1 if is_bucket(path) else os.path.getsize(path)
    except OSError:
        size = -1
    return Recording(called, path, row, size)


class Opener:
    """Opens recordings on the machine of a worker.

    Args:
        dataset: The one that has the recordings without a location. Sent to another machine it is the name of its
            file there.
        audio_column: Its column with the audio.
    """

    def __init__(self, dataset: "Dataset | None" = None, audio_column: str = "audio") -> None:
        self._dataset, self._column = dataset, audio_column

    def __call__(self, recording: Recording) -> str | BinaryIO:
        """The path of a recording, or its bytes.

        Raises:
            OSError: If there is no such recording, or it may not be read.
            UnreachableError: If a bucket does not answer.
            ValueError: If the row of the data set has no audio.
        """
        if recording.location is None:
            return io.BytesIO(self._bytes_of(recording))
        if is_bucket(recording.location):
            return _fetched(recording.location)
        part = parse_part(recording.location) if recording.row >= 0 else None
        return recording.location if part is None else _as_wav(part.load(SAMPLING_RATE))

    def _bytes_of(self, recording: Recording) -> bytes:
        if self._dataset is None:
            raise ValueError(f"{recording.id} is a row of a data set; give the data set.")
        audio: Any = self._dataset[recording.row][self._column]
        if not audio or audio["bytes"] is None:
            raise ValueError("there is no audio in this row; give the bytes of a file, or its path")
        return bytes(audio["bytes"])


def _as_wav(waveform: "np.ndarray") -> BinaryIO:
    """Samples at `SAMPLING_RATE` as a file."""
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLING_RATE, format="WAV", subtype="FLOAT")
    file.seek(0)
    return file


def _fetched(url: str) -> BinaryIO:
    import fsspec

    for pause_s in _pauses():
        try:
            return io.BytesIO(cast(bytes, fsspec.open(url, "rb").open().read()))
        except _MISSING:
            raise
        except OSError as error:
            if pause_s is None:
                raise UnreachableError(f"{url} cannot be fetched: {error}") from error
            time.sleep(pause_s)
    raise AssertionError("the last try returns or raises")


def _pauses() -> Iterator[float | None]:
    yield from (PAUSE_S * 2**number for number in range(NUM_TRIES - 1))
    yield None
