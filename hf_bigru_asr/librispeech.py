"""LibriSpeech as OpenSLR hands it out (SLR12): download, read and verify.

The corpus comes as one `<subset>.tar.gz` per subset, or as that archive extracted:

    LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac
    LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt      one "<id> <TRANSCRIPT>" a line

Both forms are read twice. The first pass reads names and transcripts, the second one audio file at a time: memory
stays within the transcripts plus one recording, in whatever order the archive stores its members, and a cut or damaged
archive is found before any work is done. Nothing is ever extracted.

Source: V. Panayotov, G. Chen, D. Povey, S. Khudanpur, "Librispeech: an ASR corpus based on public domain audio books",
ICASSP 2015; https://www.openslr.org/12.
"""

import gzip
import hashlib
import io
import logging
import os
import re
import stat
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from .text import ALPHABET

__all__ = [
    "SUBSETS",
    "Member",
    "Reject",
    "RejectReason",
    "Utterance",
    "UtteranceError",
    "UtteranceIndex",
    "audio_members",
    "build_index",
    "download_openslr",
    "iterate_openslr",
    "open_source",
    "verify_utterance",
]

logger = logging.getLogger(__name__)

SUBSETS: dict[str, tuple[str, str]] = {
    "train-clean-100": ("clean", "train.100"),
    "train-clean-360": ("clean", "train.360"),
    "dev-clean": ("clean", "validation"),
    "test-clean": ("clean", "test"),
    "train-other-500": ("other", "train.500"),
    "dev-other": ("other", "validation"),
    "test-other": ("other", "test"),
}
"""OpenSLR subset name -> (configuration, split) of `openslr/librispeech_asr` on the Hub."""

SAMPLING_RATE_HZ = 16_000
MAX_FILE_BYTES = 64 * 2**20  # LibriSpeech's longest utterance, 35 s, is 1.1 MB even without compression
_FOLDER = "LibriSpeech"
_AUDIO_SUFFIX = ".flac"
_TRANSCRIPT_SUFFIX = ".trans.txt"
_NOT_IN_ALPHABET = re.compile(f"[^{re.escape(ALPHABET)}]")
_NUMBER = re.compile(r"[0-9]{1,9}")


class RejectReason(StrEnum):
    """Why a file, or a line of a transcript, is not among the utterances."""

    UNEXPECTED_PATH = "path outside the LibriSpeech layout"
    NOT_A_FILE = "link or special file"
    TOO_LARGE = "file too large"
    ID_MISMATCH = "id does not match the path"
    DUPLICATE = "more than one audio file or transcript line"
    NO_TRANSCRIPT = "audio without transcript"
    NO_AUDIO = "transcript without audio"
    EMPTY_TRANSCRIPT = "empty transcript"
    ALPHABET = "transcript outside the alphabet"
    BROKEN_AUDIO = "audio does not decode completely"
    SAMPLING_RATE = "wrong sampling rate"
    CHANNELS = "not mono"
    NO_SAMPLES = "no samples"
    NOT_FINITE = "NaN or infinite samples"


@dataclass(frozen=True)
class Reject:
    """One thing in the source that could not be used.

    Attributes:
        path: Where it stands in the source, `LibriSpeech/<subset>/...`.
        reason: Which check it failed.
        detail: What came and what is allowed.
    """

    path: str
    reason: RejectReason
    detail: str


class UtteranceError(ValueError):
    """A file of the source failed a check; `reject` says which file, which check and why."""

    def __init__(self, reject: Reject) -> None:
        """Keep the reject and word it as a message."""
        super().__init__(f"{reject.path}: {reject.reason}: {reject.detail}")
        self.reject = reject


