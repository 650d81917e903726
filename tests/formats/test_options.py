import re

import pytest
from spoken_words import spoken, transcript

from hf_bigru_asr.formats.options import Casing, FormatOptions, shown
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord

SPEECH = "I THINK I'LL GO | I'M LATE SAID IVAN | O'CLOCK I"


@pytest.mark.parametrize(
    ("casing", "text"),
    [
        (None, "I THINK I'LL GO I'M LATE SAID IVAN O'CLOCK I"),
        ("upper", "I THINK I'LL GO I'M LATE SAID IVAN O'CLOCK I"),
        ("lower", "i think i'll go i'm late said ivan o'clock i"),
        ("sentence", "I think I'll go I'm late said ivan O'clock I"),
    ],
)
def test_casing(casing: Casing | None, text: str) -> None:
    assert shown(transcript(SPEECH), FormatOptions(casing=casing)).text == text


def test_every_channel_has_its_own_sentences() -> None:
    found = shown(transcript("GOOD DAY | YES", "HELLO THERE MY FRIEND"), FormatOptions(casing="sentence"))

    assert [word.text for word in found.words if word.text[0].isupper()] == ["Good", "Hello", "Yes"]


def test_words_that_overlap_make_no_sentence() -> None:
    words = (TimedWord("LONG", 0.0, 5.0), TimedWord("SHORT", 0.5, 1.0), TimedWord("LATE", 3.0, 3.5))

    assert shown(TimedTranscript("a.wav", 9.0, words), FormatOptions(casing="sentence")).text == "Long short late"


def test_punctuation_ends_a_sentence() -> None:
    words = spoken('"wait." (NO) what? straße 2,000.5 I\u2019M')

    found = shown(TimedTranscript("a.wav", 9.0, tuple(words)), FormatOptions(casing="sentence"))
    assert found.text == '"Wait." (No) what? Straße 2,000.5 I\u2019m'


def test_a_text_without_times_has_one_sentence() -> None:
    given = TimedTranscript("a.wav", 9.0, text="HELLO I AM HERE")

    assert shown(given, FormatOptions(casing="sentence")).text == "Hello I am here"


def test_the_spoken_form_has_the_case_too() -> None:
    given = TimedTranscript("a.wav", 9.0, (TimedWord("Dr.", 0.0, 1.0, normalized="DOCTOR"),))

    spoken_forms = {
        casing: shown(given, FormatOptions(casing=casing)).words[0].normalized
        for casing in (None, "upper", "lower", "sentence")
    }
    assert spoken_forms == {None: "DOCTOR", "upper": "DOCTOR", "lower": "doctor", "sentence": "DOCTOR"}


def test_unsure_words_are_left_out_and_counted() -> None:
    words = (TimedWord("ONE", 0, 1, 0.5), TimedWord("TWO", 1, 2, 0.49), TimedWord("THREE", 2, 3, 0.9))
    given = TimedTranscript("a.wav", 3.0, words, warnings=("odd",))

    found = shown(given, FormatOptions(min_confidence=0.5))
    assert found.text == "ONE THREE"
    assert found.warnings == ("odd", "1 words with a confidence below 0.5 are left out.")
    assert shown(given, FormatOptions(min_confidence=0.1)) == given


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (TimedTranscript("a.wav", 0.0, error="It is broken."), {}, "a.wav was not transcribed: It is broken."),
        (TimedTranscript("a.wav", 1.0, (TimedWord("A", 0, 1),)), {"min_confidence": 0.5}, "'A' of a.wav has no conf"),
        (TimedTranscript("a.wav", 1.0, text="A"), {"min_confidence": 0.5}, "a.wav has no times and confidences"),
    ],
)
def test_what_cannot_be_shown_is_refused(given: TimedTranscript, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        shown(given, FormatOptions(min_confidence=options.get("min_confidence")))


def test_options_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="casing is 'title'; it is one of upper, lower, sentence, or None"):
        FormatOptions(casing="title")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"min_confidence is 50; it is a probability from 0 to 1"):
        FormatOptions(min_confidence=50)
    with pytest.raises(ValueError, match="one_line has no place for the timestamps of segments"):
        FormatOptions(one_line=True, timestamps=True)
