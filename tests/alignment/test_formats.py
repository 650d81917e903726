import json

import pytest

from hf_bigru_asr.alignment.aligner import AlignedWord, Alignment
from hf_bigru_asr.alignment.formats import as_ctm, as_json, as_textgrid, as_transcript, as_webvtt
from hf_bigru_asr.formats import FORMATS, FormatOptions
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import CharacterSpan


def word(text: str, start_s: float, end_s: float, normalized: str = "A") -> AlignedWord:
    return AlignedWord(text, normalized, start_s, end_s, 0.5, (CharacterSpan(normalized[0], start_s, end_s, 0.75),))


ALIGNMENT = Alignment((word('"<5 %"', 0.5, 1.0, "F"), word("&", 1.0, 1.25), word("so", 2.5, 3.0)), 3.0, 0.25)

TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 3.000
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 3.000
        intervals: size = 5
        intervals [1]:
            xmin = 0.000
            xmax = 0.500
            text = ""
        intervals [2]:
            xmin = 0.500
            xmax = 1.000
            text = \"""<5 %\"""
        intervals [3]:
            xmin = 1.000
            xmax = 1.250
            text = "&"
        intervals [4]:
            xmin = 1.250
            xmax = 2.500
            text = ""
        intervals [5]:
            xmin = 2.500
            xmax = 3.000
            text = "so"
    item [2]:
"""

WEBVTT = """WEBVTT

00:00:00.500 --> 00:00:01.250
"&lt;5 %" <00:00:01.000>&amp;

00:00:02.500 --> 00:00:03.000
so
"""


def test_formats() -> None:
    assert as_textgrid(ALIGNMENT, "my talk").startswith(TEXTGRID)
    assert as_webvtt(ALIGNMENT, "my talk") == WEBVTT
    assert as_ctm(ALIGNMENT, "my talk").splitlines() == [
        'my_talk 1 0.500 0.500 "<5_%" 0.5000',
        "my_talk 1 1.000 0.250 & 0.5000",
        "my_talk 1 2.500 0.500 so 0.5000",
    ]
    data = json.loads(as_json(ALIGNMENT, "my talk"))
    assert data["name"] == "my talk"
    assert data["words"][0]["characters"] == [{"char": "F", "start_s": 0.5, "end_s": 1.0, "score": 0.75}]


@pytest.mark.parametrize(
    ("words", "num_cues"),
    [
        ([word("x" * 40, 0.0, 1.0), word("x" * 43, 1.0, 2.0)], 1),
        ([word("x" * 40, 0.0, 1.0), word("x" * 44, 1.0, 2.0)], 2),
        ([word("a", 0.0, 4.0), word("b", 4.0, 7.0)], 1),
        ([word("a", 0.0, 4.0), word("b", 4.0, 7.1)], 2),
        ([word("a", 3599.0, 3599.9996), word("b", 3600.8, 3601.0)], 2),
    ],
)
def test_cues(words: list[AlignedWord], num_cues: int) -> None:
    subtitles = as_webvtt(Alignment(tuple(words), 4000.0, 0.5), "name")

    assert subtitles.count("-->") == num_cues
    assert "3599" not in subtitles
    if words[0].start_s > 0:
        assert "00:59:59.000 --> 01:00:00.000\n" in subtitles
        assert "01:00:00.800 --> 01:00:01.000\n" in subtitles


def test_the_writers_of_transcripts_take_an_alignment() -> None:
    alignment = Alignment((word("$5", 0.5, 1.5, "FIVE DOLLARS"), word("now", 1.6, 2.1, "NOW")), 3.0, 0.25)
    transcript = as_transcript(alignment, "my talk.wav")

    written = {name: each.write(transcript, FormatOptions()) for name, each in FORMATS.items()}
    assert written["ctm"].splitlines() == [
        "my_talk 1 0.500 0.364 FIVE 0.5000",
        "my_talk 1 0.864 0.636 DOLLARS 0.5000",
        "my_talk 1 1.600 0.500 NOW 0.5000",
    ]
    assert "$5 now" in written["srt"]
    assert '"text": "$5", "normalized": "FIVE DOLLARS", "confidence": 0.5' in written["json"]


def test_no_line_of_subtitles_has_exactly_two_time_stamps() -> None:
    for num_words in range(1, 9):
        words = tuple(word("so", time / 2, time / 2 + 0.5) for time in range(num_words))
        lines = as_webvtt(Alignment(words, 4.0, 0.5), "name").splitlines()

        assert sum(line.count("<") for line in lines) == num_words - 1
        assert all(line.count("<") != 2 for line in lines)
