"""Turns of those who speak on the channels of a recording."""

import pytest

from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan
from hf_bigru_asr.model.decoding_bigru_ctc import DecodedWord
from hf_bigru_asr.transcription.transcripts import Transcript, join_channels


def word(text: str, *starts_s: float) -> DecodedWord:
    """A word whose characters take 0.1 s each, one after the other from the first start if there is only one."""
    if len(starts_s) == 1:
        starts_s = tuple(starts_s[0] + 0.1 * place for place in range(len(text)))
    spans = [CharacterSpan(char, start, start + 0.1, 1.0) for char, start in zip(text, starts_s, strict=True)]
    return DecodedWord(tuple(spans), 1.0, ())


def turns_of(*channels: list[DecodedWord]) -> list[tuple[int, float, float, str]]:
    transcripts = [Transcript("call.wav", " ".join(each.text for each in words), 9.0) for words in channels]
    joined = join_channels(transcripts, channels)
    assert joined.channels == transcripts
    assert joined.text == " ".join(turn.text for turn in joined.turns or ())
    return [(turn.channel, round(turn.start_s, 3), round(turn.end_s, 3), turn.text) for turn in joined.turns or ()]


def test_question_answer_and_thanks() -> None:
    caller = [word("HOW", 0.0), word("MUCH", 0.4), word("THANKS", 5.0)]
    agent = [word("TEN", 2.0), word("EUROS", 2.4)]
    assert turns_of(caller, agent) == [
        (0, 0.0, 0.8, "HOW MUCH"),
        (1, 2.0, 2.9, "TEN EUROS"),
        (0, 5.0, 5.6, "THANKS"),
    ]


def test_a_pause_in_which_nobody_speaks_is_within_a_turn() -> None:
    assert turns_of([word("WELL", 0.0), word("YES", 6.0)], [word("OK", 7.0)]) == [
        (0, 0.0, 6.3, "WELL YES"),
        (1, 7.0, 7.2, "OK"),
    ]


def test_a_pause_of_a_sentence_lets_the_other_in() -> None:
    caller, agent = [word("SO", 0.0), word("YES", 1.0)], [word("NO", 0.3)]  # between them are 0.8 s
    assert [(each[0], each[3]) for each in turns_of(caller, agent)] == [(0, "SO"), (1, "NO"), (0, "YES")]


def test_speech_over_speech_keeps_both_whole() -> None:
    assert turns_of([word("ONE", 0.0), word("TWO", 0.5), word("THREE", 1.0)], [word("STOP", 0.4)]) == [
        (0, 0.0, 1.5, "ONE TWO THREE"),
        (1, 0.4, 0.8, "STOP"),
    ]


def test_a_letter_far_before_its_word_does_not_begin_the_turn() -> None:
    first = word("THE", 0.0, 6.0, 6.1)
    assert turns_of([first, word("END", 6.4)], [word("HELLO", 2.0)]) == [
        (1, 2.0, 2.5, "HELLO"),
        (0, 6.0, 6.7, "THE END"),
    ]


def test_silent_channels_have_no_turns() -> None:
    assert turns_of([], []) == []
    assert turns_of([], [word("HI", 1.0)]) == [(1, 1.0, 1.2, "HI")]


@pytest.mark.parametrize("broken", [0, 1])
def test_an_error_of_one_channel_is_that_of_the_recording(broken: int) -> None:
    channels = [Transcript("a.wav", "HI", 1.0, warnings=["odd"]), Transcript("a.wav", "HO", 2.0, warnings=["odd"])]
    channels[broken] = Transcript("a.wav", error="broken", warnings=["odd"])
    assert join_channels(channels, [[], []]) == Transcript("a.wav", error="broken", warnings=["odd"])