@dataclass(frozen=True)
class Utterance:
    """One LibriSpeech utterance.

    Attributes:
        id: `<speaker>-<chapter>-<number>`.
        file: File name without folders.
        speaker_id: LibriVox reader.
        chapter_id: LibriVox chapter.
        text: Transcript as it stands in the corpus.
        audio_bytes: The FLAC file, unchanged.
        path: Where it stands in the source, `LibriSpeech/<subset>/...`.
    """

    id: str
    file: str
    speaker_id: int
    chapter_id: int
    text: str
    audio_bytes: bytes = field(repr=False)
    path: str = field(repr=False)

    def as_row(self) -> dict[str, Any]:
        """Its row of the data set, by column."""
        return {
            "file": self.file,
            "audio": {"bytes": self.audio_bytes, "path": self.file},
            "text": self.text,
            "speaker_id": self.speaker_id,
            "chapter_id": self.chapter_id,
            "id": self.id,
        }


@dataclass(frozen=True)
class Member:
    """A file of the source, not read yet."""

    path: str
    is_regular: bool
    size: int
    mtime_s: int
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
                yield Member(_printable(info.name), info.isreg(), info.size, int(info.mtime), read)
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
            shown = _printable("/".join((_FOLDER, *path.relative_to(top).parts)))
            yield Member(shown, stat.S_ISREG(status.st_mode), status.st_size, int(status.st_mtime), path.read_bytes)


def _printable(path: str) -> str:
    """The path without a leading "./" and with bytes that are not UTF-8 spelt out, so that it can be reported."""
    return path.removeprefix("./").encode("utf-8", "backslashreplace").decode("utf-8")


def open_source(source: str | Path, subset: str | None) -> tuple[Callable[[], Iterator[Member]], str | None]:
    """A function that lists the source's files anew each time, and the subset if the path or the caller names it."""
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
    if (path / _FOLDER).is_dir():
        top = path / _FOLDER
    elif path.name == _FOLDER:
        top = path
    elif path.absolute().parent.name == _FOLDER:
        if subset not in (None, path.name):
            raise ValueError(f"{path} is subset {path.name!r}, not {subset!r}. Give its parent folder or no subset.")
        top, subset = path.absolute().parent, path.name
    else:
        raise ValueError(
            f"{path} is no LibriSpeech tree. Give a folder that holds LibriSpeech/, that folder itself, or "
            "LibriSpeech/<subset>."
        )
    return partial(_tree_members, top, subset), subset


def _reject(path: str, reason: RejectReason, detail: str) -> UtteranceError:
    return UtteranceError(Reject(path, reason, detail))


def _subset_of(path: str) -> str | None:
    """The subset a path belongs to, or None for a path that is not below `LibriSpeech/<subset>/`."""
    top, *folders = path.split("/")[:-1] or [""]
    is_below = top == _FOLDER and bool(folders) and not {"", ".", ".."} & {*folders}
    return folders[0] if is_below else None


def _chapter_of(path: str, suffix: str) -> tuple[int, int, str]:
    """Speaker, chapter and file name without suffix, after a look whether the three agree."""
    _, _, *folders, name = path.split("/")
    if len(folders) != 2 or not all(_NUMBER.fullmatch(folder) for folder in folders):
        raise _reject(path, RejectReason.UNEXPECTED_PATH, "expected LibriSpeech/<subset>/<speaker>/<chapter>/<file>")
    speaker, chapter = folders
    stem = name.removesuffix(suffix)
    is_audio = suffix == _AUDIO_SUFFIX
    pattern = f"{speaker}-{chapter}-[0-9]+" if is_audio else f"{speaker}-{chapter}"
    if not re.fullmatch(pattern, stem):
        shown = f"{speaker}-{chapter}-<number>" if is_audio else pattern
        raise _reject(path, RejectReason.ID_MISMATCH, f"the file is named {stem!r}, its folders ask for {shown!r}")
    return int(speaker), int(chapter), stem


def _check_size(member: Member) -> None:
    if member.size > MAX_FILE_BYTES:
        detail = f"{member.size:,} bytes, at most {MAX_FILE_BYTES:,} are read"
        raise _reject(member.path, RejectReason.TOO_LARGE, detail)


