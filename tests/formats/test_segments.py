import pytest
from spoken_words import random_transcript, transcript

from hf_bigru_asr.formats.segments import segments_of, turns_of
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord


def test_a_pause_ends_a_segment() -> None:
    given = transcript("HELLO WORLD | YES", "GOOD | | | BYE")

    assert [(each.channel, each.text) for each in segments_of(given)] == [
        (0, "HELLO WORLD"),
        (1, "GOOD"),
        (0, "YES"),
        (1, "BYE"),
    ]


def test_segments_of_one_channel_are_one_turn() -> None:
    given = transcript("HELLO WORLD | | YES", "| | | | WELL | GOOD BYE")

    turns = turns_of(given)
    assert [(each.channel, each.text) for each in turns] == [(0, "HELLO WORLD YES"), (1, "WELL GOOD BYE")]
    assert (turns[0].start_s, turns[0].end_s) == (0.0, pytest.approx(2.86))


def test_what_is_said_into_a_turn_does_not_end_it() -> None:
    given = transcript("HELLO WORLD AND | YES", "| GOOD", letter_s=0.2)

    assert [(each.channel, each.text) for each in turns_of(given)] == [(0, "HELLO WORLD AND YES"), (1, "GOOD")]


def test_long_speech_is_cut_at_its_widest_gaps() -> None:
    given = transcript(" ".join(["ABCDEFGHIJ"] * 100))  # of 64 s
    segments = segments_of(given)

    lengths = [each.end_s - each.start_s for each in segments]
    assert max(lengths) <= 30
    assert min(lengths) > 10
    assert [word for each in segments for word in each.words] == list(given.words)


def test_words_that_overlap_make_no_pause() -> None:
    words = (TimedWord("LONG", 0.0, 5.0), TimedWord("SHORT", 0.5, 1.0), TimedWord("LATE", 3.0, 3.5))

    assert [each.text for each in segments_of(TimedTranscript("a.wav", 9.0, words))] == ["LONG SHORT LATE"]


@pytest.mark.parametrize("seed", range(6))
def test_no_word_is_lost(seed: int) -> None:
    given = random_transcript(seed, num_channels=2)

    for found in (segments_of(given), turns_of(given)):
        assert sorted(found, key=lambda each: each.start_s) == found
        for channel in given.channels:
            words = [word for each in found if each.channel == channel for word in each.words]
            assert words == [word for word in given.words if word.channel == channel]
