"""One run of an evaluation as a report takes it: utterances with their words, and what is known of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from ..metrics.scoring import Score, ScoredUtterance
from ..metrics.word_alignment import align_words
from ..model.checked_files_bigru_ctc import read_model_json
from ..model.field_rules_bigru_ctc import TEXT, Rule, check_fields, list_of, number, optional
from ..storage.writing import write_json

__all__ = ["UTTERANCES_NAME", "ReportedUtterance", "Run", "fewest_errors_alignment", "read_run", "write_run"]

UTTERANCES_NAME = "utterances.json"
"""File of a run, beside the page or the `evaluation.json`."""

WordPairs = list[tuple[str | None, str | None]]
Align = Callable[[Sequence[str], Sequence[str]], WordPairs]

_ANY_TEXT = Rule("a text", lambda value: isinstance(value, str))
_RULES: dict[str, Rule] = {
    "id": TEXT,
    "reference": _ANY_TEXT,
    "hypothesis": _ANY_TEXT,
    "speaker": optional(TEXT),
    "duration_s": optional(number(0, 1e9)),
    "level_db": optional(number(-1e3, 1e3)),
    "snr_db": optional(number(-1e3, 1e3)),
    "confidences": list_of(number(0, 1)),
}


@dataclass(frozen=True)
class ReportedUtterance:
    """An utterance of a run.

    Args:
        id: Its name.
        reference: Words of the reference, separated by spaces.
        hypothesis: Words of the hypothesis.
        speaker: Who speaks, if known.
        duration_s: Length of the audio, if known.
        level_db: Level of the audio in dB of full scale, if known.
        snr_db: Its estimated signal-to-noise ratio in dB, if known.
        confidences: Of the words of the hypothesis; none if they have none.
    """

    id: str
    reference: str
    hypothesis: str
    speaker: str | None = None
    duration_s: float | None = None
    level_db: float | None = None
    snr_db: float | None = None
    confidences: tuple[float, ...] = ()


def fewest_errors_alignment(reference: Sequence[str], hypothesis: Sequence[str]) -> WordPairs:
    """The alignment with the fewest errors, as jiwer has it: pairs as those of [`align_words`].

    Args:
        reference: Words of the reference.
        hypothesis: Words of the hypothesis.

    Example:
        >>> fewest_errors_alignment("THE CAT SAT".split(), "A CAT".split())
        [('THE', 'A'), ('CAT', 'CAT'), ('SAT', None)]
    """
    pairs: WordPairs = []
    for step in Levenshtein.opcodes(reference, hypothesis):
        words, found = reference[step.src_start : step.src_end], hypothesis[step.dest_start : step.dest_end]
        for place in range(max(len(words), len(found))):
            pairs.append((words[place] if words else None, found[place] if found else None))
    return pairs


@dataclass(frozen=True)
class Run:
    """A run: what recognised, and what came of it.

    Args:
        name: What the page calls it.
        utterances: In the order of the references.
        facts: What else the page tells at its top, as pairs of a name and a value.
        is_sclite: Whether words are aligned as sclite aligns them, or with the fewest errors, as jiwer does.
    """

    name: str
    utterances: tuple[ReportedUtterance, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    is_sclite: bool = False

    def score(self) -> Score:
        """The aligned utterances."""
        align: Align = align_words if self.is_sclite else fewest_errors_alignment
        return Score(
            tuple(
                ScoredUtterance(each.id, each.speaker, tuple(align(each.reference.split(), each.hypothesis.split())))
                for each in self.utterances
            )
        )

    def without_others(self, ids: Iterable[str]) -> "Run":
        """The run with these utterances alone, in this order."""
        by_id = {each.id: each for each in self.utterances}
        return Run(self.name, tuple(by_id[name] for name in ids), self.facts, self.is_sclite)


def write_run(folder: Path, run: Run) -> None:
    """Write `utterances.json`, from which a later report compares.

    Args:
        folder: Where to, made if need be.
        run: What to write.
    """
    utterances = [asdict(each) | {"confidences": list(each.confidences)} for each in run.utterances]
    write_json(folder / UTTERANCES_NAME, {"name": run.name, "facts": dict(run.facts), "utterances": utterances})


def read_run(folder: Path, *, is_sclite: bool = False) -> Run:
    """Read what [`write_run`] wrote.

    Args:
        folder: Folder with `utterances.json`: that of a report, or the output of `scripts/evaluate.py`.
        is_sclite: As in [`Run`].

    Raises:
        FileNotFoundError: If the folder has no such file.
        ValueError: If the file is broken; the message says where.
    """
    path = folder / UTTERANCES_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no {UTTERANCES_NAME}; give the folder of a report, or what scripts/evaluate.py wrote"
        )
    values = read_model_json(path, "name", "utterances")
    check_fields(values, {"name": TEXT}, f"{path}: ")
    if not isinstance(values["utterances"], list):
        raise ValueError(f"{path}: utterances is no list; write the run anew")
    utterances, ids = [], set()
    for place, row in enumerate(values["utterances"]):
        where = f"{path}: utterance {place}: "
        if not isinstance(row, dict) or row.keys() != _RULES.keys():
            raise ValueError(f"{where}it must have {', '.join(_RULES)}, and nothing else; write the run anew")
        check_fields(row, _RULES, where)
        if row["id"] in ids:
            raise ValueError(f"{where}the id {row['id']!r} was there before; ids must differ")
        ids.add(row["id"])
        utterances.append(ReportedUtterance(**(row | {"confidences": tuple(row["confidences"])})))
    facts: Any = values.get("facts", {})
    return Run(values["name"], tuple(utterances), facts if isinstance(facts, dict) else {}, is_sclite)
