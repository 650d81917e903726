"""What a hyphen between two numbers means: TO in a range, nothing in a score."""

import re
from dataclasses import replace

from .numbers import two_digits
from .spans import Span

__all__ = ["with_ranges"]

_SCORE_BEFORE = re.compile(
    r"\b(?:won|lost|lose|losing|beaten|beat|drew|drawn|trail(?:s|ed|ing)?|led|leads?|leading|down|behind|score|finished"
    r"|ended|defeat(?:ed)?|victory|win|draw|voted|vote|ruled)(?: by| of| at| it)? $",
    re.IGNORECASE,
)
_SCORE_AFTER = re.compile(
    r" (?:win|defeat|loss|victory|draw|lead|score|scoreline|home|away|deficit|reverse|thrashing|against|on aggregate"
    r"|at half-time)\b",
    re.IGNORECASE,
)


def with_ranges(text: str, spans: list[Span]) -> list[Span]:
    """Return `spans` with a further one for every hyphen that means TO; what is neither range nor score is refused.

    Two numbers in falling order are a score (`3-1`), and so are those beside a word such as "lost", or in a list
    with another score (`6-4, 4-6`). Three and more small numbers are spoken one by one (`4-4-2`).
    """
    chains = _chains(text, spans)
    is_score = [_is_score(text, [spans[index] for index in chain]) for chain in chains]
    for order in (range(1, len(chains)), range(len(chains) - 2, -1, -1)):
        step = 1 if order.step > 0 else -1
        for index in order:
            left, right = sorted((index, index - step))
            if text[spans[chains[left][-1]].end : spans[chains[right][0]].start] in (", ", " and "):
                is_score[index] = is_score[index] or is_score[index - step]
    result = list(spans)
    for chain, score in zip(chains, is_score, strict=True):
        first, last = spans[chain[0]], spans[chain[-1]]
        if reason := _reason(text, [spans[index] for index in chain]):
            result[chain[0]] = Span(first.start, last.end, reason=reason)
            for index in chain[1:]:
                result[index] = Span(last.end, last.end)
        elif len(chain) == 2 and not score:
            result.append(Span(first.end, last.start, "to"))
            if _is_short_year(text, first, last):
                result[chain[1]] = replace(last, words=two_digits(text[last.start : last.end]))
    return sorted(result, key=lambda span: span.start)


def _chains(text: str, spans: list[Span]) -> list[list[int]]:
    """Return the indices of numbers that are joined by hyphens, two and more together."""
    chains: list[list[int]] = []
    for index in range(1, len(spans)):
        first, second = spans[index - 1], spans[index]
        if not (first.is_number and second.is_number):
            continue
        between = text[first.end : second.start]
        spaced = between == " - " and (first.integer is None) == (second.integer is None)
        if between != "-" and not spaced:
            continue
        if chains and chains[-1][-1] == index - 1:
            chains[-1].append(index)
        else:
            chains.append([index - 1, index])
    return chains


def _is_short_year(text: str, first: Span, last: Span) -> bool:
    """Tell whether the second number is the end of a year: `1914-18`."""
    return (
        first.integer is not None
        and 1000 <= first.integer <= 2099
        and bool(re.fullmatch("[0-9]{2}", text[last.start : last.end]))
    )


def _is_score(text: str, numbers: list[Span]) -> bool:
    values = [number.integer for number in numbers]
    if len(values) > 2:
        return True
    low, high = values
    if low is None or high is None or _is_short_year(text, *numbers):
        return False
    if low >= high:
        return True
    before = _SCORE_BEFORE.search(text, max(numbers[0].start - 20, 0), numbers[0].start)
    return high < 200 and bool(before or _SCORE_AFTER.match(text, numbers[1].end))


def _reason(text: str, numbers: list[Span]) -> str:
    """Return why no rule covers numbers that are joined by hyphens, empty if one does."""
    values = [number.integer for number in numbers]
    if len(values) > 2:
        small = all(value is not None and 0 < value < 100 for value in values)
        return "" if small else "numbers in a chain of hyphens"
    low, high = values
    if low is None or high is None or _is_short_year(text, *numbers):
        return ""
    if 0 in values:
        return "a score: NIL, ZERO or NOTHING?"
    if low >= high and low >= 100:
        return "a score or a range?"
    if low < high and text[numbers[0].end : numbers[1].start] != "-":
        return "a range or a dash?"
    return ""
