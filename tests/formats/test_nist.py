import re
import shutil
import subprocess
from pathlib import Path

import pytest
from spoken_words import random_transcript, transcript

from hf_bigru_asr.formats.nist import as_ctm, as_rttm, as_stm
from hf_bigru_asr.formats.options import FormatOptions
from hf_bigru_asr.formats.transcript import TimedTranscript, TimedWord

PLAIN = FormatOptions()
# The program, or Debian's front to all of NIST's.
SCLITE = [["sclite"]] * bool(shutil.which("sclite")) + [["sctk", "sclite"]] * bool(shutil.which("sctk"))
needs_sclite = pytest.mark.skipif(not SCLITE, reason="sclite is not installed (Debian's package sctk has it)")

SIGNS = "{ } { a / b } @ <unk> <ALT_BEGIN> <alt> <ALT_END> (uh) ;; ;x * % a{b IGNORE_TIME_SEGMENT_IN_SCORING <o,f0> $5"


def num_words_and_errors(folder: Path, reference: str, hypothesis: str) -> tuple[int, int]:
    """Words of the reference and errors that sclite counts."""
    (folder / "ref.stm").write_text(reference, encoding="utf-8")
    (folder / "hyp.ctm").write_text(hypothesis, encoding="utf-8")
    command = [*SCLITE[0], "-r", "ref.stm", "stm", "-h", "hyp.ctm", "ctm", "-o", "rsum", "stdout"]
    output = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    assert "rror:" not in output, output
    counts = re.findall(r"\| Sum *\|(.*?)\|(.*?)\|", output)[0]
    return int(counts[0].split()[1]), int(counts[1].split()[4])


def test_ctm_has_a_spoken_word_a_line() -> None:
    words = (
        TimedWord("$2 million", 1.0, 2.8, 0.25, normalized="TWO MILLION DOLLARS"),
        TimedWord("now", 3.0, 3.25, 1.0),
    )

    assert as_ctm(TimedTranscript("a/my talk.mp3", 4.0, words), PLAIN).splitlines() == [
        "my_talk 1 1.000 0.318 TWO 0.2500",
        "my_talk 1 1.318 0.741 MILLION 0.2500",
        "my_talk 1 2.059 0.741 DOLLARS 0.2500",
        "my_talk 1 3.000 0.250 now 1.0000",
    ]


def test_ctm_has_no_confidences_where_one_is_missing() -> None:
    words = (TimedWord("ONE", 1.0, 2.0, 0.5), TimedWord("TWO", 2.0, 3.0))

    assert as_ctm(TimedTranscript("-", 4.0, words), PLAIN) == "stdin 1 1.000 1.000 ONE\nstdin 1 2.000 1.000 TWO\n"


def test_channels_follow_each_other() -> None:
    given = transcript("HELLO | YES", "GOOD")

    assert [line.split()[1:5:3] for line in as_ctm(given, PLAIN).splitlines()] == [
        ["1", "HELLO"],
        ["1", "YES"],
        ["2", "GOOD"],
    ]
    assert as_stm(given, PLAIN).splitlines() == [
        "my_talk 1 my_talk_1 0.000 0.820 <O> HELLO",
        "my_talk 1 my_talk_1 0.820 2.520 <O> YES",
        "my_talk 2 my_talk_2 0.000 2.520 <O> GOOD",
    ]
    assert as_rttm(given, PLAIN).splitlines() == [
        "SPEAKER my_talk 1 0.000 0.300 <NA> <NA> channel1 <NA> <NA>",
        "SPEAKER my_talk 2 0.000 0.240 <NA> <NA> channel2 <NA> <NA>",
        "SPEAKER my_talk 1 1.340 0.180 <NA> <NA> channel1 <NA> <NA>",
    ]


def test_silence() -> None:
    silence = TimedTranscript("a.wav", 3.0)

    assert as_ctm(silence, PLAIN) == as_rttm(silence, PLAIN) == ""
    assert as_stm(silence, PLAIN) == "a 1 a 0.000 3.000 <O>\n"


@needs_sclite
@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_sclite_finds_no_error_in_a_perfect_transcript(seed: int, num_channels: int, tmp_path: Path) -> None:
    given = random_transcript(seed, num_channels)
    assert given.words

    found = num_words_and_errors(tmp_path, as_stm(given, PLAIN), as_ctm(given, FormatOptions(casing="sentence")))

    assert found == (len(given.words), 0)


def test_segments_are_joined_where_the_middle_of_a_word_lies_in_another_one() -> None:
    words = (TimedWord("LONG", 0.0, 31.0), TimedWord("SHORT", 0.5, 1.0), TimedWord("LATE", 32.0, 33.0))

    assert as_stm(TimedTranscript("a.wav", 40.0, words), PLAIN).splitlines() == [
        "a 1 a 0.000 31.500 <O> LONG SHORT",
        "a 1 a 31.500 40.000 <O> LATE",
    ]


@needs_sclite
def test_sclite_takes_no_word_for_a_sign(tmp_path: Path) -> None:
    given = transcript(SIGNS)

    assert num_words_and_errors(tmp_path, as_stm(given, PLAIN), as_ctm(given, PLAIN)) == (len(SIGNS.split()), 0)


@needs_sclite
def test_sclite_counts_the_errors_of_another_reference(tmp_path: Path) -> None:
    given, other = transcript("THE OLD MAN WALKED | SLOWLY"), transcript("THE COLD MAN | SLOWLY HOME")

    assert num_words_and_errors(tmp_path, as_stm(other, PLAIN), as_ctm(given, PLAIN)) == (5, 3)


@needs_sclite
@pytest.mark.parametrize("source", ["my talk (2).wav", ";; x.wav", "Gespräch.mp3", "a.b.c"])
def test_sclite_reads_the_name_of_every_recording(source: str, tmp_path: Path) -> None:
    given = TimedTranscript(source, 3.0, (TimedWord("ONE", 1.0, 2.0),))

    assert num_words_and_errors(tmp_path, as_stm(given, PLAIN), as_ctm(given, PLAIN)) == (1, 0)
