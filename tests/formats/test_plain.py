import pytest
from spoken_words import transcript

from hf_bigru_asr.formats.options import FormatOptions
from hf_bigru_asr.formats.plain import as_tsv, as_txt
from hf_bigru_asr.formats.transcript import TimedTranscript

PLAIN = FormatOptions()


def test_txt_has_a_line_for_every_segment() -> None:
    given = transcript("HELLO WORLD | YES")

    assert as_txt(given, PLAIN) == "HELLO WORLD\nYES\n"
    assert as_txt(given, FormatOptions(one_line=True, casing="lower")) == "hello world yes\n"
    assert as_txt(TimedTranscript("a.wav", 1.0, text="HELLO"), PLAIN) == "HELLO\n"
    assert as_txt(TimedTranscript("a.wav", 1.0), PLAIN) == "\n"


def test_txt_names_who_speaks() -> None:
    given = transcript("HELLO | YES", "GOOD DAY")

    assert as_txt(given, PLAIN) == "channel 0: HELLO\nchannel 1: GOOD DAY\nchannel 0: YES\n"


def test_txt_has_times_if_they_are_asked_for() -> None:
    options = FormatOptions(timestamps=True)

    assert as_txt(transcript("HELLO WORLD | YES"), options).splitlines() == [
        "[00:00:00.000 --> 00:00:00.640] HELLO WORLD",
        "[00:00:01.680 --> 00:00:01.860] YES",
    ]
    assert as_txt(transcript("HELLO", "| YES"), options).splitlines()[1] == (
        "[00:00:01.000 --> 00:00:01.180] channel 1: YES"
    )
    with pytest.raises(ValueError, match="which txt with timestamps needs"):
        as_txt(TimedTranscript("a.wav", 1.0, text="HELLO"), options)


def test_tsv_is_that_of_whisper() -> None:
    assert as_tsv(transcript("HELLO WORLD | YES"), PLAIN) == "start\tend\ttext\n0\t640\tHELLO WORLD\n1680\t1860\tYES\n"
    assert as_tsv(transcript("HELLO", "YES"), PLAIN) == "start\tend\ttext\tchannel\n0\t300\tHELLO\t0\n0\t180\tYES\t1\n"
    assert as_tsv(TimedTranscript("a.wav", 1.0), PLAIN) == "start\tend\ttext\n"
