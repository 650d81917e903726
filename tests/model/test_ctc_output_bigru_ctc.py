"""What decoders know of a tokenizer."""

import numpy as np
import pytest
import torch
from ctc_frames import SYMBOLS, TEXTS, words_in

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols, as_array, spoken_part, tidy_text


def test_symbols_of_a_tokenizer() -> None:
    symbols = CTCSymbols.of(BiGRUCTCTokenizer(pause_frames=7))

    assert symbols == CTCSymbols(tuple(SYMBOLS), blank=0, delimiter=1, pause_frames=7)
    assert symbols.characters[:4] == ("", " ", "'", "A")
    assert CTCSymbols.of(symbols) is symbols


def test_texts_have_the_classes_that_the_tokenizer_gives() -> None:
    tokenizer = BiGRUCTCTokenizer()
    symbols = CTCSymbols.of(tokenizer)
    for text in [*TEXTS, "lower case"]:
        assert symbols.encode(text) == tokenizer(text).input_ids


@pytest.mark.parametrize(("text", "options"), [("CAFÉ #1", {}), ("a|b", {}), ("abc", {"do_upper_case": False})])
def test_unknown_characters_are_refused_as_by_the_tokenizer(text: str, options: dict[str, bool]) -> None:
    tokenizer = BiGRUCTCTokenizer(**options)
    with pytest.raises(ValueError, match="has characters outside the alphabet") as expected:
        tokenizer(text)
    with pytest.raises(ValueError, match="has characters outside the alphabet") as found:
        CTCSymbols.of(tokenizer).encode(text)
    assert str(found.value) == str(expected.value)


def test_tensors_and_arrays_are_treated_alike() -> None:
    values = torch.linspace(-3, 0, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()
    for given in (values, values.bfloat16().double(), values.detach().numpy(), values.tolist()):
        assert as_array(given).dtype == np.float32
        np.testing.assert_allclose(as_array(given), values.detach().numpy(), atol=0.01)
    assert as_array(values.bfloat16()).dtype == np.float32


def test_text_is_words_with_one_space_between_them() -> None:
    for text in TEXTS:
        assert tidy_text(text) == words_in(text)


@pytest.mark.parametrize(
    ("spans", "part"),
    [
        ([(1, 2)], (1, 2)),
        ([(0, 1), (3, 4), (6, 7)], (0, 7)),
        ([(0, 1), (4, 5), (6, 7)], (4, 7)),
        ([(0, 1), (2, 3), (6, 7)], (0, 3)),
        ([(0, 1), (9, 10)], (9, 10)),  # two letters: the first one came early
    ],
)
def test_a_word_is_its_longest_part_without_a_gap(spans: list[tuple[float, float]], part: tuple[float, float]) -> None:
    assert spoken_part(spans, 2) == part
