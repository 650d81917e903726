"""LibriSpeech as Parquet shards in the schema of the Hub's data set, verified, resumable."""

import json
import logging
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from ...storage.disk_errors import naming_the_file
from ...storage.locks import folder_lock
from ...storage.seals import checksum_of_file, sealed, unsealed
from ...storage.writing import put_in_place, write_json, write_text
from .card import dataset_card
from .index import (
    SAMPLING_RATE_HZ,
    SUBSETS,
    Reject,
    Utterance,
    UtteranceError,
    UtteranceIndex,
    audio_members,
    build_index,
)
from .report import PreparationReport, rejects_from_json
from .sources import Member, open_source
from .verification import verify_utterance

__all__ = ["SCHEMA", "prepare_parquet"]

logger = logging.getLogger(__name__)

ROWS_PER_GROUP = 100  # what `datasets` writes for audio: small enough to stream and to preview

_FEATURES = {
    "file": {"dtype": "string", "_type": "Value"},
    "audio": {"sampling_rate": SAMPLING_RATE_HZ, "_type": "Audio"},
    "text": {"dtype": "string", "_type": "Value"},
    "speaker_id": {"dtype": "int64", "_type": "Value"},
    "chapter_id": {"dtype": "int64", "_type": "Value"},
    "id": {"dtype": "string", "_type": "Value"},
}

# Written by hand: `datasets`' own writer encodes Audio through torchcodec, even for bytes that need no encoding.
SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("text", pa.string()),
        ("speaker_id", pa.int64()),
        ("chapter_id", pa.int64()),
        ("id", pa.string()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)
"""Columns of `openslr/librispeech_asr`, with the metadata from which `datasets` restores `Audio(16000)`."""


@dataclass(frozen=True)
class _Shard:
    """A finished shard; its JSON file is the sign that the Parquet file is whole."""

    num_audio_files: int  # of the source, from the beginning of the first shard to the end of this one
    num_utterances: int
    num_samples: int
    speaker_ids: tuple[int, ...]
    rejects: tuple[Reject, ...]
    content: str  # checksum of the Parquet file


@dataclass(frozen=True)
class _Job:
    """Where a split goes: `<output>/<config>/`, by way of a hidden folder that survives an interruption."""

    output_dir: Path
    config: str
    split: str
    fingerprint: str

    @property
    def report_path(self) -> Path:
        return self.output_dir / self.config / f"{self.split}-report.json"

    @property
    def staging_dir(self) -> Path:
        return self.output_dir / f".{self.config}-{self.split}.partial"

    def staged(self, number: int, suffix: str) -> Path:
        return self.staging_dir / f"{number:05d}{suffix}"

    def final(self, number: int, num_shards: int) -> Path:
        return self.output_dir / self.config / f"{self.split}-{number:05d}-of-{num_shards:05d}.parquet"

    def begin(self) -> PreparationReport | None:
        """Make ready to write; a report means that everything is written already.

        Raises:
            ValueError: The folder holds the split, or part of it, of another source or other settings.
        """
        remedy = "Choose another output folder, or delete"
        if self.report_path.exists():
            try:
                report = PreparationReport.from_json(json.loads(self.report_path.read_text(encoding="utf-8")))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{self.report_path} is broken: {error!r}. {remedy} it and {self.split}-*.parquet beside it."
                ) from error
            is_whole = all((self.output_dir / shard).exists() for shard in report.shards)
            if report.fingerprint == self.fingerprint and is_whole:
                return report
            raise ValueError(
                f"{self.report_path} is of another source, other settings or other files than those beside it. "
                f"{remedy} it and {self.split}-*.parquet beside it."
            )
        marker = self.staging_dir / "fingerprint"
        if marker.exists():
            if marker.read_bytes() != self.fingerprint.encode():
                raise ValueError(
                    f"{self.staging_dir} holds an unfinished run over another source or with other settings. "
                    f"{remedy} that folder."
                )
        elif present := sorted(self.report_path.parent.glob(f"{self.split}-*.parquet")):
            raise ValueError(
                f"{present[0]} exists and would be mixed with new shards. {remedy} {self.split}-*.parquet."
            )
        else:
            self.staging_dir.mkdir(parents=True, exist_ok=True)
            write_text(marker, self.fingerprint)
        return None

    def finished(self) -> list[_Shard]:
        """The shards that an interrupted run finished, up to the first that is not as it was written."""
        shards: list[_Shard] = []
        while (sidecar := self.staged(len(shards), ".json")).exists():
            moved = list(self.report_path.parent.glob(f"{self.split}-{len(shards):05d}-of-*.parquet"))
            path = next((each for each in (self.staged(len(shards), ".parquet"), *moved) if each.exists()), None)
            if path is None:
                break
            values = unsealed(sidecar.read_bytes())
            if values is None or values.get("content") != checksum_of_file(path):
                logger.warning("%s is damaged, and made again.", path)
                break
            lists = {
                "speaker_ids": tuple(values["speaker_ids"]),
                "rejects": rejects_from_json(values["rejects"]),
            }
            shards.append(_Shard(**values | lists))
        return shards

    def publish(self, report: PreparationReport) -> None:
        """Give the shards their names, then write the report and the card. Can be repeated from any point."""
        self.report_path.parent.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(report.shards):
            if (staged := self.staged(number, ".parquet")).exists():
                put_in_place(staged, self.output_dir / name)
        write_json(self.report_path, report.to_json())
        self.clean_up()

    def clean_up(self) -> None:
        """The two last steps, which an interruption may have kept from a split that is otherwise complete."""
        card = dataset_card(self.output_dir)
        if card is not None:
            write_text(self.output_dir / "README.md", str(card))
        if self.staging_dir.exists():
            shutil.rmtree(self.staging_dir)


