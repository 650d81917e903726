"""Readers of data sets: Parquet, archives and trees of OpenSLR, and what interrupted runs left of them."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
from fault_mutations import CUT, MISSING, ZEROED
from fault_readers import Reader, check
from openslr_corpus import TOP, corpus, write_archive, write_tree
from speech_rows import write_parquet

from hf_bigru_asr.data.librispeech.index import iterate_openslr
from hf_bigru_asr.data.librispeech.parquet import prepare_parquet
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.utterances import load_utterance, utterance_text

CHECKED = frozenset({CUT, MISSING, ZEROED})


def _utterance(row: dict[str, Any]) -> list[Any]:
    heard = load_utterance(row["audio"], 16_000)
    check(bool(np.isfinite(heard).all()) and len(heard) > 0, "samples that are none")
    return [row["id"], utterance_text(row["text"]), len(heard)]


def _rows(rows: Any) -> list[Any]:  # noqa: ANN401 - a data set
    """What can be used; broken rows are named by whoever reads them."""
    found = []
    for row in rows:
        try:
            found.append(_utterance(row))
        except (ValueError, OSError) as error:
            found.append([row["id"], f"refused: {bool(str(error))}"])
    return found


def read_parquet(folder: Path) -> list[Any]:
    with tempfile.TemporaryDirectory() as cache:
        datasets.config.HF_DATASETS_CACHE = Path(cache)
        datasets.disable_progress_bars()
        return _rows(load_speech_dataset(folder, "clean", "train.100", text_column="text"))


def _make_parquet(folder: Path) -> None:
    write_parquet(folder / "speech")
    for path in (folder / "speech").iterdir():
        path.rename(folder / path.name)
    (folder / "speech").rmdir()


def _make_tree(folder: Path) -> None:
    write_tree(folder, corpus())


def _make_archive(folder: Path) -> None:
    write_archive(folder / "train-clean-100.tar.gz", corpus())


def read_tree(folder: Path) -> list[Any]:
    return _rows(each.as_row() for each in iterate_openslr(folder, None))


def read_archive(folder: Path) -> list[Any]:
    return _rows(each.as_row() for each in iterate_openslr(folder / "train-clean-100.tar.gz", None))


def _make_interrupted(folder: Path) -> None:
    """A tree, and a preparation of it that ended before the last shard was moved."""
    write_tree(folder / "source", corpus())
    real = os.replace

    def replace(source: Any, target: Any, **options: Any) -> None:  # noqa: ANN401 - as os.replace
        if "-of-" in str(target):
            raise KeyboardInterrupt
        real(source, target, **options)

    os.replace = replace
    try:
        prepare_parquet(folder / "source", folder / "out", progress=False, max_shard_size_mb=0.01)
    except KeyboardInterrupt:
        pass
    finally:
        os.replace = real


def read_interrupted(folder: Path) -> list[Any]:
    report = prepare_parquet(folder / "source", folder / "out", progress=False, max_shard_size_mb=0.01)
    check(report.num_utterances == sum(1 for _ in _written(folder)), "the report is of other rows")
    return [[row["id"], row["text"], row["audio"]["bytes"]] for row in _written(folder)]


def _written(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "out" / "clean").glob("*.parquet")):
        yield from pq.read_table(path).to_pylist()


def data_readers() -> Iterator[Reader]:
    """The readers of data sets."""
    parquet = ("clean/train.100-*.parquet",)
    yield Reader("Parquet", _make_parquet, read_parquet, parquet, CHECKED)
    yield Reader("OpenSLR tree", _make_tree, read_tree, (f"{TOP}/**/*",), frozenset(), names_file=False)
    yield Reader("OpenSLR archive", _make_archive, read_archive, ("*",), frozenset({CUT, MISSING}))
    interrupted = ("out/.clean-*/*",)
    yield Reader("preparation to go on with", _make_interrupted, read_interrupted, interrupted, CHECKED, writes=True)
