"""A Hugging Face Hub for tests: it lives on 127.0.0.1 and speaks what `huggingface_hub` asks of it.

Three parts, in this order: what is stored (`ContentStore`, `Repository`), who may do what (`LoopbackHub`), and the
HTTP end points (the functions under `_route`). Nothing here imports the package under test or `huggingface_hub`.

Example:
    >>> with LoopbackHub(folder) as hub:
    ...     hub.add_user("alice", "hf_alice")
    ...     subprocess.run([...], env=hub.child_environment(home, token="hf_alice"))
"""

import base64
import functools
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".parquet", ".arrow", ".onnx")
KNOWN_LICENSES = {"apache-2.0", "mit", "cc-by-4.0", "other"}
INITIAL_FILES = {".gitattributes": "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs\n" for suffix in LFS_SUFFIXES)}


class RefusalError(Exception):
    """An answer that is not 200: the status, and the words and the code that the client shows."""

    def __init__(self, status: HTTPStatus, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers["X-Error-Message"] = message
        if code is not None:
            self.headers["X-Error-Code"] = code


# ---------------------------------------------------------------------------------------------------- what is stored


@dataclass(frozen=True)
class StoredFile:
    """One file of one commit. `oid` is git's sha1 of the content; `is_lfs` files are named by their sha256."""

    sha256: str
    oid: str
    size: int
    is_lfs: bool

    @property
    def etag(self) -> str:
        """What the Hub calls this content: sha256 for LFS, git's sha1 otherwise."""
        return self.sha256 if self.is_lfs else self.oid

    def describe(self, path: str) -> dict[str, Any]:
        """The entry of a tree listing."""
        entry: dict[str, Any] = {"type": "file", "path": path, "oid": self.oid, "size": self.size}
        if self.is_lfs:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": 134}
        return entry


@dataclass(frozen=True)
class ContentStore:
    """Contents in a folder, named by their sha256."""

    folder: Path

    def add(self, content: bytes, *, is_lfs: bool) -> StoredFile:
        sha256 = hashlib.sha256(content).hexdigest()
        (self.folder / sha256).write_bytes(content)
        return self.get(sha256, is_lfs=is_lfs)

    def get(self, sha256: str, *, is_lfs: bool) -> StoredFile:
        content = self.read(sha256)
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return StoredFile(sha256, oid, len(content), is_lfs)

    def read(self, sha256: str) -> bytes:
        return (self.folder / sha256).read_bytes()

    def has(self, sha256: str) -> bool:
        return (self.folder / sha256).is_file()


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    title: str
    author: str
    date: str
    files: Mapping[str, StoredFile]


@dataclass
class Repository:
    """A history of commits with branches and tags; `kind` is models, datasets or spaces."""

    kind: str
    repo_id: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return self.repo_id.split("/")[0]

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag, a commit id (whole or its beginning) or HEAD names."""
        name = "main" if revision == "HEAD" else revision.removeprefix("refs/heads/")
        oid = self.branches.get(name) or self.tags.get(name)
        if oid is None and len(name) >= 7:
            oid = next((known for known in self.commits if known.startswith(name)), None)
        if oid is None:
            raise RefusalError(HTTPStatus.NOT_FOUND, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def add_commit(self, branch: str, files: Mapping[str, StoredFile], title: str, author: str) -> Commit:
        """Moves `branch` to a new commit that holds exactly `files`."""
        parent = self.branches.get(branch)
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        listing = {path: stored.sha256 for path, stored in sorted(files.items())}
        identity = json.dumps([parent, title, author, date, listing, len(self.commits)])
        commit = Commit(hashlib.sha1(identity.encode()).hexdigest(), parent, title, author, date, dict(files))
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit

    def history(self, revision: str) -> Iterator[Commit]:
        """The commits behind `revision`, newest first."""
        commit: Commit | None = self.at(revision)
        while commit is not None:
            yield commit
            commit = self.commits[commit.parent] if commit.parent else None


# --------------------------------------------------------------------------------------------------- who may do what


@dataclass(frozen=True)
class Request:
    """One request, its body read; `user` is None for an anonymous one."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    user: str | None

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body)) if self.body else {}


@dataclass(frozen=True)
class Response:
    """One answer; a `dict` or `list` body is sent as JSON."""

    body: Any = b""
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


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


# ---------------------------------------------------------------------------------------------------- the end points

Endpoint = Callable[..., Response]
_ROUTES: list[tuple[str, re.Pattern[str], Endpoint]] = []
_API = r"/api/(?P<kind>models|datasets|spaces)/(?P<repo_id>[^/]+/[^/]+)"


