"""What a request may cost."""

from dataclasses import dataclass, fields

__all__ = ["ServerLimits"]


@dataclass(frozen=True)
class ServerLimits:
    """What a server takes at the most.

    Args:
        max_bytes: Bytes of a request's body; more is answered with 413.
        max_audio_s: Seconds of a recording; more is answered with 422.
        max_requests: Transcriptions that wait or run; a further one is answered with 429.
        max_time_s: Seconds of a request. An upload that takes longer is answered with 408, recognition with 504.
        max_live: WebSockets at once; a further one is answered with 429.

    Raises:
        ValueError: If a limit is not positive.
    """

    max_bytes: int = 200_000_000
    max_audio_s: float = 7200.0
    max_requests: int = 128
    max_time_s: float = 600.0
    max_live: int = 8

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not value > 0:
                raise ValueError(f"{each.name} is {value}; it must be positive.")
