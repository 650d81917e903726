"""How the rows of a manifest are read: options of all commands and scripts that read speech.

Nothing heavy is imported.
"""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["ManifestArguments"]


@dataclass(kw_only=True)
class ManifestArguments:
    """What cannot be used in a manifest, and the splits of one without."""

    max_bad_rows: float | None = field(
        default=None,
        metadata={
            "help": "Rows that may be left out because they cannot be used: a number, or a share below 1; any number "
            "if unset. They are named and counted."
        },
    )
    allow_pipes: bool = field(
        default=False, metadata={"help": "Run the commands that a manifest (wav.scp) has in place of files."}
    )
    split_shares: list[float] = field(
        default_factory=list,
        metadata={
            "help": "Shares of train, validation and test, 0.8 0.1 0.1, where a manifest has no splits: by a hash of "
            "the speaker (unset: 0.9 0.05 0.05)."
        },
    )
    split_by: str = field(
        default="speaker", metadata={"help": "What such a split keeps together: speaker or recording."}
    )

    def reading(self) -> dict[str, Any]:
        """Arguments of [`load_speech_dataset`]; the rows of each data set are counted for themselves."""
        from .reading import ManifestOptions
        from .rows import BadRows

        options = ManifestOptions(
            allow_pipes=self.allow_pipes, split_shares=tuple(self.split_shares) or None, split_by=self.split_by
        )
        return {"options": options, "bad_rows": BadRows(self.max_bad_rows)}
