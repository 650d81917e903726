"""Speech of any layout as Parquet in the schema of LibriSpeech on the Hub, checked, resumable."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from ..audio.loading import SAMPLING_RATE
from ..storage.locks import folder_lock
from ..storage.writing import write_json, write_text
from ..text.languages import Normalizer
from .librispeech.card import dataset_card
from .librispeech.parquet import SCHEMA
from .loading import load_speech_dataset
from .manifests.reading import ManifestOptions
from .manifests.rows import BadRows
from .parquet_rows import speech_row
from .shards import PendingSplit, read_record
from .utterances import load_utterance, utterance_text

__all__ = ["SplitReport", "number_of_name", "prepare_split"]

logger = logging.getLogger(__name__)

_CARD = """---
task_categories:
- automatic-speech-recognition
---

# Speech with transcripts

Prepared by `hf_bigru_asr` in the schema of `openslr/librispeech_asr`, 16 kHz mono. Each `-report.json` says how
much was written, and what was left out and why.
"""


@dataclass
class SplitReport:
    """What [`prepare_split`] wrote and what it left out.

    Args:
        source: Where the utterances come from.
        split: Split that was written.
        fingerprint: Digest of rows and settings.
        num_utterances: Rows written.
        seconds: Lengths of the utterances, in order.
        speakers: Number of each speaker in the column `speaker_id`, by name.
        characters: Occurrences of the characters of the transcripts, as they are trained on.
        rejects: Reason, place and detail of each row that was left out.
        counts: Rows left out, by reason; the manifest's own among them.
    """

    source: str
    split: str
    fingerprint: str
    num_utterances: int = 0
    seconds: list[float] = field(default_factory=list)
    speakers: dict[str, int] = field(default_factory=dict)
    characters: dict[str, int] = field(default_factory=dict)
    rejects: list[list[str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        """Hours of audio written."""
        return sum(self.seconds) / 3600

    def lengths(self) -> dict[str, float]:
        """Shortest, median, 95th percentile and longest, in seconds; empty without an utterance."""
        if not self.seconds:
            return {}
        points = np.percentile(self.seconds, [0, 50, 95, 100])
        return dict(zip(("min", "median", "p95", "max"), (round(float(each), 3) for each in points), strict=True))

    def add(self, other: "SplitReport") -> None:
        """Take in what a part of the split has."""
        self.num_utterances += other.num_utterances
        self.seconds += other.seconds
        self.speakers |= other.speakers
        self.characters = dict(Counter(self.characters) + Counter(other.characters))
        self.rejects += other.rejects
        self.counts = dict(Counter(self.counts) + Counter(other.counts))

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        values = asdict(self)
        seconds = values.pop("seconds")
        ordered = dict(sorted(self.characters.items(), key=lambda each: -each[1]))
        about = {"hours": sum(seconds) / 3600, "num_speakers": len(self.speakers), "lengths_s": self.lengths()}
        return values | about | {"characters": ordered}

    def summary(self) -> str:
        """A few lines for people."""
        lengths = ", ".join(f"{name} {value:.1f} s" for name, value in self.lengths().items())
        lines = [
            f"{self.split} from {self.source}: {self.num_utterances:,} utterances, {self.hours:.2f} h, "
            f"{len(self.speakers)} speakers, {len(self.characters)} characters, {sum(self.counts.values()):,} rejects",
            *([f"  lengths: {lengths}"] if lengths else []),
            *(f"  {count:,} {reason}" for reason, count in self.counts.items()),
        ]
        return "\n".join(lines)


def number_of_name(name: object) -> int | None:
    """Number for the columns `speaker_id` and `chapter_id`: the name if it is one, else a hash of it.

    Example:
        >>> number_of_name("19"), number_of_name("bob")
        (19, 4114808005143764)
    """
    if name is None or isinstance(name, int):
        return name
    text = str(name)
    if text.isascii() and text.isdecimal() and len(text) < 16:
        return int(text)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 11  # below 2 ** 53, which JSON keeps


def prepare_split(
    source: str | Path,
    output_dir: str | Path,
    split: str,
    *,
    source_config: str | None = None,
    source_split: str | None = None,
    config: str = "default",
    audio_column: str = "audio",
    text_column: str = "text",
    language: str = "en",
    rows_per_shard: int = 2000,
    options: ManifestOptions | None = None,
    bad_rows: BadRows | None = None,
) -> SplitReport:
    """Write a split of any source that [`load_speech_dataset`] reads to `<output_dir>/<config>/<split>-*.parquet`.

    Every utterance is decoded, and its text checked. What fails is left out and counted. Audio becomes 16 kHz FLAC.
    The same call continues an interrupted run.

    Args:
        source: See [`load_speech_dataset`].
        output_dir: Folder of the data set, made if need be.
        split: Split to write.
        source_config: Configuration to read.
        source_split: Split to read; `split` if `None`.
        config: Configuration to write.
        audio_column: Column with audio.
        text_column: Column with text.
        language: Rules that the text has to fit.
        rows_per_shard: Rows of the source for each Parquet file.
        options: How a manifest is read.
        bad_rows: Counts the rows that cannot be used, and refuses too many.

    Returns:
        What was written, which `<output_dir>/<config>/<split>-report.json` has too.

    Raises:
        FileExistsError: If the folder holds this split of other data or settings.
        OSError: If another run writes to the folder, or the disk takes no more.
    """
    normalize, bad = Normalizer(language), bad_rows if bad_rows is not None else BadRows()
    columns: dict[str, Any] = {"audio_column": audio_column, "text_column": text_column}
    chosen = source_split or split
    dataset: Any = load_speech_dataset(source, source_config, chosen, **columns, options=options, bad_rows=bad)
    fingerprint = _fingerprint(dataset, audio_column, [str(source), source_config, chosen, language, rows_per_shard])
    job = _Job(Path(output_dir).expanduser() / config, split, fingerprint, -(-len(dataset) // rows_per_shard))
    report = SplitReport(str(source), split, fingerprint, counts=dict(bad.counts))
    bad.num_rows = max(bad.num_rows, len(dataset) + bad.num_bad)
    with folder_lock(output_dir):
        job.begin()
        for number in tqdm(range(job.num_shards), desc=split, unit="shard"):
            rows = islice(enumerate(dataset.skip(number * rows_per_shard), number * rows_per_shard), rows_per_shard)
            part = job.finished(number) or job.write(number, _checked(rows, columns, normalize))
            bad.add_all(part.rejects)
            report.add(part)
        bad.finish(str(source))
        job.publish(report, Path(output_dir).expanduser())
    return report


def _checked(
    rows: Iterable[tuple[int, dict[str, Any]]], columns: dict[str, str], normalize: Callable[[str], str]
) -> Iterator[tuple[dict[str, Any], float, str, str] | list[str]]:
    """A row with its length, speaker and normalised text, or why it is left out."""
    for number, example in rows:
        name = str(example.get("id") or f"row-{number:08d}")
        try:
            text = utterance_text(example[columns["text_column"]])
            normalized = normalize(text)
        except ValueError as error:
            yield ["with text that does not fit", name, str(error)]
            continue
        if not normalized:
            yield ["without text", name, "nothing is left of the text"]
            continue
        try:
            waveform = load_utterance(example[columns["audio_column"]], SAMPLING_RATE)
        except (ValueError, OSError) as error:
            yield ["with unusable audio", name, str(error)]
            continue
        speaker, chapter = example.get("speaker_id"), example.get("chapter_id")
        row = speech_row(
            name.replace("/", "_"),
            waveform,
            SAMPLING_RATE,
            text,
            speaker_id=number_of_name(speaker),
            chapter_id=number_of_name(chapter),
        )
        yield row, len(waveform) / SAMPLING_RATE, "" if speaker is None else str(speaker), normalized


def _fingerprint(dataset: Any, audio_column: str, settings: list[Any]) -> str:  # noqa: ANN401
    """Digest of the settings and of what the rows name: texts, and files with their times of change."""
    digest = hashlib.blake2b(json.dumps(settings).encode(), digest_size=16)
    for batch in dataset.with_format("arrow").iter(batch_size=1000):
        table = pa.table(batch)
        for name in table.column_names:
            column = table.column(name).combine_chunks()
            if pa.types.is_struct(column.type) and name == audio_column:
                digest.update(json.dumps([_file_state(each) for each in column.to_pylist()]).encode())
            elif pa.types.is_string(column.type) or pa.types.is_integer(column.type):
                digest.update(json.dumps(column.to_pylist()).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _file_state(audio: dict[str, Any] | None) -> list[Any]:
    if audio is None:
        return []
    if audio.get("bytes") is not None:
        return [hashlib.blake2b(audio["bytes"], digest_size=8).hexdigest()]
    path = str(audio.get("path"))
    file = Path(path.partition("#t=")[0]) if not Path(path).exists() else Path(path)
    return [path, file.stat().st_size, file.stat().st_mtime_ns] if file.exists() else [path]


class _Job:
    """A split in the making: its shards, each with a report of its own beside it."""

    def __init__(self, folder: Path, split: str, fingerprint: str, num_shards: int) -> None:
        self.folder, self.split, self.fingerprint, self.num_shards = folder, split, fingerprint, num_shards
        self._pending = PendingSplit(folder, split, num_shards)
        self._report_path = folder / f"{split}-report.json"

    def begin(self) -> None:
        """Refuse a folder that holds the split, or a part of it, of other data or settings."""
        for path in (self._report_path, self._pending.staging_dir / "settings.json"):
            record = read_record(path)
            if record is not None and record.get("fingerprint") != self.fingerprint:
                raise FileExistsError(
                    f"{path} is of other data, or of other settings; give another folder or split, or remove it with "
                    f"{self.split}-*.parquet."
                )
        self._pending.refuse_others()
        write_json(self._pending.staging_dir / "settings.json", {"fingerprint": self.fingerprint})

    def _part_path(self, number: int) -> Path:
        return self.folder / f".{self.split}.reports" / f"{number:05d}.json"

    def finished(self, number: int) -> SplitReport | None:
        """The report of a shard that is whole."""
        record = read_record(self._part_path(number))
        if record is None or record.get("fingerprint") != self.fingerprint or self._pending.finished(number) is None:
            return None
        return SplitReport(**record)

    def write(self, number: int, found: Iterator[tuple[dict[str, Any], float, str, str] | list[str]]) -> SplitReport:
        """Write a shard and its report."""
        part = SplitReport("", self.split, self.fingerprint)
        characters: Counter[str] = Counter()
        with self._pending.write(number) as staging, pq.ParquetWriter(staging, SCHEMA, compression="none") as writer:
            rows: list[dict[str, Any]] = []
            for each in found:
                if isinstance(each, list):
                    part.rejects.append(each)
                    part.counts[each[0]] = part.counts.get(each[0], 0) + 1
                    continue
                row, seconds, speaker, normalized = each
                rows.append(row)
                part.seconds.append(seconds)
                part.num_utterances += 1
                characters.update(normalized)
                if speaker:
                    part.speakers[speaker] = row["speaker_id"]
                if len(rows) == 100:
                    writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
                    rows = []
            writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
        part.characters = dict(characters)
        write_json(self._part_path(number), asdict(part))
        return part

    def publish(self, report: SplitReport, output_dir: Path) -> None:
        """Give the shards their places, then write the report and the card."""
        self._pending.publish()
        write_json(self._report_path, report.to_json())
        if not (output_dir / "README.md").exists():
            write_text(output_dir / "README.md", _CARD)
        card = dataset_card(output_dir)
        if card is not None:
            write_text(output_dir / "README.md", str(card))
