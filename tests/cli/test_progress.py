"""The progress bar: on a terminal, with what people want to know; nowhere else anything."""

import pytest

from hf_bigru_asr.cli.progress import Progress


def test_nothing_is_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    def count() -> int:
        raise AssertionError("the recordings were counted for nobody")

    with Progress(count) as progress:
        progress.done(3600.0)
        progress.done(None)
    assert capsys.readouterr() == ("", "")


def test_files_hours_speed_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(lambda: 4, is_shown=True) as progress:
        progress.done(None)
        progress.done(1800.0)
        progress.say("a line")
        progress.around(lambda: print("text"))
    out, err = capsys.readouterr()
    assert out == "text\n"
    assert "a line\n" in err
    assert "2/4" in err
    assert "0.50 h, " in err
    assert "times real time" in err
    assert "<" in err, "the time left"
