"""Recordings at http and https addresses, read as a stream with limits on size and time."""

import http.client
import time
import urllib.error
import urllib.request
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

from .findings import AudioError

__all__ = ["Download", "check_address"]

SCHEMES = ("http", "https")
SILENCE_S = 30.0
"""A server that sends nothing for so long is given up."""
MAX_REDIRECTS = 5


class Download:
    """A recording on a server, as a binary stream. Nothing is sent before the first read.

    Args:
        address: With the scheme `http` or `https`, also after redirects.
        max_bytes: What is larger is refused.
        max_s: What takes longer is refused.

    Raises:
        AudioError: If the address has another scheme, no host, or a password.
    """

    def __init__(self, address: str, *, max_bytes: int, max_s: float) -> None:
        self.name = address
        self._max_bytes, self._max_s = max_bytes, max_s
        self._num_read = 0
        self._deadline_s = 0.0
        self._response: http.client.HTTPResponse | None = None
        check_address(address)

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; none at the end.

        Raises:
            AudioError: If the server cannot be reached, refuses, sends a page, too much, too little or too slowly.
        """
        try:
            if self._response is None:
                self._deadline_s = time.monotonic() + self._max_s
                self._response = self._open()
            block = self._response.read1(size)
        except urllib.error.HTTPError as error:
            raise AudioError(self.name, f"the server answers {error.code} {error.reason}") from error
        except TimeoutError as error:
            raise self._too_slow(f"nothing came for {min(SILENCE_S, self._max_s):g} s") from error
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            if isinstance(reason, TimeoutError):
                raise self._too_slow(f"nothing came for {min(SILENCE_S, self._max_s):g} s") from error
            raise AudioError(
                self.name, f"cannot be downloaded ({reason}); check the address and the connection"
            ) from error
        self._check(block)
        return block

    def close(self) -> None:
        """End the connection."""
        if self._response is not None:
            self._response.close()

    def _open(self) -> http.client.HTTPResponse:
        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _CheckedRedirects(self.name),
        ):
            opener.add_handler(handler)
        request = urllib.request.Request(self.name, headers={"User-Agent": "hf-bigru-asr"})
        response: http.client.HTTPResponse = opener.open(request, timeout=min(SILENCE_S, self._max_s))
        if response.headers.get_content_type() == "text/html":
            response.close()
            raise AudioError(self.name, "is a web page; give the address of the recording itself")
        self._check_size(response.length or 0)
        return response

    def _check(self, block: bytes) -> None:
        self._num_read += len(block)
        self._check_size(self._num_read)
        if time.monotonic() > self._deadline_s:
            raise self._too_slow(f"it takes longer than {self._max_s:g} s")
        if not block and self._response is not None and self._response.length:
            raise AudioError(self.name, f"ended early: {self._response.length} bytes are missing; try again")

    def _check_size(self, num_bytes: int) -> None:
        if num_bytes > self._max_bytes:
            raise AudioError(
                self.name, f"has more than {self._max_bytes / 1e6:g} MB; download it first, or raise the limit"
            )

    def _too_slow(self, what: str) -> AudioError:
        return AudioError(self.name, f"comes too slowly: {what}; try again, or download it first")


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to the same schemes alone."""

    max_redirections = MAX_REDIRECTS

    def __init__(self, address: str) -> None:
        self._address = address

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        check_address(newurl, self._address)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type] # typeshed has HTTPMessage


def check_address(address: str, redirected_from: str | None = None) -> None:
    """Refuse what is not fetched.

    Args:
        address: What is to be fetched.
        redirected_from: The address that was given, if it leads to this one.

    Raises:
        AudioError: If the address has another scheme than `http` and `https`, no host, or a password.
    """
    name = redirected_from or address
    where = f"is redirected to {address}, which " if redirected_from else ""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError as error:
        raise AudioError(name, f"{where}is no address ({error}); check its spelling") from error
    if parts.scheme not in SCHEMES:
        raise AudioError(name, f"{where}has the scheme {parts.scheme!r}; allowed are {' and '.join(SCHEMES)}")
    if not host:
        raise AudioError(name, f"{where}has no host; check its spelling")
    if parts.password is not None:
        raise AudioError(name, f"{where}has a password, which would be shown in the results; download it first")
