import pytest
from torchaudio.functional import TokenSpan

from hf_bigru_asr.alignment.word_times import word_characters

FRAME_S = 0.02


def edges(text: str, frames: list[tuple[int, int]], duration_s: float = 10.0) -> list[list[float]]:
    """Beginnings of the characters of every word, and its end."""
    spans = [TokenSpan(1, start, end, 0.0) for start, end in frames]
    words = word_characters(text, spans, [0.5] * len(text), FRAME_S, duration_s)
    assert "".join(span.char for word in words for span in word) == text.replace(" ", "")
    for word in words:
        assert [span.end_s for span in word[:-1]] == [span.start_s for span in word[1:]]
    return [[*(span.start_s for span in word), word[-1].end_s] for word in words]


@pytest.mark.parametrize(
    ("text", "frames", "expected"),
    [
        # Begins a frame before its first character and ends 80 ms after the last one; half way in between.
        ("AB", [(10, 11), (14, 16)], [[0.18, 0.25, 0.40]]),
        # Ends in the middle of the space.
        ("A B", [(10, 11), (15, 17), (30, 31)], [[0.18, 0.32], [0.58, 0.70]]),
        # Does not begin before the end of the word before it.
        ("A B", [(10, 11), (12, 16), (16, 17)], [[0.18, 0.28], [0.30, 0.42]]),
        # A first character that is marked before the pause does not draw the word there.
        ("A BC", [(5, 6), (10, 12), (12, 13), (50, 51)], [[0.08, 0.22], [0.82, 0.91, 1.10]]),
        ("A B C", [(5, 6), (10, 12), (12, 13), (50, 52), (60, 61)], [[0.08, 0.22], [0.82, 1.02], [1.18, 1.30]]),
        # Not outside the recording.
        ("A", [(0, 1)], [[0.0, 0.1]]),
    ],
)
def test_edges(text: str, frames: list[tuple[int, int]], expected: list[list[float]]) -> None:
    for word, times in zip(edges(text, frames), expected, strict=True):
        assert word == pytest.approx(times)


def test_the_last_word_ends_with_the_recording() -> None:
    assert edges("A", [(3, 4)], duration_s=0.09)[0] == pytest.approx([0.04, 0.09])
