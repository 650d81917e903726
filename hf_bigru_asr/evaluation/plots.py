"""Pictures of measurements; they need the extra `plot`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..extras import needs_extra
from ..storage.writing import whole_file

if TYPE_CHECKING:
    from ..language_model.tuning import Trial

__all__ = [
    "check_plots",
    "frontier",
    "learning_curve",
    "plot_learning_curve",
    "plot_reliability",
    "plot_speed",
    "plot_tuning",
]

_PANEL_INCHES = (5, 4)


def new_figure(columns: int) -> Any:  # noqa: ANN401 - a figure and its axes, of a package without the extra
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(needs_extra("A picture", "plot")) from error
    figure = Figure(figsize=(columns * _PANEL_INCHES[0], _PANEL_INCHES[1]), layout="constrained")
    return figure, [figure.add_subplot(1, columns, number + 1) for number in range(columns)]


def save_figure(figure: Any, path: str | Path) -> None:  # noqa: ANN401 - as `new_figure` gives it
    """Write a picture in the format of its suffix, PNG without one."""
    with whole_file(path) as staging:
        figure.savefig(staging, dpi=120, format=Path(path).suffix.removeprefix(".") or "png")


def check_plots() -> None:
    """Find out, before long work, whether there can be a picture of it.

    Raises:
        ImportError: If the extra `plot` is not installed.
    """
    new_figure(1)


def plot_tuning(trials: Sequence["Trial"], beam_size: int, path: str | Path) -> None:
    """Word error rate against each weight at the best of the others, and against speed for every width of the beam.

    Args:
        trials: What [`tune_decoding`] gave.
        beam_size: Width at which the weights were tried.
        path: Where to write the picture.
    """
    figure, (weights, priors, widths) = new_figure(3)
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
    save_figure(figure, path)


def plot_reliability(bins: Sequence[Mapping[str, float]], path: str | Path) -> None:
    """Share of right words against their confidence, and how many words there are.

    Args:
        bins: What [`calibration_bins`] gives.
        path: Where to write the picture.
    """
    figure, (shares, numbers) = new_figure(2)
    confidences = [each["confidence"] for each in bins]
    shares.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as it should be")
    shares.plot(confidences, [each["accuracy"] for each in bins], marker="o", label="measured")
    shares.set(xlabel="confidence", ylabel="share of right words", xlim=(0, 1), ylim=(0, 1))
    shares.legend()
    numbers.bar(confidences, [each["num_words"] for each in bins], width=0.04)
    numbers.set(xlabel="confidence", ylabel="words", xlim=(0, 1))
    save_figure(figure, path)


def _lowest(points: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Abscissas in order, and at each the lowest rate, as a percentage."""
    lowest: dict[float, float] = {}
    for place, rate in points:
        lowest[place] = min(100 * rate, lowest.get(place, math.inf))
    return sorted(lowest), [lowest[place] for place in sorted(lowest)]


