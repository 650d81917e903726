"""Rows of a manifest, and an account of those that cannot be used."""

import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["BadRows", "ManifestError", "ManifestRow", "TooManyBadRowsError"]

logger = logging.getLogger(__name__)

_MAX_NAMED = 5


class ManifestError(ValueError):
    """A manifest that is broken as a whole; the message has the file and what to do."""


class TooManyBadRowsError(ValueError):
    """More rows cannot be used than was allowed."""


@dataclass(frozen=True)
class ManifestRow:
    """One utterance as a manifest names it.

    Attributes:
        where: File and line, for messages.
        audio: Path of the recording, the bytes of one, or a shell command that ends in `|`; `None` if none is named.
        text: Transcript; `None` if there is none.
        offset_s: Where the utterance begins in the recording.
        duration_s: Its length; to the end of the recording if `None`.
        channel: Its channel, from 0; all are mixed if `None`.
        speaker: Name of the speaker.
        chapter: Name of the session, book or conversation.
        id: Name of the utterance.
        problem: Why it cannot be used, if its reader knows: a reason, and what came.
    """

    where: str
    audio: str | bytes | None
    text: str | None
    offset_s: float = 0.0
    duration_s: float | None = None
    channel: int | None = None
    speaker: str | None = None
    chapter: str | None = None
    id: str | None = None
    problem: tuple[str, str] | None = None

    @property
    def is_part(self) -> bool:
        """Whether it is a part of its recording."""
        return self.offset_s > 0 or self.duration_s is not None or self.channel is not None


@dataclass
class BadRows:
    """Counts the rows that cannot be used, by reason, and refuses too many.

    Args:
        limit: A number of rows (1 or more), or a share of all rows (below 1); no limit if `None`. With 0 the first
            one is an error.
        counts: Rows by reason.
        num_rows: Rows that were looked at.

    Raises:
        ValueError: If the limit is negative, or neither a share nor a whole number.

    Example:
        >>> bad = BadRows(limit=1)
        >>> bad.add("without text", "train.csv, line 2", "the column text is empty")
        >>> bad.counts
        {'without text': 1}
    """

    limit: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    num_rows: int = 0
    _named: Counter[str] = field(default_factory=Counter, repr=False)

    def __post_init__(self) -> None:
        """Check the limit."""
        limit = self.limit
        if limit is not None and not (0 <= limit < 1 or (limit >= 1 and math.isfinite(limit) and limit == int(limit))):
            raise ValueError(f"max_bad_rows is {limit}; give a whole number, or a share below 1, 0.01 for example.")

    @property
    def num_bad(self) -> int:
        """Rows that cannot be used."""
        return sum(self.counts.values())

    def add(self, reason: str, where: str, detail: str) -> None:
        """Count a row, and name it in the log if it is one of the first with this reason.

        Args:
            reason: Kind of the problem.
            where: File and line, or name of the utterance.
            detail: What came and what is allowed.

        Raises:
            TooManyBadRowsError: If a number of rows is the limit, and this is one more.
        """
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self._named[reason] += 1
        if self._named[reason] <= _MAX_NAMED:
            logger.warning("%s is left out, %s: %s", where, reason, detail)
        if self.limit is not None and (self.limit >= 1 or self.limit == 0) and self.num_bad > self.limit:
            raise TooManyBadRowsError(self._refusal(f"{where}, {reason}: {detail}"))

    def add_all(self, rejects: Iterable[Sequence[str]]) -> None:
        """Count rows, of each of which there are reason, place and detail; see [`BadRows.add`]."""
        for reason, where, detail in rejects:
            self.add(reason, where, detail)

    def finish(self, name: str) -> None:
        """Report the rows of a source that came to its end.

        Args:
            name: The source.

        Raises:
            TooManyBadRowsError: If a share of the rows is the limit, and more are bad.
        """
        self._named.clear()
        if not self.num_bad:
            return
        logger.warning("%s: %d of %d rows are left out: %s", name, self.num_bad, self.num_rows, self)
        if self.limit is not None and self.limit < 1 and self.num_bad > self.limit * self.num_rows:
            raise TooManyBadRowsError(self._refusal(name))

    def __str__(self) -> str:
        """The counts in words."""
        return ", ".join(f"{count} {reason}" for reason, count in self.counts.items()) or "none"

    def _refusal(self, last: str) -> str:
        return (
            f"{self.num_bad} of {self.num_rows} rows cannot be used ({self}); max_bad_rows allows {self.limit:g}. "
            f"The last: {last}. Mend them, or allow more."
        )
