"""The HTTP end points of the Hub of the tests: the functions under `_route`."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import yaml
from hub_storage import ContentStore, RefusalError, Repository, StoredFile

if TYPE_CHECKING:
    from loopback_hub import LoopbackHub

LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".parquet", ".arrow", ".onnx")
KNOWN_LICENSES = {"apache-2.0", "mit", "cc-by-4.0", "other"}
INITIAL_FILES = {".gitattributes": "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs\n" for suffix in LFS_SUFFIXES)}


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


Endpoint = Callable[..., Response]
_ROUTES: list[tuple[str, re.Pattern[str], Endpoint]] = []
_API = r"/api/(?P<kind>models|datasets|spaces)/(?P<repo_id>[^/]+/[^/]+)"


def _route(methods: str, pattern: str) -> Callable[[Endpoint], Endpoint]:
    def register(endpoint: Endpoint) -> Endpoint:
        _ROUTES.extend((method, re.compile(pattern), endpoint) for method in methods.split())
        return endpoint

    return register


@_route("GET", r"/api/whoami-v2")
def _whoami(hub: "LoopbackHub", request: Request) -> Response:
    if request.user is None:
        raise RefusalError(HTTPStatus.UNAUTHORIZED, "Invalid username or password.")
    token = {"displayName": "test", "role": "write"}
    return Response({"type": "user", "name": request.user, "orgs": [], "auth": {"accessToken": token}})


@_route("POST", r"/api/validate-yaml")
def _validate_yaml(hub: "LoopbackHub", request: Request) -> Response:
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
def _create_repository(hub: "LoopbackHub", request: Request) -> Response:
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
def _delete_repository(hub: "LoopbackHub", request: Request) -> Response:
    asked = request.json()
    kind = f"{asked.get('type') or 'model'}s"
    repo_id = f"{asked.get('organization') or request.user}/{asked['name']}"
    hub.writable(kind, repo_id, request.user)
    del hub.repositories[kind, repo_id]
    return Response({})


@_route("PUT", _API + r"/settings")
def _settings(hub: "LoopbackHub", request: Request, kind: str, repo_id: str) -> Response:
    repository = hub.writable(kind, repo_id, request.user)
    repository.private = request.json().get("visibility", "public") == "private"
    return Response({"private": repository.private})


@_route("GET", _API + r"(?:/revision/(?P<revision>[^/]+))?")
def _repository_info(
    hub: "LoopbackHub", request: Request, kind: str, repo_id: str, revision: str | None = None
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
    hub: "LoopbackHub", request: Request, kind: str, repo_id: str, revision: str, folder: str | None = None
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
def _paths_info(hub: "LoopbackHub", request: Request, kind: str, repo_id: str, revision: str) -> Response:
    files = hub.readable(kind, repo_id, request.user).at(revision).files
    is_form = "json" not in request.headers.get("Content-Type", "")
    asked = parse_qs(request.body.decode()).get("paths", []) if is_form else request.json()["paths"]
    found = [files[path].describe(path) for path in asked if path in files]
    folders = [path for path in asked if any(known.startswith(f"{path.rstrip('/')}/") for known in files)]
    return Response(found + [_describe_folder(path) for path in folders])


def _describe_folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}


@_route("GET", _API + r"/refs")
def _refs(hub: "LoopbackHub", request: Request, kind: str, repo_id: str) -> Response:
    repository = hub.readable(kind, repo_id, request.user)

    def describe(names: Mapping[str, str], prefix: str) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"{prefix}/{name}", "targetCommit": oid} for name, oid in names.items()]

    branches, tags = describe(repository.branches, "refs/heads"), describe(repository.tags, "refs/tags")
    return Response({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})


@_route("GET", _API + r"/commits/(?P<revision>[^/]+)")
def _commits(hub: "LoopbackHub", request: Request, kind: str, repo_id: str, revision: str) -> Response:
    history = hub.readable(kind, repo_id, request.user).history(revision)
    return Response(
        [
            {"id": c.oid, "title": c.title, "message": "", "authors": [{"user": c.author}], "date": c.date}
            for c in history
        ]
    )


@_route("POST", _API + r"/branch/(?P<branch>[^/]+)")
def _create_branch(hub: "LoopbackHub", request: Request, kind: str, repo_id: str, branch: str) -> Response:
    repository = hub.writable(kind, repo_id, request.user)
    if branch in repository.branches:
        raise RefusalError(HTTPStatus.CONFLICT, f"Reference already exists: {branch}")
    repository.branches[branch] = repository.at(request.json().get("startingPoint", "main")).oid
    return Response({})


@_route("POST", _API + r"/tag/(?P<revision>[^/]+)")
def _create_tag(hub: "LoopbackHub", request: Request, kind: str, repo_id: str, revision: str) -> Response:
    repository = hub.writable(kind, repo_id, request.user)
    tag = request.json()["tag"]
    if tag in repository.tags:
        raise RefusalError(HTTPStatus.CONFLICT, f"Tag reference exists already: {tag}")
    repository.tags[tag] = repository.at(revision).oid
    return Response({})


@_route("POST", _API + r"/preupload/(?P<revision>[^/]+)")
def _preupload(hub: "LoopbackHub", request: Request, kind: str, repo_id: str, revision: str) -> Response:
    known = hub.writable(kind, repo_id, request.user).at(revision).files
    answers = []
    for asked in request.json()["files"]:
        path = asked["path"]
        is_lfs = path.endswith(LFS_SUFFIXES) or b"\0" in base64.b64decode(asked.get("sample", ""))
        oid = known[path].etag if path in known else None
        answers.append({"path": path, "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False, "oid": oid})
    return Response({"files": answers})


@_route("POST", r"/(?:(?P<kind>datasets|spaces)/)?(?P<repo_id>[^/]+/[^/]+)\.git/info/lfs/objects/batch")
def _lfs_batch(hub: "LoopbackHub", request: Request, repo_id: str, kind: str | None = None) -> Response:
    hub.writable(kind or "models", repo_id, request.user)
    objects = []
    for asked in request.json()["objects"]:
        answer = {"oid": asked["oid"], "size": asked["size"]}
        if not hub.store.has(asked["oid"]):
            answer["actions"] = {"upload": {"href": hub.storage_url(asked["oid"]), "header": {}}}
        objects.append(answer)
    return Response({"transfer": "basic", "objects": objects})


@_route("PUT GET HEAD", r"/lfs-storage/(?P<sha256>[0-9a-f]{64})")
def _lfs_storage(hub: "LoopbackHub", request: Request, sha256: str) -> Response:
    if request.query.get("signature") != [hub.sign(sha256)]:
        raise RefusalError(HTTPStatus.FORBIDDEN, "the signature does not match")
    if request.method == "PUT":
        if hashlib.sha256(request.body).hexdigest() != sha256:
            raise RefusalError(HTTPStatus.BAD_REQUEST, "the content is not what was announced")
        hub.store.add(request.body, is_lfs=True)
        return Response()
    return _content(request, hub.store.read(sha256), {"ETag": f'"{sha256}"'})


@_route("POST", _API + r"/commit/(?P<revision>[^/]+)")
def _commit(hub: "LoopbackHub", request: Request, kind: str, repo_id: str, revision: str) -> Response:
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
    hub: "LoopbackHub", request: Request, repo_id: str, revision: str, path: str, kind: str | None = None
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


def answer(hub: "LoopbackHub", request: Request, escaped_path: str) -> Response:
    """The answer of the end point that knows a request; `escaped_path` is its path as it came."""
    for method, pattern, endpoint in _ROUTES:
        found = pattern.fullmatch(escaped_path)
        if method == request.method and found is not None:
            groups = {name: unquote(value) for name, value in found.groupdict().items() if value is not None}
            return endpoint(hub, request, **groups)
    raise RefusalError(HTTPStatus.NOT_FOUND, f"this Hub does not know {request.method} {escaped_path}")
