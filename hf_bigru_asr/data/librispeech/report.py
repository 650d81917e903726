"""What the preparation of a split of LibriSpeech wrote and what it left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .index import SAMPLING_RATE_HZ, Reject, RejectReason

__all__ = ["PreparationReport", "rejects_from_json"]


@dataclass(frozen=True)
class PreparationReport:
    """What `parquet.prepare_parquet` wrote and what it left out.

    Attributes:
        subset: OpenSLR's name of what was read.
        config: Configuration (folder) it was written to.
        split: Split it was written to.
        num_utterances: Rows written.
        num_samples: Their audio, in samples at 16 kHz.
        num_speakers: Different readers among them.
        shards: Names of the Parquet files, relative to the output folder.
        rejects: Everything that was left out.
        fingerprint: Digest of the source's listing, its transcripts and the settings.
    """

    subset: str
    config: str
    split: str
    num_utterances: int
    num_samples: int
    num_speakers: int
    shards: tuple[str, ...]
    rejects: tuple[Reject, ...]
    fingerprint: str

    @property
    def hours(self) -> float:
        """Hours of audio written."""
        return self.num_samples / SAMPLING_RATE_HZ / 3600

    @property
    def rejects_by_reason(self) -> dict[str, int]:
        """Number of rejects for each reason that occurred, most frequent first."""
        return dict(Counter(str(reject.reason) for reject in self.rejects).most_common())

    def summary(self) -> str:
        """A few lines for people: what was written, and the number of rejects for each reason."""
        lines = [
            f"{self.config}/{self.split} from {self.subset}: {self.num_utterances:,} utterances, {self.hours:.2f} h, "
            f"{self.num_speakers} speakers, {len(self.shards)} shards, {len(self.rejects):,} rejects"
        ]
        lines += [f"  {count:,} x {reason}" for reason, count in self.rejects_by_reason.items()]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values (Any: that is what JSON holds), with `hours` and `rejects_by_reason`."""
        return asdict(self) | {"hours": self.hours, "rejects_by_reason": self.rejects_by_reason}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "PreparationReport":
        """The report that `to_json` turned into `values`."""
        known = {name: values[name] for name in cls.__dataclass_fields__}
        return cls(**known | {"shards": tuple(known["shards"]), "rejects": rejects_from_json(known["rejects"])})


def rejects_from_json(values: Sequence[dict[str, str]]) -> tuple[Reject, ...]:
    """Rejects of their JSON values.

    Args:
        values: `path`, `reason` and `detail` of each, as [`PreparationReport.to_json`] writes them.

    Raises:
        ValueError: If a reason is none of [`RejectReason`].
    """
    return tuple(Reject(value["path"], RejectReason(value["reason"]), value["detail"]) for value in values)
