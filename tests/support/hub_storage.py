"""What the Hub of the tests stores: contents, files, commits, repositories; and how it refuses."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any


class RefusalError(Exception):
    """An answer that is not 200: the status, and the words and the code that the client shows."""

    def __init__(self, status: HTTPStatus, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers["X-Error-Message"] = message
        if code is not None:
            self.headers["X-Error-Code"] = code


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
