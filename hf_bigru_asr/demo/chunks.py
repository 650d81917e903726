"""The files in which Gradio sends what a microphone hears."""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ChunkTap", "SoundChunks"]

NUM_KEPT = 600
"""Files of about a tenth of a second whose sound is kept."""

MAX_WAITING = 36_000
"""Files of a page that wait, those of an hour."""

Chunk = tuple[int, npt.NDArray[np.int16]]


class SoundChunks:
    """Reads each file and removes it. Threads can share it.

    Gradio gives an event the newest file alone: those that came while the event before was busy would be lost. So
    [`ChunkTap`] notes all of them, by page and in order.

    Gradio names a file after its content. So all silence of a muted microphone is one file, which is missing at an
    event if the event before has removed it. Therefore the sound of the last files is kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Path, Chunk] = OrderedDict()
        self._waiting: dict[str, list[Path]] = {}

    def note(self, page: str, path: Path) -> None:
        """Note a file that has come.

        Args:
            page: Name of the session that sent it.
            path: The file.
        """
        with self._lock:
            waiting = self._waiting.setdefault(page, [])
            if len(waiting) < MAX_WAITING:
                waiting.append(path)

    def is_noted(self, page: str) -> bool:
        """Whether files of a page have been noted.

        Args:
            page: Name of the session.
        """
        return page in self._waiting

    def take_waiting(self, page: str, first: Path | None = None) -> Iterator[Chunk]:
        """Take the files of a page that wait, the oldest first.

        Args:
            page: Name of the session.
            first: A file before them that was not noted: the one with which a recording begins.

        Yields:
            As [`take`] gives them.
        """
        with self._lock:
            paths = self._waiting.get(page, [])
            if paths:
                self._waiting[page] = []
        for path in paths if first is None else [first, *paths]:
            yield self.take(path)

    def forget(self, page: str) -> None:
        """The page was closed."""
        with self._lock:
            self._waiting.pop(page, None)

    def take(self, path: Path) -> Chunk:
        """Sampling rate and samples `(samples,)` or `(samples, channels)` of a file.

        Args:
            path: A WAV file, in a folder that is named after its content.

        Raises:
            soundfile.LibsndfileError: If there is neither a sound file nor its sound.
        """
        with self._lock:
            if path not in self._kept:
                samples, rate = soundfile.read(path, dtype="int16")
                self._kept[path] = rate, samples
            path.unlink(missing_ok=True)
            self._kept.move_to_end(path)
            if len(self._kept) > NUM_KEPT:
                self._kept.popitem(last=False)
            return self._kept[path]


class ChunkTap:
    """Middleware that notes the files of a stream before Gradio overwrites one by the next.

    Args:
        app: Gradio's application.
        chunks: Gets them.
        folder: Where uploads lie; what names another place is not noted.
    """

    def __init__(self, app: ASGIApp, chunks: SoundChunks, folder: Path) -> None:
        self._app, self._chunks, self._folder = app, chunks, folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        is_chunk = scope["type"] == "http" and scope["method"] == "POST" and _is_stream(scope["path"])
        parts: list[bytes] = []

        async def noted_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    self._note(b"".join(parts))
            return message

        await self._app(scope, noted_receive if is_chunk else receive, send)

    def _note(self, body: bytes) -> None:
        try:
            values: Any = json.loads(body)
            page, path = values["session_hash"], Path(values["data"][0]["path"]).resolve()
        except (ValueError, TypeError, KeyError, IndexError):
            return  # Gradio says what is wrong with it
        if isinstance(page, str) and path.is_relative_to(self._folder.resolve()):
            self._chunks.note(page, path)


def _is_stream(path: str) -> bool:
    """Whether an address is that of a stream's next chunk: `/gradio_api/stream/EVENT`."""
    return path.rpartition("/")[0].endswith("/stream")
