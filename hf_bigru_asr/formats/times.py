"""Times as formats write them."""

__all__ = ["clock", "milliseconds", "seconds"]


def milliseconds(time_s: float) -> int:
    """A time in whole milliseconds: everything is compared after it was rounded."""
    return round(time_s * 1000)


def seconds(time_ms: int) -> str:
    """A time in seconds with three decimals."""
    return f"{time_ms // 1000}.{time_ms % 1000:03d}"


def clock(time_ms: int, separator: str = ".") -> str:
    """A time as `hh:mm:ss.mmm`, with more digits for 100 hours and more.

    Args:
        time_ms: Milliseconds from 0.
        separator: Before the milliseconds: `.` in WebVTT, `,` in SubRip.
    """
    rest, fraction = divmod(time_ms, 1000)
    rest, second = divmod(rest, 60)
    hour, minute = divmod(rest, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}{separator}{fraction:03d}"
