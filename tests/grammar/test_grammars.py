from pathlib import Path

import pytest

from hf_bigru_asr.grammar.expansions import Choice, Words
from hf_bigru_asr.grammar.grammars import Grammar
from hf_bigru_asr.text.languages import Normalizer


def phrases(grammar: Grammar) -> list[str]:
    (name,) = grammar.public
    choice = grammar.rules[name]
    assert isinstance(choice, Choice)
    return [item.text for item in choice.items if isinstance(item, Words)]


def test_a_list_of_phrases(tmp_path: Path) -> None:
    path = tmp_path / "commands.txt"
    path.write_text(
        "\ufeff# lights\nTurn on the light.\n\n  set a timer for 10 minutes\r\nturn on the light\n", "utf-8"
    )

    assert phrases(Grammar.from_file(path)) == ["TURN ON THE LIGHT", "SET A TIMER FOR TEN MINUTES"]


def test_a_file_with_the_header_is_jsgf(tmp_path: Path) -> None:
    path = tmp_path / "commands.txt"
    path.write_bytes("#JSGF V1.0 ISO-8859-1;\npublic <r> = café | bar;".encode("latin-1"))

    assert phrases(Grammar.from_file(path)) == ["CAFE", "BAR"]


def test_a_grammar_has_the_letters_of_its_language(tmp_path: Path) -> None:
    path = tmp_path / "commands.txt"
    german = Normalizer("de", frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜẞ"))
    russian = Normalizer("ru", frozenset("АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"))
    path.write_text('#JSGF V1.0;\npublic <r> = größer | "3 Äpfel";', "utf-8")
    assert phrases(Grammar.from_file(path, german)) == ["GRÖẞER", "DREI ÄPFEL"]
    path.write_text("Größer!\n", "utf-8")
    assert phrases(Grammar.from_file(path, german)) == ["GRÖẞER"]
    assert phrases(Grammar.from_phrases(["включи свет"], russian)) == ["ВКЛЮЧИ СВЕТ"]  # noqa: RUF001 - Cyrillic, as it should be
    with pytest.raises(ValueError, match="Line 1: 'Größer!' cannot be spelled"):
        Grammar.from_file(path, russian)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no phrase; write one a line"),
        (b"# nothing\n\n", "has no phrase"),
        (b"go\nstop * now\n", r"Line 2: 'stop \* now' cannot be spelled: .*ASTERISK"),
        (b"go\n...\n", "Line 2: '...' has no letters"),
        (b"go\n\xff\n", "byte 3 is not UTF-8"),
        (b"#JSGF V1.0;\n<r> = a;", "no public rule"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.txt"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=f"broken.txt: .*{message}"):
        Grammar.from_file(path)


def test_no_file() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        Grammar.from_file("nowhere.txt")


def test_one_string_is_no_list_of_phrases() -> None:
    with pytest.raises(TypeError, match="must be a list of phrases"):
        Grammar.from_phrases("go home")
    with pytest.raises(ValueError, match=r"Phrase 2: '\*' cannot be spelled"):
        Grammar.from_phrases(["go", "*"])
