"""A page about a run of an evaluation, or two: one HTML file that needs neither a network nor a server."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..extras import needs_package
from ..metrics import ErrorCounts
from ..metrics.scoring import Score, ScoredUtterance
from ..storage.writing import write_text
from .report_runs import ReportedUtterance, Run, write_run
from .report_sound import SNR_METHOD, encode_mp3, measure_sound
from .report_tables import confidence_bins, error_tables, group_tables, won_words

__all__ = ["PAGE_NAME", "Pair", "add_sounds", "check_report", "pair_runs", "worst_ids", "write_report"]

PAGE_NAME = "index.html"
NUM_WORST = 100
"""Utterances whose alignments the page shows, those with the most errors."""
NUM_FREQUENT = 25
NUM_WON = 50
MAX_SOUND_BYTES = 6_500_000
"""Sound of the page, before base64 makes four bytes of three: the page stays below 10 MB."""

_PAGE = Path(__file__).parent / "report_page"
_KINDS = {
    "speaker": "By speaker",
    "length": "By length",
    "level": "By loudness",
    "ratio": "By signal-to-noise ratio",
}
_NOTES = {
    "level": "Loudness is the root mean square of the whole utterance in dB of full scale.",
    "ratio": SNR_METHOD,
}


@dataclass(frozen=True)
class Pair:
    """Two runs of the same utterances.

    Args:
        run: The run that the page is about.
        other: What it is compared with.
        num_left_out: Utterances that only one of them has.
    """

    run: Run
    other: Run
    num_left_out: int = 0


def check_report() -> None:
    """Find out, before long work, whether there can be a page about it.

    Raises:
        ImportError: If jinja2 is not installed.
    """
    _template()


def _template() -> Any:  # noqa: ANN401 - of a package that an installation without torch may lack
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise ImportError(needs_package("A report", "jinja2")) from error
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "points": _points, "decibels": _decibels, "rate": _rate}
    return environment.get_template("page.html")


def pair_runs(run: Run, other: Run) -> Pair:
    """Both runs with the utterances that they share, by id.

    Raises:
        ValueError: If they share none, or a reference differs; the message names the utterance.
    """
    ids = {each.id for each in other.utterances}
    shared = [each.id for each in run.utterances if each.id in ids]
    if not shared:
        raise ValueError(
            f"{run.name} and {other.name} share no utterance, {run.utterances[0].id!r} for example is only in the "
            "first; compare runs of the same data"
        )
    num_left_out = len(run.utterances) + len(other.utterances) - 2 * len(shared)
    pair = Pair(run.without_others(shared), other.without_others(shared), num_left_out)
    won_words(pair.run.score(), pair.other.score(), 1)  # refuses other references
    return pair


def worst_ids(run: Run) -> list[str]:
    """Utterances that the page shows, those with the most errors first."""
    return [each.id for each in run.score().worst(NUM_WORST)]


def add_sounds(run: Run, waveforms: Iterable[tuple[str, npt.NDArray[np.float32]]]) -> tuple[Run, dict[str, bytes]]:
    """What the sound of the utterances tells, and files of those that the page plays.

    Args:
        run: The utterances.
        waveforms: Ids and `(samples,)` at 16 kHz, in any order. Utterances without one keep what they have.

    Returns:
        The run with lengths, levels and signal-to-noise ratios, and MP3 by id, of the utterances with the most errors
        as far as they fit in.
    """
    worst = worst_ids(run)
    wanted, figures, encoded = set(worst), {}, {}
    for name, waveform in waveforms:
        figures[name] = measure_sound(waveform)
        if name in wanted:
            encoded[name] = encode_mp3(waveform)
    utterances = [replace(each, **vars(figures[each.id])) if each.id in figures else each for each in run.utterances]
    sounds, num_bytes = {}, 0
    for name in worst:
        num_bytes += len(encoded.get(name, b""))
        if name in encoded and num_bytes <= MAX_SOUND_BYTES:
            sounds[name] = encoded[name]
    return replace(run, utterances=tuple(utterances)), sounds


def write_report(folder: Path, run: Run, other: Run | None = None, sounds: Mapping[str, bytes] | None = None) -> Path:
    """Write the page, and `utterances.json`, with which a later one compares.

    Args:
        folder: Where to, made if need be.
        run: What the page is about.
        other: A run of the same data to compare with.
        sounds: MP3 of utterances by id.

    Returns:
        The path of the page, `index.html`.

    Raises:
        ImportError: If jinja2 is not installed.
        ValueError: If the references have no words at all, or the runs are not of the same data.
    """
    template = _template()
    pair = pair_runs(run, other) if other is not None else None
    values = _values(run if pair is None else pair.run, pair, sounds or {})
    write_run(folder, run)
    write_text(folder / PAGE_NAME, template.render(**values, **_assets()))
    return folder / PAGE_NAME


def _assets() -> dict[str, str]:
    """Style and script as they are, and their hashes: the page runs nothing else, whatever a transcript has."""
    assets = {}
    for name, file in (("style", "page.css"), ("script", "page.js")):
        text = (_PAGE / file).read_text(encoding="utf-8")
        assets[name] = text
        digest = hashlib.sha256(text.encode()).digest()
        assets[f"{name}_hash"] = f"sha256-{base64.b64encode(digest).decode()}"
    return assets


def _values(run: Run, pair: Pair | None, sounds: Mapping[str, bytes]) -> dict[str, Any]:
    """What the template shows."""
    score, other = run.score(), pair.other.score() if pair else None
    groups = group_tables(run, score, other)
    runs = [(run, score)] + ([(pair.other, other)] if pair and other is not None else [])
    return {
        "version": __version__,
        "run": run,
        "other": pair.other if pair else None,
        "pair": pair,
        "totals": [_totals(each, aligned) for each, aligned in runs],
        "groups": [(kind, title, groups[kind], _NOTES.get(kind)) for kind, title in _KINDS.items() if groups[kind]],
        "errors": error_tables(score, NUM_FREQUENT),
        "reliability": [(each.name, bins) for each, aligned in runs if (bins := confidence_bins(each, aligned))],
        "won": (won_words(score, other, NUM_WON), won_words(other, score, NUM_WON)) if other is not None else None,
        "worst": _worst(run, score, other, sounds),
        "num_worst": NUM_WORST,
        "num_wrong": score.num_wrong_utterances,
    }


def _totals(run: Run, score: Score) -> dict[str, Any]:
    durations_s = [each.duration_s for each in run.utterances if each.duration_s is not None]
    return {
        "counts": score.counts,
        "wer": score.counts.error_rate,
        "cer": score.characters().error_rate,
        "sentence_error_rate": score.sentence_error_rate,
        "fewest_errors": score.fewest_errors,
        "num_utterances": len(score.utterances),
        "minutes": sum(durations_s) / 60 if durations_s else None,
    }


@dataclass(frozen=True)
class _Shown:
    """An utterance of the page."""

    utterance: ReportedUtterance
    mine: ScoredUtterance
    other: ScoredUtterance | None
    sound: str | None


def _worst(run: Run, score: Score, other: Score | None, sounds: Mapping[str, bytes]) -> list[_Shown]:
    utterances = {each.id: each for each in run.utterances}
    others = {each.id: each for each in other.utterances} if other is not None else {}
    encoded = {name: base64.b64encode(sound).decode() for name, sound in sounds.items()}
    return [
        _Shown(utterances[each.id], each, others.get(each.id), encoded.get(each.id)) for each in score.worst(NUM_WORST)
    ]


def _rate(counts: ErrorCounts) -> float | None:
    """The error rate, nothing where there are no words."""
    return counts.error_rate if counts.num_reference else None


def _percent(rate: float | None, digits: int = 1) -> str:
    return "\N{EN DASH}" if rate is None else f"{100 * rate:.{digits}f} %"


def _points(difference: float, digits: int = 1) -> str:
    return f"{100 * difference:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _decibels(value: float) -> str:
    return f"{value:.0f} dB".replace("-", "\N{MINUS SIGN}")
