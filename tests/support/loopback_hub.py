"""A Hugging Face Hub for tests: it lives on 127.0.0.1 and speaks what `huggingface_hub` asks of it.

What is stored is in `hub_storage`, the HTTP end points are in `hub_endpoints`, and here are the server and who may do
what. None of the three imports the package under test or `huggingface_hub`.

Example:
    >>> with LoopbackHub(folder) as hub:
    ...     hub.add_user("alice", "hf_alice")
    ...     subprocess.run([...], env=hub.child_environment(home, token="hf_alice"))
"""

import functools
import hashlib
import hmac
import json
import os
import secrets
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from hub_endpoints import Request, Response, answer
from hub_storage import ContentStore, RefusalError, Repository


class LoopbackHub:
    """The server. A context manager: entered it listens on a free port, left it is gone.

    Every request that came is kept in `requests` as `(method, path, status)`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = ContentStore(folder)
        self.users: dict[str, str] = {}
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.requests: list[tuple[str, str, int]] = []
        self.lock = threading.RLock()
        self._secret = secrets.token_bytes(16)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_user(self, name: str, token: str) -> None:
        self.users[token] = name

    def child_environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """The environment of a child process that knows this Hub only: any other host is a refused connection."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "TRANSF"))}
        kept.pop("PYTHONPATH", None)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            kept.pop(name, None)
        environment = kept | {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        return environment | ({"HF_TOKEN": token} if token else {})

    def files(self, repo_id: str, revision: str = "main", kind: str = "models") -> dict[str, bytes]:
        """The contents of a repository as it stands, by path."""
        commit = self.repositories[kind, repo_id].at(revision)
        return {path: self.store.read(stored.sha256) for path, stored in commit.files.items()}

    def who(self, authorization: str | None) -> str | None:
        if authorization is None:
            return None
        user = self.users.get(authorization.removeprefix("Bearer "))
        if user is None:
            raise RefusalError(HTTPStatus.UNAUTHORIZED, "Invalid credentials in Authorization header")
        return user

    def readable(self, kind: str, repo_id: str, user: str | None) -> Repository:
        """The repository, or the answer that does not tell a private one from none."""
        repository = self.repositories.get((kind, repo_id))
        if repository is None or (repository.private and repository.owner != user):
            status = HTTPStatus.UNAUTHORIZED if user is None else HTTPStatus.NOT_FOUND
            raise RefusalError(status, "Repository not found", "RepoNotFound")
        return repository

    def check_namespace(self, namespace: str, user: str | None) -> None:
        if user is None:
            raise RefusalError(HTTPStatus.UNAUTHORIZED, "Invalid username or password.")
        if namespace != user:
            raise RefusalError(
                HTTPStatus.FORBIDDEN, f"You don't have the rights to write under the namespace {namespace!r}"
            )

    def writable(self, kind: str, repo_id: str, user: str | None) -> Repository:
        repository = self.readable(kind, repo_id, user)
        self.check_namespace(repository.owner, user)
        return repository

    def storage_url(self, sha256: str) -> str:
        """A signed address on another origin, `localhost`: the same one would make the client's HEAD follow it."""
        return f"http://localhost:{self.port}/lfs-storage/{sha256}?signature={self.sign(sha256)}"

    def sign(self, sha256: str) -> str:
        return hmac.new(self._secret, sha256.encode(), hashlib.sha256).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, finds its end point, sends the answer."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for headers and body: two would wait for a delayed acknowledgement

    def __init__(
        self, hub: LoopbackHub, connection: socket.socket, client: tuple[str, int], server: BaseServer
    ) -> None:
        self.hub = hub
        super().__init__(connection, client, server)

    def handle_one_method(self) -> None:
        body = self._read_body()
        try:
            response = self._answer(body)
        except RefusalError as refusal:
            response = Response({"error": str(refusal)}, refusal.status, refusal.headers)
        self.hub.requests.append((self.command, self.path, int(response.status)))
        self._send(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_one_method  # noqa: N815 -- names that http.server calls

    def _answer(self, body: bytes) -> Response:
        address = urlsplit(self.path)
        # Client and storage are two origins: the signed addresses are asked without authorisation.
        user = self.hub.who(self.headers.get("Authorization"))
        headers = dict(self.headers.items())
        request = Request(self.command, unquote(address.path), parse_qs(address.query), _titled(headers), body, user)
        return answer(self.hub, request, address.path)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, response: Response) -> None:
        is_raw = isinstance(response.body, bytes)
        body = response.body if is_raw else json.dumps(response.body).encode()
        self.send_response(response.status)
        self.send_header("Content-Type", "application/octet-stream" if is_raw else "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: `LoopbackHub.requests` is the log."""


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.title(): value for name, value in headers.items()}
