"""The character tokenizer: its vocabulary, frames of characters and words, kinds of ids, refusals and saving."""

import copy
import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ctc_frames import BLANK, SYMBOLS, TEXTS, collapsed, framed, ids_of, words_in
from transformers import AutoTokenizer

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCTokenizer


@pytest.fixture(scope="module")
def tokenizer() -> BiGRUCTCTokenizer:
    return BiGRUCTCTokenizer()


# Vocabulary


def test_vocabulary(tokenizer: BiGRUCTCTokenizer) -> None:
    assert tokenizer.get_vocab() == {symbol: index for index, symbol in enumerate(SYMBOLS)}
    assert tokenizer.vocab_size == len(tokenizer) == BiGRUCTCConfig().vocab_size == 29
    assert tokenizer.convert_ids_to_tokens(range(29)) == SYMBOLS
    assert tokenizer.convert_tokens_to_ids(SYMBOLS) == list(range(29))


def test_the_blank_is_the_only_special_token(tokenizer: BiGRUCTCTokenizer) -> None:
    assert tokenizer.pad_token_id == BiGRUCTCConfig().pad_token_id == BLANK
    assert tokenizer.bos_token is tokenizer.eos_token is tokenizer.unk_token is None
    assert BLANK in tokenizer.all_special_ids
    assert set(tokenizer.all_special_ids) <= {0, 1}
    assert tokenizer.num_special_tokens_to_add() == 0


def test_it_is_a_slow_tokenizer_in_every_way(tokenizer: BiGRUCTCTokenizer, tmp_path: Path) -> None:
    assert not tokenizer.is_fast
    tokenizer.save_pretrained(tmp_path)
    for use_fast in (True, False):
        loaded = AutoTokenizer.from_pretrained(tmp_path, use_fast=use_fast)
        assert type(loaded) is BiGRUCTCTokenizer


# Offsets


def test_offsets_of_characters_and_words(tokenizer: BiGRUCTCTokenizer) -> None:
    rng = random.Random(2)
    for text in filter(lambda text: text == words_in(text), TEXTS):
        frames = framed(ids_of(text), rng)
        emissions = collapsed(frames)
        output = tokenizer.decode(frames, output_char_offsets=True, output_word_offsets=True)
        assert output.text == text
        assert [(item["char"], item["start_offset"], item["end_offset"]) for item in output.char_offsets] == [
            (SYMBOLS[symbol].replace("|", " "), start, end) for symbol, start, end in emissions
        ]
        words = []
        position = 0
        for piece in text.split(" "):
            if piece:
                words.append((piece, emissions[position][1], emissions[position + len(piece) - 1][2]))
            position += len(piece) + 1
        assert [(item["word"], item["start_offset"], item["end_offset"]) for item in output.word_offsets] == words
        assert output.word_offsets == tokenizer._get_word_offsets(output.char_offsets, " ")


def test_offsets_are_those_of_the_text(tokenizer: BiGRUCTCTokenizer) -> None:
    _, h, i = ids_of(" HI")
    ids = [1, h, i, 1, BLANK, 1, 2, 1, h, 1]
    output = tokenizer.decode(ids, output_char_offsets=True, output_word_offsets=True)
    assert output.text == "HI H"
    assert [(each["char"], each["start_offset"]) for each in output.char_offsets] == [
        ("H", 1),
        ("I", 2),
        (" ", 7),
        ("H", 8),
    ]
    assert [each["word"] for each in output.word_offsets] == ["HI", "H"]


def test_a_word_starts_where_it_is_spoken(tokenizer: BiGRUCTCTokenizer) -> None:
    t, h, e = ids_of("THE")
    for gap, start in ((3, 0), (24, 0), (25, 26), (60, 61)):
        ids = [t, *[BLANK] * gap, h, e]
        output = tokenizer.decode(ids, output_char_offsets=True, output_word_offsets=True)
        assert output.word_offsets == [{"word": "THE", "start_offset": start, "end_offset": gap + 3}]
        assert output.char_offsets[0]["start_offset"] == 0


def test_only_the_offsets_that_are_asked_for_come(tokenizer: BiGRUCTCTokenizer) -> None:
    ids = ids_of("A B")
    assert set(tokenizer.decode(ids, output_char_offsets=True)) == {"text", "char_offsets"}
    assert set(tokenizer.decode(ids, output_word_offsets=True)) == {"text", "word_offsets"}
    assert tokenizer.decode([], output_word_offsets=True).word_offsets == []


