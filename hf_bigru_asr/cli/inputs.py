"""The recordings that a command line names: files, folders, patterns, addresses and standard input.

They are found one after the other, while the ones before are transcribed.
"""

import glob
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from .one_line import CommandError

__all__ = ["STANDARD_INPUT", "SUFFIXES", "Input", "Inputs"]

STANDARD_INPUT = "-"

_ENDINGS = """
3g2 3ga 3gp aac ac3 aif aifc aiff amr ape asf au avi awb bwf caf dts eac3 flac flv gsm m2ts m4a m4b m4v mka mkv mov mp2
mp3 mp4 mpa mpeg mpg mpga mts nist oga ogg ogm ogv opus qta ra rf64 rm snd spx sph tta vob voc w64 wav wave webm weba
wma wmv wv
"""
SUFFIXES = frozenset(f".{name}" for name in _ENDINGS.split())
"""Endings of files that a folder is searched for."""


@dataclass(frozen=True)
class Input:
    """A recording that is to be transcribed.

    Args:
        source: Its path, its address, or `-`.
        place: Where its results lie below the output folder, without an ending.
        num_bytes: Its size, if that is known.
        opener: Gives its path or its bytes, where `source` is a name alone.
    """

    source: str
    place: Path
    num_bytes: int | None = None
    opener: "Callable[[], str | BinaryIO] | None" = None

    @property
    def is_file(self) -> bool:
        """Whether it has a folder of its own, beside which results can lie."""
        return not (self.source == STANDARD_INPUT or "://" in self.source)


class Inputs:
    """The recordings of a command line, as often as they are wanted.

    Results mirror the tree below the deepest folder that holds all that is named. Two recordings of one folder whose
    names differ in their endings alone keep these endings in the names of their results.

    Args:
        words: Paths, patterns, addresses, and `-`.
        on_error: Gets what is wrong with a folder; the others are searched.

    Raises:
        CommandError: If there is no such file, no file like a pattern, or `-` twice.
    """

    def __init__(self, words: Sequence[str], on_error: Callable[[str], None]) -> None:
        self._on_error = on_error
        self._words = list(words)
        for word in self._words:
            _check(word)
        if self._words.count(STANDARD_INPUT) > 1:
            raise CommandError("- is standard input, which can be read once; give it once")
        addresses = [word for word in self._words if "://" in word]
        self._places = _places_of_addresses(addresses, are_alone=len(addresses) == len(self._words))
        paths = [_root_of(word) for word in self._words if word != STANDARD_INPUT and "://" not in word]
        try:
            self._root = os.path.commonpath(paths) if paths else ""
        except ValueError:  # on several drives of Windows
            self._root = ""

    @property
    def is_one(self) -> bool:
        """Whether one recording is named, and no folder and no pattern."""
        return len(self._words) == 1 and not (os.path.isdir(self._words[0]) or _is_pattern(self._words[0]))

    def __iter__(self) -> Iterator[Input]:
        """The recordings, those of a folder in the order of their names."""
        for word in self._words:
            if word == STANDARD_INPUT:
                yield Input(word, Path("stdin"))
            elif "://" in word:
                yield Input(word, self._places[word])
            elif _is_pattern(word):
                for path in sorted(glob.iglob(word, recursive=True)):
                    yield from self._below(path)
            else:
                yield from self._below(word)

    def _below(self, path: str) -> Iterator[Input]:
        if os.path.isdir(path):
            yield from self._in_folder(path, ())
        else:
            yield self._input(path, os.path.basename(path) in _names_of_twins(os.path.dirname(path)))

    def _in_folder(self, folder: str, above: tuple[tuple[int, int], ...]) -> Iterator[Input]:
        """Recordings in a folder and in those below.

        Args:
            folder: Its path.
            above: Device and number of the folders that it lies in: a link to one of them would lead round for ever.
        """
        try:
            status = os.stat(folder)
            with os.scandir(folder) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            self._on_error(f"{folder}: {error.strerror}; its recordings are left out")
            return
        key = (status.st_dev, status.st_ino)
        if key in above:
            return
        twins = _twins(entry.name for entry in entries)
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from self._in_folder(entry.path, (*above, key))
            elif _holds_sound(entry):
                yield self._input(entry.path, entry.name in twins)

    def _input(self, path: str, keeps_suffix: bool) -> Input:
        place = os.path.relpath(os.path.abspath(path), self._root) if self._root else os.path.basename(path)
        try:
            num_bytes = os.path.getsize(path)
        except OSError:
            num_bytes = None
        return Input(path, Path(place) if keeps_suffix else Path(place).with_suffix(""), num_bytes)