def plot_learning_curve(stages: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Best word error rate so far on the validation set, against the hours of audio that the network has heard.

    Args:
        stages: Records of one or more runs that each began with the model of the one before, as `training.json` holds
            them.
        path: Where to write the picture.

    Raises:
        ValueError: If the logs have no evaluation, or a record lacks the hours of its data.
    """
    hours, rates = learning_curve(stages)
    figure, (axes,) = new_figure(1)
    axes.plot(hours, [100 * rate for rate in rates], drawstyle="steps-post")
    last = (hours[-1], 100 * rates[-1])
    axes.annotate(
        f"{last[1]:.1f} % after {last[0]:,.0f} h",
        last,
        textcoords="offset points",
        xytext=(0, -8),
        ha="right",
        va="top",
    )
    axes.set(xlabel="hours of audio heard", ylabel="best word error rate so far (%)", title="validation, greedy")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    figure.set_figwidth(1.5 * _PANEL_INCHES[0])
    save_figure(figure, path)


def learning_curve(stages: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    """Hours of audio heard at each evaluation, and the lowest word error rate until then; see [`plot_learning_curve`].

    An utterance counts as often as it is heard, with the length that it has in the data.

    Raises:
        ValueError: If the logs have no evaluation, or a record lacks the hours of its data.
    """
    hours: list[float] = []
    rates: list[float] = []
    before = 0.0
    for stage in stages:
        epoch_hours = _epoch_hours(stage)
        heard = before
        for entry in stage["log_history"]:
            heard = before + epoch_hours * entry.get("epoch", 0.0)
            if "eval_wer" in entry:
                hours.append(heard)
                rates.append(min([entry["eval_wer"], *rates[-1:]]))
        before = heard
    if not rates:
        raise ValueError("the logs have no evaluation, eval_wer; give the record of a run that was evaluated")
    return hours, rates


def _epoch_hours(stage: Mapping[str, Any]) -> float:
    """Hours of audio in an epoch of a run."""
    try:
        dataset = stage["dataset"]
        if (heard := dataset.get("heard")) is not None:  # of a stream, which can end within its first epoch
            return float(heard["hours"] / max(heard["epochs"], 1e-9))
        repeats = stage["arguments"].get("train_repeats") or 1
        return float(repeats * dataset["train"]["hours"] + sum(each["hours"] for each in dataset.get("extra", ())))
    except (KeyError, TypeError) as error:
        raise ValueError("a record lacks the hours of its data: dataset, train, hours") from error


def plot_speed(files: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Word error rate of recognisers against their speed, with the frontier: what nothing measured beats in both.

    Args:
        files: `name`, `wer` (a fraction) and `real_time_factor` of each, as `scripts/benchmark.py` writes them.
        path: Where to write the picture.
    """
    figure, (axes,) = new_figure(1)
    figure.set_size_inches(2 * _PANEL_INCHES[0], 1.4 * _PANEL_INCHES[1])
    points = [(row["real_time_factor"], 100 * row["wer"]) for row in files]
    edge = frontier(points)
    axes.plot(*zip(*edge, strict=True), linestyle="--", color="grey", zorder=1, label="frontier")
    axes.plot(*zip(*points, strict=True), "o", zorder=2)
    axes.set_xscale("log")
    axes.set(xlabel="seconds of audio per second", ylabel="word error rate (%)", title="from file to text")
    axes.set_ylim(0, 1.3 * max(rate for _, rate in points))
    low, high = min(speed for speed, _ in points), max(speed for speed, _ in points)
    axes.set_xlim(low / 1.5, high * 4)
    axes.grid(which="both", alpha=0.3)
    axes.legend(loc="lower right")
    _label_points(figure, axes, [row["name"] for row in files], points)
    save_figure(figure, path)


def frontier(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those of the points, speed and error rate, than which no other is both faster and better; the fastest first.

    Example:
        >>> frontier([(1, 5.0), (10, 20.0), (8, 30.0)])
        [(10, 20.0), (1, 5.0)]
    """
    found: list[tuple[float, float]] = []
    for speed, rate in sorted(points, key=lambda point: (-point[0], point[1])):
        if not found or rate < found[-1][1]:
            found.append((speed, rate))
    return found


_LABEL_PLACES = [
    (side * 8, height, "left" if side > 0 else "right")
    for height in (-4, 14, -22, 32, -40, 50, -58, 68, -76, 86, -94, 104)
    for side in (1, -1)
]
"""Offsets of a label in points, and its alignment, the nearest first."""


def _label_points(figure: Any, axes: Any, names: Sequence[str], points: Sequence[tuple[float, float]]) -> None:  # noqa: ANN401 - matplotlib's
    """Write the name of every point where it hides neither a point, nor the frontier, nor another name."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    dots = np.concatenate([axes.transData.transform(points), _along(axes.transData.transform(frontier(points)))])
    taken: list[Any] = []
    for place in sorted(range(len(points)), key=lambda place: -points[place][0]):
        for across, up, side in _LABEL_PLACES:
            label = axes.annotate(
                names[place],
                points[place],
                xytext=(across, up),
                textcoords="offset points",
                ha=side,
                fontsize=9,
                zorder=9 - len(taken) / len(points),  # a name hides lines to points that come later
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
                arrowprops={"arrowstyle": "-", "color": "grey", "linewidth": 0.6} if abs(up) > 4 else None,
            )
            extent = _text_extent(label, renderer)
            is_inside = axes.bbox.contains(extent.x0, extent.y0) and axes.bbox.contains(extent.x1, extent.y1)
            if is_inside and not any(map(extent.overlaps, taken)) and not extent.count_contains(dots):
                taken.append(extent)
                break
            label.remove()
        else:
            raise ValueError(f"there is no room for the name {names[place]!r} in the picture; shorten the names")


def _along(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points `(points, 2)` along the line through corners `(corners, 2)`, which no name shall hide."""
    steps = np.linspace(0, len(corners) - 1, 100 * len(corners))
    return np.stack([np.interp(steps, np.arange(len(corners)), axis) for axis in corners.T], axis=1)


def _text_extent(label: Any, renderer: Any) -> Any:  # noqa: ANN401 - matplotlib's
    """Where a name is, without the line to its point."""
    from matplotlib.text import Text

    label.update_positions(renderer)
    return Text.get_window_extent(label, renderer)
