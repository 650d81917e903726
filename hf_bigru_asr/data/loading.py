"""Speech data sets: one loader for every source."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Audio, Dataset, Features, IterableDataset, Value, load_dataset
from datasets.exceptions import DatasetGenerationError

from .librispeech.index import iterate_openslr
from .librispeech.sources import source_fingerprint
from .shards import broken_shard, check_shards

__all__ = ["load_speech_dataset"]

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


def load_speech_dataset(
    name: str | Path,
    config: str | None = None,
    split: str | None = None,
    *,
    streaming: bool = False,
    audio_column: str = "audio",
    text_column: str | None = None,
    revision: str | None = None,
) -> Dataset | IterableDataset:
    """Load speech with its transcripts; the audio stays encoded until it is needed.

    Args:
        name: A data set on the Hub (`"openslr/librispeech_asr"`), a local folder in the same Parquet schema, or a
            LibriSpeech archive or extracted tree as OpenSLR distributes them.
        config: Configuration of the data set, `"clean"` for example; an archive or tree has none.
        split: Split of the data set, `"train.100"` for example; of an archive or tree the subset, `"train-clean-100"`
            for example, which is not needed where there is one subset alone.
        streaming: Whether to read the data as it is used, without a local copy.
        audio_column: Column with the audio.
        text_column: Column with the transcript, which then must exist too.
        revision: Git revision of a data set on the Hub.

    Returns:
        A data set whose audio column holds `{"bytes", "path"}`.

    Raises:
        FileNotFoundError: If a local path does not exist.
        ValueError: If the split or a column is missing, or if an archive or tree is damaged or lacks the subset. If a
            local folder lacks shards of a split, or has half or broken ones, or files of another data set beside them.
    """
    path = Path(name).expanduser()
    if _is_openslr(path):
        make = IterableDataset.from_generator if streaming else Dataset.from_generator
        # The copy that `datasets` keeps is chosen by these arguments alone.
        arguments = {"source": str(path), "subset": split, "fingerprint": source_fingerprint(path, split)}
        try:
            return make(_openslr_rows, gen_kwargs=arguments, features=OPENSLR_FEATURES)
        except DatasetGenerationError as error:
            if isinstance(error.__cause__, ValueError):  # which says what is wrong with the files
                raise error.__cause__ from None
            raise
    if not path.exists() and (path.is_absolute() or str(name).startswith((".", "~"))):
        raise FileNotFoundError(f"{name} does not exist; give a local folder or archive, or a data set on the Hub.")
    if path.is_dir():
        check_shards(path / config if config is not None and (path / config).is_dir() else path)
    source = str(path if path.exists() else name)
    try:
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
    columns = dataset.column_names or []
    for column in filter(None, (audio_column, text_column)):
        if columns and column not in columns:
            raise ValueError(f"The data set {name} has no column {column!r}; it has {', '.join(columns)}.")
    return dataset.cast_column(audio_column, Audio(decode=False))


def _check_texts(dataset: Dataset, name: str | Path) -> None:
    """Refuse columns with texts that are none: reading the row would end whatever reads it."""
    for column in dataset.column_names:
        try:
            dataset.data.column(column).validate(full=True)  # of audio the lengths alone
        except pa.ArrowInvalid as error:
            raise ValueError(f"The column {column!r} of {name} is damaged: {error}. {_REMEDY}") from error


def _is_openslr(path: Path) -> bool:
    if path.is_file():
        return path.name.endswith((".tar.gz", ".tgz", ".tar"))
    return path.is_dir() and next(path.rglob("*.trans.txt"), None) is not None


def _openslr_rows(source: str, subset: str | None, fingerprint: str) -> Iterable[dict[str, Any]]:
    for utterance in iterate_openslr(source, subset):
        yield utterance.as_row()
