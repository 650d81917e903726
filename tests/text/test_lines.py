"""Lines of a text: normalised, or skipped and counted, or refused where they are reached."""

import lzma
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from hf_bigru_asr.text.lines import NormalizedLines, read_lines
from hf_bigru_asr.text.normalization import UnknownCharacterError, normalize_transcript

TEXT = ["Hello, there!", "C# is a language.", "", "five", "50% of * is €"]


@pytest.mark.parametrize("suffix", [".txt", ".xz"])
def test_a_file_is_read_line_by_line(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"text{suffix}"
    data = b"one\r\ntwo \n\nthree"
    path.write_bytes(lzma.compress(data) if suffix == ".xz" else data)
    assert list(read_lines(path)) == ["one", "two ", "", "three"]


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    whole = lzma.compress(b"one\ntwo\n" * 1000)
    for name, data in (("cut.xz", whole[:-8]), ("other.xz", b"no archive")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=rf"{name} is a broken or truncated \.xz file \(.*\); compress or copy"):
            list(read_lines(tmp_path / name))
    with pytest.raises(FileNotFoundError):
        list(read_lines(tmp_path / "nowhere"))


def test_lines_that_cannot_be_normalised_are_skipped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    lines = NormalizedLines(TEXT, "text.txt")
    assert list(lines) == ["HELLO THERE", "", "FIVE"]
    assert (lines.num_lines, lines.num_skipped) == (5, 2)
    assert caplog.messages == [lines.report()]
    assert lines.report() == (
        "Skipped 2 of 5 lines of text.txt, which have characters that no rule covers: "
        "line 2, 'C# is a language.', has '#' (U+0023 NUMBER SIGN) at position 1; "
        "line 5, '50% of * is €', has '*' (U+002A ASTERISK) at position 7, '€' (U+20AC EURO SIGN) at position 12."
    )


def test_nothing_is_reported_of_good_lines(caplog: pytest.LogCaptureFixture) -> None:
    lines = NormalizedLines(["Hello"], "text.txt")
    assert list(lines) == ["HELLO"]
    assert lines.report() is None
    assert caplog.messages == []


def test_the_report_is_short() -> None:
    lines = NormalizedLines(["*" * 100] * 2000, "text.txt")
    assert list(lines) == []
    report = lines.report() or ""
    assert report.startswith("Skipped 2,000 of 2,000 lines of text.txt, ")
    assert "line 5, '************" in report
    assert report.endswith("; and 1,995 more.")
    assert len(report) < 4000


def test_an_error_names_file_and_line_when_it_is_reached() -> None:
    def text() -> Iterator[str]:
        yield from TEXT[:2]
        raise AssertionError("a line beyond the refused one was read")

    lines = iter(NormalizedLines(text(), "text.txt", on_unknown="error"))
    assert next(lines) == "HELLO THERE"
    message = r"^text\.txt, line 2, 'C# is a language\.', has characters .*: '#' \(U\+0023 .*on_unknown='skip'\.$"
    with pytest.raises(ValueError, match=message):
        next(lines)


def test_a_part_of_a_file_keeps_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(TEXT))
    lines = NormalizedLines.of_file(path, skip_lines=1, max_lines=3)
    assert list(lines) == ["", "FIVE"]
    assert lines.num_lines == 3
    with pytest.raises(ValueError, match=rf"^{path}, line 2,"):
        list(NormalizedLines.of_file(path, skip_lines=1, on_unknown="error"))
    assert list(NormalizedLines.of_file(path, skip_lines=9)) == []


def test_bytes_that_are_not_utf_8_are_an_unknown_character(tmp_path: Path) -> None:
    (tmp_path / "latin1.txt").write_bytes("one\ncafé\ntwo\n".encode("latin-1"))
    lines = NormalizedLines.of_file(tmp_path / "latin1.txt")
    assert list(lines) == ["ONE", "TWO"]
    assert "line 2, 'caf\ufffd', has '\ufffd' (U+FFFD REPLACEMENT CHARACTER)" in (lines.report() or "")


def test_rows_of_a_data_set() -> None:
    lines = NormalizedLines(["C#"], "the split test", unit="row")
    assert list(lines) == []
    assert "1 of 1 rows of the split test, which have characters that no rule covers: row 1" in (lines.report() or "")


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="on_unknown is 'remove'; it must be 'skip' or 'error'"):
        NormalizedLines([], "text.txt", on_unknown="remove")  # type: ignore[arg-type]
    for numbers in ({"skip_lines": -1}, {"max_lines": -1}):
        with pytest.raises(ValueError, match="neither can be negative"):
            NormalizedLines([], "text.txt", **numbers)


def test_the_error_survives_pickling() -> None:
    with pytest.raises(UnknownCharacterError) as caught:
        normalize_transcript("C#")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.listed, str(copied)) == (caught.value.listed, str(caught.value))
