"""Steps of a server that understand text in place of sound.

It is `short WORD SECONDS`, `long WORD ...`, `broken`, `endless`, `odd` or `lost`.
"""

import threading
import time

from hf_bigru_asr.audio.findings import AudioError
from hf_bigru_asr.audio.sources import Source
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord
from hf_bigru_asr.processes.worker_pool import WorkerDiedError
from hf_bigru_asr.server.recordings import Job, Recording, RecordingSteps
from hf_bigru_asr.server.refusals import AudioTooLongError
from hf_bigru_asr.text.languages import Normalizer

RATE_HZ = 100


def recording(text: str) -> Recording:
    return Recording(Source("upload", text.encode()))


class FakeSteps(RecordingSteps):
    """Waits where a test wants it to.

    Attributes:
        batches: The words of every run over short recordings.
        may_score: Runs over short recordings wait for it.
        may_end: Long recordings wait for it.
        hotwords: Those of the last recording that was read.
    """

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.read_words: list[str] = []
        self.may_score, self.may_end = threading.Event(), threading.Event()
        self.may_score.set()
        self.may_end.set()
        self.jobs: list[Job] = []
        self.hotwords: dict[str, float] = {}
        self.normalize = Normalizer()

    @property
    def max_batch_samples(self) -> int:
        return 60 * RATE_HZ

    @property
    def takes_hotwords(self) -> bool:
        return True

    @property
    def rate_hz(self) -> int:
        return RATE_HZ

    def read(self, job: Job) -> bool:
        self.jobs.append(job)
        self.hotwords = dict(job.recording.hotwords)
        kind, word, seconds, *_ = [*job.recording.source.data[:].decode().split(), "1", "1"]
        if kind == "broken":
            raise AudioError("upload", "is broken; record it again")
        if kind == "endless":
            raise AudioTooLongError("The recording lasts longer than 7 s; send less.")
        if kind == "odd":
            raise RuntimeError("a fault of the server")
        if kind == "lost":
            raise WorkerDiedError("a fault of a process")
        self.read_words.append(word)
        job.num_samples = int(float(seconds) * RATE_HZ) if seconds[:1].isdigit() else RATE_HZ
        return kind == "short"

    def score(self, jobs: list[Job]) -> None:
        self.batches.append([_word(job) for job in jobs])
        self.may_score.wait(10)
        if "BAD" in self.batches[-1]:
            raise ValueError("a batch with a bad one")

    def decode(self, job: Job) -> TimedTranscript:
        return self._transcript_of(job, [_word(job)])

    def transcribe_rest(self, job: Job) -> TimedTranscript:
        words = job.recording.source.data[:].decode().split()[1:]
        while not self.may_end.is_set():
            job.check()
            time.sleep(0.002)
        return self._transcript_of(job, words)

    def _transcript_of(self, job: Job, words: list[str]) -> TimedTranscript:
        timed = tuple(TimedWord(word, place + 0.25, place + 0.75, 0.5) for place, word in enumerate(words))
        for each in timed:
            if job.recording.listener is not None:
                job.recording.listener((each,))
        return TimedTranscript("upload", job.num_samples / RATE_HZ, timed)


def _word(job: Job) -> str:
    return job.recording.source.data[:].decode().split()[1]
