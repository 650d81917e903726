"""The files in which Gradio sends what a microphone hears."""

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

__all__ = ["SoundChunks"]

NUM_KEPT = 600
"""Files of about a tenth of a second whose sound is kept."""

Chunk = tuple[int, npt.NDArray[np.int16]]


class SoundChunks:
    """Reads each file and removes it. Threads can share it.

    Gradio names a file after its content. So all silence of a muted microphone is one file, which is missing at an
    event if the event before has removed it. Therefore the sound of the last files is kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Path, Chunk] = OrderedDict()

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