@dataclass
class UtteranceIndex:
    """What the first pass knows of one subset; keys are audio paths."""

    subset: str
    transcripts: dict[str, list[str]] = field(default_factory=dict)
    num_copies: Counter[str] = field(default_factory=Counter)
    audio_bytes: int = 0
    rejects: list[Reject] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)  # Any: hashlib has no public name for its type

    def add(self, member: Member) -> None:
        """Take up an audio file, a transcript file or a link."""
        self.digest.update(f"{member.path}\0{member.is_regular}\0{member.size}\0{member.mtime_s}\n".encode())
        if not member.is_regular:
            self.rejects.append(Reject(member.path, RejectReason.NOT_A_FILE, "only regular files are read"))
        elif member.path.endswith(_AUDIO_SUFFIX):
            self.num_copies[member.path] += 1
            self.audio_bytes += member.size
        else:
            try:
                self._add_transcripts(member)
            except UtteranceError as error:
                self.rejects.append(error.reject)

    def _add_transcripts(self, member: Member) -> None:
        _, _, chapter = _chapter_of(member.path, _TRANSCRIPT_SUFFIX)
        _check_size(member)
        content = member.read()
        self.digest.update(content)
        folder = member.path.rpartition("/")[0]
        # Not splitlines(), which would also break lines at characters that the alphabet check should name.
        for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), start=1):
            utterance_id, _, text = line.removesuffix("\r").partition(" ")
            if re.fullmatch(rf"{chapter}-[0-9]+", utterance_id):
                self.transcripts.setdefault(f"{folder}/{utterance_id}{_AUDIO_SUFFIX}", []).append(text.strip(" "))
            elif line.strip():
                detail = f"line {number} begins with {utterance_id!r}, expected {chapter}-<number>"
                self.rejects.append(Reject(member.path, RejectReason.ID_MISMATCH, detail))

    def close(self, stray: Sequence[Reject]) -> None:
        """Take up the rejects that only the whole listing shows."""
        self.rejects[:0] = stray
        for path in self.transcripts:
            if path not in self.num_copies:
                self.rejects.append(
                    Reject(path, RejectReason.NO_AUDIO, "the transcript names an audio file not there")
                )

    def utterance(self, member: Member) -> Utterance:
        """The utterance of an audio file.

        Raises:
            UtteranceError: Its path, size or transcript does not allow one.
        """
        speaker_id, chapter_id, utterance_id = _chapter_of(member.path, _AUDIO_SUFFIX)
        texts = self.transcripts.get(member.path, [])
        num_copies = self.num_copies[member.path]
        if num_copies > 1 or len(texts) > 1:
            detail = f"{num_copies} audio files and {len(texts)} transcript lines, expected one of each"
            raise _reject(member.path, RejectReason.DUPLICATE, detail)
        if not texts:
            detail = f"no line for {utterance_id} in its chapter's {_TRANSCRIPT_SUFFIX}"
            raise _reject(member.path, RejectReason.NO_TRANSCRIPT, detail)
        _check_size(member)
        return Utterance(
            id=utterance_id,
            file=utterance_id + _AUDIO_SUFFIX,
            speaker_id=speaker_id,
            chapter_id=chapter_id,
            text=texts[0],
            audio_bytes=member.read(),
            path=member.path,
        )


def build_index(members: Iterator[Member], subset: str | None, source: str | Path) -> UtteranceIndex:
    """The first pass: what the source holds of one subset, and what is wrong with it."""
    indexes: dict[str, UtteranceIndex] = {}
    stray: list[Reject] = []
    for member in members:
        if member.is_regular and not member.path.endswith((_AUDIO_SUFFIX, _TRANSCRIPT_SUFFIX)):
            continue  # the corpus's README.TXT, SPEAKERS.TXT and the like
        name = _subset_of(member.path)
        if name is not None:
            indexes.setdefault(name, UtteranceIndex(name)).add(member)
        else:
            stray.append(Reject(member.path, RejectReason.UNEXPECTED_PATH, "not below LibriSpeech/<subset>/"))
    if subset is None and len(indexes) == 1:
        (subset,) = indexes
    if subset not in indexes:
        found = ", ".join(sorted(indexes)) or "no LibriSpeech/<subset>/ at all"
        remedy = f"There is no subset {subset!r} in it." if subset else "Name one subset of it."
        raise ValueError(f"{source} holds {found}. {remedy}")
    indexes[subset].close(stray)
    return indexes[subset]


