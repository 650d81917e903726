"""A recogniser that hears the name of a file, for tests of the command around it; and the command with it.

python tests/support/fake_recognition.py LOG SECONDS transcribe ...

The names of recordings are appended to LOG as they are recognised, each of which takes SECONDS.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from hf_bigru_asr.cli import transcribe
from hf_bigru_asr.cli.inputs import Input
from hf_bigru_asr.cli.main import main
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord

LONG = 100
"""Words of a transcript, so that its file takes more than one block."""


def expected(source: str) -> str:
    return f"{Path(source).stem} " * (LONG - 1) + Path(source).stem


class FakeRecognition:
    """In place of `LightRecognition`."""

    def __init__(self, heard: Callable[[str], None] = lambda source: None, seconds: float = 0.0) -> None:
        self.heard, self.seconds = heard, seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def describe(self) -> str:
        return "a fake"

    def __call__(self, recordings: Sequence[Input], check: Callable[[], None]) -> Iterator[TimedTranscript]:
        for recording in recordings:
            yield self._recognize(recording, check)

    def _recognize(self, recording: Input, check: Callable[[], None]) -> TimedTranscript:
        check()
        time.sleep(self.seconds)
        self.heard(recording.source)
        if "broken" in recording.source:
            return TimedTranscript(recording.source, 0.0, error="is broken", warnings=("an odd file",))
        name = Path(recording.source).stem
        words = tuple(TimedWord(name, 0.1 * place, 0.1 * place + 0.05, 0.9) for place in range(LONG))
        return TimedTranscript(recording.source, 60.0, words)


if __name__ == "__main__":
    log_path, seconds, *words = sys.argv[1:]
    with open(log_path, "a", buffering=1) as log:
        fake = FakeRecognition(lambda source: print(source, file=log), float(seconds))
        transcribe._recognition = lambda args, num_jobs: fake
        sys.exit(main(words))
