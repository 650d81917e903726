"""Live sound through a WebSocket: 16-bit PCM in, a JSON object for every utterance out, when it ends."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from ..audio.live import Backlog, live_sound
from ..audio.speech import UtteranceCutter, load_speech_detector
from ..formats.options import FormatOptions
from ..formats.structured import utterance_record
from ..formats.transcript import TimedTranscript, TimedWord
from ..runtime.listening import LiveUtterance, recognize_live
from ..runtime.log_mel import FloatArray
from ..runtime.recognizer import OnnxRecognizer
from ..runtime.resampling import resample
from .metrics import ServerMetrics
from .recordings import StoppedError
from .refusals import RefusedError, refusal_of, refused_response

__all__ = ["LiveOptions", "LiveSessions"]

BACKLOG_BYTES = 1 << 20
"""Sound that waits while recognition is behind; then the client waits too."""
WAIT_S = 0.02
BEHIND_S = 0.5
"""Seconds of sound that wait where recognition is behind."""
PCM_BYTES = 2

NORMAL, GOING_AWAY, UNSUPPORTED, REFUSED, FAILED = 1000, 1001, 1003, 1008, 1011
"""Codes of closed WebSockets. Source: RFC 6455, section 7.4.1."""

Event = dict[str, Any]


@dataclass(frozen=True)
class LiveOptions:
    """What a client says in the query of the address.

    Args:
        rate: Sampling rate of its PCM in hertz.
        channels: Channels of its PCM, which are mixed.
        silence: Seconds of silence that end an utterance.
        max_utterance: Seconds after which longer speech is cut where it is quietest.
    """

    rate: int = 16_000
    channels: int = 1
    silence: float = 0.3
    max_utterance: float = 20.0

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "LiveOptions":
        """The options of a query.

        Raises:
            RefusedError: If one is not known, or a value is out of range.
        """
        kinds: dict[str, tuple[type[int] | type[float], float, float]] = {
            "rate": (int, 2_000, 768_000),
            "channels": (int, 1, 16),
            "silence": (float, 0.1, 10),
            "max_utterance": (float, 2, 600),
        }
        values: dict[str, Any] = {}
        for name, text in query.items():
            if name not in kinds:
                raise RefusedError(400, f"{name[:40]!r} is not known; known are {', '.join(kinds)}.", param=name)
            kind, least, most = kinds[name]
            try:
                value = kind(text)
            except ValueError:
                value = kind(0)
            if not least <= value <= most:
                raise RefusedError(
                    400, f"{name} is {text[:40]!r}; it is a number from {least:g} to {most:g}.", param=name
                )
            values[name] = value
        return cls(**values)


class LiveSessions:
    """The WebSockets of a server. A session is a thread, whose network runs apart from those of recordings.

    Args:
        recognizer: Of 16 kHz.
        options: How texts are written.
        max_sessions: Sessions at once.
        metrics: Counts them.
    """

    def __init__(
        self,
        recognizer: OnnxRecognizer,
        options: FormatOptions,
        *,
        max_sessions: int,
        metrics: ServerMetrics,
    ) -> None:
        self._recognizer, self._options, self._metrics = recognizer, options, metrics
        self._max_sessions = max_sessions
        self._sessions: set[_Session] = set()

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client from its first message to its last."""
        try:
            options = LiveOptions.of(socket.query_params)
            if len(self._sessions) >= self._max_sessions:
                raise RefusedError(
                    429, f"{self._max_sessions} sessions are open, and no more allowed.", headers={"Retry-After": "10"}
                )
            cutter = UtteranceCutter(load_speech_detector(), options.silence, options.max_utterance)
        except RefusedError as error:
            await socket.send_denial_response(refused_response(error))
            return
        session = _Session(socket, self._recognizer, cutter, options, self._options)
        self._sessions.add(session)
        self._metrics.live.inc()
        try:
            await socket.accept()
            await session.run()
        finally:
            self._sessions.discard(session)
            self._metrics.live.dec()

    async def drain(self, max_s: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Let every session end with what has been spoken until now, and wait for it.

        Args:
            max_s: How long to wait.
            is_over: Whether nobody wants to wait any longer.
        """
        for session in self._sessions:
            session.end(GOING_AWAY)
        deadline = asyncio.get_running_loop().time() + max_s
        while self._sessions and asyncio.get_running_loop().time() < deadline and not is_over():
            await asyncio.sleep(WAIT_S)


class _Session:
    """One client that speaks."""

    def __init__(
        self,
        socket: WebSocket,
        recognizer: OnnxRecognizer,
        cutter: UtteranceCutter,
        options: LiveOptions,
        written: FormatOptions,
    ) -> None:
        self._socket, self._recognizer, self._cutter = socket, recognizer, cutter
        self._options, self._written = options, written
        self._backlog = Backlog(BACKLOG_BYTES)
        self._events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._gone = threading.Event()
        self._code = NORMAL

    def end(self, code: int = NORMAL) -> None:
        """Take no more sound; what has come is still recognised."""
        self._code = code
        self._backlog.close()

    async def run(self) -> None:
        """Take sound and send utterances until one side ends it."""
        thread = threading.Thread(target=self._recognize, name="live", daemon=True)
        thread.start()
        receiver = asyncio.create_task(self._receive())
        try:
            await self._send()
        finally:
            self._gone.set()
            self._backlog.close()
            receiver.cancel()
            with suppress(asyncio.CancelledError):
                await receiver

    async def _receive(self) -> None:
        while not self._backlog.is_closed:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self._gone.set()
                self.end()
                return
            if (sound := message.get("bytes")) is not None:
                while self._backlog.num_bytes >= BACKLOG_BYTES and not self._backlog.is_closed:
                    await asyncio.sleep(WAIT_S)
                self._backlog.put(sound)
            elif message.get("text", "").strip() in ("end", '{"type": "end"}', '{"type":"end"}'):
                self.end()
            else:
                self._events.put_nowait(
                    RefusedError(400, 'The message is no sound and not {"type": "end"}; send PCM as binary messages.')
                )
                return

    async def _send(self) -> None:
        """Send what comes out of the thread, up to its end."""
        with suppress(WebSocketDisconnect, RuntimeError):  # the client went away meanwhile
            while (found := await self._events.get()) is not None:
                if isinstance(found, BaseException):
                    refusal = refusal_of(found)
                    error = {"message": refusal.detail, "code": refusal.code, "param": refusal.param}
                    await self._socket.send_text(json.dumps({"type": "error", "error": error}))
                    await self._socket.close(UNSUPPORTED if refusal.status_code < 500 else FAILED)
                    return
                await self._socket.send_text(json.dumps(found, ensure_ascii=False))
            if not self._gone.is_set():
                await self._socket.send_text(json.dumps({"type": "end"}))
                await self._socket.close(self._code)

    def _recognize(self) -> None:
        """Runs in the thread."""
        last: BaseException | None = None
        try:
            sound = live_sound(
                self._backlog,
                resample,
                rate=self._options.rate,
                num_channels=self._options.channels,
                name="the sound",
                is_pcm=True,
            )
            bound = sound.bytes_per_s * BEHIND_S
            for utterance in recognize_live(
                self._recognizer, self._checked(sound.blocks), self._cutter, lambda: self._backlog.num_bytes > bound
            ):
                self._put(self._event(utterance))
        except StoppedError:
            pass
        except Exception as error:  # whatever it is, the client must hear of it
            last = error
        self._put(last)

    def _checked(self, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        for block in blocks:
            if self._gone.is_set():
                raise StoppedError
            yield block

    def _put(self, found: Event | BaseException | None) -> None:
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._events.put_nowait, found)

    def _event(self, utterance: LiveUtterance) -> Event:
        first_s = utterance.start_s
        words = tuple(
            TimedWord(word.text, first_s + word.start_s, first_s + word.end_s, word.confidence)
            for word in utterance.hypothesis.words
        )
        transcript = TimedTranscript("-", words[-1].end_s, words)
        return {"type": "utterance"} | utterance_record(transcript, self._written)