def _check(word: str) -> None:
    """Refuse what is not there, before anything is done."""
    if word == STANDARD_INPUT:
        return
    if "://" in word and not os.path.lexists(word):
        from ..audio.download import check_address

        try:
            check_address(word)
        except ValueError as error:
            raise CommandError(str(error)) from error
        return
    if os.path.lexists(word):
        if not os.path.exists(word):
            raise CommandError(f"{word} is a link to a file that does not exist; check where it leads")
        return
    if not glob.has_magic(word):
        raise CommandError(f"{word} does not exist; check the path (working folder: {os.getcwd()})")
    if next(glob.iglob(word, recursive=True), None) is None:
        raise CommandError(f"no file is named like {word}; check the pattern (working folder: {os.getcwd()})")


def _is_pattern(word: str) -> bool:
    return "://" not in word and glob.has_magic(word) and not os.path.lexists(word)


def _root_of(word: str) -> str:
    """The folder that a path or a pattern is in, or the one that it names."""
    if _is_pattern(word):
        parts = Path(word).parts
        first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
        return os.path.abspath(os.path.join(*parts[:first]) if first else ".")
    return os.path.abspath(word) if os.path.isdir(word) else os.path.dirname(os.path.abspath(word))


def _holds_sound(entry: "os.DirEntry[str]") -> bool:
    """Whether a file in a folder is a recording: by its ending, or by its first bytes if it has none."""
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix:
        return suffix in SUFFIXES and entry.is_file()
    if not entry.is_file():
        return False
    from ..audio.containers import container_of

    try:
        with open(entry.path, "rb") as file:
            name, _ = container_of(file.read(64))
    except OSError:
        return False
    return name not in (None, "MP3", "MP2", "AAC")  # which many files begin like


def _twins(names: Iterator[str]) -> set[str]:
    """Names of recordings that differ from another one in their endings alone."""
    named: dict[str, list[str]] = {}
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix.lower() in SUFFIXES:
            named.setdefault(stem.casefold(), []).append(name)
    return {name for group in named.values() if len(group) > 1 for name in group}


@lru_cache(maxsize=1)
def _names_of_twins(folder: str) -> set[str]:
    try:
        return _twins(iter(os.listdir(folder or ".")))
    except OSError:
        return set()


def _places_of_addresses(addresses: Sequence[str], *, are_alone: bool) -> dict[str, Path]:
    """Where the results of addresses lie: below the deepest folder that holds all, or below the name of the host."""
    full = {address: _path_of_address(address) for address in addresses}
    root = PurePosixPath()
    if are_alone and full:
        root = PurePosixPath(os.path.commonpath([path.parent for path in full.values()]))
    stems = [path.with_suffix("") for path in full.values()]
    return {
        address: Path((path if stems.count(path.with_suffix("")) > 1 else path.with_suffix("")).relative_to(root))
        for address, path in full.items()
    }


def _path_of_address(address: str) -> PurePosixPath:
    """Host and path of an address as a path that leads nowhere else."""
    parts = urlsplit(address)
    names = [unquote(name).replace("/", "_").replace("\\", "_").replace("\0", "_") for name in parts.path.split("/")]
    names = [name for name in names if name.strip(".")] or ["recording"]
    if parts.query:
        stem, suffix = os.path.splitext(names[-1])
        names[-1] = f"{stem}-{hashlib.blake2b(parts.query.encode(), digest_size=4).hexdigest()}{suffix}"
    host = (parts.netloc or "host").replace(":", "_")
    return PurePosixPath(host, *names)