class _ShardWriter:
    """One Parquet file in the making; memory holds one row group."""

    def __init__(self, job: _Job, number: int) -> None:
        self._job, self._number = job, number
        self._partial = job.staged(number, ".partial")
        self._writer = pq.ParquetWriter(self._partial, SCHEMA, compression="none", use_dictionary=False)
        self._rows: list[dict[str, object]] = []
        self._speaker_ids: set[int] = set()
        self._num_utterances = 0
        self._num_samples = 0
        self.num_bytes = 0

    def add(self, utterance: Utterance, num_samples: int) -> None:
        self._rows.append(utterance.as_row())
        self._speaker_ids.add(utterance.speaker_id)
        self._num_utterances += 1
        self._num_samples += num_samples
        self.num_bytes += len(utterance.audio_bytes)
        if len(self._rows) == ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            with naming_the_file(self._partial):
                self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
            self._rows.clear()

    def commit(self, num_audio_files: int, rejects: Sequence[Reject]) -> _Shard:
        self._flush()
        with naming_the_file(self._partial):
            self._writer.close()
        content = checksum_of_file(self._partial)
        put_in_place(self._partial, self._job.staged(self._number, ".parquet"))
        speaker_ids = tuple(sorted(self._speaker_ids))
        shard = _Shard(num_audio_files, self._num_utterances, self._num_samples, speaker_ids, tuple(rejects), content)
        write_text(self._job.staged(self._number, ".json"), sealed(asdict(shard)))
        return shard