def _route(methods: str, pattern: str) -> Callable[[Endpoint], Endpoint]:
    def register(endpoint: Endpoint) -> Endpoint:
        _ROUTES.extend((method, re.compile(pattern), endpoint) for method in methods.split())
        return endpoint

    return register


@_route("GET", r"/api/whoami-v2")
def _whoami(hub: LoopbackHub, request: Request) -> Response:
    if request.user is None:
        raise RefusalError(HTTPStatus.UNAUTHORIZED, "Invalid username or password.")
    token = {"displayName": "test", "role": "write"}
    return Response({"type": "user", "name": request.user, "orgs": [], "auth": {"accessToken": token}})


@_route("POST", r"/api/validate-yaml")
def _validate_yaml(hub: LoopbackHub, request: Request) -> Response:
    errors = [{"message": message} for message in _metadata_errors(request.json()["content"])]
    status = HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK
    return Response({"errors": errors, "warnings": []}, status)


def _metadata_errors(card: str) -> list[str]:
    """What the Hub holds against a card: the YAML, the licence, the tags, the fields that a model-index must have."""
    parts = re.match(r"---\r?\n(.*?)\r?\n---", card, re.DOTALL)
    if parts is None:
        return []
    try:
        metadata = yaml.safe_load(parts[1]) or {}
    except yaml.YAMLError as error:
        return [f"invalid YAML: {error}"]
    errors = []
    if "license" in metadata and metadata["license"] not in KNOWN_LICENSES:
        errors.append(f'"license" must be one of {sorted(KNOWN_LICENSES)}')
    if not all(isinstance(tag, str) for tag in metadata.get("tags", [])):
        errors.append('"tags" must be an array of strings')
    for model in metadata.get("model-index", []):
        for result in model.get("results", [{}]):
            complete = (
                "name" in model
                and "type" in result.get("task", {})
                and {"type", "name"} <= set(result.get("dataset", {}))
                and all({"type", "value"} <= set(metric) for metric in result.get("metrics", [{}]))
            )
            if not complete:
                errors.append('"model-index" needs a name, task.type, dataset.type, dataset.name, metrics.type')
    return errors


@_route("POST", r"/api/repos/create")
def _create_repository(hub: LoopbackHub, request: Request) -> Response:
    asked = request.json()
    namespace = str(asked.get("organization") or request.user)
    hub.check_namespace(namespace, request.user)
    kind, repo_id = f"{asked.get('type') or 'model'}s", f"{namespace}/{asked['name']}"
    url = f"{hub.url}/{'' if kind == 'models' else kind + '/'}{repo_id}"
    if (kind, repo_id) in hub.repositories:
        message = "You already created this model repo"
        return Response({"error": message, "url": url}, HTTPStatus.CONFLICT, {"X-Error-Message": message})
    private = asked.get("visibility") == "private" or bool(asked.get("private"))
    repository = Repository(kind, repo_id, private)
    initial = {path: hub.store.add(text.encode(), is_lfs=False) for path, text in INITIAL_FILES.items()}
    repository.add_commit("main", initial, "initial commit", namespace)
    hub.repositories[kind, repo_id] = repository
    return Response({"url": url, "name": repo_id, "id": repo_id})


@_route("DELETE", r"/api/repos/delete")
def _delete_repository(hub: LoopbackHub, request: Request) -> Response:
    asked = request.json()
    kind = f"{asked.get('type') or 'model'}s"
    repo_id = f"{asked.get('organization') or request.user}/{asked['name']}"
    hub.writable(kind, repo_id, request.user)
    del hub.repositories[kind, repo_id]
    return Response({})


@_route("PUT", _API + r"/settings")
def _settings(hub: LoopbackHub, request: Request, kind: str, repo_id: str) -> Response:
    repository = hub.writable(kind, repo_id, request.user)
    repository.private = request.json().get("visibility", "public") == "private"
    return Response({"private": repository.private})


@_route("GET", _API + r"(?:/revision/(?P<revision>[^/]+))?")
def _repository_info(
    hub: LoopbackHub, request: Request, kind: str, repo_id: str, revision: str | None = None
) -> Response:
    repository = hub.readable(kind, repo_id, request.user)
    commit = repository.at(revision or "main")
    return Response(
        {
            "id": repo_id,
            "author": repository.owner,
            "sha": commit.oid,
            "lastModified": commit.date,
            "private": repository.private,
            "gated": False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": [{"rfilename": path} for path in sorted(commit.files)],
        }
    )


