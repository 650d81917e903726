"""Frames of a long recording, in a temporary file instead of in memory."""

import errno
import os
import tempfile
from threading import Lock
from types import TracebackType

import numpy as np
import numpy.typing as npt

__all__ = ["FrameStore", "Frames"]

Frames = npt.NDArray[np.float32]

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class FrameStore:
    """Rows of one width, float32, written and read in any order, from several threads too; use it in a `with` block.

    They lie in an unnamed file in the folder for temporary files (the environment variable `TMPDIR` names it). It is
    read and written and not mapped into memory, so that it does not count as memory of the process.

    Args:
        width: Numbers in a row.
        hour_gb: Gigabytes that all files of a recording take for every hour, for the message.

    Raises:
        OSError: If there is no room for the file.
    """

    def __init__(self, width: int, hour_gb: float) -> None:
        self.width = width
        self.hour_gb = hour_gb
        self._row_bytes = width * np.dtype(np.float32).itemsize
        self._file = tempfile.TemporaryFile(prefix="hf_bigru_asr-", buffering=0)  # noqa: SIM115 - closed by __exit__
        self._moving = Lock()  # around the file's position; there is no `os.pwrite` on every system

    def __enter__(self) -> "FrameStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return os.fstat(self._file.fileno()).st_size // self._row_bytes

    def write(self, start: int, rows: Frames) -> None:
        """Write rows `(rows, width)` from row `start` on."""
        data = np.ascontiguousarray(rows, dtype=np.float32).reshape(-1).view(np.uint8).data
        with self._moving:
            self._file.seek(start * self._row_bytes)
            while data:
                data = data[self._write(data) :]

    def _write(self, data: memoryview) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise OSError(
                error.errno,
                f"there is no room in {tempfile.gettempdir()!r} for the frames of a long recording, "
                f"{self.hour_gb:.3g} GB for every hour; name a folder with room in the environment variable TMPDIR",
            ) from error

    def read(self, start: int, stop: int) -> Frames:
        """Rows from `start` to `stop`, `(stop - start, width)`; they must have been written."""
        rows = np.empty((stop - start, self.width), dtype=np.float32)
        data = rows.reshape(-1).view(np.uint8).data
        with self._moving:
            self._file.seek(start * self._row_bytes)
            while data:
                count = self._file.readinto(data)
                if count == 0:
                    raise ValueError(f"Rows {start} to {stop} are asked for, but there are {len(self)}.")
                data = data[count:]
        return rows
