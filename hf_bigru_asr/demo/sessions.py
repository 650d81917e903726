"""What belongs to one open page, and ends with it: its files, its recording and its running work."""

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from .live import LiveRecording
from .recognition import Transcription

__all__ = ["Session", "Sessions"]


@dataclass
class Session:
    """One open page.

    Args:
        folder: Of its files, with a name that nobody guesses.
        stop: Ends the work that runs.
        source: The recording that was transcribed last.
        live: The recording that is being made.
        result: What was found last.
    """

    folder: Path
    stop: threading.Event = field(default_factory=threading.Event)
    source: Path | None = None
    live: LiveRecording | None = None
    result: Transcription | None = None

    def new_run(self) -> Path:
        """End what runs, forget the last result with its files, and give a new folder for the next one."""
        self.stop.set()
        self.stop = threading.Event()
        if self.result is not None:
            shutil.rmtree(self.result.audio.parent, ignore_errors=True)
            self.result = None
        return self.new_folder()

    def new_folder(self) -> Path:
        """An empty folder."""
        folder = self.folder / token_hex(8)
        folder.mkdir(parents=True)
        return folder

    def forget_upload(self) -> None:
        """Remove the recording that was transcribed last, unless it is an example."""
        if self.source is not None and self.source.is_relative_to(self.folder.parent):
            self.source.unlink(missing_ok=True)
        self.source = None

    def close(self) -> None:
        """End everything, and remove the files."""
        self.stop.set()
        if self.live is not None:
            self.live.close()
        self.forget_upload()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """The open pages by their names. Threads can share it.

    Args:
        folder: Where their folders lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def of(self, name: str | None) -> Session:
        """The page of a name, which begins now if it is new."""
        with self._lock:
            key = name or ""
            if key not in self._sessions:
                self._sessions[key] = Session(self.folder / token_hex(16))
            return self._sessions[key]

    def close(self, name: str | None) -> None:
        """The page was closed."""
        with self._lock:
            session = self._sessions.pop(name or "", None)
        if session is not None:
            session.close()
