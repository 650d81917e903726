"""Whose files lie beside recordings is recorded, whatever ends the process meanwhile."""

import os
from pathlib import Path

from hf_bigru_asr.cli.beside import RECORD_NAME, OwnFiles


def test_a_record_outlives_the_process(tmp_path: Path) -> None:
    names = ["a.txt", "new\nline.txt", os.fsdecode(b"by\xffte.txt")]
    own = OwnFiles()
    for name in names[:2]:
        own.add(tmp_path / name)
    OwnFiles().add(tmp_path / names[2])
    again = OwnFiles()
    assert all(tmp_path / name in again for name in names)
    assert tmp_path / "line.txt" not in again
    assert tmp_path / "sub" / "a.txt" not in again


def test_an_entry_that_was_cut_off_hides_no_other(tmp_path: Path) -> None:
    OwnFiles().add(tmp_path / "a.txt")
    whole = (tmp_path / RECORD_NAME).read_bytes()
    for length in range(len(whole)):
        (tmp_path / RECORD_NAME).write_bytes(whole[:length])
        assert tmp_path / "a.txt" not in OwnFiles()
        OwnFiles().add(tmp_path / "b.txt")
        again = OwnFiles()
        assert tmp_path / "b.txt" in again
        assert tmp_path / "a.txt" not in again
