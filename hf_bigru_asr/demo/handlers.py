"""What happens on the page, without Gradio: from what a user does to what is shown."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..audio.findings import AudioError, without_lenience
from ..audio.speech import SpeechDetector, load_speech_detector
from ..formats import FORMATS, FormatOptions
from . import markup
from .live import LiveRecording
from .pictures import WINDOW_S, picture
from .recognition import DemoRecognizer, Progress, Stopped, Transcription
from .sessions import Session

__all__ = ["DOWNLOADS", "Handlers", "View", "hotwords_of"]

DOWNLOADS = ("txt", "srt", "vtt", "textgrid", "json")
"""Formats of `formats.FORMATS` that the page offers."""


@dataclass(frozen=True)
class View:
    """What changes on the page; `None` leaves a part as it is.

    Args:
        status: Progress, or what there is to say.
        words: Words that grow, or the result with its player.
        picture: Waveform and spectrogram.
        comparison: Greedy beside the language model, and other hypotheses.
        last_start_s: Where the last part that can be shown as a picture begins.
        downloads: Files, by format.
        is_running: Whether there will be more.
    """

    status: str
    words: str | None = None
    picture: str | None = None
    comparison: str | None = None
    last_start_s: float | None = None
    downloads: dict[str, Path] | None = None
    is_running: bool = False


def hotwords_of(text: str) -> list[str]:
    """Phrases that stand on lines, or between commas.

    Example:
        >>> hotwords_of("Queequeg:9, Star Trek")
        ['Queequeg:9', 'Star Trek']
    """
    return [phrase.strip() for phrase in re.split(r"[,;\n]", text) if phrase.strip()]


def _problem(error: AudioError) -> str:
    """What is wrong with a recording. What is left of it has been tried already."""
    return without_lenience(error.problem)


class Handlers:
    """What a page does. Threads can share it.

    Args:
        shared: The recogniser of all pages.
        load_detector: Gives a detector of voice activity for the microphone.
    """

    def __init__(
        self, shared: DemoRecognizer, load_detector: Callable[[], SpeechDetector] = load_speech_detector
    ) -> None:
        self.shared = shared
        self._load_detector = load_detector

    def transcribe(
        self, session: Session, source: Path | None, with_language_model: bool, hotwords: str
    ) -> Iterator[View]:
        """Transcribe a recording.

        Args:
            session: Of the page.
            source: The recording; the last one of the page if `None`.
            with_language_model: Whether to decode with the language model.
            hotwords: What stands in their field.

        Yields:
            What to show: progress, and last the result or what is wrong.
        """
        source = source or session.source
        if source is None or not source.exists():
            yield View(
                markup.message("note", "There is no recording yet: choose a file, an example or the microphone.")
            )
            return
        folder = session.new_run()
        if source != session.source:
            session.forget_upload()
        session.source, stop = source, session.stop
        yield View(markup.progress(Progress("reading", None)), "", "", "", 0.0, {}, is_running=True)
        steps = self.shared.transcribe(
            source,
            folder / "recording.wav",
            with_language_model=with_language_model and self.shared.language_model is not None,
            hotwords=hotwords_of(hotwords),
            stop=stop,
        )
        try:
            for step in steps:
                if isinstance(step, Transcription):
                    session.result = step
                    yield self._result(step)
                else:
                    yield View(markup.progress(step), markup.growing(step.text), is_running=True)
        except Stopped:
            yield View(markup.message("note", "Stopped."), words="")
        except AudioError as error:
            yield View(markup.message("error", f"This recording cannot be used: it {_problem(error)}."), words="")
        except (ValueError, OSError, ImportError) as error:
            yield View(markup.message("error", str(error)), words="")
        finally:
            if session.result is None or session.result.audio.parent != folder:
                shutil.rmtree(folder, ignore_errors=True)

    def _result(self, result: Transcription) -> View:
        transcript = markup.transcript_of(result)
        folder = result.audio.parent
        downloads = {}
        for name in DOWNLOADS:
            path = folder / f"{transcript.name}{FORMATS[name].suffix}"
            path.write_text(FORMATS[name].write(transcript, FormatOptions()), encoding="utf-8")
            downloads[name] = path
        return View(
            markup.notice_of(result),
            markup.words(result),
            self._picture(result, 0.0),
            markup.comparison(result),
            max(result.duration_s - WINDOW_S, 0.0),
            downloads,
        )

    def picture(self, session: Session, start_s: float) -> str:
        """Waveform and spectrogram of the last recording, from a time on; nothing without one."""
        return "" if session.result is None else self._picture(session.result, start_s)

    def _picture(self, result: Transcription, start_s: float) -> str:
        settings = self.shared.recognizer.feature_settings
        return picture(result.audio, start_s, result.best.characters, settings)

    def stop(self, session: Session) -> None:
        """End what runs; it says so itself."""
        session.stop.set()

    def begin_recording(self, session: Session) -> View:
        """The microphone was switched on."""
        session.new_run()
        if session.live is not None:
            session.live.close()
            session.live = None
        return View(markup.message("note", "Listening: each utterance appears when it ends."), "", "", "", 0.0, {})

    def add_recording(self, session: Session, rate: int, samples: npt.NDArray[np.int16]) -> str:
        """Take what the microphone gave, and return the words so far, as HTML."""
        if session.live is None:
            try:
                detector = self._load_detector()
            except ImportError:  # there are no wheels for Linux on ARM: the words come at the end
                detector = None
            path = session.new_folder() / "microphone.wav"
            session.live = LiveRecording(self.shared.recognizer, detector, path, rate)
        session.live.add(samples)
        return markup.growing(session.live.text)

    def end_recording(self, session: Session, with_language_model: bool, hotwords: str) -> Iterator[View]:
        """The microphone was switched off: transcribe the whole recording; see [`transcribe`]."""
        live, session.live = session.live, None
        if live is None:
            yield View(
                markup.message("error", "The microphone gave no sound: allow it in the browser, and try again.")
            )
            return
        yield from self.transcribe(session, live.close(), with_language_model, hotwords)
