"""References and hypotheses from files, and what is refused by name."""

import re
from pathlib import Path

import pytest

from hf_bigru_asr.metrics.score_files import UtterancePair, find_format, pair_files


def paired(folder: Path, reference: tuple[str, str], hypothesis: tuple[str, str]) -> list[tuple[str, ...]]:
    """Pairs of two files, each given by its format and its text."""
    files = []
    for name, (form, text) in zip("rh", (reference, hypothesis), strict=True):
        files.append(folder / f"{name}.{form}")
        files[-1].write_bytes(text.encode("utf-8", "surrogateescape"))
    pairs = pair_files(files[0], files[1], reference[0], hypothesis[0])
    assert all(isinstance(pair, UtterancePair) for pair in pairs)
    return [(each.id, each.speaker or "", each.reference, each.hypothesis) for each in pairs]


TRN = ("trn", "A b (S1-1)\n;; comment\n\n(uh) c (s2_7)\n(solo)\n")
STM = ("stm", "f 1 ann 0 2 <o> a b\nf 1 bob 2.0 3.0 <o>\nf 1 ann 4 5 c\ng A cy 0 9 IGNORE_TIME_SEGMENT_IN_SCORING\n")


JSONL = (
    "jsonl",
    '{"source": "a/s1-1.flac", "text": "y z", "error": null}\n\n{"source": "S2_7", "text": "", "error": null}\n'
    '{"source": "https://x.org/solo.mp3?a=b", "text": "x", "error": null}\n',
)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        (
            ("text", "\ufeffa b\r\n\r\nc\u2028d\n"),
            ("text", "x\n\ny"),
            [("1", "", "a b", "x"), ("2", "", "", ""), ("3", "", "c\u2028d", "y")],
        ),
        (
            TRN,
            ("trn", "x (solo)\ny z (s1-1)\n (S2_7)"),
            [("s1-1", "s1", "A b", "y z"), ("s2_7", "s2", "(uh) c", ""), ("solo", "", "", "x")],
        ),
        (
            TRN,
            ("kaldi", "s1-1 y  z\ns2_7\nsolo\tx\n"),
            [("s1-1", "s1", "A b", "y  z"), ("s2_7", "s2", "(uh) c", ""), ("solo", "", "", "x")],
        ),
        (
            STM,
            (
                "ctm",
                ";; x\nF 1 4.2 0.1 c 0.9\nf 1 0.1 0.1 a\nf 1 1.9 0.1 B\nf 1 1.9 0.2 two\nf 1 3.4 0.1 gap\n"
                "f 1 8 1 z\ng A 1 1 i\n",
            ),
            [
                ("f 1 0.00-2.00", "ann", "a b", "a B"),
                ("f 1 2.00-3.00", "bob", "", "two"),
                ("f 1 4.00-5.00", "ann", "c", "gap c z"),
            ],
        ),
        (
            ("ctm", "f 1 5 1 b\nf 1 0 1 a\ng 1 0 1 c\n"),
            ("ctm", "f 1 0 1 x\n"),
            [("f 1", "", "a b", "x"), ("g 1", "", "c", "")],
        ),
        (
            STM,
            ("stm", "f 1 x 4 5 z\nf 1 x 0 2 y\nf 1 x 2 3\n"),
            [
                ("f 1 0.00-2.00", "ann", "a b", "y"),
                ("f 1 2.00-3.00", "bob", "", ""),
                ("f 1 4.00-5.00", "ann", "c", "z"),
            ],
        ),
        (TRN, JSONL, [("s1-1", "s1", "A b", "y z"), ("s2_7", "s2", "(uh) c", ""), ("solo", "", "", "x")]),
        (
            ("kaldi", "my_talk a b\n"),
            ("json", '{\n  "source": "my talk.wav",\n  "text": "a"\n}\n'),
            [("my_talk", "my", "a b", "a")],
        ),
        (("text", "a\nb\n"), ("json", '{"source": "talk.wav", "text": "a c"}'), [("talk", "", "a b", "a c")]),
    ],
    ids=["text", "trn", "trn-kaldi", "stm-ctm", "ctm", "stm", "jsonl", "json", "text-json"],
)
def test_what_belongs_together(
    reference: tuple[str, str], hypothesis: tuple[str, str], expected: list[tuple[str, ...]], tmp_path: Path
) -> None:
    assert paired(tmp_path, reference, hypothesis) == expected


