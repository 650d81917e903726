"""Which layout a path has, and its splits."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .columns import NAMES, first_column
from .corpora import read_aishell, read_mls, read_stm
from .kaldi import read_kaldi
from .lhotse import is_cut, read_cuts
from .rows import ManifestError, ManifestRow
from .tables import TABLE_SUFFIXES, iterate_objects, open_text, read_lj_speech, read_table

__all__ = ["LAYOUTS", "Manifest", "Reader", "find_manifest", "split_of_name"]

Reader = Callable[[], Iterator[ManifestRow]]

LAYOUTS = (
    "Parquet, audiofolder with metadata.csv or metadata.jsonl, CSV, TSV, JSON lines (NeMo), a data directory of Kaldi "
    "or ESPnet with wav.scp, a cut set of Lhotse, LibriSpeech, AISHELL, TED-LIUM, Multilingual LibriSpeech, LJSpeech "
    "and Common Voice"
)

_SPLITS = {
    "train": "train", "training": "train", "tr": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation", "eval": "validation",
    "test": "test", "tst": "test",
}  # fmt: skip
_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.tsv")


@dataclass(frozen=True)
class Manifest:
    """A source of utterances.

    Attributes:
        layout: Name of the layout.
        splits: Readers of the splits by their names; `""` stands for all of it where there are none.
    """

    layout: str
    splits: dict[str, tuple[Reader, ...]]


def split_of_name(name: str) -> str | None:
    """The split that a name of a file or folder has: `"train"` for `train_manifest.jsonl`; `None` if none."""
    found = {_SPLITS[word] for word in re.split(r"[^a-z]+", name.casefold()) if word in _SPLITS}
    return found.pop() if len(found) == 1 else None


def find_manifest(path: Path, audio_column: str | None = None, text_column: str | None = None) -> Manifest | None:
    """The manifest at a path.

    Args:
        path: A file or a folder.
        audio_column: See [`read_table`].
        text_column: See [`read_table`].

    Returns:
        What is there; `None` if it is no manifest.

    Raises:
        ManifestError: If a file of it cannot be read.
    """
    columns = (audio_column, text_column)
    if path.is_file():
        if path.name == "wav.scp":
            return _kaldi(path.parent, text_column)
        return _of_files([path], columns) if path.name.endswith(TABLE_SUFFIXES) else None
    if not path.is_dir():
        return None
    for find in (_kaldi, _aishell, _mls, _stm):
        if (found := find(path, text_column)) is not None:
            return found
    return _audio_folder(path, columns) or _tables(path, columns)


def _kaldi(path: Path, text_column: str | None) -> Manifest | None:
    need_text = text_column is not None
    if (path / "wav.scp").is_file():
        return Manifest("Kaldi", {split_of_name(path.name) or "": (partial(read_kaldi, path, need_text),)})
    folders = sorted(each.parent for each in path.glob("*/wav.scp"))
    if not folders:
        return None
    return Manifest("Kaldi", {each.name: (partial(read_kaldi, each, need_text),) for each in folders})


def _aishell(path: Path, _: str | None) -> Manifest | None:
    transcript = next(iter(sorted((path / "transcript").glob("*.txt"))), None)
    folders = sorted(each for each in (path / "wav").glob("*") if each.is_dir())
    if transcript is None or not folders:
        return None
    return Manifest("AISHELL", {each.name: (partial(read_aishell, transcript, each),) for each in folders})


def _mls(path: Path, _: str | None) -> Manifest | None:
    if (path / "transcripts.txt").is_file():
        return Manifest("MLS", {split_of_name(path.name) or "": (partial(read_mls, path / "transcripts.txt"),)})
    found = sorted(path.glob("*/transcripts.txt"))
    return Manifest("MLS", {each.parent.name: (partial(read_mls, each),) for each in found}) if found else None


def _stm(path: Path, _: str | None) -> Manifest | None:
    if (path / "stm").is_dir() and (path / "sph").is_dir():
        return Manifest("TED-LIUM", {split_of_name(path.name) or "": (partial(read_stm, path),)})
    folders = sorted(each.parent for each in path.glob("*/stm") if (each.parent / "sph").is_dir())
    return Manifest("TED-LIUM", {each.name: (partial(read_stm, each),) for each in folders}) if folders else None


def _audio_folder(path: Path, columns: tuple[str | None, str | None]) -> Manifest | None:
    """`metadata.csv` or `.jsonl` in the folder, in folders of splits, or in both."""
    found: dict[str, list[Reader]] = {}
    files = [
        each for name in _METADATA for each in (*path.glob(name), *path.glob(f"*/{name}"), *path.glob(f"*/*/{name}"))
    ]
    for each in sorted(files):
        split = "" if each.parent == path else split_of_name(each.relative_to(path).parts[0])
        for name, readers in _readers(each, columns, split or "").items():
            found.setdefault(name, []).extend(readers)
    if not found:
        return None
    return Manifest("audiofolder", {name: tuple(readers) for name, readers in found.items()})


def _tables(path: Path, columns: tuple[str | None, str | None]) -> Manifest | None:
    files = sorted(
        each for each in path.iterdir() if each.name.endswith(TABLE_SUFFIXES) and not each.name.startswith(".")
    )
    named = [each for each in files if split_of_name(_stem(each))]
    if not named and len(files) > 1:
        cuts = [each for each in files if "cut" in each.name]
        if len(cuts) != 1:
            raise ManifestError(
                f"{path} has {len(files)} tables, {files[0].name} and others; give one of these files."
            )
        files = cuts
    return _of_files(named or files, columns) if files else None


def _of_files(files: list[Path], columns: tuple[str | None, str | None]) -> Manifest:
    found: dict[str, list[Reader]] = {}
    for each in files:
        for name, readers in _readers(each, columns, split_of_name(_stem(each)) or "").items():
            found.setdefault(name, []).extend(readers)
    return Manifest("table", {name: tuple(readers) for name, readers in found.items()})


def _readers(path: Path, columns: tuple[str | None, str | None], split: str) -> dict[str, tuple[Reader, ...]]:
    """Readers of the splits in one file."""
    header = _first_object(path)
    if header is None:
        return {split: (partial(read_lj_speech, path),)}
    if is_cut(header):
        return {split: (partial(read_cuts, path),)}
    column = first_column(header, "split") if not split else None
    if column is None or column == columns[1]:
        return {split: (partial(read_table, path, *columns),)}
    names = sorted({str(value[column]) for _, value in iterate_objects(path)})
    return {name: (partial(read_table, path, *columns, split=name),) for name in names}


def _first_object(path: Path) -> dict[str, object] | None:
    """The first row of a table; `None` if it is that of LJSpeech, which has no names of columns."""
    if path.name == "metadata.csv" and (path.parent / "wavs").is_dir():
        with open_text(path) as stream:
            names = stream.readline().strip().split("|")
        known = {name for each in NAMES.values() for name in each}
        if len(names) > 1 and not known & {name.strip().casefold() for name in names}:
            return None
    return next((value for _, value in iterate_objects(path)), {})


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]
