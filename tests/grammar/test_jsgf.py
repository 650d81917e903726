import re

import pytest

from hf_bigru_asr.grammar.expansions import NULL, VOID, Choice, Reference, Repetition, Sequence, Words
from hf_bigru_asr.grammar.jsgf import MAX_DEPTH, JSGFError, decode_jsgf, parse_jsgf

A, B, C = Words("A"), Words("B"), Words("C")


def optional(item: object) -> Repetition:
    return Repetition(item, is_optional=True, is_unbounded=False)


@pytest.mark.parametrize(
    ("expansion", "expected"),
    [
        ("a b", Sequence((A, B))),
        ("a | b c", Choice((A, Sequence((B, C))))),
        ("(a | b) c", Sequence((Choice((A, B)), C))),
        ("[a] b", Sequence((optional(A), B))),
        ("[a | b]", optional(Choice((A, B)))),
        ("a*", Repetition(A, is_optional=True, is_unbounded=True)),
        ("a b+", Sequence((A, Repetition(B, is_optional=False, is_unbounded=True)))),
        ("(a b)+", Repetition(Sequence((A, B)), is_optional=False, is_unbounded=True)),
        ("/3/ a | /.5/ b", Choice((A, B), (3.0, 0.5))),
        ("/1e-1/a|/0/b", Choice((A, B), (0.1, 0.0))),
        (r'a {tag} b {x = "\}";}', Sequence((A, B))),
        ("a {one}{two}+", Repetition(A, is_optional=False, is_unbounded=True)),
        ("a // b | c\n b", Sequence((A, B))),
        ("a /* ; \n | */ b", Sequence((A, B))),
        ('"new york"', Words("NEW YORK")),
        (r'"say \"a\""', Words("SAY A")),
        ("o'clock 10 Mr. café", Sequence((Words("O'CLOCK"), Words("TEN"), Words("MISTER"), Words("CAFE")))),
        ("a <NULL>", Sequence((A, NULL))),
        ("<VOID> | a", Choice((VOID, A))),
        ("public import", Sequence((Words("PUBLIC"), Words("IMPORT")))),
    ],
)
def test_expansions(expansion: str, expected: object) -> None:
    rules, public = parse_jsgf(f"#JSGF V1.0;\ngrammar g;\npublic <r> = {expansion};")

    assert rules == {"r": expected}
    assert public == ("r",)


def test_rules_refer_to_each_other_by_any_of_their_names() -> None:
    text = """#JSGF V1.0 UTF-8 en;
    // An example of the specification, in part.
    grammar com.acme.politeness;
    public <command> = <polite> <verb>;
    <polite> = please | <politeness.kindly>;
    <kindly> = kindly;
    public <verb> = open | close | <com.acme.politeness.kindly>;
    """
    rules, public = parse_jsgf(text)

    assert public == ("command", "verb")
    assert rules["command"] == Sequence((Reference("polite", 4), Reference("verb", 4)))
    assert rules["polite"] == Choice((Words("PLEASE"), Reference("kindly", 5)))
    assert rules["verb"].items[2] == Reference("kindly", 7)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import <com.acme.other.*>;\npublic <r> = a;", "Line 2: import <com.acme.other.*> is not supported"),
        ("public <r> = <com.acme.other.x>;", "Line 2: <com.acme.other.x> is no rule of this grammar"),
        ("public <r> = <s>;", "Line 2: there is no rule <s>; the grammar defines <r>."),
        ("<r> = a;", "no public rule"),
        ("public <r> = a;\n<r> = b;", "Line 3: the rule <r> is defined already"),
        ("public <NULL> = a;", "Line 2: the rule <NULL> is defined already"),
        ("public <r> = a", "Line 2: 'the end of the file' comes after the rule <r>; ';' must come there."),
        ("public <r> a;", "Line 2: 'a' comes after <r>; '=' must come there."),
        ("public <r> = (a | b;", "Line 2: ';' comes after the '(' of line 2; ')' must come there."),
        ("public <r> = a | ;", "Line 2: ';' comes where a word must come in the rule <r>; write <NULL> for nothing."),
        ("public <r> = [];", "Line 2: ']' comes where a word must come in the '[' of line 2"),
        ("public <r> = * a;", "Line 2: '*' comes where a word must come"),
        ("public <r> = /1/ a | b;", "Line 2: 1 of 2 alternatives of the rule <r> have a weight"),
        ("public <r> = /-1/ a | /1/ b;", "Line 2: the weight is /-1/; it must be a number from 0 up"),
        ("public <r> = /x/ a;", "Line 2: the weight is /x/"),
        ("public <r> = /nan/ a;", "Line 2: the weight is /nan/"),
        ("public <r> = /0/ a | /0/ b;", "Line 2: all weights of the rule <r> are 0"),
        ("public <r> = a {tag;", "Line 2: '{' is a tag that is not closed."),
        ('public <r> = "a;', "Line 2: '\"' is a quotation that is not closed."),
        ("public <r> =\n a /* b;", "Line 3: '/' is a weight or comment that is not closed."),
        ("public <r> = a > b;", "Line 2: '>' is of no use."),
        ("public <r> = a@b.org;", "Line 2: a@b.org cannot be spelled"),
        ("public <r> = ...;", "Line 2: ... has no letters"),
        ("hello;", "Line 2: 'hello' begins no rule"),
        (f"public <r> = {'(' * 101}a{')' * 101};", f"Line 2: more than {MAX_DEPTH} brackets inside each other"),
    ],
)
def test_what_breaks_the_format_is_refused_with_its_line(body: str, message: str) -> None:
    with pytest.raises(JSGFError, match=re.escape(message)):
        parse_jsgf(f"#JSGF V1.0;\n{body}")


@pytest.mark.parametrize("text", ["", "grammar g;", "#JSGF V2.0;", "#JSGF V1.0\npublic <r> = a;"])
def test_the_header_must_come_first(text: str) -> None:
    with pytest.raises(JSGFError, match=r"must begin with the header '#JSGF V1\.0;'"):
        parse_jsgf(text)


@pytest.mark.parametrize("encoding", ["", "utf-8", "ISO-8859-1", "windows-1252"])
def test_the_header_names_the_encoding(encoding: str) -> None:
    text = f"#JSGF V1.0 {encoding};\npublic <r> = café;"

    assert decode_jsgf(text.encode(encoding or "utf-8")) == text


def test_a_byte_order_mark_is_skipped() -> None:
    assert decode_jsgf("\ufeff#JSGF V1.0;".encode()) == "#JSGF V1.0;"


def test_an_encoding_that_is_not_that_of_the_file_is_refused() -> None:
    with pytest.raises(JSGFError, match="unknown; save the grammar as UTF-8"):
        decode_jsgf(b"#JSGF V1.0 klingon;")
    with pytest.raises(JSGFError, match="Byte 13 is not utf-8; name the encoding in the header"):
        decode_jsgf(b"#JSGF V1.0;\n/\xe9")