def prepare_parquet(
    source: str | Path,
    output_dir: str | Path,
    config: str | None = None,
    split: str | None = None,
    *,
    subset: str | None = None,
    max_shard_size_mb: float = 500.0,
    progress: bool = True,
) -> PreparationReport:
    """Verified LibriSpeech as Parquet shards in the schema of `openslr/librispeech_asr`, read by `load_dataset`.

    Every utterance is checked by [`verify_utterance`]. Those that fail are left out and listed in the report, which
    is also written to `<output_dir>/<config>/<split>-report.json`. The audio keeps its bytes. Splits can be added to
    the same folder one by one; its README.md names them all.

    The same call continues an interrupted run, and the files are the same as without the interruption. Shards get
    their final names when all are written. Calling again after the end changes nothing. One process at a time may
    write to a folder.

    Args:
        source: `<subset>.tar.gz`, or a folder: one that holds `LibriSpeech/`, that folder, or `LibriSpeech/<subset>`.
        output_dir: Folder of the data set, made if need be.
        config: Configuration to write; by default that of the subset in `SUBSETS`.
        split: Split to write; by default that of the subset in `SUBSETS`.
        subset: Which subset to read; needed if the source holds more than one.
        max_shard_size_mb: A shard ends before its audio exceeds this many million bytes (one utterance always fits).
        progress: Whether to show progress bars.

    Returns:
        What was written and what was rejected. Without a usable utterance only the report is written.

    Raises:
        FileNotFoundError: There is no such source.
        OSError: Another run writes to the folder, or the disk takes no more.
        ValueError: The source is no LibriSpeech archive or tree, is damaged, or does not hold exactly this subset; the
            subset has no default split; or the folder holds this split from another source or other settings.

    Example:
        >>> report = prepare_parquet("train-clean-100.tar.gz", "librispeech")  # doctest: +SKIP
        >>> load_dataset("librispeech", "clean", split="train.100")  # doctest: +SKIP
    """
    if not max_shard_size_mb > 0:
        raise ValueError(
            f"max_shard_size_mb is {max_shard_size_mb}; give a number of million bytes above 0, e.g. 500."
        )
    open_members, subset = open_source(source, subset)
    listing = tqdm(open_members(), desc="listing", unit=" files", disable=not progress)
    index = build_index(iter(listing), subset, source)
    config, split = _choose_target(index.subset, config, split)
    index.digest.update(f"{index.subset}\0{SCHEMA.to_string()}\0{ROWS_PER_GROUP}\0{max_shard_size_mb}".encode())
    job = _Job(Path(output_dir).expanduser(), config, split, index.digest.hexdigest())
    with folder_lock(job.output_dir):
        if (report := job.begin()) is not None:
            logger.info("%s is complete already.", job.report_path)
            job.clean_up()
            return report
        report = _report(index, job, *_write_shards(open_members(), index, job, max_shard_size_mb * 1e6, progress))
        job.publish(report)
    return report


def _report(index: UtteranceIndex, job: _Job, shards: Sequence[_Shard], rest: Sequence[Reject]) -> PreparationReport:
    return PreparationReport(
        subset=index.subset,
        config=job.config,
        split=job.split,
        num_utterances=sum(shard.num_utterances for shard in shards),
        num_samples=sum(shard.num_samples for shard in shards),
        num_speakers=len({speaker_id for shard in shards for speaker_id in shard.speaker_ids}),
        shards=tuple(f"{job.config}/{job.final(number, len(shards)).name}" for number in range(len(shards))),
        rejects=(*index.rejects, *(reject for shard in shards for reject in shard.rejects), *rest),
        fingerprint=job.fingerprint,
    )


def _choose_target(subset: str, config: str | None, split: str | None) -> tuple[str, str]:
    default_config, default_split = SUBSETS.get(subset, (None, None))
    config, split = config or default_config, split or default_split
    if config is None or split is None:
        raise ValueError(
            f"Subset {subset!r} has no configuration and split of its own (only {', '.join(SUBSETS)} have). "
            'Name both, e.g. config="clean", split="train.100".'
        )
    for name in (config, split):
        if not re.fullmatch(r"\w+(\.\w+)*", name):
            raise ValueError(f"{name!r} cannot name a configuration or split: use letters, digits, _ and inner dots.")
    return config, split


def _write_shards(
    members: Iterator[Member], index: UtteranceIndex, job: _Job, max_bytes: float, progress: bool
) -> tuple[list[_Shard], list[Reject]]:
    """All shards, those of an interrupted run included, and the rejects that came after the last one."""
    shards = job.finished()
    num_done = shards[-1].num_audio_files if shards else 0
    writer: _ShardWriter | None = None
    rejects: list[Reject] = []
    num_rejects = len(index.rejects) + sum(len(shard.rejects) for shard in shards)
    with tqdm(total=index.audio_bytes, desc="verifying", unit="B", unit_scale=True, disable=not progress) as bar:
        for number, member in enumerate(audio_members(members, index)):
            bar.update(member.size)
            if number < num_done:
                continue
            try:
                utterance = index.utterance(member)
                num_samples = verify_utterance(utterance)
            except UtteranceError as error:
                rejects.append(error.reject)
                bar.set_postfix(rejects=num_rejects + len(rejects), refresh=False)
                continue
            if writer is not None and writer.num_bytes + len(utterance.audio_bytes) > max_bytes:
                shards.append(writer.commit(number, rejects))
                num_rejects += len(rejects)
                rejects, writer = [], None
            if writer is None:
                writer = _ShardWriter(job, len(shards))
            writer.add(utterance, num_samples)
        num_done = sum(index.num_copies.values())
    if writer is not None:
        shards.append(writer.commit(num_done, rejects))
        rejects = []
    return shards, rejects
