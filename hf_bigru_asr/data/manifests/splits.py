"""Splits of data that have none: by a hash of the speaker."""

import hashlib
import itertools
from collections.abc import Sequence

__all__ = ["DEFAULT_SHARES", "SPLITS", "check_shares", "hashed_split"]

SPLITS = ("train", "validation", "test")
DEFAULT_SHARES = (0.9, 0.05, 0.05)


def check_shares(shares: Sequence[float]) -> None:
    """Refuse shares that are none.

    Raises:
        ValueError: If they are not three, one is negative, or their sum is not 1.
    """
    if len(shares) != len(SPLITS) or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(
            f"split_shares is {list(shares)}; give three shares with the sum 1, for {', '.join(SPLITS)}: 0.8 0.1 0.1."
        )


def hashed_split(name: str, shares: Sequence[float] = DEFAULT_SHARES) -> str:
    """The split of a speaker: always the same one, whoever else is there.

    Args:
        name: Of the speaker, or of the recording.
        shares: Of train, validation and test.

    Example:
        >>> hashed_split("speaker-1")
        'train'
    """
    number = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    place = number / 2**64
    for split, end in zip(SPLITS, itertools.accumulate(shares), strict=True):
        if place < end:
            return split
    return next(split for split, share in reversed(list(zip(SPLITS, shares, strict=True))) if share > 0)
