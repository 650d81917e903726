"""Symbols that `add_tokens` adds, and texts that were split into words before."""

import json
from pathlib import Path

import pytest

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols


@pytest.fixture
def larger() -> BiGRUCTCTokenizer:
    made = BiGRUCTCTokenizer()
    assert made.add_tokens(["Ä", "1", "<laugh>"]) == 3
    return made


def test_added_symbols_are_encoded_and_decoded(larger: BiGRUCTCTokenizer) -> None:
    assert len(larger) == 32
    assert larger("ÄPFEL 1").input_ids == [29, 18, 8, 7, 14, 1, 30]
    assert larger("äpfel 1").input_ids == larger("ÄPFEL 1").input_ids
    assert larger("<laugh> A").input_ids == [31, 1, 3]
    assert larger.decode([29, 29, 0, 29, 1, 30, 31, 31]) == "ÄÄ 1<laugh>"
    assert larger.decode(larger("ÄPFEL 11").input_ids, group_tokens=False) == "ÄPFEL 11"
    assert CTCSymbols.of(larger).encode("Ä1") == [29, 30]


def test_other_characters_are_still_refused_and_the_blank_has_no_text(larger: BiGRUCTCTokenizer) -> None:
    with pytest.raises(ValueError, match=r"outside the alphabet: 'Ö' \(U\+00D6\)\. Allowed are .*Ä1"):
        larger("ÖL")
    with pytest.raises(ValueError, match="outside the alphabet: '<'"):
        larger("<pad>")
    with pytest.raises(ValueError, match="not in the vocabulary of 32 symbols"):
        larger.decode([32])


def test_added_symbols_are_saved_where_every_runtime_reads_them(larger: BiGRUCTCTokenizer, tmp_path: Path) -> None:
    larger.save_pretrained(tmp_path)
    vocabulary = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert sorted(vocabulary.values()) == list(range(32))
    assert vocabulary["Ä"] == 29
    loaded = BiGRUCTCTokenizer.from_pretrained(tmp_path)
    assert loaded.get_vocab() == larger.get_vocab()
    assert loaded("Ä1 <laugh>").input_ids == larger("Ä1 <laugh>").input_ids


def test_words_that_were_split_before_have_a_space_before_each() -> None:
    tokenizer = BiGRUCTCTokenizer()
    words = ["HELLO", "WORLD"]
    assert tokenizer(words, is_split_into_words=True).input_ids == tokenizer(" HELLO WORLD").input_ids
    batch = tokenizer([words, ["A"]], is_split_into_words=True, padding=True)
    assert batch == tokenizer([" HELLO WORLD", " A"], padding=True)
    assert tokenizer(words).input_ids == [tokenizer("HELLO").input_ids, tokenizer("WORLD").input_ids]
