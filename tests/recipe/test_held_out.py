"""Sentences that are held out, of data whose sentences are known."""

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from recipe.held_out import held_out_sentences


def test_sentences_of_every_split(tmp_path: Path) -> None:
    for split, text in (("train", "Yes: you"), ("validation", "no, I"), ("test", "NEVER")):
        row = {"audio": {"bytes": b"", "path": "none.flac"}, "text": text}
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / f"{split}.parquet")
    found = held_out_sentences(str(tmp_path), None, ["validation", "train"])
    assert found == {"validation": ["NO I"], "train": ["YES YOU"]}
    assert held_out_sentences(None, None, ["validation"]) == {}
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        held_out_sentences(str(tmp_path / "nowhere"), None, ["train"])
