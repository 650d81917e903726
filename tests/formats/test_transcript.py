import math
import re
from dataclasses import dataclass

import pytest

from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord, readable


@dataclass(frozen=True)
class Recognized:
    text: str
    start_s: float
    end_s: float
    confidence: float | None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((" ", 0.0, 1.0), "The word at 0.0 s has no text"),
        (("A", -0.1, 1.0), "'A' lasts from -0.1 to 1.0 s"),
        (("A", 1.0, 0.9), "'A' lasts from 1.0 to 0.9 s"),
        (("A", 0.0, math.nan), "'A' lasts from 0.0 to nan s"),
        (("A", 0.0, math.inf), "'A' lasts from 0.0 to inf s"),
        (("A", 0.0, 1.0, 1.1), "confidence of 'A' is 1.1; it is a probability from 0 to 1, or None"),
        (("A", 0.0, 1.0, math.nan), "confidence of 'A' is nan"),
        (("A", 0.0, 1.0, None, -1), "channel of 'A' is -1"),
    ],
)
def test_what_is_no_word_is_refused(fields: tuple[str, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TimedWord(*fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"duration_s": -1.0}, "duration of a.wav is -1.0 s"),
        ({"duration_s": math.nan}, "duration of a.wav is nan s"),
        ({"error": "broken", "words": (TimedWord("A", 0, 1),)}, "has a text and an error (broken)"),
        ({"words": (TimedWord("A", 0, 1, channel=1),)}, "on the channels [1], which are not among its channels [0]"),
        ({"channels": ()}, "not among its channels []"),
    ],
)
def test_what_is_no_transcript_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TimedTranscript(**{"source": "a.wav", "duration_s": 1.0} | fields)  # type: ignore[arg-type]


def test_a_transcript_is_made_of_the_words_of_a_recogniser() -> None:
    caller, called = [Recognized("HELLO", 0.5, 1.0, 0.75)], [Recognized("YES", 0.0, 0.25, None)]

    given = TimedTranscript.from_channels("call.wav", 2.0, [caller, called], warnings=["odd"])

    assert given.words == (TimedWord("YES", 0.0, 0.25, None, 1), TimedWord("HELLO", 0.5, 1.0, 0.75, 0))
    assert (given.text, given.channels, given.warnings) == ("YES HELLO", (0, 1), ("odd",))
    assert TimedTranscript.from_channels("a.wav", 2.0, [[]]).text == ""
    with pytest.raises(ValueError, match="give the numbers of all"):
        TimedTranscript.from_channels("a.wav", 2.0, [])


def test_an_error_has_no_text() -> None:
    assert TimedTranscript("a.wav", 0.0, error="broken").text is None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("-", "stdin"),
        ("talks/one.two.flac", "one.two"),
        ("https://example.org/a/talk.mp3?key=1.2#t=3", "talk"),
        ("https://example.org/talk/", "talk"),
        ("what?.wav", "what?"),
        ("/", "recording"),
        ("caf\udce9.wav", r"caf\udce9"),
    ],
)
def test_name_of_a_recording(source: str, name: str) -> None:
    assert TimedTranscript(source, 1.0).name == name


def test_any_name_can_be_written() -> None:
    assert readable("café \ud800\udcff.wav").encode() == "café \\ud800\\udcff.wav".encode()
