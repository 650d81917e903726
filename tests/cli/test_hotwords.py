"""Hotwords of a command line are shown as they were understood."""

from pathlib import Path

import pytest

from hf_bigru_asr.bundled import BUNDLED
from hf_bigru_asr.cli.hotwords import read_hotwords, read_hotwords_file, rules_of_model
from hf_bigru_asr.model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from hf_bigru_asr.text.languages import Normalizer


def test_what_became_of_hotwords_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    hotwords = read_hotwords(["Moby Dick:8", "Queequeg: 9 5"], Normalizer())

    assert hotwords == {"MOBY DICK": 8.0, "QUEEQUEG NINE FIVE": DEFAULT_HOTWORD_WEIGHT}
    shown = f"Hotwords: MOBY DICK with weight 8, QUEEQUEG NINE FIVE with weight {DEFAULT_HOTWORD_WEIGHT:g}\n"
    assert capsys.readouterr() == ("", shown)


def test_a_file_has_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("\ufeff# names\nAhab:3\n\n  Moby Dick\n", encoding="utf-8")

    assert read_hotwords_file(path, Normalizer()) == ["Ahab:3", "Moby Dick"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Ahab\nC#\n", r"names\.txt, line 2: The hotword 'C#' cannot be spelled"),
        (b"Ahab:" + b"9" * 400, r"names\.txt, line 1: The weight of the hotword 'Ahab' is too large"),
        (b"Ahab\nQueequeg:abc\n", r"names\.txt, line 2: The weight of the hotword 'Queequeg' is 'abc', which is no"),
        (b"Ah\xffab", r"names\.txt: byte 2 is not UTF-8; save the list of hotwords as UTF-8\."),
    ],
    ids=["unknown", "weight", "no number", "bytes"],
)
def test_a_broken_file_is_named_with_the_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(content)

    with pytest.raises(ValueError, match=message):
        read_hotwords_file(tmp_path / "names.txt", Normalizer())


def test_a_file_is_spelled_by_the_rules_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Großvater:3\n3 Äpfel\n", encoding="utf-8")
    german = Normalizer("de", frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜẞ"))
    assert read_hotwords_file(tmp_path / "names.txt", german) == ["Großvater:3", "3 Äpfel"]
    assert read_hotwords(["Großvater:3", "3 Äpfel"], german) == {
        "GROẞVATER": 3.0,
        "DREI ÄPFEL": DEFAULT_HOTWORD_WEIGHT,
    }
    assert rules_of_model(BUNDLED) == Normalizer("en", frozenset("'ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