def audio_members(members: Iterator[Member], index: UtteranceIndex) -> Iterator[Member]:
    """The second pass: the audio files of the subset, in the order of the source."""
    return (member for member in members if member.is_regular and member.path in index.num_copies)


def iterate_openslr(
    source: str | Path, subset: str | None = None, *, on_reject: Callable[[Reject], None] | None = None
) -> Iterator[Utterance]:
    """Every utterance of a LibriSpeech archive or extracted tree, with its transcript and its audio file's bytes.

    An archive is streamed and gives its own order, a tree is read in sorted order. The whole source is listed before
    the first utterance comes. The audio is not decoded: `verify_utterance` does that.

    Args:
        source: `<subset>.tar.gz`, or a folder: one that holds `LibriSpeech/`, that folder, or `LibriSpeech/<subset>`.
        subset: Which subset to read; needed if the source holds more than one.
        on_reject: Called with everything that cannot be an utterance (no transcript, no audio, a link, a path outside
            the layout, ...), after which reading goes on. Without it the first of these is raised.

    Yields:
        The utterances. Memory holds the transcripts and one audio file.

    Raises:
        FileNotFoundError: There is no such source.
        ValueError: The source is no LibriSpeech archive or tree, is damaged, or does not hold exactly this subset.
        UtteranceError: Something cannot be used and there is no `on_reject`.

    Example:
        >>> for utterance in iterate_openslr("train-clean-100.tar.gz"):  # doctest: +SKIP
        ...     print(utterance.id, utterance.text)
    """
    open_members, subset = open_source(source, subset)
    index = build_index(open_members(), subset, source)
    for reject in index.rejects:
        _hand_over(reject, on_reject)
    for member in audio_members(open_members(), index):
        try:
            utterance = index.utterance(member)
        except UtteranceError as error:
            _hand_over(error.reject, on_reject)
        else:
            yield utterance


def _hand_over(reject: Reject, on_reject: Callable[[Reject], None] | None) -> None:
    if on_reject is None:
        raise UtteranceError(reject)
    on_reject(reject)


def verify_utterance(utterance: Utterance) -> int:
    """The number of samples of an utterance, after decoding all of them and checking them and the transcript.

    The transcript must be A to Z, space and apostrophe, and not empty; the audio 16 kHz, mono, finite, not empty, as
    long as its header says and, for 16-bit FLAC, equal to the checksum in that header.

    Args:
        utterance: What `iterate_openslr` yields.

    Returns:
        Number of samples at 16 kHz, at least 1.

    Raises:
        UtteranceError: A check failed.

    Source:
        RFC 9639, section 8.2: STREAMINFO holds the MD5 of the unencoded samples in its last 16 bytes; zero is "unset".
    """
    if not utterance.text:
        raise _reject(utterance.path, RejectReason.EMPTY_TRANSCRIPT, "expected at least one character")
    if foreign := sorted({*_NOT_IN_ALPHABET.findall(utterance.text)}):
        detail = f"has {foreign}, allowed are A to Z, space and apostrophe: {utterance.text!r}"
        raise _reject(utterance.path, RejectReason.ALPHABET, detail)
    try:
        with soundfile.SoundFile(io.BytesIO(utterance.audio_bytes)) as audio:
            return _verify_audio(audio, utterance)
    except soundfile.LibsndfileError as error:
        raise _reject(utterance.path, RejectReason.BROKEN_AUDIO, f"libsndfile says: {error.error_string}") from error


