"""Runs a server until a signal comes; then it takes nothing new, and ends what it has begun."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import uvicorn

from ..processes.interrupts import REPEAT_S
from ..runtime.recognizer import OnnxRecognizer
from .app import ServerOptions, make_app
from .engine import Engine
from .live import LiveSessions
from .metrics import ServerMetrics
from .recordings import RecordingSteps

__all__ = ["DrainingServer", "Running", "listening_socket", "make_server"]

MAX_MESSAGE_BYTES = 1 << 20
"""Of one message with sound."""
GRACE_S = 0.2
"""For what has been sent on connections that were just taken, as uvicorn closes those without a request; and for last
answers."""
IDLE_S = 15
"""After which a connection without a request is closed."""


class DrainingServer(uvicorn.Server):
    """uvicorn, whose WebSockets end with what has been spoken, and which a second signal of any kind ends at once.

    Args:
        config: Of uvicorn.
        live: The WebSockets.
        engine: Works for the requests; what it still has at the end is answered with 503.
        drain_s: How long what has begun may take after the first signal.
    """

    def __init__(self, config: uvicorn.Config, live: LiveSessions, engine: Engine, drain_s: float) -> None:
        super().__init__(config)
        self._live, self._engine, self._drain_s = live, engine, drain_s
        self._first_s = 0.0

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, let the WebSockets end, then the requests."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(GRACE_S)
        await self._live.drain(self._drain_s, lambda: self.force_exit)
        given_up = asyncio.get_running_loop().call_later(self._drain_s, self._engine.stop)
        await super().shutdown(sockets)
        given_up.cancel()
        if self.force_exit:
            self._engine.stop()
            await asyncio.sleep(GRACE_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end with the first signal, and end at once with another one a second later."""
        if self.should_exit and time.monotonic() - self._first_s >= REPEAT_S:
            self.force_exit = True
        elif not self.should_exit:
            self._first_s = time.monotonic()
            super().handle_exit(sig, frame)


@dataclass(frozen=True)
class Running:
    """A server with its threads.

    Args:
        server: Serves with `server.run(sockets=[...])`.
        engine: Transcribes; to be closed in the end.
        metrics: What it counts.
    """

    server: DrainingServer
    engine: Engine
    metrics: ServerMetrics

    def run(self, sockets: list[socket.socket], started: Callable[[], None] = lambda: None) -> None:
        """Serve until a signal comes or `server.should_exit` is set.

        Signals that came meanwhile are raised again in the end, for those who handled them before.

        Args:
            sockets: They listen already.
            started: Is called before the first request is served.
        """
        started()
        try:
            self.server.run(sockets=sockets)
        finally:
            self.engine.close()


def make_server(
    recognizer: OnnxRecognizer,
    steps: RecordingSteps,
    options: ServerOptions,
    *,
    num_parallel: int = 1,
    drain_s: float = 60.0,
) -> Running:
    """A server that is ready to run.

    Args:
        recognizer: Network and decoder, for live sound.
        steps: The same, for recordings.
        options: How it answers.
        num_parallel: Long recordings that run at once.
        drain_s: How long what has begun may take after a signal.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of every broken form
    metrics = ServerMetrics()
    engine = Engine(steps, num_parallel, max_jobs=options.limits.max_requests, on_batch=metrics.batch_size.observe)
    live = LiveSessions(recognizer, options.written, max_sessions=options.limits.max_live, metrics=metrics)
    config = uvicorn.Config(
        make_app(engine, live, metrics, options),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=round(drain_s) + 1,  # by then all have been answered
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )
    return Running(DrainingServer(config, live, engine, drain_s), engine, metrics)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that takes connections.

    Args:
        host: Name or address.
        port: 0 for one that is free.

    Raises:
        OSError: If the address is not this machine's, or the port is taken.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    try:
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise OSError(
            f"{host} port {port} cannot be served ({error.strerror}); give another --host or --port."
        ) from error


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether a message is about a fault.

    uvicorn 0.54 logs one for every WebSocket that is refused with a status, and one for what its end cancels.
    """
    is_cancelled = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not is_cancelled and record.msg != "ASGI callable returned without completing handshake."
