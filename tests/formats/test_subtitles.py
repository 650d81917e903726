import html
import re

import pysubs2
import pytest
from spoken_words import random_transcript, transcript

from hf_bigru_asr.formats.cues import cues_of
from hf_bigru_asr.formats.options import FormatOptions
from hf_bigru_asr.formats.subtitles import as_srt, as_vtt
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord

PLAIN = FormatOptions()
STAMPED = FormatOptions(word_stamps=True)
STAMP = re.compile(r"<\d+:\d\d:\d\d\.\d{3}>")

SRT = """1
00:00:00,000 --> 00:00:01,000
HELLO

2
00:00:01,300 --> 00:00:02,300
SLOW WORLD
"""

VTT = """WEBVTT

00:00:00.000 --> 00:00:01.000
HELLO

00:00:01.300 --> 00:00:02.300
SLOW WORLD
"""


def test_files() -> None:
    given = transcript("HELLO | SLOW WORLD", gap_s=0.0)

    assert as_srt(given, PLAIN) == SRT
    assert as_vtt(given, PLAIN) == VTT
    assert "\nSLOW <00:00:01.540>WORLD\n" in as_vtt(given, STAMPED)


def test_silence_has_no_cue() -> None:
    silence = TimedTranscript("a.wav", 3.0)

    assert as_srt(silence, PLAIN) == ""
    assert as_vtt(silence, PLAIN) == "WEBVTT\n"


@pytest.mark.parametrize("seed", range(6))
def test_another_reader_finds_every_cue(seed: int) -> None:
    given = random_transcript(seed)
    cues = [
        (cue.start_ms, cue.end_ms, r"\N".join(" ".join(token.text for token in line) for line in cue.lines))
        for cue in cues_of(given)
    ]

    for text, name in ((as_srt(given, PLAIN), "srt"), (as_vtt(given, PLAIN), "vtt")):
        if cues:
            subtitles = pysubs2.SSAFile.from_string(text, format_=name)
            assert [(each.start, each.end, each.text) for each in subtitles] == cues


@pytest.mark.parametrize("num_words", range(1, 12))
def test_another_reader_finds_every_cue_with_time_stamps(num_words: int) -> None:
    given = transcript(" ".join(["WORD"] * num_words), letter_s=0.1)
    text = as_vtt(given, STAMPED)
    subtitles = pysubs2.SSAFile.from_string(text, format_="vtt")

    assert len(STAMP.findall(text)) == num_words - len(subtitles)
    assert len(subtitles) == text.count("-->")
    assert " ".join(STAMP.sub("", each.plaintext).replace("\n", " ") for each in subtitles) == given.text


def test_signs_of_the_formats_are_escaped() -> None:
    words = [TimedWord(text, time, time + 1) for time, text in enumerate(["<i>&", "-->", "R&D", "1999"])]
    given = TimedTranscript("a.wav", 9.0, tuple(words))

    payload = as_vtt(given, PLAIN).split("\n\n")[1].split("\n", 1)[1].strip()
    assert payload == "&lt;i&gt;&amp; --&gt; R&amp;D 1999"
    assert html.unescape(payload) == given.text
    assert as_vtt(given, PLAIN).count("-->") == as_srt(given, PLAIN).count("-->") == 1
    assert "\n<i>& -> R&D 1999\n" in as_srt(given, PLAIN)


def test_a_hundred_hours() -> None:
    given = TimedTranscript("a.wav", 400_000.0, (TimedWord("LATE", 363_599.9996, 363_601.5),))

    assert "\n101:00:00,000 --> 101:00:01,900\nLATE\n" in as_srt(given, PLAIN)
    assert "\n101:00:00.000 --> 101:00:01.900\nLATE\n" in as_vtt(given, PLAIN)


def test_channels_are_named() -> None:
    given = transcript("HELLO | YES", "GOOD DAY")

    assert re.findall(r"\n(\[\d.*)\n", as_srt(given, PLAIN)) == ["[0] HELLO", "[1] GOOD DAY", "[0] YES"]
    assert re.findall(r"\n(<v .*)\n", as_vtt(given, PLAIN)) == [
        "<v channel 0>HELLO",
        "<v channel 1>GOOD DAY",
        "<v channel 0>YES",
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_name_of_a_channel_counts_as_text_of_its_line(seed: int) -> None:
    lines = as_srt(random_transcript(seed, num_channels=2), PLAIN).splitlines()

    assert max(len(line) for line in lines) <= 42