def test_offsets_of_a_batch(tokenizer: BiGRUCTCTokenizer) -> None:
    batch = [ids_of("AB"), ids_of("C D"), [BLANK, BLANK]]
    output = tokenizer.batch_decode(batch, output_char_offsets=True, output_word_offsets=True)
    assert output.text == ["AB", "C D", ""]
    for row, ids in enumerate(batch):
        alone = tokenizer.decode(ids, output_char_offsets=True, output_word_offsets=True)
        assert output.char_offsets[row] == alone.char_offsets
        assert output.word_offsets[row] == alone.word_offsets


# Kinds of ids


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        np.array,
        torch.tensor,
        lambda ids: np.array(ids, dtype=np.int32),
        lambda ids: torch.tensor([ids])[0],
    ],
    ids=["list", "tuple", "numpy", "torch", "int32", "row of a batch"],
)
def test_every_kind_of_ids_decodes(tokenizer: BiGRUCTCTokenizer, convert: object) -> None:
    ids = framed(ids_of("GOOD"), random.Random(0))
    assert tokenizer.decode(convert(ids)) == "GOOD"
    assert tokenizer.decode(convert(ids), output_char_offsets=True).text == "GOOD"


@pytest.mark.parametrize("convert", [list, np.array, torch.tensor], ids=["list", "numpy", "torch"])
@pytest.mark.parametrize("method", ["decode", "batch_decode"])
def test_batches_decode(tokenizer: BiGRUCTCTokenizer, convert: object, method: str) -> None:
    batch = convert([[*ids_of("AB"), BLANK], [BLANK, *ids_of("CC")], [BLANK] * 3])
    assert getattr(tokenizer, method)(batch) == ["AB", "C", ""]
    assert getattr(tokenizer, method)(batch, group_tokens=False) == ["AB", "CC", ""]


def test_ragged_batches_and_single_ids_decode(tokenizer: BiGRUCTCTokenizer) -> None:
    assert tokenizer.batch_decode([ids_of("A"), [], ids_of("BCD")]) == ["A", "", "BCD"]
    assert tokenizer.batch_decode([]) == []
    assert tokenizer.decode(ids_of("Z")[0]) == "Z"
    assert tokenizer.decode(torch.tensor(ids_of("Z")[0])) == "Z"


def test_texts_are_padded_with_the_blank(tokenizer: BiGRUCTCTokenizer) -> None:
    batch = tokenizer(["HELLO", "A", ""], padding=True, return_tensors="pt")
    assert batch.input_ids.tolist() == [ids_of("HELLO"), [*ids_of("A"), 0, 0, 0, 0], [0] * 5]
    assert batch.attention_mask.sum(-1).tolist() == [5, 1, 0]
    assert tokenizer.batch_decode(batch.input_ids, group_tokens=False) == ["HELLO", "A", ""]


# Refusals


def test_lower_case_is_raised_or_refused() -> None:
    assert BiGRUCTCTokenizer()("hello World").input_ids == ids_of("HELLO WORLD")
    strict = BiGRUCTCTokenizer(do_upper_case=False)
    assert strict("HELLO").input_ids == ids_of("HELLO")
    with pytest.raises(ValueError, match=r"outside the alphabet: 'e' \(U\+0065\)"):
        strict("HeLLO")


@pytest.mark.parametrize("bad_id", [-100, -1, 29, 1000])
def test_ids_outside_the_vocabulary_are_refused(tokenizer: BiGRUCTCTokenizer, bad_id: int) -> None:
    message = f"The id {bad_id} is not in the vocabulary of 29 symbols.*-100 have to be replaced by 0 before decoding"
    with pytest.raises(ValueError, match=message):
        tokenizer.decode([3, bad_id])
    with pytest.raises(ValueError, match=message):
        tokenizer.batch_decode(torch.tensor([[3, 4], [3, bad_id]]), skip_special_tokens=True)


def test_unknown_tokens_are_refused(tokenizer: BiGRUCTCTokenizer) -> None:
    with pytest.raises(ValueError, match="The token 'HE' is not in the vocabulary: <pad>"):
        tokenizer.convert_tokens_to_ids(["HE"])