@_route("GET", _API + r"/tree/(?P<revision>[^/]+)(?:/(?P<folder>.*))?")
def _tree(
    hub: LoopbackHub, request: Request, kind: str, repo_id: str, revision: str, folder: str | None = None
) -> Response:
    commit = hub.readable(kind, repo_id, request.user).at(revision)
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    recursive = request.query.get("recursive", ["false"])[0].lower() in ("true", "1")
    entries: dict[str, dict[str, Any]] = {}
    for path, stored in sorted(commit.files.items()):
        if path.startswith(prefix):
            parts = path.removeprefix(prefix).split("/")
            for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
                entries.setdefault(parent := prefix + "/".join(parts[:depth]), _describe_folder(parent))
            if recursive or len(parts) == 1:
                entries[path] = stored.describe(path)
    if folder and not entries:
        raise RefusalError(HTTPStatus.NOT_FOUND, f"{folder} does not exist on {revision}", "EntryNotFound")
    return Response(list(entries.values()))


@_route("POST", _API + r"/paths-info/(?P<revision>[^/]+)")
def _paths_info(hub: LoopbackHub, request: Request, kind: str, repo_id: str, revision: str) -> Response:
    files = hub.readable(kind, repo_id, request.user).at(revision).files
    is_form = "json" not in request.headers.get("Content-Type", "")
    asked = parse_qs(request.body.decode()).get("paths", []) if is_form else request.json()["paths"]
    found = [files[path].describe(path) for path in asked if path in files]
    folders = [path for path in asked if any(known.startswith(f"{path.rstrip('/')}/") for known in files)]
    return Response(found + [_describe_folder(path) for path in folders])


def _describe_folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}


@_route("GET", _API + r"/refs")
def _refs(hub: LoopbackHub, request: Request, kind: str, repo_id: str) -> Response:
    repository = hub.readable(kind, repo_id, request.user)

    def describe(names: Mapping[str, str], prefix: str) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"{prefix}/{name}", "targetCommit": oid} for name, oid in names.items()]

    branches, tags = describe(repository.branches, "refs/heads"), describe(repository.tags, "refs/tags")
    return Response({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})


@_route("GET", _API + r"/commits/(?P<revision>[^/]+)")
def _commits(hub: LoopbackHub, request: Request, kind: str, repo_id: str, revision: str) -> Response:
    history = hub.readable(kind, repo_id, request.user).history(revision)
    return Response(
        [
            {"id": c.oid, "title": c.title, "message": "", "authors": [{"user": c.author}], "date": c.date}
            for c in history
        ]
    )


@_route("POST", _API + r"/branch/(?P<branch>[^/]+)")
def _create_branch(hub: LoopbackHub, request: Request, kind: str, repo_id: str, branch: str) -> Response:
    repository = hub.writable(kind, repo_id, request.user)
    if branch in repository.branches:
        raise RefusalError(HTTPStatus.CONFLICT, f"Reference already exists: {branch}")
    repository.branches[branch] = repository.at(request.json().get("startingPoint", "main")).oid
    return Response({})


@_route("POST", _API + r"/tag/(?P<revision>[^/]+)")
def _create_tag(hub: LoopbackHub, request: Request, kind: str, repo_id: str, revision: str) -> Response:
    repository = hub.writable(kind, repo_id, request.user)
    tag = request.json()["tag"]
    if tag in repository.tags:
        raise RefusalError(HTTPStatus.CONFLICT, f"Tag reference exists already: {tag}")
    repository.tags[tag] = repository.at(revision).oid
    return Response({})


