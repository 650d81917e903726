"""Lexicons read at once, against line by line."""

import random
import string
from pathlib import Path

import pytest

from hf_bigru_asr.model.ctc_output_bigru_ctc import CTCSymbols
from hf_bigru_asr.model.lexicon_bigru_ctc import Lexicon, lexicon_words

SYMBOLS = CTCSymbols(("<pad>", "|", "'", *string.ascii_uppercase, "É"), blank=0, delimiter=1)
ODD_LINES = ["Q~ Q", "Q$ Q |", "OK O K A Y |", "CAFÉ C A F É |", "TABS\tT A B S |", "'  '   |", "TWICE T W I C E |"]


def entries(lexicon: Lexicon) -> list[tuple[str, list[str]]]:
    """Words and spellings, in order."""
    begin, found = 0, []
    for number, end in zip(lexicon.numbers.tolist(), lexicon.ends.tolist(), strict=True):
        found.append((lexicon.words[number], [SYMBOLS.symbols[each] for each in lexicon.classes[begin:end]]))
        begin = end
    return found


@pytest.mark.parametrize("end", ["\n", "\r\n", ""], ids=["newline", "carriage return", "no last newline"])
@pytest.mark.parametrize("num_odd", [0, 1, len(ODD_LINES)])
def test_a_lexicon_is_read_as_line_by_line(num_odd: int, end: str, tmp_path: Path) -> None:
    draw = random.Random(num_odd)
    words = ["".join(draw.choices("ABCXYZ'", k=draw.randint(1, 12))) for _ in range(40)]
    lines = [*(f"{word} {' '.join(word)} |" for word in [*words, "TWICE"]), *ODD_LINES[len(ODD_LINES) - num_odd :]]
    draw.shuffle(lines)
    text = (end or "\n").join(lines) + end
    (tmp_path / "lexicon.txt").write_bytes(text.encode())

    lexicon = Lexicon.read(tmp_path, SYMBOLS)

    split = [line.split() for line in lines]
    assert entries(lexicon) == [(word, spelling) for word, *spelling in split]
    assert len(set(lexicon.words)) == len(lexicon.words)
    assert lexicon_words(tmp_path) == set(lexicon.words)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", r"Line 2 of .*, '', has a word and no spelling"),
        ("AB A C |", None),
        ("Ab A b |", "outside the alphabet: b"),
        ("A| A | |", r"outside the alphabet: \|"),
        ("A\0 A \0 |", "outside the alphabet: \0"),
        ("AB  A B |", None),
    ],
)
def test_only_what_is_no_entry_is_refused(line: str, message: str | None, tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text(f"A A |\n{line}\nB B |\n")
    if message is None:
        assert [spelling for _, spelling in entries(Lexicon.read(tmp_path, SYMBOLS))][1] == line.split()[1:]
    else:
        with pytest.raises(ValueError, match=message):
            Lexicon.read(tmp_path, SYMBOLS)


def test_words_are_added_once(tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text("AB A B |\n")
    lexicon = Lexicon.read(tmp_path, SYMBOLS)

    more = lexicon.with_words({"ZOÉ", "AB", "B"}, SYMBOLS)

    assert entries(more) == [("AB", ["A", "B", "|"]), ("B", ["B", "|"]), ("ZOÉ", ["Z", "O", "É", "|"])]
    assert lexicon.with_words({"AB"}, SYMBOLS) is lexicon
    assert entries(lexicon) == [("AB", ["A", "B", "|"])]
