import re

import pytest

from hf_bigru_asr.text.normalization import normalize_transcript
from recipe.spelled_text import spelled_sentences

NAMES = ["Smith", "Oak", "Garden"]


def test_sentences_spell_letters_and_numbers() -> None:
    sentences = spelled_sentences(NAMES, 400, seed=1)
    assert len(sentences) == 400
    assert all(sentence == normalize_transcript(sentence) != "" for sentence in sentences)
    assert "S M I T H" in sentences
    for pattern in (r"^[A-Z]( [A-Z])+$", r"\b(ONE|TWO|NINE)\b", r"\bSMITH (STREET|ROAD)\b", r"^MARCH .*\bNINETEEN\b"):
        assert any(re.search(pattern, sentence) for sentence in sentences), pattern
    assert len(set(sentences)) > 200


def test_a_seed_gives_the_same_sentences() -> None:
    assert spelled_sentences(NAMES, 20, seed=2) == spelled_sentences(NAMES, 20, seed=2)
    assert spelled_sentences(NAMES, 20, seed=2) != spelled_sentences(NAMES, 20, seed=3)


def test_no_word_to_spell_is_an_error() -> None:
    with pytest.raises(ValueError, match="no word to spell"):
        spelled_sentences([], 3)
