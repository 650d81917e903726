"""Contract 5: text survives.

Encode then decode is the identity on every string over the alphabet, double letters included ("HELLO"). After CTC
framing it is so too, but for spaces that separate nothing and apostrophes without letters. A character outside the
alphabet is an error that names it, or is normalised by `text/`; it is never dropped in silence.
"""

import random

import pytest
from ctc_frames import BLANK, TEXTS, framed, ids_of, words_in

from hf_bigru_asr import BiGRUCTCTokenizer, normalize_transcript


@pytest.fixture(scope="module")
def tokenizer() -> BiGRUCTCTokenizer:
    return BiGRUCTCTokenizer()


@pytest.mark.parametrize("skip_special_tokens", [True, False])
def test_labels_decode_to_their_text(tokenizer: BiGRUCTCTokenizer, skip_special_tokens: bool) -> None:
    for text in TEXTS:
        ids = tokenizer(text).input_ids
        assert ids == ids_of(text)
        assert tokenizer.encode(text) == ids
        assert tokenizer.decode(ids, group_tokens=False, skip_special_tokens=skip_special_tokens) == text


@pytest.mark.parametrize("skip_special_tokens", [True, False])
def test_framed_ids_decode_to_their_text(tokenizer: BiGRUCTCTokenizer, skip_special_tokens: bool) -> None:
    rng = random.Random(1)
    for text in TEXTS:
        frames = framed(ids_of(text), rng)
        assert tokenizer.decode(frames, skip_special_tokens=skip_special_tokens) == words_in(text)


@pytest.mark.parametrize("clean_up", [True, False, None])
def test_cleaning_up_changes_nothing(tokenizer: BiGRUCTCTokenizer, clean_up: bool | None) -> None:
    text = "DON 'T  N'T 'S "
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids, group_tokens=False, clean_up_tokenization_spaces=clean_up) == text


def test_repeats_without_a_blank_are_one_letter(tokenizer: BiGRUCTCTokenizer) -> None:
    h, e, l, o = ids_of("HELO")  # noqa: E741 - the letters themselves
    assert tokenizer.decode([h, h, e, l, l, o]) == "HELO"
    assert tokenizer.decode([h, h, e, l, BLANK, l, o]) == "HELLO"
    assert tokenizer.decode([h, e, l, l, o], group_tokens=False) == "HELLO"


def test_spaces_that_separate_nothing_and_lone_apostrophes_are_no_text(tokenizer: BiGRUCTCTokenizer) -> None:
    for text, decoded in {
        " U  UD O": "U UD O",
        "'": "",
        " ' '' ": "",
        "A ' B": "A B",
        "'TIS  BOYS'": "'TIS BOYS'",
    }.items():
        ids = [each for label in ids_of(text) for each in (label, BLANK)]
        assert tokenizer.decode(ids) == decoded
        assert tokenizer.decode(ids_of(text), group_tokens=False) == text


def test_tokens_become_text(tokenizer: BiGRUCTCTokenizer) -> None:
    assert tokenizer.tokenize("I'LL GO") == ["I", "'", "L", "L", "|", "G", "O"]
    assert tokenizer.convert_tokens_to_string(["H", "H", "I", "<pad>", "I", "|", "|"]) == "HII"
    assert tokenizer.convert_tokens_to_string(["L", "L"], group_tokens=False) == "LL"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("CAFÉ", r"'É' \(U\+00C9\)"),
        ("café", r"'É' \(U\+00C9\)"),
        ("A.B", r"'\.' \(U\+002E\)"),
        ("10", r"'0' \(U\+0030\), '1' \(U\+0031\)"),
        ("DON\u2019T", r"\(U\+2019\)"),
        ("A\nB", r"'\\n' \(U\+000A\)"),
        ("A\tB", r"'\\t' \(U\+0009\)"),
        ("A\u00a0B", r"\(U\+00A0\)"),
        ("<pad>", r"'<' \(U\+003C\), '>' \(U\+003E\)"),
        ("A<pad>B", r"'<' \(U\+003C\)"),
        ("A|B", r"'\|' \(U\+007C\)"),
        ("😀", r"\(U\+1F600\)"),
        ("жук", r"\(U\+0416\)"),
    ],
)
def test_unknown_characters_are_named(tokenizer: BiGRUCTCTokenizer, text: str, named: str) -> None:
    for encode in (tokenizer, tokenizer.encode, tokenizer.tokenize, lambda text: tokenizer(["A", text])):
        with pytest.raises(ValueError, match=f"outside the alphabet: .*{named}.*normalize_transcript"):
            encode(text)


def test_the_error_says_what_is_allowed(tokenizer: BiGRUCTCTokenizer) -> None:
    with pytest.raises(ValueError, match=" 'ABCDEFGHIJKLMNOPQRSTUVWXYZ") as caught:
        tokenizer("?")
    assert "<pad>" not in str(caught.value)


def test_normalisation_gives_text_that_can_be_encoded_or_names_the_character(tokenizer: BiGRUCTCTokenizer) -> None:
    text = normalize_transcript("Caf\u00e9 10 \u2013 don\u2019t, PRONTO!")
    assert text == "CAFE TEN DON'T PRONTO"
    assert tokenizer.decode(tokenizer(text).input_ids, group_tokens=False) == text
    with pytest.raises(ValueError, match=r"no rule covers: '\u2116' \(U\+2116 NUMERO SIGN\)"):
        normalize_transcript("\u2116 10")
