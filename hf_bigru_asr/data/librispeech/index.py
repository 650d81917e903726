"""LibriSpeech as OpenSLR distributes it (SLR12): its utterances, and the files that are rejected.

The corpus comes as one `<subset>.tar.gz` per subset, or as that archive extracted:

    LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac
    LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt      one "<id> <TRANSCRIPT>" a line

Both forms are read twice, and nothing is extracted. The first pass reads names and transcripts, the second one audio
file at a time. So memory holds the transcripts and one recording, whatever the order of the archive's members, and a
cut or damaged archive is found before any work is done.

Source: V. Panayotov, G. Chen, D. Povey, S. Khudanpur, "Librispeech: an ASR corpus based on public domain audio books",
ICASSP 2015; https://www.openslr.org/12.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from .sources import TOP_FOLDER, Member, open_source, subset_error

__all__ = [
    "NUM_UTTERANCES",
    "SUBSETS",
    "Reject",
    "RejectReason",
    "Utterance",
    "UtteranceError",
    "UtteranceIndex",
    "audio_members",
    "build_index",
    "iterate_openslr",
]

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

NUM_UTTERANCES: dict[str, int] = {
    "train-clean-100": 28_539,
    "train-clean-360": 104_014,
    "dev-clean": 2_703,
    "test-clean": 2_620,
    "train-other-500": 148_688,
    "dev-other": 2_864,
    "test-other": 2_939,
}
"""Number of utterances of every subset: a result on fewer is none on the subset."""

SAMPLING_RATE_HZ = 16_000
MAX_FILE_BYTES = 64 * 2**20  # LibriSpeech's longest utterance, 35 s, is 1.1 MB even without compression
_AUDIO_SUFFIX = ".flac"
_TRANSCRIPT_SUFFIX = ".trans.txt"
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


def _reject(path: str, reason: RejectReason, detail: str) -> UtteranceError:
    return UtteranceError(Reject(path, reason, detail))


def _subset_of(path: str) -> str | None:
    """The subset a path belongs to, or None for a path that is not below `LibriSpeech/<subset>/`."""
    top, *folders = path.split("/")[:-1] or [""]
    is_below = top == TOP_FOLDER and bool(folders) and not {"", ".", ".."} & {*folders}
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
        # Whole seconds: an archive and the tree that it extracts to need not agree on more.
        mtime_s = member.mtime_ns // 10**9
        self.digest.update(f"{member.path}\0{member.is_regular}\0{member.size}\0{mtime_s}\n".encode())
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
        raise subset_error(source, subset, indexes)
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
    the first utterance comes. The audio is not decoded: `verification.verify_utterance` does that.

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
