"""Numbers for Prometheus."""

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

__all__ = ["CONTENT_TYPE", "ServerMetrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class ServerMetrics:
    """What a server counts; every server has its own.

    Attributes:
        audio_s: Seconds of sound that were recognised.
        batch_size: Recordings of every run of the network over short ones.
        live: WebSockets that are open.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        prefix, registry = "hf_bigru_asr_", self._registry
        self._requests = Counter(f"{prefix}requests", "Answers.", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            f"{prefix}request_seconds",
            "From the first byte to the last.",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._active = Gauge(f"{prefix}transcriptions", "Transcriptions that wait or run.", registry=registry)
        self.audio_s = Counter(f"{prefix}audio_seconds", "Seconds of sound recognised.", registry=registry)
        self.batch_size = Histogram(
            f"{prefix}batch_size",
            "Short recordings in one run of the network.",
            buckets=(1, 2, 4, 8),
            registry=registry,
        )
        self.live = Gauge(f"{prefix}live_sessions", "WebSockets that are open.", registry=registry)

    def watch_active(self, count: Callable[[], int]) -> None:
        """Ask this function for the transcriptions that wait or run."""
        self._active.set_function(count)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer.

        Args:
            path: Path of the route, of which there are few.
            status: HTTP status.
            seconds: Time of the request.
        """
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def as_text(self) -> bytes:
        """All numbers, in the format of `CONTENT_TYPE`."""
        return generate_latest(self._registry)
