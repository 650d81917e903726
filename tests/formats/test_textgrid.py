from pathlib import Path

import pytest
from praatio import textgrid as praatio
from spoken_words import random_transcript, transcript

from hf_bigru_asr.formats.options import FormatOptions
from hf_bigru_asr.formats.textgrid import as_textgrid, textgrid
from hf_bigru_asr.formats.transcript import TimedTranscript


def read(text: str, folder: Path) -> praatio.Textgrid:
    (folder / "a.TextGrid").write_text(text, encoding="utf-8")
    return praatio.openTextgrid(str(folder / "a.TextGrid"), includeEmptyIntervals=True, reportingMode="error")


@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("seed", [1, 2, 4, 6])
def test_another_reader_finds_every_word(seed: int, num_channels: int, tmp_path: Path) -> None:
    given = random_transcript(seed, num_channels)

    grid = read(as_textgrid(given, FormatOptions()), tmp_path)

    for channel in given.channels:
        name = f"words of channel {channel}" if num_channels > 1 else "words"
        entries = grid.getTier(name).entries
        texts = [word.text for word in given.words if word.channel == channel]
        assert [entry.label for entry in entries if entry.label] == texts
        assert all(entry.start < entry.end for entry in entries)
        # Nothing is left out between them.
        assert [entries[0].start, *(entry.end for entry in entries)] == [
            *(entry.start for entry in entries),
            grid.maxTimestamp,
        ]


def test_times_are_those_of_the_words(tmp_path: Path) -> None:
    grid = read(as_textgrid(transcript("HELLO WORLD | YES"), FormatOptions()), tmp_path)

    assert list(grid.tierNames) == ["segments", "words"]
    assert [tuple(entry) for entry in grid.getTier("words").entries if entry.label] == [
        (0.0, 0.3, "HELLO"),
        (0.34, 0.64, "WORLD"),
        (1.68, 1.86, "YES"),
    ]
    assert [tuple(entry) for entry in grid.getTier("segments").entries] == [
        (0.0, 0.64, "HELLO WORLD"),
        (0.64, 1.68, ""),
        (1.68, 1.86, "YES"),
        (1.86, 2.86, ""),
    ]


def test_intervals_without_length_and_over_each_other_are_kept(tmp_path: Path) -> None:
    intervals = [(1.0, 1.0, "no length"), (1.0, 2.0, 'a "quote"\nand = sign'), (1.5, 1.6, "inside"), (9.0, 9.0, "end")]

    grid = read(textgrid({"tier": intervals}, 9.0), tmp_path)

    assert [tuple(entry) for entry in grid.getTier("tier").entries if entry.label] == [
        (1.0, 1.001, "no length"),
        (1.001, 2.0, 'a "quote" and = sign'),
        (2.0, 2.001, "inside"),
        (9.0, 9.001, "end"),
    ]


def test_silence_is_one_empty_interval(tmp_path: Path) -> None:
    grid = read(as_textgrid(TimedTranscript("a.wav", 3.0), FormatOptions()), tmp_path)

    assert [tuple(entry) for entry in grid.getTier("words").entries] == [(0.0, 3.0, "")]
