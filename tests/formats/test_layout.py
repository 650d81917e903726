from itertools import product

import pytest

from hf_bigru_asr.formats.layout import layout


def lines(text: str, breaks: dict[int, float] | None = None, **options: int) -> list[str] | None:
    words = text.split()
    found = layout(words, [(breaks or {}).get(place, 0.0) for place in range(len(words))], **options)
    if found is None:
        return None
    return [" ".join(part) for part in (words[: found[1]], words[found[1] :]) if part]


def test_what_fits_into_one_line_is_one_line() -> None:
    assert lines("a" * 20 + " " + "b" * 21) == ["a" * 20 + " " + "b" * 21]
    assert lines("a" * 20 + " " + "b" * 22) == ["a" * 20, "b" * 22]
    assert lines("a" * 20 + " " + "b" * 21, label_width=1) == ["a" * 20, "b" * 21]


def test_lines_are_balanced_unless_a_phrase_ends_elsewhere() -> None:
    text = " ".join(["four"] * 10)

    assert lines(text) == [" ".join(["four"] * 5)] * 2
    assert lines(text, {4: -1.0}) == [" ".join(["four"] * 4), " ".join(["four"] * 6)]


def test_two_lines_are_all_that_there_is() -> None:
    assert lines(" ".join(["x" * 41] * 2)) == ["x" * 41] * 2
    assert lines(" ".join(["x" * 27] * 3)) is None


@pytest.mark.parametrize(("length", "is_fitting"), [(43, True), (44, False)])
def test_a_word_longer_than_a_line_has_its_own_one(length: int, is_fitting: bool) -> None:
    assert lines("x" * 99) == ["x" * 99]
    assert (lines("y" * 40 + " " + "x" * length) is not None) == is_fitting


def test_no_word_is_alone_where_that_can_be_avoided() -> None:
    assert lines("x" * 24 + " aa bb " + "y" * 16) == ["x" * 24 + " aa", "bb " + "y" * 16]
    assert lines("x" * 16 + " aa bb " + "y" * 24) == ["x" * 16 + " aa", "bb " + "y" * 24]


def test_a_number_is_not_the_last_line() -> None:
    assert lines("THE " + "x" * 30 + " YEAR 1999", {3: -9.0}) == ["THE " + "x" * 30, "YEAR 1999"]
    assert lines("THE " + "x" * 30 + " YEAR LATE", {3: -9.0}) == ["THE " + "x" * 30 + " YEAR", "LATE"]


@pytest.mark.parametrize("stamped", [each for each in product([False, True], repeat=6) if not each[0]])
def test_no_line_has_exactly_two_time_stamps(stamped: tuple[bool, ...]) -> None:
    _, first = layout(["one"] * 6, [0.0] * 6, stamped=stamped) or (0, 0)

    assert 2 not in (sum(stamped[:first]), sum(stamped[first:]))
