from itertools import pairwise

import pytest
from spoken_words import random_transcript, spoken, transcript

from hf_bigru_asr.formats.cues import Cue, cues_of
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord


def texts(cue: Cue) -> list[str]:
    return [" ".join(token.text for token in line) for line in cue.lines]


def shown_lines(*channels: str, **options: float) -> list[list[str]]:
    return [texts(cue) for cue in cues_of(transcript(*channels, **options))]


@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("seed", range(12))
def test_every_cue_keeps_the_limits(seed: int, num_channels: int) -> None:
    given = random_transcript(seed, num_channels)
    cues = cues_of(given, label_width=4 * (num_channels > 1))

    for channel in given.channels:
        own = [cue for cue in cues if cue.channel == channel]
        spoken_texts = [word.text for word in given.words if word.channel == channel]
        assert [token.text for cue in own for line in cue.lines for token in line] == spoken_texts
        assert all(before.end_ms <= after.start_ms for before, after in pairwise(own))
    assert [cue.start_ms for cue in cues] == sorted(cue.start_ms for cue in cues)
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert max(len(line) for line in texts(cue)) <= 42
        assert 0 < cue.end_ms - cue.start_ms <= 7000


@pytest.mark.parametrize("seed", range(12))
def test_a_cue_is_short_or_fast_only_where_there_is_no_silence(seed: int) -> None:
    given = random_transcript(seed)
    cues = cues_of(given)
    ends = [0, *(cue.end_ms for cue in cues)]
    starts = [*(cue.start_ms for cue in cues[1:]), round(given.duration_s * 1000)]

    for cue, before, after in zip(cues, ends, starts, strict=False):
        num_characters = len(" ".join(texts(cue)))
        if cue.end_ms - cue.start_ms < max(1000, num_characters * 50):
            lead_ms = cue.lines[0][0].start_ms - cue.start_ms
            assert cue.end_ms >= after
            assert cue.start_ms <= before or lead_ms == 1000


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ("HELLO WORLD", [["HELLO WORLD"]]),
        ("HELLO | WORLD", [["HELLO"], ["WORLD"]]),
        (
            "THE OLD MAN WALKED SLOWLY DOWN TO THE RIVER AND THE WATER WAS COLD",
            [["THE OLD MAN WALKED SLOWLY", "DOWN TO THE RIVER AND THE WATER WAS COLD"]],
        ),
        (
            "THE GOVERNMENT WALKED SLOWLY EVERYWHERE I COUNTERREVOLUTIONARY",
            [["THE GOVERNMENT WALKED SLOWLY", "EVERYWHERE I COUNTERREVOLUTIONARY"]],
        ),
    ],
    ids=["one line", "pause", "phrase", "no line of one word"],
)
def test_lines_end_with_phrases(given: str, lines: list[list[str]]) -> None:
    assert shown_lines(given) == lines


def test_a_cue_lasts_into_the_silence_after_it() -> None:
    words = (TimedWord("YES", 1.0, 1.2), TimedWord("NO", 4.0, 4.2), TimedWord("NEVER", 4.9, 5.1))
    first, second, third = cues_of(TimedTranscript("a.wav", 9.0, words))

    assert (first.start_ms, first.end_ms) == (1000, 2000)  # 1 s
    assert (second.start_ms, second.end_ms) == (3900, 4900)  # up to the next one, and begun earlier
    assert (third.start_ms, third.end_ms) == (4900, 5900)


def test_a_cue_at_the_end_of_the_recording_begins_earlier() -> None:
    (cue,) = cues_of(TimedTranscript("a.wav", 5.0, (TimedWord("STOP", 4.8, 5.0),)))

    assert (cue.start_ms, cue.end_ms) == (4000, 5000)


def test_a_fast_cue_lasts_as_long_as_one_reads() -> None:
    (cue,) = cues_of(transcript("NOTWITHSTANDING THE GOVERNMENT", letter_s=0.02, gap_s=0.02, duration_s=9.0))

    assert cue.end_ms - cue.start_ms == 30 * 50


def test_a_word_of_half_a_minute_is_shown_for_its_last_seven_seconds() -> None:
    (cue,) = cues_of(TimedTranscript("a.wav", 40.0, (TimedWord("OM", 1.0, 31.0),)))

    assert (cue.start_ms, cue.end_ms) == (24_000, 31_000)


def test_a_cue_does_not_outlast_the_next_one_of_another_channel() -> None:
    words = (TimedWord("YES", 1.0, 1.1), TimedWord("NO", 1.5, 2.5, channel=1))
    first, second = cues_of(TimedTranscript("a.wav", 9.0, words, channels=(0, 1)))

    assert (first.start_ms, first.end_ms, second.start_ms) == (500, 1500, 1500)


@pytest.mark.parametrize(("text", "width"), [("x" * 50, 50), (" ".join("y" * 60), 41)], ids=["no space", "spaces"])
def test_a_written_word_is_cut_only_at_its_spaces(text: str, width: int) -> None:
    cues = [texts(cue) for cue in cues_of(TimedTranscript("a.wav", 9.0, (TimedWord(text, 0.0, 5.0),)))]
    lines = [line for cue in cues for line in cue]

    assert " ".join(lines) == text
    assert width // 2 < max(map(len, lines)) <= width


def test_what_would_be_too_short_joins_its_neighbour() -> None:
    words = [*spoken("WE SAW THEM THERE", gap_s=0.0), *spoken("OH YES", 1.3, 0.03, 0.0)]
    words += spoken("NEVER MORE AGAIN", 1.8, gap_s=0.0)
    cues = cues_of(TimedTranscript("a.wav", 9.0, tuple(words)))

    assert len(cues) == 2
    assert min(cue.end_ms - cue.start_ms for cue in cues) >= 1000


def test_no_word_is_a_cue_of_its_own_in_a_sentence() -> None:
    lines = shown_lines(" ".join(["ABCDEFGHIJ"] * 7), letter_s=0.1, gap_s=0.0)

    assert sorted(len(" ".join(cue).split()) for cue in lines) == [3, 4]


def test_a_cue_ends_where_the_next_one_of_its_channel_begins_though_words_overlap() -> None:
    words = [TimedWord("A" * 50, 0.0, 4.0), TimedWord("B" * 50, 3.0, 6.0)]
    for exact_times in (False, True):
        first, second = cues_of(TimedTranscript("a.wav", 9.0, tuple(words)), exact_times=exact_times)

        assert (first.start_ms, first.end_ms, second.start_ms) == (0, 3000, 3000)


def test_time_stamps_lie_inside_of_their_cue() -> None:
    words = (
        *spoken("ONE TWO"),
        TimedWord("THREE", 0.25, 0.5),
        TimedWord("FOUR", 0.25, 0.6),
        TimedWord("FIVE", 0.6, 0.7),
    )
    (cue,) = cues_of(TimedTranscript("a.wav", 0.7, words), word_stamps=True, exact_times=True)
    stamps = [stamp for line in cue.stamps for stamp in line]

    assert stamps == [None, 220, 250, None, 600]
