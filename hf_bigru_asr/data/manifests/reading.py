"""Rows of a manifest as rows of a data set: checked, counted, and of one split."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from .layouts import Manifest, Reader, split_of_name
from .parts import AudioPart, recording_duration_s
from .paths import run_pipe
from .rows import BadRows, ManifestRow
from .splits import DEFAULT_SHARES, SPLITS, check_shares, hashed_split

__all__ = ["ManifestOptions", "choose_split", "has_rows", "read_split"]

logger = logging.getLogger(__name__)

_WHOLE_TOLERANCE_S = 0.05
_durations = lru_cache(maxsize=10_000)(recording_duration_s)


@dataclass(frozen=True)
class ManifestOptions:
    """How a manifest is read.

    Args:
        need_text: Whether a row without a transcript cannot be used.
        allow_pipes: Whether commands that a manifest names are run, with the rights of this process.
        split_shares: Shares of train, validation and test where the data have no splits; if given, it makes splits of
            data with one split, too.
        split_by: What is kept together in a split.
        pipe_dir: Folder for what commands write.
        check_text: Called with each transcript; a ValueError says why it cannot be used.
    """

    need_text: bool = True
    allow_pipes: bool = False
    split_shares: tuple[float, ...] | None = None
    split_by: str = "speaker"
    pipe_dir: Path | None = None
    check_text: Callable[[str], object] | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        if self.split_shares is not None:
            check_shares(self.split_shares)
        if self.split_by not in ("speaker", "recording"):
            raise ValueError(f"split_by is {self.split_by!r}; it must be 'speaker' or 'recording'.")


def read_split(
    name: str, manifest: Manifest, split: str | None, options: ManifestOptions, bad: BadRows
) -> Iterator[dict[str, Any]]:
    """The rows of a split that can be used, by column.

    Args:
        name: The source, for messages.
        manifest: What is there.
        split: Name of the split; `None` or `"all"` for all rows. Of data without splits `train`, `validation` and
            `test` are made by a hash of the speaker, or of the recording where there are fewer than two speakers.
        options: How it is read.
        bad: Counts the rows that cannot be used.

    Yields:
        `file`, `audio` with `bytes` and `path`, `text`, `speaker_id`, `chapter_id`, `id`.

    Raises:
        ValueError: If there is no such split, or nothing in it.
        TooManyBadRowsError: If more rows are bad than `bad` allows.
    """
    readers, is_hashed = choose_split(name, manifest, split, options)
    keep = _hash_filter(readers, str(split), options, name) if is_hashed else None
    num_read = 0
    for reader in readers:
        for row in reader():
            if keep is not None and not keep(row):
                continue
            bad.num_rows += 1
            problem = row.problem or _text_problem(row, options)
            audio = None
            if problem is None:
                audio, problem = _audio(row, options)
            if problem is not None or audio is None:
                bad.add(problem[0] if problem else "without audio", row.where, problem[1] if problem else "")
                continue
            num_read += 1
            yield _values(row, audio)
    bad.finish(name)
    if not num_read:
        raise ValueError(_nothing(name, split, bad, is_hashed=is_hashed))


def choose_split(
    name: str, manifest: Manifest, split: str | None, options: ManifestOptions
) -> tuple[tuple[Reader, ...], bool]:
    """Readers of a split, and whether their rows are to be chosen by a hash; see [`read_split`].

    Raises:
        ValueError: If there is no such split.
    """
    splits = manifest.splits
    everything = tuple(reader for readers in splits.values() for reader in readers)
    if split == "all" or (split is None and len(splits) == 1):
        return everything, False
    is_one = len(splits) == 1
    if split in SPLITS and is_one and ("" in splits or options.split_shares is not None):
        return everything, True
    if options.split_shares is not None:
        raise ValueError(f"{name} has the splits {', '.join(splits)}; split_shares is for data without.")
    if split in splits:
        return splits[str(split)], False
    meant = [each for each in splits if split is not None and split_of_name(each) == split]
    if len(meant) == 1:
        return splits[meant[0]], False
    known = [each for each in splits if each] or list(SPLITS)
    remedy = " Splits are made of one with split_shares." if is_one and splits.keys() != {""} else ""
    what = f"There is no split {split!r} in {name}" if split is not None else f"The data set {name} needs split="
    raise ValueError(f"{what}; choose one of {', '.join(known)}, or all.{remedy}")


def has_rows(name: str, manifest: Manifest, split: str, options: ManifestOptions) -> bool:
    """Whether a split has rows, those that cannot be used among them."""
    readers, is_hashed = choose_split(name, manifest, split, options)
    keep = _hash_filter(readers, split, options, name) if is_hashed else None
    return any(keep is None or keep(row) for reader in readers for row in reader())


def _hash_filter(
    readers: Sequence[Reader], split: str, options: ManifestOptions, name: str
) -> Callable[[ManifestRow], bool]:
    shares = options.split_shares or DEFAULT_SHARES
    speakers = {row.speaker for reader in readers for row in reader()} if options.split_by == "speaker" else set()
    by_speaker = len(speakers) > 1 and None not in speakers
    if not by_speaker and options.split_by == "speaker":
        _tell_of_recordings(name)

    def keep(row: ManifestRow) -> bool:
        key = row.speaker if by_speaker else row.audio if isinstance(row.audio, str) else row.id
        # Not the folder: the data keep their splits when they are moved.
        return hashed_split(str(key) if by_speaker else Path(str(key)).name, shares) == split

    return keep


@cache  # every split is read by itself, and all of one manifest are told once
def _tell_of_recordings(name: str) -> None:
    logger.warning("%s names fewer than two speakers: its splits keep recordings together, not speakers.", name)


def _nothing(name: str, split: str | None, bad: BadRows, *, is_hashed: bool) -> str:
    if bad.num_bad:
        return f"{name} has no row that can be used: {bad}."
    if is_hashed:
        return (
            f"No speaker of {name} falls into the split {split!r} by the hash; give larger split_shares, or split_by "
            "recording if speakers may be in several splits."
        )
    return f"{name} has no rows."


def _text_problem(row: ManifestRow, options: ManifestOptions) -> tuple[str, str] | None:
    if not (row.text or "").strip():
        return ("without text", "there is no transcript, or an empty one") if options.need_text else None
    if options.check_text is not None:
        try:
            options.check_text(str(row.text))
        except ValueError as error:
            return "with text that does not fit", str(error)
    return None


def _audio(row: ManifestRow, options: ManifestOptions) -> tuple[str | None, tuple[str, str] | None]:
    """Path of the audio, with a fragment if it is a part, or why it cannot be used."""
    path = row.audio
    if not isinstance(path, str) or not path:
        return None, ("without audio", "no file is named")
    if path.rstrip().endswith("|"):
        if not options.allow_pipes or options.pipe_dir is None:
            return None, ("with a command for audio", f"{path!r}; --allow_pipes runs it, if you trust the manifest")
        try:
            path = _run_once(path, options.pipe_dir)
        except ValueError as error:
            return None, ("with a command that failed", str(error))
    elif not Path(path).is_file():
        return None, ("without its file", f"there is no {path}")
    if not row.is_part:
        return path, None
    end_s = None if row.duration_s is None else row.offset_s + row.duration_s
    part = AudioPart(path, row.offset_s, end_s, row.channel)
    try:
        recording_s = _durations(path)
        part.check(recording_s)
    except (ValueError, OSError) as error:
        is_beyond = "beyond the end" in str(error) or "no length" in str(error)
        return None, ("beyond the end of its recording" if is_beyond else "with unusable audio", str(error))
    is_whole = row.offset_s == 0 and (end_s is None or end_s >= recording_s - _WHOLE_TOLERANCE_S)
    return (path if is_whole and row.channel is None else str(part)), None


@lru_cache(maxsize=100_000)
def _run_once(command: str, pipe_dir: Path) -> str:
    return str(run_pipe(command, Path.cwd(), pipe_dir))


def _values(row: ManifestRow, audio: str) -> dict[str, Any]:
    path = str(row.audio)
    name = Path(path).stem
    if row.is_part:
        name = f"{name}-{round(row.offset_s * 1000):08d}"
    return {
        "file": path,
        "audio": {"bytes": None, "path": audio},
        "text": row.text,
        "speaker_id": row.speaker,
        "chapter_id": row.chapter,
        "id": row.id if row.id is not None else name,
    }
