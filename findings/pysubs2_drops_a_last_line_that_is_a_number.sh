#!/usr/bin/env bash
# pysubs2 1.8.1: the last line of a WebVTT cue is lost if it is a number.
#
# Guess: a cue of the lines "She was born in" and "1999" has both after reading. Seen: "She was born in" alone, and no
# warning, for every such cue of a WebVTT file and for the last cue of an SRT file. Both have one reader, which takes
# the number for the counter of the next cue. WebVTT needs no counters, and the last cue of SRT has none after it. A
# number that shares its line with a word, or is all of the cue, is kept. So a writer puts no number on a last line.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "pysubs2==1.8.1"
"$folder/venv/bin/python" - <<'PYTHON'
from pysubs2 import SSAFile

CUES = ["She was born in\n1999", "She was born\nin 1999", "1999", "She was born in\n1999"]


def read(format_: str) -> list[str]:
    text, separator = ("WEBVTT\n\n", ".") if format_ == "vtt" else ("", ",")
    for number, cue in enumerate(CUES, 1):
        counter = f"{number}\n" if format_ == "srt" else ""
        text += f"{counter}00:00:0{number}{separator}000 --> 00:00:0{number}{separator}900\n{cue}\n\n"
    return [event.plaintext for event in SSAFile.from_string(text, format_=format_)]


for format_ in ("vtt", "srt"):
    print(format_, read(format_))
assert read("vtt") == ["She was born in", "She was born\nin 1999", "1999", "She was born in"], "the number is kept now"
assert read("srt") == ["She was born in\n1999", "She was born\nin 1999", "1999", "She was born in"]
PYTHON
