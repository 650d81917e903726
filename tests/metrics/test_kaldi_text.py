"""Text that is Kaldi's, which the name of its file does not tell."""

from pathlib import Path

import pytest

from hf_bigru_asr.metrics.kaldi_text import settle_formats

JSONL = '{"source": "yes.wav", "text": "yes"}\n{"source": "no.wav", "text": "no"}\n'


@pytest.mark.parametrize(
    ("reference", "hypothesis", "formats", "expected"),
    [
        ("u-1 a\nu-2 b\n", "U-2 c\nu-1\n", "text text", "kaldi kaldi"),
        ("u-1 a\nu-2 b\n", "u-1 a\nu-3 b\n", "text text", "text text"),
        ("u-1 a\nu-1 b\n", "u-1 a\nu-1 b\n", "text text", "text text"),
        ("u-1 a\n", "u-1 a\n", "text text", "text text"),
        ("the cat\na dog\n", "the bat\na dog\n", "text text", "text text"),
        ("no sir\nyes\n", JSONL, "text jsonl", "kaldi jsonl"),
        ("no sir\nmaybe\n", JSONL, "text jsonl", "kaldi jsonl"),  # so that what is missing is named
        ("hello\nthere\n", JSONL, "text jsonl", "text jsonl"),
        ("a (u1)\nb (u2)\n", "u1 a\nu2 b\n", "trn text", "trn kaldi"),
        ("u1 a\nu2 b\n", "u1 a\nu2 b\n", "kaldi text", "kaldi kaldi"),
        ("yes\n", '{"source": "yes.wav", "text": "yes"}', "text json", "text json"),
        ("call7 yes\n", '{"source": "call7.wav", "text": "yes"}', "text json", "kaldi json"),
        ("f 1 x 0 1 a\n", "f a\ng b\n", "stm text", "stm text"),
    ],
)
def test_lines_that_begin_with_ids_are_kaldi(
    reference: str, hypothesis: str, formats: str, expected: str, tmp_path: Path
) -> None:
    paths = [tmp_path / "r", tmp_path / "h"]
    for path, text in zip(paths, (reference, hypothesis), strict=True):
        path.write_text(text)

    settled, note = settle_formats(paths, formats.split(), [False, False])

    assert settled == expected.split()
    assert (note is not None) == (formats != expected)


def test_what_the_user_says_holds(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("u1 a\nu2 b\n")
    for stated in ([True, True], [True, False], [False, True]):
        assert settle_formats([path, path], ["text", "text"], stated) == (["text", "text"], None)
