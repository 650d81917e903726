"""Live recognition: a stream of sound to the text of every utterance, as it ends."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..audio.speech import Utterance, UtteranceCutter
from ..model.decoding_bigru_ctc import Hypothesis
from .log_mel import FloatArray
from .recognizer import OnnxRecognizer

__all__ = ["LiveUtterance", "recognize_live"]


@dataclass(frozen=True)
class LiveUtterance:
    """What was spoken between two pauses.

    Args:
        start_s: Where its sound begins, in seconds from the start of the stream.
        hypothesis: The best one; its times count from there.
    """

    start_s: float
    hypothesis: Hypothesis


def recognize_live(
    recognizer: OnnxRecognizer,
    blocks: Iterable[FloatArray],
    cutter: UtteranceCutter,
    is_behind: Callable[[], bool] = lambda: False,
) -> Iterator[LiveUtterance]:
    """Recognise each utterance of a stream.

    An utterance is recognised after its first 0.1 s of silence already. If the pause lasts, the text is there at once.
    If speech goes on, that work was in vain; so it is not done while recognition is behind.

    Args:
        recognizer: Of 16 kHz.
        blocks: `(samples,)` of the stream in pieces of any lengths; memory does not grow with their number.
        cutter: Finds utterances in it.
        is_behind: Whether much more sound has come in already.

    Yields:
        Utterances that have a text, when their pause has lasted long enough.
    """
    early: tuple[int, int] | None = None
    found: Hypothesis | None = None

    def recognized(utterance: Utterance) -> Hypothesis:
        nonlocal early, found
        key = (utterance.start, len(utterance.samples))
        if found is None or early != key:
            early, found = key, recognizer.recognize(utterance.samples)[0]
        return found

    def finished(utterance: Utterance) -> Iterator[LiveUtterance]:
        hypothesis = recognized(utterance)
        if hypothesis.text:
            yield LiveUtterance(utterance.start / recognizer.sampling_rate, hypothesis)

    for block in blocks:
        for utterance in cutter.add(block):
            if utterance.is_over:
                yield from finished(utterance)
            elif not is_behind():
                recognized(utterance)
    if (last := cutter.flush()) is not None:
        yield from finished(last)