@pytest.mark.parametrize("name", ["pad_token", "word_delimiter_token"])
def test_a_vocabulary_without_blank_or_space_is_refused(name: str, tmp_path: Path) -> None:
    BiGRUCTCTokenizer().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=rf"{name} is '\[X\]', .* not one of the vocabulary's symbols"):
        BiGRUCTCTokenizer.from_pretrained(tmp_path, **{name: "[X]"})


def test_saving_a_vocabulary_needs_a_folder(tokenizer: BiGRUCTCTokenizer, tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="missing is not a folder; create it"):
        tokenizer.save_vocabulary(str(tmp_path / "missing"))


# Saving


def assert_same(first: BiGRUCTCTokenizer, second: BiGRUCTCTokenizer) -> None:
    assert second.get_vocab() == first.get_vocab()
    assert second.all_special_tokens == first.all_special_tokens
    assert second.do_upper_case == first.do_upper_case
    text = "I'LL  CALL "
    assert second(text).input_ids == first(text).input_ids
    assert second.decode(first(text).input_ids, group_tokens=False) == text
    with pytest.raises(ValueError, match="outside the alphabet"):
        second("<pad>")


@pytest.mark.parametrize("options", [{}, {"do_upper_case": False}], ids=["defaults", "strict"])
def test_save_and_load(options: dict, tmp_path: Path) -> None:
    tokenizer = BiGRUCTCTokenizer(**options)
    tokenizer.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8")) == tokenizer.get_vocab()
    assert_same(tokenizer, BiGRUCTCTokenizer.from_pretrained(tmp_path))
    assert_same(tokenizer, AutoTokenizer.from_pretrained(tmp_path))
    again = tmp_path / "again"
    AutoTokenizer.from_pretrained(tmp_path).save_pretrained(again)
    assert_same(tokenizer, AutoTokenizer.from_pretrained(again))


def test_another_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps({"A": 0, "_": 1, "É": 2, "[B]": 3}), encoding="utf-8")
    tokenizer = BiGRUCTCTokenizer(str(path), pad_token="[B]", word_delimiter_token="_")
    assert tokenizer("aé a").input_ids == [0, 2, 1, 0]
    assert tokenizer.pad_token_id == 3
    assert tokenizer.decode([0, 0, 3, 0, 2, 1, 1, 3]) == "AAÉ"
    tokenizer.save_pretrained(tmp_path / "saved")
    assert BiGRUCTCTokenizer.from_pretrained(tmp_path / "saved").decode([0, 3, 0, 1, 2]) == "AA É"


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda tokenizer: pickle.loads(pickle.dumps(tokenizer))])
def test_copies(duplicate: object) -> None:
    tokenizer = BiGRUCTCTokenizer(do_upper_case=False)
    assert_same(tokenizer, duplicate(tokenizer))


def test_pause_frames_are_saved_and_checked(tmp_path: Path) -> None:
    BiGRUCTCTokenizer(pause_frames=143).save_pretrained(tmp_path)

    assert BiGRUCTCTokenizer.from_pretrained(tmp_path).pause_frames == 143
    assert BiGRUCTCTokenizer().pause_frames is None
    with pytest.raises(ValueError, match=r"pause_frames is 0; it must be a whole number, at least 1 .*, or null"):
        BiGRUCTCTokenizer(pause_frames=0)


def test_labels_have_no_pauses() -> None:
    tokenizer = BiGRUCTCTokenizer(pause_frames=1)

    assert tokenizer.decode(tokenizer("HELLO").input_ids, group_tokens=False) == "HELLO"


@pytest.mark.parametrize("kind", [torch.zeros, np.zeros], ids=["torch", "numpy"])
def test_logits_are_no_ids(kind: Callable[[tuple[int, ...]], Any]) -> None:
    tokenizer = BiGRUCTCTokenizer()
    for shape in ((1, 3, 29), (3, 29)):
        with pytest.raises(ValueError, match=r"logits\.argmax\(-1\)"):
            tokenizer.batch_decode(kind(shape))
    with pytest.raises(ValueError, match=r"logits\.argmax\(-1\)"):
        tokenizer.decode(kind((3, 29)))
