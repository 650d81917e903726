from collections.abc import Iterator

from hf_bigru_asr.text.spans import Span, first_rule_wins


def test_earlier_rule_wins_where_two_overlap() -> None:
    def early(text: str) -> Iterator[Span]:
        yield Span(4, 6, "early")

    def late(text: str) -> Iterator[Span]:
        yield Span(0, 2, "first")
        yield Span(5, 8, "late")
        yield Span(6, 8, "beside")

    spans = first_rule_wins("abcdefgh", (early, late))

    assert [span.words for span in spans] == ["first", "early", "beside"]
