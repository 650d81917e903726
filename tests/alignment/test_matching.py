"""Which part of a text is spoken, and which runs of words are not."""

import pytest

from hf_bigru_asr.alignment.aligned_text import AlignedWord, Alignment, SpokenText
from hf_bigru_asr.alignment.matching import MIN_RUN, spoken_part, unmatched_runs

PREFACE = "This book was written in the year 1901 and nobody reads this."
STORY = "The old man walked slowly down to the river."
END = "The end of the first chapter."


@pytest.mark.parametrize(
    "heard", ["THE OLD MAN WALKED SLOWLY DOWN TO THE RIVER", "THE OLT MEN WALKT SLOLY TOWN TO THE RIVA"]
)
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), (PREFACE, ""), ("", END), (PREFACE, END)], ids=["whole", "preface", "end", "both"]
)
def test_what_is_not_read_is_left_out(before: str, after: str, heard: str) -> None:
    text = SpokenText.of(f"{before} {STORY} {after}".strip())
    first, end = spoken_part(text, heard)
    assert " ".join(word.text for word in text.words[first:end]) == STORY


def test_a_first_word_that_is_misheard_is_kept() -> None:
    text = SpokenText.of(f"{PREFACE} {STORY}")
    first, end = spoken_part(text, "XYZ OLD MAN WALKED SLOWLY DOWN TO THE QQQ")
    assert " ".join(word.text for word in text.words[first:end]) == STORY


def test_words_that_are_written_as_one_stay_together() -> None:
    text = SpokenText.of("Preface of 9 words. He paid $25 for it.")
    first, end = spoken_part(text, "FIVE DOLLARS FOR IT")
    assert [word.text for word in text.words[first:end]] == ["$25", "for", "it."]


def test_nothing_of_the_text_is_spoken() -> None:
    with pytest.raises(ValueError, match="nothing of the text is in the recording"):
        spoken_part(SpokenText.of(STORY), "QQQ ZZZ")
    with pytest.raises(ValueError, match="nothing of the text"):
        spoken_part(SpokenText.of(STORY), "")


def aligned(scores: list[float], words: tuple[str, ...] = ("A",)) -> Alignment:
    each = [(score, words[place % len(words)], float(place)) for place, score in enumerate(scores)]
    found = tuple(AlignedWord(word.lower(), word, start_s, start_s + 0.5, score, ()) for score, word, start_s in each)
    return Alignment(found, 100.0, 0.5)


def test_runs_of_words_that_do_not_match() -> None:
    like, unlike = [0.9] * MIN_RUN, [0.001] * MIN_RUN
    scores = [*like, *unlike, *like, *unlike, 0.0, 0.0, *like, 0.0, 0.0, *like]
    assert unmatched_runs(aligned(scores)) == [(MIN_RUN, 2 * MIN_RUN), (3 * MIN_RUN, 4 * MIN_RUN + 2)]
    assert unmatched_runs(aligned([])) == []
    assert unmatched_runs(aligned([0.0] * (MIN_RUN - 1))) == [], "the score of the whole says so"


def test_a_word_that_matches_by_chance_does_not_end_a_run() -> None:
    scores = [0.9] * 8 + [0.001, 0.0001, 0.3, 0.001, 0.002, 0.6, 0.0001, 0.001, 0.002, 0.001] + [0.9] * 8
    assert unmatched_runs(aligned(scores)) == [(8, 18)]


def test_the_score_of_a_run_is_over_its_characters() -> None:
    """As in the scores of words and of the whole: a long word that is spoken outweighs short ones that are not."""
    scores = [0.9] * 8 + [0.001, 0.9] * 4 + [0.9] * 8
    assert unmatched_runs(aligned(scores, ("A", "EVERYBODY"))) == []
    assert unmatched_runs(aligned(scores, ("EVERYBODY", "A"))) == [(8, 15)]
