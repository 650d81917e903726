"""What became of a record on the way is noticed."""

from pathlib import Path

import pytest

from hf_bigru_asr.storage.seals import checksum_of_file, sealed, unsealed

VALUES = {"bytes": 10, "name": "ä", "list": [1, {"a": None}]}


def test_a_record_comes_back_as_it_was() -> None:
    assert unsealed(sealed(VALUES)) == VALUES
    assert unsealed(sealed(VALUES).encode()) == VALUES
    assert "\n" not in sealed(VALUES)


@pytest.mark.parametrize(
    "text",
    [
        *(sealed(VALUES)[:length] for length in (0, 1, 20, -1)),
        sealed(VALUES).replace("10", "11"),
        sealed(VALUES).replace("name", "nome"),
        '{"bytes": 10}',
        "[" * 100_000,
        "[]",
        b"\xff",
    ],
)
def test_what_is_not_as_it_was_is_nothing(text: str | bytes) -> None:
    assert unsealed(text) is None


def test_files_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "b").write_bytes(b"x" * 99_999 + b"y")

    assert checksum_of_file(tmp_path / "a") != checksum_of_file(tmp_path / "b")
    assert len(checksum_of_file(tmp_path / "a")) == 32
