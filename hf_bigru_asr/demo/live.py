"""What a browser's microphone sends: the words so far, and the whole recording at the end."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ..audio.live import Backlog, live_sound
from ..audio.speech import SpeechDetector, UtteranceCutter
from ..runtime.listening import recognize_live
from ..runtime.recognizer import OnnxRecognizer
from ..runtime.resampling import resample

__all__ = ["MAX_LIVE_S", "LiveRecording"]

MAX_LIVE_S = 3600.0
"""Longer recordings end here."""
BACKLOG_S = 60.0
BEHIND_S = 1.0
PCM_BYTES = 2


class LiveRecording:
    """One recording from a microphone, as it is made.

    Args:
        recognizer: Recognises each utterance when it ends.
        detector: Of voice activity, for this recording alone; without one there are no words before the end.
        path: Gets the recording as WAV.
        rate: Of the microphone, in Hz.
    """

    def __init__(self, recognizer: OnnxRecognizer, detector: SpeechDetector | None, path: Path, rate: int) -> None:
        self.path = path
        self.rate = rate
        self.duration_s = 0.0
        self._file = soundfile.SoundFile(path, "w", rate, 1, "PCM_16")
        self._backlog = Backlog(int(BACKLOG_S * rate) * PCM_BYTES)
        self._texts: list[str] = []
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        if detector is not None:
            cutter = UtteranceCutter(detector)
            self._thread = threading.Thread(
                target=self._listen, args=(recognizer, cutter), name="demo-live", daemon=True
            )
            self._thread.start()

    @property
    def text(self) -> str:
        """Words of the utterances that have ended."""
        return " ".join(self._texts)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken."""
        return self.duration_s >= MAX_LIVE_S

    def add(self, samples: npt.NDArray[np.int16]) -> None:
        """Take what the microphone gave.

        Args:
            samples: `(samples,)` or `(samples, channels)`; channels are averaged.

        Raises:
            Exception: What stopped the recognition.
        """
        if self._error is not None:
            raise self._error
        if self.is_full:
            return
        mono = samples if samples.ndim == 1 else samples.mean(axis=1).astype(np.int16)
        self._file.write(mono)
        self.duration_s += len(mono) / self.rate
        if self._thread is not None:
            self._backlog.offer(mono.astype("<i2").tobytes())

    def close(self) -> Path:
        """End the recording, and return its file. The last utterance is not waited for."""
        self._backlog.close()
        self._file.close()
        return self.path

    def _listen(self, recognizer: OnnxRecognizer, cutter: UtteranceCutter) -> None:
        try:
            sound = live_sound(
                self._backlog, resample, rate=self.rate, num_channels=1, name="the microphone", is_pcm=True
            )
            bound = sound.bytes_per_s * BEHIND_S
            is_behind: Callable[[], bool] = lambda: self._backlog.num_bytes > bound  # noqa: E731 - typed
            for utterance in recognize_live(recognizer, sound.blocks, cutter, is_behind):
                self._texts.append(utterance.hypothesis.text)
        except Exception as error:  # `add` raises it
            self._error = error
