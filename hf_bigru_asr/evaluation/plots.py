"""Pictures of measurements; they need the extra `plot`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..extras import needs_extra
from ..storage.writing import whole_file

if TYPE_CHECKING:
    from ..language_model.tuning import Trial

__all__ = ["check_plots", "plot_learning_curve", "plot_reliability", "plot_speed", "plot_tuning"]

_PANEL_INCHES = (5, 4)


def _new_figure(columns: int) -> Any:  # noqa: ANN401 - a figure and its axes, of a package without the extra
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(needs_extra("A picture", "plot")) from error
    figure = Figure(figsize=(columns * _PANEL_INCHES[0], _PANEL_INCHES[1]), layout="constrained")
    return figure, [figure.add_subplot(1, columns, number + 1) for number in range(columns)]


def _save(figure: Any, path: str | Path) -> None:  # noqa: ANN401 - as `_new_figure` gives it
    """Write a picture in the format of its suffix, PNG without one."""
    with whole_file(path) as staging:
        figure.savefig(staging, dpi=120, format=Path(path).suffix.removeprefix(".") or "png")


def check_plots() -> None:
    """Find out, before long work, whether there can be a picture of it.

    Raises:
        ImportError: If the extra `plot` is not installed.
    """
    _new_figure(1)


def plot_tuning(trials: Sequence["Trial"], beam_size: int, path: str | Path) -> None:
    """Word error rate against each weight at the best of the others, and against speed for every width of the beam.

    Args:
        trials: What [`tune_decoding`] gave.
        beam_size: Width at which the weights were tried.
        path: Where to write the picture.
    """
    figure, (weights, priors, widths) = _new_figure(3)
    grid = [trial for trial in trials if trial.settings.beam_size == beam_size]
    best = min(grid, key=lambda trial: trial.wer)
    for score in sorted({trial.settings.word_score for trial in grid}):
        line = _lowest((t.settings.lm_weight, t.wer) for t in grid if t.settings.word_score == score)
        weights.plot(*line, marker="o", label=f"word score {score:g}")
    weights.set(xlabel="weight of the language model", ylabel="word error rate (%)", title=f"beam {beam_size}")
    weights.legend()
    priors.plot(*_lowest((trial.settings.prior_weight, trial.wer) for trial in grid), marker="o")
    priors.set(xlabel="weight of the class priors", ylabel="word error rate (%)", title=f"beam {beam_size}")
    swept = [t for t in trials if t.settings.beam_size != beam_size] + [best]
    swept.sort(key=lambda trial: trial.settings.beam_size)
    widths.plot([t.real_time_factor for t in swept], [100 * t.wer for t in swept], marker="o")
    for trial in swept:
        point = (trial.real_time_factor, 100 * trial.wer)
        widths.annotate(str(trial.settings.beam_size), point, textcoords="offset points", xytext=(4, 4))
    widths.set(
        xlabel="seconds of audio per second of one process", ylabel="word error rate (%)", title="width of the beam"
    )
    widths.set_xscale("log")
    speeds = [trial.real_time_factor for trial in swept]
    widths.set_xticks(speeds, [f"{speed:.0f}" for speed in speeds])
    widths.set_xticks([], minor=True)
    _save(figure, path)


def plot_reliability(bins: Sequence[Mapping[str, float]], path: str | Path) -> None:
    """Share of right words against their confidence, and how many words there are.

    Args:
        bins: What [`calibration_bins`] gives.
        path: Where to write the picture.
    """
    figure, (shares, numbers) = _new_figure(2)
    confidences = [each["confidence"] for each in bins]
    shares.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as it should be")
    shares.plot(confidences, [each["accuracy"] for each in bins], marker="o", label="measured")
    shares.set(xlabel="confidence", ylabel="share of right words", xlim=(0, 1), ylim=(0, 1))
    shares.legend()
    numbers.bar(confidences, [each["num_words"] for each in bins], width=0.04)
    numbers.set(xlabel="confidence", ylabel="words", xlim=(0, 1))
    _save(figure, path)


def _lowest(points: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Abscissas in order, and at each the lowest rate, as a percentage."""
    lowest: dict[float, float] = {}
    for place, rate in points:
        lowest[place] = min(100 * rate, lowest.get(place, math.inf))
    return sorted(lowest), [lowest[place] for place in sorted(lowest)]


def plot_learning_curve(stages: Sequence[Iterable[Mapping[str, Any]]], path: str | Path) -> None:
    """Training loss, and word and character error rate on the validation set, against the time of training.

    Args:
        stages: The logs of one or more runs that each began with the model of the one before, as `training.json` holds
            them; a dotted line divides them.
        path: Where to write the picture.
    """
    figure, (losses, rates) = _new_figure(2)
    history: list[dict[str, Any]] = []
    for stage in stages:
        start_h = history[-1]["hours"] if history else 0.0
        if history:
            for axes in (losses, rates):
                axes.axvline(start_h, color="grey", linestyle=":")
        history += [{**entry, "hours": start_h + entry["elapsed_s"] / 3600} for entry in stage if "elapsed_s" in entry]
    curves = (
        (losses, "loss", "training", 1, ""),
        (losses, "eval_loss", "validation", 1, "o"),
        (rates, "eval_wer", "words", 100, "o"),
        (rates, "eval_cer", "characters", 100, "o"),
    )
    for axes, name, label, factor, marker in curves:
        points = [(entry["hours"], factor * entry[name]) for entry in history if name in entry]
        if points:
            axes.plot(*zip(*points, strict=True), marker=marker, markersize=3, label=label)
    # That of training has what options add to the CTC loss, and may fall below zero.
    lowest = min((entry["loss"] for entry in history if "loss" in entry), default=0.0)
    losses.set(xlabel="hours of training", ylabel="loss per character (nats)", title="loss")
    losses.set_ylim(bottom=0 if lowest >= 0 else None)
    rates.set(xlabel="hours of training", ylabel="error rate (%)", title="validation, greedy", ylim=(0, None))
    losses.legend()
    rates.legend()
    _save(figure, path)


def plot_speed(files: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Word error rate of recognisers against their speed.

    Args:
        files: `name`, `wer` (a fraction) and `real_time_factor` of each, as `scripts/benchmark.py` writes them.
        path: Where to write the picture.
    """
    figure, (axes,) = _new_figure(1)
    for row in files:
        axes.plot(row["real_time_factor"], 100 * row["wer"], "o", label=row["name"])
    axes.set_xscale("log")
    axes.set(xlabel="seconds of audio per second", ylabel="word error rate (%)", title="from file to text")
    axes.set_ylim(bottom=0)
    axes.grid(which="both", alpha=0.3)
    figure.set_figwidth(2 * _PANEL_INCHES[0])  # within the axes the legend could hide what it explains
    figure.legend(loc="outside right upper")
    _save(figure, path)
