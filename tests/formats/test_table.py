"""The table of formats, and what holds for each of them."""

import json
import re
import subprocess
import sys

import pytest
from documents import blocks
from repository import REPOSITORY
from spoken_words import transcript

from hf_bigru_asr.formats import FORMATS, FormatOptions, TimedTranscript, TimedWord

NAMES = ["txt", "json", "jsonl", "srt", "vtt", "tsv", "ctm", "textgrid", "stm", "rttm"]


def test_every_format_has_its_own_ending() -> None:
    assert list(FORMATS) == NAMES
    assert len({each.suffix.lower() for each in FORMATS.values()}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_options_hold_for_every_format(name: str) -> None:
    words = (TimedWord("MAYBE", 0.0, 1.0, 0.2), TimedWord("HELLO", 1.0, 2.0, 0.9))
    given = TimedTranscript("a.wav", 2.0, words)

    text = FORMATS[name].write(given, FormatOptions(casing="lower", min_confidence=0.5))
    assert "maybe" not in text.lower()
    assert "HELLO" not in text
    assert ("hello" in text) == (name != "rttm")


@pytest.mark.parametrize("name", NAMES)
def test_an_error_is_written_or_refused(name: str) -> None:
    given = TimedTranscript("a.wav", 0.0, error="It is broken.")

    if FORMATS[name].holds_errors:
        assert '"error": "It is broken."' in FORMATS[name].write(given, FormatOptions())
    else:
        with pytest.raises(ValueError, match=r"a\.wav was not transcribed: It is broken\."):
            FORMATS[name].write(given, FormatOptions())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("txt", "json", "jsonl")])
def test_a_text_without_times_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"a text without the times of its words, which {name} needs"):
        FORMATS[name].write(TimedTranscript("a.wav", 1.0, text="HELLO"), FormatOptions())


@pytest.mark.parametrize("name", [name for name in NAMES if FORMATS[name].can_append])
def test_files_of_several_recordings_are_lines_of_each(name: str) -> None:
    text = FORMATS[name].write(transcript("HELLO | YES"), FormatOptions())

    assert text.endswith("\n")
    assert all("my_talk" in line or "my talk" in line for line in text.splitlines())


def test_formats_are_imported_without_numpy_and_torch() -> None:
    code = (
        "import sys, hf_bigru_asr.formats\n"
        "print(sorted({'numpy', 'torch', 'transformers', 'soundfile'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout == "[]\n"


def test_the_page_shows_what_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    page = (REPOSITORY / "docs" / "formats.md").read_text(encoding="utf-8")
    namespace: dict[str, object] = {}
    exec(blocks(page, "python")[0], namespace)
    subtitles, record = blocks(page, "text")

    assert capsys.readouterr().out.strip() == subtitles.strip()
    assert FORMATS["json"].write(namespace["transcript"], FormatOptions()) == record  # type: ignore[arg-type]


def test_the_page_explains_every_format_field_and_option() -> None:
    page = (REPOSITORY / "docs" / "formats.md").read_text(encoding="utf-8")
    schema = json.loads((REPOSITORY / "hf_bigru_asr/formats/transcript.schema.json").read_text(encoding="utf-8"))

    rows = re.findall(r"^\| `(\w+)` \| `(\.\w+)` ", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted((name, each.suffix) for name, each in FORMATS.items())
    for name in (*schema["properties"], *FormatOptions.__dataclass_fields__):
        assert f"\n| `{name}` |" in page, name