@pytest.mark.parametrize(
    ("reference", "hypothesis", "message"),
    [
        (("text", "a\nb\n"), ("text", "a\n"), "r.text has 2 lines and {}h.text 1; a line is an utterance, an empty"),
        (("trn", "(1)\n(2)\n(3)\n(4)\n(5)"), ("trn", "a (1)"), "h.trn lacks 4 of the 5 ids of {}r.trn: 2, 3, 4, ..."),
        (("trn", "a (1)\n"), ("trn", "a (1)\nb (2)\n"), "r.trn lacks 1 of the 2 ids of {}h.trn: 2"),
        (("trn", "a (1)\nb (1)\n"), ("trn", "a (1)\n"), "r.trn:2 has the id 1 for the second time"),
        (("trn", "a\n"), ("trn", "a (1)\n"), "r.trn:1 does not end with an id in parentheses; a line of trn is"),
        (("trn", "a { b / c } (1)\n"), ("trn", "a (1)\n"), "r.trn:1 has alternatives, {{, which are not scored here"),
        (("kaldi", "1 a"), ("kaldi", "1 \udcff"), "h.kaldi is no UTF-8 text: byte 2 is 0xff"),
        (("stm", "f 1 s 0 1 a"), ("ctm", "f 2 0 1 a"), "r.stm lacks 1 of the 1 ids of {}h.ctm: f 2"),
        (("stm", "f 1 s 0"), ("ctm", ""), "r.stm:1 has 4 fields; a line of stm is RECORDING CHANNEL SPEAKER START"),
        (("stm", "f 1 s 2 1 a"), ("ctm", ""), "r.stm:1 ends at 1.0 s, before it starts at 2.0 s"),
        (("stm", "f 1 s 0 1 a"), ("ctm", "f 1 0 nan a"), "h.ctm:1 has 'nan' where seconds are expected; a line is"),
        (("stm", "f 1 s 0 1 a"), ("ctm", "f 1 0 1"), "h.ctm:1 has 4 fields; a line of ctm is RECORDING CHANNEL START"),
        (("stm", "f 1 s 0 1 a"), ("stm", "f 1 s 0 2 a"), "r.stm lacks 1 of the 1 ids of {}h.stm: f 1 0.00-2.00"),
        (("trn", "a (1)"), ("jsonl", '{"source": "2", "text": "a"}'), "r.trn lacks 1 of the 1 ids of {}h.jsonl: 2"),
        (("trn", "a (1)"), ("jsonl", "\na"), "h.jsonl:2 is no JSON (Expecting value"),
        (("trn", "a (1)"), ("json", "a"), "h.json is no JSON (Expecting value"),
        (("text", "a"), ("ctm", "f 1 0 1 a"), "a reference in text does not go with a hypothesis in ctm; what goes"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    reference: tuple[str, str], hypothesis: tuple[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=re.escape(message.format(f"{tmp_path}/"))):
        paired(tmp_path, reference, hypothesis)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.txt", "text"),
        ("A.TRN", "trn"),
        ("1-2.trans.txt", "kaldi"),
        ("x.stm", "stm"),
        ("x.ctm", "ctm"),
        ("x.jsonl", "jsonl"),
    ],
)
def test_the_name_tells_the_format(name: str, form: str) -> None:
    assert find_format(Path(name)) == form


def test_a_name_that_tells_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the name of hyp\.srt tells no format; choose one of text, kaldi, trn"):
        find_format(Path("hyp.srt"))
