"""What a server answers where it does not transcribe: errors as OpenAI's interface has them.

Source: https://platform.openai.com/docs/guides/error-codes, and `_make_status_error` of the client openai 3.57.
"""

import asyncio
import errno
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from ..audio.findings import AudioError
from ..processes.worker_pool import WorkerDiedError

__all__ = ["AudioTooLongError", "Body", "ClientGoneError", "RefusedError", "refusal_of", "refused_response"]

LINGER_S = 10.0
"""How long the rest of a refused body is thrown away. A connection that is closed earlier may lose the answer."""
FORM_REMEDY = "send multipart/form-data with the part file: curl -F file=@talk.flac"
GONE_STATUS = 499
"""Nobody reads this status; it is what nginx writes into its log for clients that went away."""

_CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "upload_timeout",
    413: "request_too_large",
    422: "audio_too_long",
    429: "too_many_requests",
    503: "unavailable",
    504: "timeout",
}


class RefusedError(HTTPException):
    """A request that is answered with an error.

    Args:
        status: HTTP status.
        message: What came, what is allowed and what to do.
        code: Short name of the reason; that of the status if `None`.
        param: Field of the request that is wrong.
        headers: Further ones of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code or _CODES.get(status, "server_error")
        self.param = param

    def body(self) -> dict[str, Any]:
        """What the answer says, in OpenAI's shape."""
        kind = "invalid_request_error" if self.status_code < 500 else "server_error"
        return {"error": {"message": self.detail, "type": kind, "param": self.param, "code": self.code}}


class AudioTooLongError(ValueError):
    """A recording of more seconds than the limit."""


class ClientGoneError(Exception):
    """The client has closed its connection."""


@dataclass
class Body:
    """What has come of the body of a request; a scope has it under the key `body`."""

    num_bytes: int = 0
    is_complete: bool = False
    is_refused: bool = False


def refusal_of(error: BaseException) -> RefusedError:
    """The answer to an exception.

    Args:
        error: What recognition, or the web framework, raised.
    """
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, HTTPException):
        return _with_remedy(error)
    if isinstance(error, ClientGoneError):
        return RefusedError(GONE_STATUS, "The client went away.", code="client_gone")
    if isinstance(error, WorkerDiedError):
        return RefusedError(
            503,
            "A process that decodes has died, perhaps for lack of memory; try again, or give the server fewer --jobs.",
        )
    if isinstance(error, AudioTooLongError):
        return RefusedError(422, str(error), param="file")
    if isinstance(error, AudioError):
        problem = error.problem.replace('on_damage="warn"', "--on-damage warn of the server")
        return RefusedError(400, f"The recording {problem}.", code="invalid_audio", param="file")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE):
        return RefusedError(503, f"The server has no room: {error.strerror}.", headers={"Retry-After": "30"})
    return RefusedError(500, "The server failed; its error output says why.")


def _with_remedy(error: HTTPException) -> RefusedError:
    """What the web framework says, and what to do."""
    headers = error.headers or {}
    messages = {
        400: f"The form cannot be read ({str(error.detail).rstrip('.')}); {FORM_REMEDY}",
        404: "There is nothing at this address; POST recordings to /v1/audio/transcriptions.",
        405: f"This address does not take the method; it takes {headers.get('Allow', 'others')}.",
    }
    message = messages.get(error.status_code, str(error.detail))
    code = "invalid_multipart" if error.status_code == 400 else None
    return RefusedError(error.status_code, message, code=code, headers=headers)


def refused_response(error: RefusedError) -> JSONResponse:
    """The answer with its body in OpenAI's shape. It lets a client send what it still has to send."""
    return _LingeringResponse(error.body(), error.status_code, headers=dict(error.headers or {}))


class _LingeringResponse(JSONResponse):
    """An answer that may come before the body of the request has.

    Clients such as httpx send their body first and read then. So the rest of it is thrown away before the connection
    is closed.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = scope.get("body")
        if scope["type"] != "http" or body is None or body.is_complete:
            await super().__call__(scope, receive, send)
            return
        self.headers["connection"] = "close"

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["more_body"] = True
            await send(message)

        await super().__call__(scope, receive, send_open)
        await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: Receive) -> None:
    deadline = time.monotonic() + LINGER_S
    while (left := deadline - time.monotonic()) > 0:
        try:
            message: dict[str, Any] = dict(await asyncio.wait_for(receive(), left))
        except TimeoutError:
            return
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
