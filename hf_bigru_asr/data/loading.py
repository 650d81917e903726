"""Speech data sets: one loader for every source."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets import Audio, Dataset, Features, IterableDataset, Value, load_dataset
from datasets.exceptions import DatasetGenerationError

from .audio_columns import with_speech_columns
from .librispeech.index import iterate_openslr
from .librispeech.sources import holds_librispeech, source_fingerprint
from .manifests.layouts import LAYOUTS, find_manifest
from .manifests.reading import ManifestOptions, choose_split, has_rows, read_split
from .manifests.rows import BadRows
from .manifests.splits import SPLITS
from .shards import broken_shard, check_shards

__all__ = ["filled_splits", "is_stored", "load_speech_dataset"]

_REMEDY = "Download or make the data again."

OPENSLR_FEATURES = Features(
    {
        "file": Value("string"),
        "audio": {"bytes": Value("binary"), "path": Value("string")},
        "text": Value("string"),
        "speaker_id": Value("int64"),
        "chapter_id": Value("int64"),
        "id": Value("string"),
    }
)
MANIFEST_FEATURES = Features(OPENSLR_FEATURES | {name: Value("string") for name in ("speaker_id", "chapter_id")})
"""As in LibriSpeech, but speakers and chapters have names."""


def load_speech_dataset(
    name: str | Path,
    config: str | None = None,
    split: str | None = None,
    *,
    streaming: bool = False,
    audio_column: str = "audio",
    text_column: str | None = None,
    revision: str | None = None,
    options: ManifestOptions | None = None,
    bad_rows: BadRows | None = None,
) -> Dataset | IterableDataset:
    """Load speech with its transcripts; the audio stays encoded until it is needed.

    Args:
        name: A data set on the Hub (`"openslr/librispeech_asr"`), or a local file or folder in one of these layouts:
            Parquet with any columns, `audiofolder` with `metadata.csv` or `.jsonl`, CSV, TSV, JSON lines as NeMo has
            them, a data directory of Kaldi or ESPnet, a cut set of Lhotse, an archive or tree of LibriSpeech, a tree
            of another corpus, see `hf_bigru_asr.data.manifests.layouts.LAYOUTS`.
        config: Configuration of the data set, `"clean"` for example; or a folder in a local one.
        split: Split of the data set, `"train.100"` for example; of a LibriSpeech archive or tree the subset,
            `"train-clean-100"` for example. Not needed where there is one alone. A manifest without splits has
            `train`, `validation` and `test` by a hash of the speaker, and `all`.
        streaming: Whether to read the data as it is used, without a local copy.
        audio_column: Column with the audio, in the data and in the result. For `"audio"` the usual names are tried.
        text_column: Column with the transcript, which then must exist too. For `"text"` the usual names are tried.
        revision: Git revision of a data set on the Hub.
        options: How a manifest is read.
        bad_rows: Counts the rows of a manifest that cannot be used, and refuses too many.

    Returns:
        A data set whose audio column holds `{"bytes", "path"}`. A path can name a part of a recording.

    Raises:
        FileNotFoundError: If a local path does not exist.
        ValueError: If the split or a column is missing, or if an archive or tree is damaged or lacks the subset. If a
            local folder lacks shards of a split, or has half or broken ones, or files of another data set beside them.
            If a manifest is broken, or more of its rows cannot be used than `bad_rows` allows.
    """
    path = Path(name).expanduser()
    if holds_librispeech(path):
        return with_speech_columns(_load_openslr(path, split, streaming), str(name), None, audio_column, text_column)
    if not path.exists() and (path.is_absolute() or str(name).startswith((".", "~"))):
        raise FileNotFoundError(f"{name} does not exist; give a local folder or archive, or a data set on the Hub.")
    if path.is_dir():
        path = path / config if config is not None and (path / config).is_dir() else path
    if path.exists() and not is_stored(path):
        return _load_manifest(
            path, split, streaming, audio_column, text_column, options or ManifestOptions(), bad_rows or BadRows()
        )
    if path.is_dir():
        check_shards(path)
    dataset = _load_stored(Path(name).expanduser(), name, config, split, streaming, revision)
    base = (path.parent if path.is_file() else path) if path.exists() else None
    return with_speech_columns(dataset, str(name), base, audio_column, text_column)


def _load_openslr(path: Path, split: str | None, streaming: bool) -> Dataset | IterableDataset:
    make = IterableDataset.from_generator if streaming else Dataset.from_generator
    # The copy that `datasets` keeps is chosen by these arguments alone.
    arguments = {"source": str(path), "subset": split, "fingerprint": source_fingerprint(path, split)}
    try:
        return make(_openslr_rows, gen_kwargs=arguments, features=OPENSLR_FEATURES)
    except DatasetGenerationError as error:
        if isinstance(error.__cause__, ValueError):  # which says what is wrong with the files
            raise error.__cause__ from None
        raise


def is_stored(name: str | Path, config: str | None = None) -> bool:
    """Whether `datasets` reads a local file or folder by itself: Parquet, or what `save_to_disk` wrote."""
    path = Path(name).expanduser()
    path = path / config if config is not None and (path / config).is_dir() else path
    if path.is_file():
        return path.suffix == ".parquet"
    return next(path.rglob("*.parquet*"), None) is not None or (path / "state.json").is_file()


def _load_manifest(
    path: Path,
    split: str | None,
    streaming: bool,
    audio_column: str,
    text_column: str | None,
    options: ManifestOptions,
    bad_rows: BadRows,
) -> Dataset | IterableDataset:
    """The rows of a manifest; of a local one they are in memory, their audio is not."""
    manifest = find_manifest(path, audio_column, text_column)
    if manifest is None:
        raise ValueError(f"{path} has none of the layouts that are read: {LAYOUTS}.")
    options = replace(
        options,
        need_text=options.need_text and text_column is not None,
        pipe_dir=Path(datasets.config.HF_DATASETS_CACHE) / "hf_bigru_asr_pipes",
    )
    choose_split(str(path), manifest, split, options)  # a wrong name is refused before anything is read
    arguments: dict[str, Any] = {
        "name": str(path),
        "manifest": manifest,
        "split": split,
        "options": options,
        "bad": bad_rows,
    }
    dataset: Dataset | IterableDataset
    if streaming:
        # Not cast to Audio: that would encode each row, with torchcodec.
        dataset = IterableDataset.from_generator(read_split, gen_kwargs=arguments, features=MANIFEST_FEATURES)
    else:
        rows = list(read_split(**arguments))
        dataset = Dataset(pa.Table.from_pylist(rows, schema=MANIFEST_FEATURES.arrow_schema))
        dataset = dataset.cast_column("audio", Audio(decode=False))
    for old, new in (("audio", audio_column), ("text", text_column or "text")):
        if old != new:
            dataset = dataset.remove_columns(new) if new in MANIFEST_FEATURES else dataset
            dataset = dataset.rename_column(old, new)
    return dataset


def _load_stored(
    path: Path, name: str | Path, config: str | None, split: str | None, streaming: bool, revision: str | None
) -> Dataset | IterableDataset:
    """A data set in the files of `datasets`, on the Hub or here."""
    if (path / "state.json").is_file():
        dataset = Dataset.load_from_disk(str(path))
        return dataset.to_iterable_dataset() if streaming else dataset
    try:
        if path.is_file():
            files = {"parquet": str(path)} if split is None else {split: str(path)}
            split = split or "parquet"
            dataset = load_dataset("parquet", data_files=files, split=split, streaming=streaming)
        else:
            source = str(path if path.exists() else name)
            dataset = load_dataset(source, config, split=split, streaming=streaming, revision=revision)
    except DatasetGenerationError as error:  # it says nothing, and its causes name no file
        broken = broken_shard(path) or name
        raise ValueError(f"{broken} cannot be read: {error.__cause__ or error}. {_REMEDY}") from error
    except ValueError as error:
        if str(name) in str(error):
            raise
        raise ValueError(f"{name} cannot be loaded: {error}") from error
    if isinstance(dataset, Dataset):
        _check_texts(dataset, name)
    if isinstance(dataset, dict):
        raise ValueError(f"The data set {name} needs split=, one of {', '.join(dataset)}.")
    return dataset


def _check_texts(dataset: Dataset, name: str | Path) -> None:
    """Refuse columns with texts that are none: reading the row would end whatever reads it."""
    for column in dataset.column_names:
        try:
            dataset.data.column(column).validate(full=True)  # of audio the lengths alone
        except pa.ArrowInvalid as error:
            raise ValueError(f"The column {column!r} of {name} is damaged: {error}. {_REMEDY}") from error


def filled_splits(
    name: str | Path,
    config: str | None,
    options: ManifestOptions,
    *,
    audio_column: str = "audio",
    text_column: str | None = None,
) -> list[str]:
    """Splits of a source that have rows: its own, or those that a hash makes of a manifest without.

    Args:
        name: See [`load_speech_dataset`].
        config: Configuration of the data set.
        options: How a manifest is read.
        audio_column: Column with the audio; for `"audio"` the usual names are tried.
        text_column: Column with the transcript; for `"text"` the usual names are tried.

    Raises:
        ValueError: If it has none of the layouts that are read, or a manifest lacks a column.
    """
    path = Path(name).expanduser()
    if not path.exists():
        return list(datasets.get_dataset_split_names(str(name), config))
    path = path / config if config is not None and (path / config).is_dir() else path
    if is_stored(path):
        if path.is_file() or (path / "state.json").is_file():
            return ["train"]
        return list(datasets.get_dataset_split_names(str(Path(name).expanduser()), config))
    manifest = find_manifest(path, audio_column, text_column)
    if manifest is None:
        raise ValueError(f"{path} has none of the layouts that are read: {LAYOUTS}.")
    named = [each for each in manifest.splits if each]
    if named and options.split_shares is None:
        return named if "" not in manifest.splits else ["all"]
    return [split for split in SPLITS if has_rows(str(path), manifest, split, options)]


def _openslr_rows(source: str, subset: str | None, fingerprint: str) -> Iterable[dict[str, Any]]:
    for utterance in iterate_openslr(source, subset):
        yield utterance.as_row()
