"""Who may ask: keys, and pages of other sites in a browser; and how many bytes."""

import hashlib
import hmac
import ipaddress
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import ServerMetrics
from .refusals import Body, RefusedError, refused_response

__all__ = ["KEY_VARIABLE", "AccessRules", "Gate", "is_loopback", "read_key"]

KEY_VARIABLE = "HF_BIGRU_ASR_API_KEY"
MIN_KEY_CHARACTERS = 16
OPEN_PATHS = frozenset({"/health"})
"""Asked by supervisors, which have no key."""


def read_key(path: Path | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """The key of a server: that of a file, or of the environment variable `HF_BIGRU_ASR_API_KEY`; `None` without both.

    Args:
        path: A file with the key alone.
        environment: Variables.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the key is shorter than 16 characters, or has others than those of ASCII without spaces.
    """
    if path is not None:
        key, where = path.read_text(encoding="utf-8", errors="replace").strip(), str(path)
    elif KEY_VARIABLE in environment:
        key, where = environment[KEY_VARIABLE].strip(), KEY_VARIABLE
    else:
        return None
    if len(key) < MIN_KEY_CHARACTERS or not all("!" <= char <= "~" for char in key):
        raise ValueError(
            f"The key in {where} has {len(key)} characters; it needs {MIN_KEY_CHARACTERS} or more, of ASCII and "
            'without spaces: python -c "import secrets; print(secrets.token_urlsafe())" makes one.'
        )
    return key


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine for nobody but itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class AccessRules:
    """Who may ask.

    Args:
        key: What a client sends as `Authorization: Bearer KEY`; everybody may ask if `None`.
        needs_local_host: Whether the header `Host` must be a name of this machine. Without a key this keeps out web
            sites whose name is made to point here, see "DNS rebinding".
        origins: Origins of web pages that may ask, such as `https://example.org`, beside the server's own; `*` is any.
    """

    key: str | None = field(default=None, repr=False)
    needs_local_host: bool = True
    origins: tuple[str, ...] = ()

    def check(self, path: str, headers: Headers) -> None:
        """Refuse who may not ask.

        Args:
            path: Of the request.
            headers: Of the request.

        Raises:
            RefusedError: 403 for a host or an origin that is not allowed, 401 without the key.
        """
        host = headers.get("host", "")
        if self.needs_local_host and self.key is None and not is_loopback(_name_of(host)):
            raise RefusedError(
                403, f"The host {host[:100]!r} is not this machine; a server with a key takes any host."
            )
        origin = headers.get("origin")
        if origin is not None and not self._is_allowed(origin, host):
            raise RefusedError(
                403, f"Pages of {origin[:100]!r} may not ask; start the server with --allow-origin for them."
            )
        if self.key is not None and path not in OPEN_PATHS and not self._has_key(headers):
            raise RefusedError(
                401,
                "The key is missing or wrong; send the header Authorization: Bearer KEY.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _is_allowed(self, origin: str, host: str) -> bool:
        is_own = bool(host) and origin.partition("://")[2].lower() == host.lower()
        return is_own or "*" in self.origins or origin in self.origins

    def _has_key(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Digests have one length: the comparison takes the same time for every key.
        digests = [hashlib.sha256(each.strip().encode("utf-8")).digest() for each in (given, self.key or "")]
        return hmac.compare_digest(*digests) and scheme.lower() == "bearer"


def _name_of(host: str) -> str:
    """The header `Host` without a port; empty if it is none."""
    try:
        return urlsplit(f"//{host}").hostname or "" if not set(host) & set("/?#@\\ ") else ""
    except ValueError:
        return ""


class Gate:
    """Lets requests through to an application, bytes up to a limit, and counts the answers.

    Args:
        app: The application.
        rules: Who may ask.
        max_bytes: Of a body.
        metrics: Gets every answer.
        paths: Paths that are counted by their names.
    """

    def __init__(
        self, app: ASGIApp, *, rules: AccessRules, max_bytes: int, metrics: ServerMetrics, paths: Iterable[str]
    ) -> None:
        self._app, self._rules, self._max_bytes, self._metrics = app, rules, max_bytes, metrics
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        start_s, status = time.monotonic(), 500
        body = scope["body"] = Body()

        async def counted_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                body.num_bytes += len(message.get("body", b""))
                body.is_complete = not message.get("more_body", False)
                if body.num_bytes > self._max_bytes and not body.is_refused:
                    body.is_refused = True  # what still comes is thrown away
                    raise self._too_large()
            return message

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            self._check(scope)
        except RefusedError as error:
            await refused_response(error)(scope, receive, watched_send)
        else:
            await self._app(scope, counted_receive, watched_send)
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._metrics.answered(path, status, time.monotonic() - start_s)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        self._rules.check(scope["path"], headers)
        stated = headers.get("content-length", "")
        if stated.isdecimal() and int(stated[:20]) > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413, f"The body has more than {self._max_bytes} bytes; send a shorter recording, or FLAC, MP3 or Opus."
        )
