"""One cue to one or two lines."""

from collections.abc import Sequence

__all__ = ["MAX_CUE_CHARACTERS", "MAX_LINE_CHARACTERS", "layout"]

MAX_LINE_CHARACTERS = 42
MAX_CUE_CHARACTERS = 2 * MAX_LINE_CHARACTERS

_IMBALANCE = 2.0
_ONE_WORD = 1.5
# Readers that lose text: what is worse than any break, and better than a line that is too long.
_LOST_IN_PYSUBS2 = 20.0


def layout(
    texts: Sequence[str], breaks: Sequence[float], label_width: int = 0, stamped: Sequence[bool] | None = None
) -> tuple[float, int] | None:
    """The cost of the best lines and how many of the texts are in the first one; `None` if they do not fit.

    A text that is longer than a line has a line of its own. What fits into one line is one line.

    Args:
        texts: Words of the cue.
        breaks: Cost of a break before each of them; see [`break_cost`]. The first one is not used.
        label_width: Characters before the first word.
        stamped: Which of them begin with a time stamp inside of the cue, if such are written. pysubs2 1.8.1 takes a
            line with exactly two for the times of a cue. It also drops a last line that is a number.
    """
    widths = [len(text) for text in texts]
    widths[0] += label_width
    total = sum(widths) + len(texts) - 1
    if (total <= MAX_LINE_CHARACTERS or len(texts) == 1) and (stamped is None or sum(stamped) != 2):
        return 0.0, len(texts)
    best: tuple[float, int] | None = None
    left = -1
    for first in range(1, len(texts)):
        left += 1 + widths[first - 1]
        right = total - left - 1
        if not _fits(left, first, right, len(texts) - first):
            continue
        cost = _IMBALANCE * abs(left - right) / MAX_LINE_CHARACTERS + breaks[first]
        cost += _ONE_WORD * ((first == 1) + (first == len(texts) - 1))
        if first == len(texts) - 1 and texts[-1].isdigit():
            cost += _LOST_IN_PYSUBS2
        if stamped is not None:
            cost += _LOST_IN_PYSUBS2 * ((sum(stamped[:first]) == 2) + (sum(stamped[first:]) == 2))
        if best is None or cost < best[0]:
            best = cost, first
    return best


def _fits(left: int, num_left: int, right: int, num_right: int) -> bool:
    if max(left, right) <= MAX_LINE_CHARACTERS:
        return True
    is_alone = [
        width <= MAX_LINE_CHARACTERS or num_words == 1 for width, num_words in ((left, num_left), (right, num_right))
    ]
    return all(is_alone) and left + 1 + right <= MAX_CUE_CHARACTERS
