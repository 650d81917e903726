"""The files of a LibriSpeech archive or of the tree it extracts to, listed without reading their content."""

import gzip
import hashlib
import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

__all__ = ["TOP_FOLDER", "Member", "holds_librispeech", "open_source", "source_fingerprint", "subset_error"]

TOP_FOLDER = "LibriSpeech"
"""The folder that holds the subsets, in archives and in trees."""


@dataclass(frozen=True)
class Member:
    """A file of the source, not read yet.

    Attributes:
        path: Where it stands in the source, `LibriSpeech/<subset>/...`.
        is_regular: Whether it is an ordinary file and no link.
        size: Its bytes.
        mtime_ns: When it was changed, in nanoseconds since 1970.
        read: Gives its content.
    """

    path: str
    is_regular: bool
    size: int
    mtime_ns: int
    read: Callable[[], bytes]


@contextmanager
def _archive_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, tarfile.TarError, zlib.error) as error:
        raise ValueError(
            f"{archive} ({archive.stat().st_size:,} bytes) is not a complete .tar.gz archive: {error}. "
            "Delete it and download it again."
        ) from error


def _archive_members(archive: Path) -> Iterator[Member]:
    with _archive_errors(archive), gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # else it remembers every member for random access
            if not info.isdir():
                read = partial(_read_member, archive, tar, info)
                yield Member(_printable(info.name), info.isreg(), info.size, int(info.mtime * 1e9), read)
        # tarfile takes a damaged header for the end of the archive, and gzip compares its checksum only at the end.
        while block := stream.read(2**20):
            if block.strip(b"\0"):
                raise ValueError(f"{archive} has a damaged tar header. Delete it and download it again.")


def _read_member(archive: Path, tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    with _archive_errors(archive):
        stream = tar.extractfile(info)
        if stream is None:
            raise ValueError(f"{archive}: {info.name} has no content to read; only regular files have.")
        return stream.read()


def _tree_members(top: Path, subset: str | None) -> Iterator[Member]:
    start = top / subset if subset else top
    for folder, subfolders, files in os.walk(start):  # does not follow links to folders, but lists them
        subfolders.sort()
        links = [name for name in subfolders if os.path.islink(os.path.join(folder, name))]
        for name in sorted(files + links):
            path = Path(folder, name)
            status = path.lstat()
            shown = _printable("/".join((TOP_FOLDER, *path.relative_to(top).parts)))
            yield Member(shown, stat.S_ISREG(status.st_mode), status.st_size, status.st_mtime_ns, path.read_bytes)


def _printable(path: str) -> str:
    """The path without a leading "./" and with bytes that are not UTF-8 spelt out, so that it can be reported."""
    return path.removeprefix("./").encode("utf-8", "backslashreplace").decode("utf-8")


def open_source(source: str | Path, subset: str | None) -> tuple[Callable[[], Iterator[Member]], str | None]:
    """A function that lists the source's files anew each time, and the subset if the path or the caller names it.

    Args:
        source: `<subset>.tar.gz`, or a folder: one that holds `LibriSpeech/`, that folder, or `LibriSpeech/<subset>`.
        subset: Which subset is wanted, if the caller knows.

    Raises:
        FileNotFoundError: There is no such source.
        ValueError: It is no LibriSpeech archive or tree, or another subset's. Listing an archive that is cut or
            damaged raises one too.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"There is no {path}. Give a LibriSpeech .tar.gz archive or the folder it extracts to."
        )
    if path.is_file():
        with path.open("rb") as stream:
            magic = stream.read(2)
        if magic != b"\x1f\x8b":
            raise ValueError(
                f"{path} begins with {magic!r} and is no gzip file. OpenSLR's archives are .tar.gz; extract others "
                "and give the folder."
            )
        return partial(_archive_members, path), subset
    if (path / TOP_FOLDER).is_dir():
        top = path / TOP_FOLDER
    elif path.name == TOP_FOLDER:
        top = path
    elif path.absolute().parent.name == TOP_FOLDER:
        if subset not in (None, path.name):
            raise ValueError(f"{path} is subset {path.name!r}, not {subset!r}. Give its parent folder or no subset.")
        top, subset = path.absolute().parent, path.name
    else:
        raise ValueError(
            f"{path} is no LibriSpeech tree. Give a folder that holds LibriSpeech/, that folder itself, or "
            "LibriSpeech/<subset>."
        )
    if subset and not (top / subset).is_dir():
        raise subset_error(path, subset, (folder.name for folder in top.iterdir() if folder.is_dir()))
    return partial(_tree_members, top, subset), subset


def subset_error(source: str | Path, subset: str | None, found: Iterable[str]) -> ValueError:
    """The error for a subset that a source lacks, or that has to be named.

    Args:
        source: Archive or folder.
        subset: What was asked for; `None` if nothing was and the source does not hold exactly one.
        found: The subsets that it holds.
    """
    held = ", ".join(sorted(found)) or f"no {TOP_FOLDER}/<subset>/ at all"
    if subset is None:
        return ValueError(f"{source} holds {held}. Name one subset of it, as the split.")
    return ValueError(f"{source} holds {held}. There is no subset {subset!r} in it; its splits are its subsets.")


def holds_librispeech(path: Path) -> bool:
    """Whether a path is an archive, or a tree with transcripts of LibriSpeech."""
    if path.is_file():
        return path.name.endswith((".tar.gz", ".tgz", ".tar"))
    return path.is_dir() and next(path.rglob("*.trans.txt"), None) is not None


def source_fingerprint(source: str | Path, subset: str | None) -> str:
    """A digest of the names, sizes and times of a source's files, which are not read.

    Args:
        source: As in [`open_source`].
        subset: As in [`open_source`].

    Raises:
        FileNotFoundError: As in [`open_source`].
        ValueError: As in [`open_source`].
    """
    open_members, _ = open_source(source, subset)
    path = Path(source).expanduser()
    if path.is_file():  # listing an archive would mean to unpack it
        status = path.stat()
        files = [(path.name, status.st_size, status.st_mtime_ns)]
    else:
        files = [(member.path, member.size, member.mtime_ns) for member in open_members()]
    return hashlib.sha256(repr(files).encode()).hexdigest()