@_route("POST", _API + r"/preupload/(?P<revision>[^/]+)")
def _preupload(hub: LoopbackHub, request: Request, kind: str, repo_id: str, revision: str) -> Response:
    known = hub.writable(kind, repo_id, request.user).at(revision).files
    answers = []
    for asked in request.json()["files"]:
        path = asked["path"]
        is_lfs = path.endswith(LFS_SUFFIXES) or b"\0" in base64.b64decode(asked.get("sample", ""))
        oid = known[path].etag if path in known else None
        answers.append({"path": path, "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False, "oid": oid})
    return Response({"files": answers})


@_route("POST", r"/(?:(?P<kind>datasets|spaces)/)?(?P<repo_id>[^/]+/[^/]+)\.git/info/lfs/objects/batch")
def _lfs_batch(hub: LoopbackHub, request: Request, repo_id: str, kind: str | None = None) -> Response:
    hub.writable(kind or "models", repo_id, request.user)
    objects = []
    for asked in request.json()["objects"]:
        answer = {"oid": asked["oid"], "size": asked["size"]}
        if not hub.store.has(asked["oid"]):
            answer["actions"] = {"upload": {"href": hub.storage_url(asked["oid"]), "header": {}}}
        objects.append(answer)
    return Response({"transfer": "basic", "objects": objects})


@_route("PUT GET HEAD", r"/lfs-storage/(?P<sha256>[0-9a-f]{64})")
def _lfs_storage(hub: LoopbackHub, request: Request, sha256: str) -> Response:
    if request.query.get("signature") != [hub.sign(sha256)]:
        raise RefusalError(HTTPStatus.FORBIDDEN, "the signature does not match")
    if request.method == "PUT":
        if hashlib.sha256(request.body).hexdigest() != sha256:
            raise RefusalError(HTTPStatus.BAD_REQUEST, "the content is not what was announced")
        hub.store.add(request.body, is_lfs=True)
        return Response()
    return _content(request, hub.store.read(sha256), {"ETag": f'"{sha256}"'})


@_route("POST", _API + r"/commit/(?P<revision>[^/]+)")
def _commit(hub: LoopbackHub, request: Request, kind: str, repo_id: str, revision: str) -> Response:
    repository = hub.writable(kind, repo_id, request.user)
    lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    with hub.lock:
        if revision not in repository.branches:
            raise RefusalError(HTTPStatus.NOT_FOUND, f"Invalid rev id: {revision}", "RevisionNotFound")
        head = repository.at(revision)
        if not head.oid.startswith(header.get("parentCommit", "")):
            message = "A commit has happened since. Please refresh and try again."
            raise RefusalError(HTTPStatus.PRECONDITION_FAILED, message)
        files = dict(head.files)
        for line in lines:
            _apply(hub.store, files, line["key"], line["value"])
        commit = repository.add_commit(revision, files, header["summary"], str(request.user))
    url = f"{hub.url}/{'' if kind == 'models' else kind + '/'}{repo_id}/commit/{commit.oid}"
    return Response({"success": True, "commitOid": commit.oid, "commitUrl": url})


def _apply(store: ContentStore, files: dict[str, StoredFile], key: str, value: Mapping[str, Any]) -> None:
    """One line of a commit, on the files as they are so far."""
    if key == "header":
        return
    path = value["path"]
    if key == "file":
        files[path] = store.add(base64.b64decode(value["content"]), is_lfs=False)
    elif key == "lfsFile":
        if not store.has(value["oid"]):
            raise RefusalError(HTTPStatus.BAD_REQUEST, f"the LFS content of {path} was never uploaded")
        files[path] = store.get(value["oid"], is_lfs=True)
    elif key == "deletedFile" and path in files:
        del files[path]
    elif key == "deletedFolder":
        for known in [known for known in files if known.startswith(f"{path.rstrip('/')}/")]:
            del files[known]
    else:
        raise RefusalError(HTTPStatus.NOT_FOUND, f"A file with this name doesn't exist: {path}", "EntryNotFound")


@_route(
    "GET HEAD", r"/(?:(?P<kind>datasets|spaces)/)?(?P<repo_id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"
)
def _resolve(
    hub: LoopbackHub, request: Request, repo_id: str, revision: str, path: str, kind: str | None = None
) -> Response:
    commit = hub.readable(kind or "models", repo_id, request.user).at(revision)
    stored = commit.files.get(path)
    if stored is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "Entry not found", "EntryNotFound", X_Repo_Commit=commit.oid)
    headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{stored.etag}"'}
    if not stored.is_lfs:
        return _content(request, hub.store.read(stored.sha256), headers)
    location = hub.storage_url(stored.sha256)
    linked = {"X-Linked-Etag": f'"{stored.sha256}"', "X-Linked-Size": str(stored.size), "Location": location}
    return Response(b"", HTTPStatus.FOUND, headers | linked)


def _content(request: Request, content: bytes, headers: Mapping[str, str]) -> Response:
    """The content, or the part of it that a Range header asks for."""
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
    base = {**headers, "Accept-Ranges": "bytes"}
    if wanted is None:
        return Response(content, HTTPStatus.OK, base)
    first, last = int(wanted[1]), min(int(wanted[2] or len(content) - 1), len(content) - 1)
    if first > last:
        headers_416 = {"Content-Range": f"bytes */{len(content)}"}
        return Response(b"", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers_416)
    base["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], HTTPStatus.PARTIAL_CONTENT, base)


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
        for method, pattern, endpoint in _ROUTES:
            found = pattern.fullmatch(address.path)
            if method == self.command and found is not None:
                groups = {name: unquote(value) for name, value in found.groupdict().items() if value is not None}
                return endpoint(self.hub, request, **groups)
        raise RefusalError(HTTPStatus.NOT_FOUND, f"this Hub does not know {self.command} {address.path}")

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
