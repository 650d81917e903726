"""A request for a transcript, from its upload to its answer."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ..formats.options import FormatOptions
from ..formats.transcript import TimedTranscript, TimedWord
from .answers import MEDIA_TYPES, GrowingText, answer, event
from .engine import Engine, FullError
from .limits import ServerLimits
from .metrics import ServerMetrics
from .questions import Question
from .recordings import Job, Recording
from .refusals import ClientGoneError, RefusedError, refusal_of, refused_response
from .uploads import Upload

__all__ = ["Service"]

T = TypeVar("T")
Words = tuple[TimedWord, ...]

_log = logging.getLogger("hf_bigru_asr.server")


class Service:
    """Answers requests for transcripts.

    Args:
        engine: Transcribes.
        metrics: Counts seconds of sound.
        limits: What a request may cost.
        written: How texts are written.
    """

    def __init__(self, engine: Engine, metrics: ServerMetrics, limits: ServerLimits, written: FormatOptions) -> None:
        self._engine, self._metrics, self._limits, self._written = engine, metrics, limits, written

    async def transcribe(
        self,
        request: Request,
        read: Callable[[Request], Awaitable[Upload]],
        question_of: Callable[[Upload], Question],
    ) -> Response:
        """Answer a request. What it holds is free when the answer is out, or the client has gone.

        Args:
            request: What came.
            read: Reads the body.
            question_of: Judges the fields.
        """
        task = _Task(request, time.monotonic() + self._limits.max_time_s)
        try:
            self._reserve()
        except RefusedError as error:
            return refused_response(error)
        task.at_end(self._engine.release)
        try:
            upload = await self._read(task, read)
            question = question_of(upload)
            if question.is_streamed:
                return await self._streamed(task, upload, question)
            job = self._submit(task, Recording(upload.source, question.hotwords))
            transcript = await self._awaited(task, asyncio.wrap_future(job.future))
            body = answer(transcript, question, self._written)
            self._metrics.audio_s.inc(transcript.duration_s)
            task.end()
            return Response(body, media_type=MEDIA_TYPES[question.response_format])
        except Exception as error:
            task.end()
            return refused_response(_refusal(error))
        except BaseException:
            task.end()
            raise

    def _reserve(self) -> None:
        try:
            self._engine.reserve()
        except FullError as error:
            raise RefusedError(
                429,
                f"{self._limits.max_requests} transcriptions wait or run, and no more allowed; try again later.",
                headers={"Retry-After": str(error.retry_s)},
            ) from error

    async def _read(self, task: "_Task", read: Callable[[Request], Awaitable[Upload]]) -> Upload:
        try:
            async with asyncio.timeout(task.left_s):
                return await read(task.request)
        except TimeoutError as error:
            limit = f"{self._limits.max_time_s:g} s"
            raise RefusedError(408, f"The upload took longer than {limit}; send less, or faster.") from error
        except ClientDisconnect as error:
            raise ClientGoneError from error

    def _submit(self, task: "_Task", recording: Recording) -> Job:
        job = self._engine.submit(recording)
        task.at_end(job.stop)
        return job

    async def _awaited(self, task: "_Task", waited: "asyncio.Future[T]") -> T:
        """A result, unless the client goes away or the time is up before."""
        gone = asyncio.ensure_future(task.disconnected())
        try:
            both: set[asyncio.Future[Any]] = {gone, waited}
            await asyncio.wait(both, timeout=task.left_s, return_when=asyncio.FIRST_COMPLETED)
            if waited.cancelled():
                raise RefusedError(503, "The server ends; try again later.", headers={"Retry-After": "5"})
            if waited.done():
                return waited.result()
            if gone.done():
                raise ClientGoneError
            raise self._too_slow()
        finally:
            gone.cancel()
            waited.cancel()

    def _too_slow(self) -> RefusedError:
        limit = f"{self._limits.max_time_s:g} s"
        return RefusedError(504, f"The transcription took longer than {limit}; send a shorter recording.")

    async def _streamed(self, task: "_Task", upload: Upload, question: Question) -> Response:
        """The text part by part. It begins with the first part, so that what fails before has its status."""
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[Words | None] = asyncio.Queue()

        def put(words: Words | None) -> None:
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(heard.put_nowait, words)

        job = self._submit(task, Recording(upload.source, question.hotwords, put))
        job.future.add_done_callback(lambda _: put(None))
        first = await self._awaited(task, asyncio.ensure_future(heard.get()))
        if first is None:
            _result(job)
        return _EventResponse(task, self._events(task, job, first, heard))

    async def _events(
        self, task: "_Task", job: Job, words: Words | None, heard: "asyncio.Queue[Words | None]"
    ) -> AsyncIterator[str]:
        text = GrowingText(self._written)
        try:
            while words is not None:
                yield event({"type": "transcript.text.delta", "delta": text.add(words)})
                async with asyncio.timeout(task.left_s):
                    words = await heard.get()
            transcript = _result(job)
            self._metrics.audio_s.inc(transcript.duration_s)
            yield event({"type": "transcript.text.done"} | json.loads(answer(transcript, Question(), self._written)))
        except Exception as error:
            refusal = _refusal(self._too_slow() if isinstance(error, TimeoutError) else error)
            yield event(refusal.body())


class _Task:
    """A request that is worked on: until when, and what is to be done at its end."""

    def __init__(self, request: Request, deadline: float) -> None:
        self.request = request
        self._deadline = deadline
        self._ends: list[Callable[[], None]] = []

    @property
    def left_s(self) -> float:
        """Seconds until its time is up."""
        return max(self._deadline - time.monotonic(), 0.0)

    def at_end(self, call: Callable[[], None]) -> None:
        """Call this once when the request ends, however it does."""
        self._ends.append(call)

    def end(self) -> None:
        """Give back what the request holds."""
        while self._ends:
            self._ends.pop()()

    async def disconnected(self) -> None:
        """Wait for the client to go away; to be called when its body has been read."""
        message: Any = {}
        while message.get("type") != "http.disconnect":
            message = await self.request.receive()


class _EventResponse(StreamingResponse):
    """Server-sent events; the request ends with them."""

    def __init__(self, task: _Task, events: AsyncIterator[str]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        self._task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._task.end()


def _result(job: Job) -> TimedTranscript:
    if job.future.cancelled():
        raise RefusedError(503, "The server ends; try again later.", headers={"Retry-After": "5"})
    return job.future.result()


def _refusal(error: Exception) -> RefusedError:
    refusal = refusal_of(error)
    if refusal.status_code == 500:
        _log.error("A request failed.", exc_info=error)
    return refusal
