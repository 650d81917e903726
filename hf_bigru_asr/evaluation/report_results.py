"""A page about the results of a model on a data set, whose audio is read once more for it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.loading import SAMPLING_RATE
from ..data.utterances import load_utterance
from .evaluating import UtteranceResult
from .report import add_sounds, write_report
from .report_runs import ReportedUtterance, Run

__all__ = ["report_results", "run_of_results"]


def run_of_results(results: Sequence[UtteranceResult], report: Mapping[str, Any]) -> Run:
    """The utterances that could be used, as a report takes them.

    Args:
        results: Everything that [`evaluate_utterances`] gave.
        report: What `evaluation.json` says: `model`, `decoding` and `dataset` tell what the page is about.
    """
    dataset, decoding = report.get("dataset", {}), report.get("decoding", {})
    names = [dataset.get(key) for key in ("name", "config", "split")]
    facts = {
        "data": dataset.get("description") or " ".join(str(name) for name in names if name),
        "command": report.get("command"),
        "commit": report.get("commit"),
        "date": report.get("date"),
    }
    used = (result for result in results if result.error is None)
    return Run(
        ", ".join(filter(None, [str(report.get("model", "")), decoding.get("method")])),
        tuple(
            ReportedUtterance(
                result.id,
                result.reference,
                result.hypothesis,
                None if result.speaker_id is None else str(result.speaker_id),
                result.duration_s,
                confidences=tuple(float(each) for each in result.confidences),
            )
            for result in used
        ),
        {name: str(value) for name, value in facts.items() if value},
    )


def report_results(
    folder: Path, run: Run, rows: Iterable[dict[str, Any]], other: Run | None, audio_column: str
) -> Path:
    """Write the page about a run on a data set; see [`write_report`].

    Args:
        folder: Where to.
        run: What [`run_of_results`] gave.
        rows: Those of the data set, from the first on.
        other: A run to compare with.
        audio_column: Column with the audio.

    Returns:
        The path of the page.

    Raises:
        ImportError: If jinja2 is not installed.
        ValueError: If the runs are not of the same data.
    """
    run, sounds = add_sounds(run, _waveforms(rows, {each.id for each in run.utterances}, audio_column))
    return write_report(folder, run, other, sounds)


def _waveforms(
    rows: Iterable[dict[str, Any]], ids: set[str], audio_column: str
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    for number, row in enumerate(rows):
        name = str(row.get("id", number))
        if name in ids:  # what could be recognised can be read
            yield name, load_utterance(row[audio_column], SAMPLING_RATE)