def _verify_audio(audio: soundfile.SoundFile, utterance: Utterance) -> int:
    if audio.samplerate != SAMPLING_RATE_HZ:
        detail = f"{audio.samplerate} Hz, expected {SAMPLING_RATE_HZ} Hz"
        raise _reject(utterance.path, RejectReason.SAMPLING_RATE, detail)
    if audio.channels != 1:
        raise _reject(utterance.path, RejectReason.CHANNELS, f"{audio.channels} channels, expected 1")
    is_flac = audio.format == "FLAC" and audio.subtype == "PCM_16" and utterance.audio_bytes.startswith(b"fLaC")
    digest = hashlib.md5(usedforsecurity=False)
    num_samples = 0
    while len(block := audio.read(SAMPLING_RATE_HZ * 60, dtype="int16" if is_flac else "float32")):
        num_samples += len(block)
        if is_flac:
            digest.update(block.astype("<i2", copy=False).tobytes())
        elif not np.isfinite(block).all():
            raise _reject(utterance.path, RejectReason.NOT_FINITE, "expected finite samples only")
    if num_samples != audio.frames:
        detail = f"decodes to {num_samples:,} samples, its header promises {audio.frames:,}"
        raise _reject(utterance.path, RejectReason.BROKEN_AUDIO, detail)
    if num_samples == 0:
        raise _reject(utterance.path, RejectReason.NO_SAMPLES, "expected a duration above 0 s")
    expected = utterance.audio_bytes[26:42]
    if is_flac and any(expected) and digest.digest() != expected:
        raise _reject(utterance.path, RejectReason.BROKEN_AUDIO, "the samples do not have the MD5 of its header")
    return num_samples


def download_openslr(subset: str, root: str | Path) -> Path:
    """The archive of a LibriSpeech subset, downloaded from OpenSLR unless it is there, its SHA-256 verified.

    This is `torchaudio.datasets.LIBRISPEECH(root, subset, download=True)` with the same downloader, address and
    checksum, but an archive that is already there is verified too, and none is extracted: everything here reads the
    archive itself, which halves the disk space, and a half-extracted tree cannot pass for a whole one.

    Args:
        subset: A key of `SUBSETS`.
        root: Folder for the archive, made if need be.

    Returns:
        Path of `<root>/<subset>.tar.gz`.

    Raises:
        ValueError: Unknown subset, or the archive does not have OpenSLR's checksum.
        ConnectionError: OpenSLR cannot be reached.

    Source:
        torchaudio 2.11, `datasets/librispeech.py`: `_download_librispeech` and `_CHECKSUMS`.
    """
    from torchaudio.datasets import librispeech  # here, because it takes seconds and only this function needs it

    checksums = {Path(url).name: (url, checksum) for url, checksum in librispeech._CHECKSUMS.items()}
    archive = Path(root).expanduser() / f"{subset}.tar.gz"
    if subset not in SUBSETS or archive.name not in checksums:
        raise ValueError(f"There is no LibriSpeech subset {subset!r}. Choose one of {', '.join(SUBSETS)}.")
    url, checksum = checksums[archive.name]
    if archive.exists():
        with archive.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != checksum:
            raise ValueError(
                f"{archive} has SHA-256 {found}, OpenSLR's has {checksum}: it is cut, damaged or another file. "
                "Delete it and run again."
            )
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        librispeech.download_url_to_file(url, str(archive), hash_prefix=checksum)
    except OSError as error:
        raise ConnectionError(
            f"{url} could not be downloaded: {error}. Run again, or put the file at {archive} yourself."
        ) from error
    except RuntimeError as error:  # what torch.hub raises for a wrong checksum; it keeps nothing in that case
        raise ValueError(f"{url} came with a wrong checksum and was deleted: {error}. Run again.") from error
    return archive
